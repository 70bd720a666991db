"""Inside a release's interpreter: Variables and Connections without a metadata database and without secrets backends.

Looked for in AIRFLOW_VAR_ and AIRFLOW_CONN_ variables, then among those that the launcher knows. One found in neither
place, and without a default, gets a placeholder and is recorded, so that the rest of the file can be tried. Runs on
Python 3.7 too.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import json
import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from import_recorder import Recorder, patch  # type: ignore[import-not-found]  # beside this file when it runs

VARIABLE_PREFIX = "AIRFLOW_VAR_"
CONNECTION_PREFIX = "AIRFLOW_CONN_"
DEFAULTS = ("default_var", "default")  # what Airflow before 3 and since 3 calls it
FIELDS = ("conn_type", "description", "host", "login", "password", "schema", "port", "extra")
STAND_IN_HOST = "stand-in.invalid"  # no such host can exist (RFC 2606)
STAND_IN_PORT = 1
NUMBER = 1  # what a stand-in is as a number


class StandIn(str):
    """The placeholder of an unknown value: a text that can also be used as a number, and has members."""

    def __int__(self) -> int:
        return NUMBER

    def __float__(self) -> float:
        return float(NUMBER)

    def __getitem__(self, key: Any) -> Any:
        return StandIn(f"{self}-{key}") if isinstance(key, str) else super().__getitem__(key)

    def get(self, key: Any, default: Any = None) -> Any:
        return self[key] if default is None else default

    def items(self) -> tuple[Any, ...]:
        return ()

    keys = values = items


class StandInMapping(dict):  # type: ignore[type-arg]
    """What stands for a Variable of JSON: it has every key."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def __missing__(self, key: Any) -> StandIn:
        return StandIn(f"{self.name}-{key}")

    def get(self, key: Any, default: Any = None) -> Any:
        return self[key] if default is None else default


class Secrets:
    """Answers what Airflow's classes are asked for. `known` has `variables` and `connections`, name -> text."""

    def __init__(self, recorder: Recorder, known: Mapping[str, Mapping[str, str]]) -> None:
        self._recorder = recorder
        self._variables = dict(known["variables"])
        self._connections = dict(known["connections"])

    def install(self) -> None:
        """Replace Airflow's look-ups, in all classes that this release has for them."""
        models: Any = importlib.import_module("airflow.models")
        self._install_variable(models.Variable)
        connection = models.Connection
        if hasattr(connection, "get_connection_from_secrets"):
            patch(connection, get_connection_from_secrets=staticmethod(self._getter(connection)))
        else:  # 1.10
            hook: Any = importlib.import_module("airflow.hooks.base_hook").BaseHook
            one = self._getter(connection)
            patch(hook, get_connection=staticmethod(one), get_connections=staticmethod(lambda name: [one(name)]))
        with contextlib.suppress(ImportError):  # before Airflow 3
            sdk: Any = importlib.import_module("airflow.sdk.definitions.connection")
            self._install_sdk(sdk.Connection)

    def _install_variable(self, variable: Any) -> None:
        signature = inspect.signature(variable.get)

        def get(*args: Any, **more: Any) -> Any:
            return self._variable(signature.bind(*args, **more).arguments, inspect.currentframe())

        def set_(key: str, value: Any, *args: Any, **more: Any) -> None:
            self._recorder.touch("database", f"Variable.set({key!r})", inspect.currentframe())
            as_json = bool(more.get("serialize_json"))
            self._variables[key] = json.dumps(value) if as_json else str(value)

        patch(variable, get=staticmethod(get), set=staticmethod(set_))
        if hasattr(variable, "get_variable_from_secrets"):
            patch(variable, get_variable_from_secrets=staticmethod(lambda key, *_args, **_more: self._text(key)))

    def _install_sdk(self, connection: Any) -> None:
        get = self._getter(connection)

        async def async_get(conn_id: str) -> Any:
            return get(conn_id)

        patch(connection, get=staticmethod(get), async_get=staticmethod(async_get))
        self._install_variable(importlib.import_module("airflow.sdk.definitions.variable").Variable)
        context: Any = importlib.import_module("airflow.sdk.execution_time.context")
        patch(context, _get_connection=get, _async_get_connection=async_get)

    def _text(self, key: str) -> str | None:
        """Return the Variable's text. Environment variables come first, as in Airflow."""
        return os.environ.get(VARIABLE_PREFIX + str(key).upper(), self._variables.get(key))

    def _variable(self, arguments: Mapping[str, Any], frame: Any) -> Any:
        key, as_json = arguments["key"], arguments.get("deserialize_json", False)
        text = self._text(key)
        if text is not None:
            return json.loads(text) if as_json else text
        for name in DEFAULTS:
            if name in arguments:
                self._recorder.default(str(key), frame)
                return arguments[name]
        self._recorder.ask("variable", str(key), frame)
        # A name that Airflow lets stand in most places: ids, pools, queues.
        name = re.sub(r"[^\w.-]", "-", str(key))
        return StandInMapping(name) if as_json else StandIn(name)

    def _getter(self, connection: Any) -> Callable[..., Any]:
        def get(conn_id: str, *_args: Any, **_more: Any) -> Any:
            text = os.environ.get(CONNECTION_PREFIX + conn_id.upper(), self._connections.get(conn_id))
            if text is not None:
                return _made(connection, conn_id, text)
            self._recorder.ask("connection", conn_id, inspect.currentframe())
            return connection(
                conn_id=conn_id,
                conn_type="generic",
                host=STAND_IN_HOST,
                login="stand-in",
                password="stand-in",
                schema="stand-in",
                port=STAND_IN_PORT,
                extra="{}",
            )

        return get


def _made(connection: Any, conn_id: str, text: str) -> Any:
    """Return the class's object from a URI or from JSON, which Airflow takes since 2.3."""
    model: Any = importlib.import_module("airflow.models.connection").Connection
    if text.lstrip().startswith("{") and hasattr(model, "from_json"):
        made = model.from_json(text, conn_id=conn_id)
    else:
        made = model(conn_id=conn_id, uri=text)
    if connection is model:
        return made
    return connection(conn_id=conn_id, **{name: getattr(made, name) for name in FIELDS})
