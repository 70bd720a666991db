"""Whether an expression is a path below the DAGs folder, judged by how it is built."""

from __future__ import annotations

import ast

from mwaa_local.check.dags.source import Source
from mwaa_local.check.dags.values import MAX_DEPTH, UNKNOWN

AIRFLOW_HOME = "/usr/local/airflow"  # aws/amazon-mwaa-docker-images, Dockerfile
DAGS = "dags"
_SAME = frozenset(
    ("str", "pathlib.Path", "pathlib.PurePath", "pathlib.PosixPath", "os.fspath", "os.path.abspath", "os.path.normpath",
     "os.path.realpath")
)  # fmt: skip
_SAME_METHODS = frozenset(("absolute", "as_posix", "expanduser", "resolve", "with_suffix"))
_DAGS_FOLDERS = frozenset(("airflow.settings.DAGS_FOLDER", "airflow.configuration.conf.get()"))
_HOMES = frozenset(("airflow.settings.AIRFLOW_HOME", "airflow.configuration.AIRFLOW_HOME"))
_VARIABLE_READERS = frozenset(("os.environ.get", "os.getenv"))


def is_below_dags(source: Source, path: ast.expr) -> bool:
    """Whether the path is certainly the DAGs folder or below it."""
    levels = _levels(source)
    steps = _steps_up(source, path, levels, 0)
    return steps is not None and steps <= levels


def _levels(source: Source) -> int:
    """Return how many steps up from the file itself the DAGs folder is: 1 for `dags/a.py`."""
    parts = source.path.split("/")
    return len(parts) - 1 if parts[0] == DAGS and len(parts) > 1 else 1


def _steps_up(source: Source, path: ast.expr, levels: int, depth: int) -> int | None:
    """Return how far above the DAG file's own level a path is: its folder is 1; Airflow's home is one above the DAGs.

    None is any other place.
    """
    expr = source.resolve(path)
    if depth > MAX_DEPTH:
        return None

    def inner(item: ast.expr) -> int | None:
        return _steps_up(source, item, levels, depth + 1)

    if isinstance(expr, ast.Constant | ast.JoinedStr):
        return _of_text(source, expr, levels, depth)
    if isinstance(expr, ast.BinOp):
        joined = isinstance(expr.op, ast.Div | ast.Add)
        return _joined(inner(expr.left), [source.string(expr.right)], levels) if joined else None
    if isinstance(expr, ast.Subscript):
        return _of_subscript(source, expr, levels, depth)
    if isinstance(expr, ast.Call):
        return _of_call(source, expr, levels, depth)
    name = source.full_name(expr)
    if name == "__file__":
        return 0
    if name in _DAGS_FOLDERS or name in _HOMES:
        return levels if name in _DAGS_FOLDERS else levels + 1
    if isinstance(expr, ast.Attribute) and expr.attr == "parent":
        return _higher(inner(expr.value), 1)
    return None


def _of_text(source: Source, expr: ast.expr, levels: int, depth: int) -> int | None:
    text = source.string(expr) or ""
    if text == AIRFLOW_HOME or text.startswith(f"{AIRFLOW_HOME}/"):
        return _joined(levels + 1, [text.removeprefix(AIRFLOW_HOME)], levels)
    first = expr.values[0] if isinstance(expr, ast.JoinedStr) and expr.values else None
    if isinstance(first, ast.FormattedValue):  # f"{folder}/name"
        start = _steps_up(source, first.value, levels, depth + 1)
        return _joined(start, [text.removeprefix(source.string(first.value) or UNKNOWN)], levels)
    return None


def _of_subscript(source: Source, expr: ast.Subscript, levels: int, depth: int) -> int | None:
    if source.full_name(expr.value) == "os.environ":
        return levels + 1 if source.string(expr.slice) == "AIRFLOW_HOME" else None
    index = source.constant(expr.slice)
    if isinstance(expr.value, ast.Attribute) and expr.value.attr == "parents" and isinstance(index, int):
        return _higher(_steps_up(source, expr.value.value, levels, depth + 1), index + 1) if index >= 0 else None
    return None


def _of_call(source: Source, call: ast.Call, levels: int, depth: int) -> int | None:
    name = source.full_name(call.func)
    first = call.args[0] if call.args else None
    if name in _VARIABLE_READERS:
        return levels + 1 if source.string(first) == "AIRFLOW_HOME" else None
    if f"{name}()" in _DAGS_FOLDERS:
        return levels if [source.string(item) for item in call.args[:2]] == ["core", "dags_folder"] else None
    method = call.func if isinstance(call.func, ast.Attribute) else None
    if name not in (*_SAME, "os.path.join", "os.path.dirname") and method is not None:
        start = _steps_up(source, method.value, levels, depth + 1)
        if method.attr in _SAME_METHODS:
            return start
        if method.attr == "joinpath":
            return _joined(start, [source.string(item) for item in call.args], levels)
        return start if method.attr in ("with_name", "with_stem") else None
    start = None if first is None else _steps_up(source, first, levels, depth + 1)
    if name == "os.path.dirname":
        return _higher(start, 1)
    is_path = name in _SAME or name == "os.path.join"
    return _joined(start, [source.string(item) for item in call.args[1:]], levels) if is_path else None


def _higher(steps: int | None, count: int) -> int | None:
    return None if steps is None else steps + count


def _joined(start: int | None, added: list[str | None], levels: int) -> int | None:
    """Return where a path leads from there; what is not known (None) is taken for a plain name."""
    steps = start
    for text in added:
        for part in (text or UNKNOWN).split("/"):
            if steps is None:
                return None
            if part in ("", "."):
                continue
            if part == "..":
                steps += 1
            elif steps > levels:  # above the DAGs folder, only its own name leads into it
                steps = levels if steps == levels + 1 and part == DAGS else None
            else:
                steps -= 1
    return steps
