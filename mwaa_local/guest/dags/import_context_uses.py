"""What the source of a function certainly asks of a task's context: names and lines. Runs on Python 3.7 too.

Only what is run whenever the function is: what stands under a condition, after one that returns or in a `try` may be
code for other releases of Airflow.
"""

from __future__ import annotations

import ast
import functools
import linecache
from collections.abc import Iterator
from typing import Any

CURRENT_CONTEXT = "get_current_context"
# Objects in the context -> the dotted names that are asked of them.
OBJECTS = ("dag_run", "task_instance", "ti")
LEAVING = (ast.Return, ast.Raise, ast.Continue, ast.Break)
HARMLESS_MANAGERS = ("open", "closing", "TemporaryDirectory", "NamedTemporaryFile", "create_session")
EXITS = ("exit", "_exit", "quit")
CHOOSING = ("Match", "Try", "TryStar")  # by name: Python 3.7 does not have all of them
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
ASKING = ("get", "pop", "setdefault")  # methods of a context that may be asked for a name that it lacks
CHANGING = ("update", "setdefault", "__setitem__")


def source_of(code: Any) -> ast.FunctionDef | None:
    """Return the function that this code was compiled of; None where its file does not have it."""
    return functions_of(code.co_filename).get((code.co_name, code.co_firstlineno))


@functools.lru_cache(maxsize=None)  # noqa: UP033 - Python 3.7 knows no other; a thousand tasks may have one function
def functions_of(path: str) -> dict[tuple[str, int], ast.FunctionDef]:
    """Return a file's functions by name and first line."""
    try:
        tree = ast.parse("".join(linecache.getlines(path)))
    except (SyntaxError, ValueError, RecursionError):
        return {}
    return {
        (node.name, min([node.lineno, *(item.lineno for item in node.decorator_list)])): node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
    }


class ContextUses:
    """Looks into one function. `contexts` are its names for the whole context, `values` its names for one member."""

    def __init__(self, function: ast.FunctionDef, contexts: set[str], values: set[str]) -> None:
        nodes = [node for statement in function.body for node in ast.walk(statement)]
        self._function = function
        self._is_generator = any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in nodes)
        made = {
            node.targets[0].id
            for node in nodes
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and _is_current(node.value)
        }
        stored = [node.id for node in nodes if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)]
        once = {name for name in made if stored.count(name) == 1} - contexts
        self._contexts = ({name for name in contexts if name not in stored} | once) - _changed(nodes)
        self._tested = set(_tested(nodes))  # whoever asks whether there is a name knows that it may be missing
        self._values = {name for name in values if name not in stored} - self._tested
        self._asked = set(_asked(nodes))

    def found(self) -> Iterator[tuple[str, int]]:
        """Yield each use as name and line: `ds` of the context, `dag_run.execution_date` of a member."""
        for node in () if self._is_generator else _always_run(self._function.body):
            if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
                name = self._member(node)
                if name and name not in self._asked:
                    yield name, node.lineno
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                owner = self._member(node.value)
                if owner in OBJECTS:
                    yield f"{owner}.{node.attr}", node.lineno

    def found_of_values(self) -> Iterator[tuple[str, int]]:
        """Yield each use that fails if a value is None: an attribute, an item, a loop."""
        for node in () if self._is_generator else _always_run(self._function.body):
            used = node.value if isinstance(node, (ast.Attribute, ast.Subscript)) else None
            used = node.iter if isinstance(node, ast.For) else used
            if isinstance(used, ast.Name) and used.id in self._values:
                yield used.id, used.lineno

    def _member(self, node: ast.expr) -> str:
        """Return the name of the member of the context that an expression is; "" where it is none."""
        if isinstance(node, ast.Name):
            return node.id if node.id in self._values else ""
        if not isinstance(node, ast.Subscript):
            return ""
        is_context = isinstance(node.value, ast.Name) and node.value.id in self._contexts
        return _text(node.slice) if is_context or _is_current(node.value) else ""


