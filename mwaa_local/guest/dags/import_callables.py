"""Inside a release's interpreter: what the Python code of tasks asks of their context, and will not get.

The functions are looked at and never called. Runs on Python 3.7 too.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Iterator
from typing import Any

from import_context_uses import ContextUses, source_of  # type: ignore[import-not-found]
from import_templates import ASSET_TIMETABLE, DATES, OF_ASSETS  # type: ignore[import-not-found]

ARGUMENT, MEMBER, NONE, CALLBACK = "argument", "member", "none", "callback"  # what a use is, as the fact's detail
LACKING = "lacking"  # the kind of the facts
LACKING_DATE = "lacking-date"  # of what only runs that assets trigger lack
# Airflow's operators that hand the names of the context to `python_callable`. Those of `@asset`, and those that run it
# in another interpreter, give others.
CALLING = (
    "BranchPythonOperator",
    "DecoratedSensorOperator",
    "PythonOperator",
    "PythonSensor",
    "ShortCircuitOperator",
    "_BashDecoratedOperator",
    "_BranchPythonDecoratedOperator",
    "_PythonDecoratedOperator",
    "_ShortCircuitDecoratedOperator",
)
OWN_METHODS = ("__init__", "execute", "poke", "determine_kwargs", "execute_callable")
MORE_NAMES = frozenset(("exception", "reason", "templates_dict", *OF_ASSETS))  # in the context of some tasks
CALLBACKS = (
    "on_execute_callback",
    "on_failure_callback",
    "on_retry_callback",
    "on_skipped_callback",
    "on_success_callback",
)
FIELD = "python_callable"
POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
PLACE_FIRST = 1  # of `context` in `execute(self, context)`


class Callables:
    """Looks into the functions of one file's tasks.

    `context`: the names that the release gives. `absent`: names, or dotted ones, that other releases give and this one
    does not. `name_of` tells the user's name of a file, "" for what is not the user's.
    """

    def __init__(self, context: list[str], absent: list[str], name_of: Callable[[str], str]) -> None:
        self._context = frozenset(context) | MORE_NAMES
        self._absent = frozenset(absent)
        self._name_of = name_of

    def facts(self, dag: Any, task: Any) -> Iterator[dict[str, Any]]:
        """Yield kind, what, detail, field, and path and line of the use."""
        if getattr(task, "partial_kwargs", None) is not None or _changes_context(task):
            return
        dates = DATES if type(getattr(dag, "timetable", None)).__name__ == ASSET_TIMETABLE else frozenset()
        if _calls_as_airflow_does(task):
            yield from self._of_callable(task, dates)
        else:
            execute = _without_airflows(vars(type(task)).get("execute"))
            if self._is_users(execute):
                yield from self._of_context(execute, PLACE_FIRST, dates, "execute", MEMBER)
        for field in CALLBACKS:
            given = getattr(task, field, None)
            for function in given if isinstance(given, (list, tuple)) else [given]:
                if self._is_users(function):
                    yield from self._of_context(function, 0, dates, field, CALLBACK)

    def _is_users(self, function: Any) -> bool:
        """Return whether it is a plain function of the user's: what decorators do to its arguments is not known."""
        is_plain = isinstance(function, types.FunctionType) and not hasattr(function, "__wrapped__")
        return is_plain and bool(self._name_of(function.__code__.co_filename))

    def _of_callable(self, task: Any, dates: frozenset[str]) -> Iterator[dict[str, Any]]:
        function, args, given = task.python_callable, task.op_args, task.op_kwargs
        if not (self._is_users(function) and isinstance(args, (list, tuple)) and isinstance(given, dict)):
            return
        parameters = list(inspect.signature(function).parameters.values())
        positional = [item for item in parameters if item.kind in POSITIONAL]
        open_ = [item for item in parameters if item not in positional[: len(args)] and item.name not in given]
        known = self._context - dates
        node = source_of(function.__code__)
        for item in open_:
            if item.kind not in VARIADIC and item.default is item.empty and item.name not in known:
                line = node.lineno if node is not None else function.__code__.co_firstlineno
                yield self._fact(item.name, ARGUMENT, FIELD, function, line, dates)
        if node is None:
            return
        contexts = {item.name for item in open_ if item.kind is item.VAR_KEYWORD}
        lacking = {item.name for item in open_ if self._lacks(item.name, dates) and item.default is None}
        objects = {item.name for item in open_ if item.kind not in VARIADIC} - lacking
        uses = ContextUses(node, contexts, objects)
        for name, line in uses.found():
            if name not in given and self._lacks(name, dates):
                yield self._fact(name, MEMBER, FIELD, function, line, dates)
        for name, line in ContextUses(node, set(), lacking).found_of_values():
            yield self._fact(name, NONE, FIELD, function, line, dates)

    def _of_context(
        self, function: Any, place: int, dates: frozenset[str], field: str, detail: str
    ) -> Iterator[dict[str, Any]]:
        """Yield what a function asks that is handed the whole context."""
        names = function.__code__.co_varnames[place : function.__code__.co_argcount][:1]
        node = source_of(function.__code__)
        for name, line in ContextUses(node, set(names), set()).found() if node is not None else ():
            if self._lacks(name, dates):
                yield self._fact(name, detail, field, function, line, dates)

    def _lacks(self, name: str, dates: frozenset[str]) -> bool:
        return name in self._absent or name in dates

    def _fact(
        self, name: str, detail: str, field: str, function: Any, line: int, dates: frozenset[str]
    ) -> dict[str, Any]:
        return {
            "kind": LACKING_DATE if name in dates and name not in self._absent else LACKING,
            "what": name,
            "detail": detail,
            "field": field,
            "path": function.__code__.co_filename,
            "line": line,
        }


def _without_airflows(function: Any) -> Any:
    """Return the function that Airflow wrapped, as it does with each `execute` since 2.10."""
    while hasattr(function, "__wrapped__") and function.__globals__.get("__name__", "").startswith("airflow."):
        function = function.__wrapped__
    return function


def _changes_context(task: Any) -> bool:
    """Return whether code of the user's is run with the context before the task's own, and may add to it."""
    hook = getattr(task, "_pre_execute_hook", None) or getattr(task, "on_execute_callback", None)
    return bool(hook) or not _is_airflows(type(task), "pre_execute")


def _calls_as_airflow_does(task: Any) -> bool:
    nearest = next((base.__name__ for base in type(task).__mro__ if base.__module__.startswith("airflow.")), "")
    if nearest not in CALLING:
        return False
    return all(_is_airflows(type(task), name) for name in OWN_METHODS)


def _is_airflows(kind: type, name: str) -> bool:
    owner = next((base for base in kind.__mro__ if name in vars(base)), None)
    return owner is None or owner is object or owner.__module__.startswith("airflow.")
