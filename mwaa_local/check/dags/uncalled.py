"""Functions that `@dag` decorates and nothing calls: their DAG is never made."""

from __future__ import annotations

import ast
from pathlib import Path

from mwaa_local.check.failures.sources import tree_of

DECORATOR = "dag"  # of airflow.decorators and airflow.sdk


def uncalled_dags(path: Path) -> tuple[str, ...]:
    """Return the names of a file's functions under `@dag` that stand at its top level and that it does not use.

    None of what cannot be read, as of a file in a zip.
    """
    tree = tree_of(path)
    if tree is None:
        return ()
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef))
    return tuple(item.name for item in functions if any(map(_is_dag, item.decorator_list)) and item.name not in used)


def _is_dag(decorator: ast.expr) -> bool:
    made = decorator.func if isinstance(decorator, ast.Call) else decorator
    return (made.attr if isinstance(made, ast.Attribute) else getattr(made, "id", "")) == DECORATOR