def _always_run(body: list[Any]) -> Iterator[ast.AST]:
    """Yield the nodes that are run whenever the body is, in order."""
    for statement in body:
        if type(statement).__name__ in CHOOSING:
            parts: list[ast.AST] = []
        elif isinstance(statement, (ast.If, ast.While)):
            parts = [statement.test]
        elif isinstance(statement, ast.For):
            yield statement
            parts = [statement.iter]
        elif isinstance(statement, ast.With):
            if not all(_lets_errors_through(item.context_expr) for item in statement.items):
                continue
            yield from (node for item in statement.items for node in _of_expression(item.context_expr))
            yield from _always_run(statement.body)
            parts = []
        else:
            parts = [statement]
        for part in parts:
            yield from _of_expression(part)
        if any(isinstance(node, LEAVING) or _is_exit(node) for node in ast.walk(statement)):
            return


def _of_expression(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a plain statement or an expression that are run in any case."""
    if isinstance(node, FUNCTIONS):
        return
    yield node
    children = list(ast.iter_child_nodes(node))
    if isinstance(node, ast.BoolOp):
        children = [node.values[0]]
    elif isinstance(node, ast.IfExp):
        children = [node.test]
    elif isinstance(node, COMPREHENSIONS):
        children = [node.generators[0].iter]
    for child in children:
        yield from _of_expression(child)


def _lets_errors_through(expr: ast.expr) -> bool:
    """Return whether a context manager surely swallows no errors, as `suppress(KeyError)` and one's own may do."""
    function = expr.func if isinstance(expr, ast.Call) else expr
    return getattr(function, "attr", getattr(function, "id", "")) in HARMLESS_MANAGERS


def _is_exit(node: ast.AST) -> bool:
    """Return whether it ends Python, as `sys.exit()` and `os._exit(0)`."""
    function = node.func if isinstance(node, ast.Call) else None
    return getattr(function, "attr", getattr(function, "id", "")) in EXITS


def _is_current(node: Any) -> bool:
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return bool(name == CURRENT_CONTEXT)


def _tested(nodes: list[ast.AST]) -> Iterator[str]:
    """Yield the names that a condition looks at."""
    for node in nodes:
        parts: list[ast.AST] = []
        if isinstance(node, (ast.If, ast.IfExp, ast.While, ast.Assert)):
            parts = [node.test]
        elif isinstance(node, (ast.BoolOp, ast.Compare)):
            parts = [node]
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("hasattr", "getattr", "isinstance"):
            parts = list(node.args)
        for part in parts:
            yield from (item.id for item in ast.walk(part) if isinstance(item, ast.Name))


def _asked(nodes: list[ast.AST]) -> Iterator[str]:
    """Yield the texts of which the function asks whether the context has them, and those that it sets."""
    for node in nodes:
        if isinstance(node, ast.Compare) and any(isinstance(op, (ast.In, ast.NotIn)) for op in node.ops):
            yield _text(node.left)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ASKING:
            yield from (_text(argument) for argument in node.args[:1])
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
            yield _text(node.slice)


def _changed(nodes: list[ast.AST]) -> set[str]:
    """Return the names of what gets more members by a method, or may get them from a function that it is given to."""
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    by_method = {
        node.func.value.id
        for node in calls
        if isinstance(node.func, ast.Attribute) and node.func.attr in CHANGING and isinstance(node.func.value, ast.Name)
    }
    given = (item for node in calls for item in (*node.args, *(word.value for word in node.keywords if word.arg)))
    return by_method | {item.id for item in given if isinstance(item, ast.Name)}


def _text(node: Any) -> str:
    """Return a literal text; before Python 3.9 an index is wrapped, and before 3.8 it is a Str."""
    node = node.value if type(node).__name__ == "Index" else node
    value = getattr(node, "value", getattr(node, "s", None)) if type(node).__name__ in ("Constant", "Str") else None
    return value if isinstance(value, str) else ""
