"""Inside a release's interpreter: what Airflow's own classes ask of the metadata database while a DAG file is imported.

There is no database here, and what the user's code asks of it is refused (`import_recorder`). These few questions come
with classes that anyone may use in a DAG file, so they get the answer of a database in which nothing is recorded yet,
and the rest of the file is seen. Runs on Python 3.7 too.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
from typing import Any

from import_recorder import patch  # type: ignore[import-not-found]

SUBDAG_MODULES = ("airflow.operators.subdag", "airflow.operators.subdag_operator")  # since 2.0, and before; gone in 3.0


class NoPools:
    """The session in which SubDagOperator looks for a pool of one slot, which it would share with its tasks.

    MWAA's default_pool has 128 slots; how many another one has on MWAA is not known here.
    """

    def query(self, *_args: Any) -> NoPools:
        return self

    filter = query

    def first(self) -> None:
        return None

    def scalar(self, *_args: Any) -> None:
        return None


def answer_airflows_queries() -> None:
    """Answer from now on, wherever this release has such a class."""
    _answer_subdags()
    with contextlib.suppress(ImportError, AttributeError):  # before 2.10, and since 3.0
        condition = importlib.import_module("airflow.datasets")._DatasetAliasCondition

        def unresolved(own: Any, name: str) -> None:
            """Know the alias by its name alone, as until a task has put a dataset into it."""
            own.name, own.objects = name, []

        patch(condition, __init__=unresolved)


def _answer_subdags() -> None:
    for name in SUBDAG_MODULES:
        with contextlib.suppress(ImportError, AttributeError):
            _give_session(importlib.import_module(name).SubDagOperator)
            return


def _give_session(operator: Any) -> None:
    """Let the class look for pools where none are. 1.10 does it in the constructor itself."""
    name = "_validate_pool" if hasattr(operator, "_validate_pool") else "__init__"
    method = getattr(operator, name)

    @functools.wraps(method)
    def answered(own: Any, *args: Any, **more: Any) -> None:
        method(own, *args if name == "__init__" else (), **dict(more, session=NoPools()))

    patch(operator, **{name: answered})
