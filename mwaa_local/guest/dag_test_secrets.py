"""Inside a release's interpreter: Variables and Connections for DAG files that `dags test` imports.

On Airflow 3 a DAG file asks whoever supervises its import, which elsewhere is the DAG processor. `dags test` imports it
without one, and then finds nothing that is in the metadata database. Older Airflow asks the database itself.

Source: `airflow.dag_processing.processor`, which answers the same questions.
"""

from __future__ import annotations

import contextlib
import importlib
from typing import Any

NAME = "SUPERVISOR_COMMS"  # where Airflow's task SDK looks for it, in all releases since 3.0
CONNECTION_FIELDS = ("conn_type", "host", "schema", "login", "password", "port", "extra")


class Answers:
    """Answers what is asked during an import, from the metadata database; secrets backends are asked before it."""

    def __init__(self) -> None:
        self._messages: Any = importlib.import_module("airflow.sdk.execution_time.comms")
        self._errors: Any = importlib.import_module("airflow.sdk.exceptions").ErrorType
        self._database: Any = importlib.import_module("airflow.secrets.metastore").MetastoreBackend()

    def send(self, message: Any) -> Any:
        kind = type(message).__name__
        if kind == "GetVariable":
            value = self._database.get_variable(message.key)
            if value is not None:
                return self._messages.VariableResult(key=message.key, value=value)
            return self._messages.ErrorResponse(error=self._errors.VARIABLE_NOT_FOUND, detail={"key": message.key})
        if kind == "GetConnection":
            found = self._database.get_connection(message.conn_id)
            if found is not None:
                fields = {name: getattr(found, name) or None for name in CONNECTION_FIELDS}
                return self._messages.ConnectionResult(conn_id=message.conn_id, **fields)
            detail = {"conn_id": message.conn_id}
            return self._messages.ErrorResponse(error=self._errors.CONNECTION_NOT_FOUND, detail=detail)
        if kind == "MaskSecret":
            return None
        return self._messages.ErrorResponse(detail={"message": f"a DAG file cannot ask for {kind} here"})

    async def asend(self, message: Any) -> Any:
        return self.send(message)


def answer_imports() -> None:
    """Answer from now on, on Airflow 3."""
    with contextlib.suppress(ImportError):
        task_runner: Any = importlib.import_module("airflow.sdk.execution_time.task_runner")
        setattr(task_runner, NAME, Answers())


def answer_no_more() -> None:
    """Leave it to those who supervise tasks."""
    with contextlib.suppress(ImportError, AttributeError):
        delattr(importlib.import_module("airflow.sdk.execution_time.task_runner"), NAME)
