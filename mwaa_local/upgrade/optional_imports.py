"""Imports that a file can do without here: it goes on without them, or they run in another Python. Pure."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from mwaa_local.check.dags.source import Source
from mwaa_local.check.dags.tree import FUNCTIONS

MISSING = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})
# Operators and decorators of TaskFlow whose function runs in another Python, with packages of its own.
OTHER_PYTHON = re.compile(r"virtualenv|external_?python|kubernetes|docker|spark|databricks|snowpark", re.IGNORECASE)
LOOK = "find_spec"


def needed_imports(source: Source) -> Iterator[tuple[str, int]]:
    """Yield what a file imports and where, without what it can do without."""
    if any(call.last_name == LOOK for call in source.calls):  # it looks what there is
        return
    elsewhere = _functions_elsewhere(source)
    for node in source.nodes:
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        if any(_is_optional(item, source, elsewhere) for item in source.places.ancestors(node)):
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif node.module and not node.level:
            yield node.module, node.lineno
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def catches_missing_module(node: ast.Try) -> bool:
    """Whether a `try` goes on without a module that is not there."""
    return any(_names(handler.type) & MISSING for handler in node.handlers)


def _is_optional(around: ast.AST, source: Source, elsewhere: frozenset[str]) -> bool:
    if isinstance(around, ast.Try):
        return catches_missing_module(around)
    if isinstance(around, ast.With):
        return any(_suppresses(item.context_expr, source) for item in around.items)
    if isinstance(around, ast.FunctionDef | ast.AsyncFunctionDef):
        decorators = (source.full_name(item).removesuffix("()") for item in around.decorator_list)
        return around.name in elsewhere or any(OTHER_PYTHON.search(name.rpartition(".")[2]) for name in decorators)
    return isinstance(around, ast.If)


def _suppresses(value: ast.expr, source: Source) -> bool:
    if not isinstance(value, ast.Call) or source.full_name(value.func) != "contextlib.suppress":
        return False
    return any(_names(item) & MISSING for item in value.args)


def _functions_elsewhere(source: Source) -> frozenset[str]:
    """Return the functions that an operator runs in another Python: `PythonVirtualenvOperator(python_callable=f)`."""
    calls = (call for call in source.calls if OTHER_PYTHON.search(call.last_name))
    given = (call.arguments.get("python_callable") for call in calls)
    named = {item.id for item in given if isinstance(item, ast.Name)}
    return frozenset(named | set(_called_by(named, source)))


def _called_by(named: set[str], source: Source) -> Iterator[str]:
    """Yield the names that these functions use, other functions of the file among them."""
    for node in source.nodes:
        if isinstance(node, FUNCTIONS) and not isinstance(node, ast.Lambda) and node.name in named:
            yield from (item.id for item in ast.walk(node) if isinstance(item, ast.Name))


def _names(caught: ast.expr | None) -> set[str]:
    if caught is None:
        return {"Exception"}
    return {getattr(node, "attr", getattr(node, "id", "")) for node in ast.walk(caught)}
