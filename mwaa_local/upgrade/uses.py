"""Where a file uses what a move changes: as its syntax tree shows it, never its comments and docstrings. Pure.

A file that looks which Airflow runs it knows of the change, and nothing is told of it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Iterator, Mapping

from mwaa_local.check.dags.source import Call, Source
from mwaa_local.upgrade.optional_imports import catches_missing_module
from mwaa_local.upgrade.program_calls import commands

# Full names of what asks the metadata database.
DATABASE = re.compile(
    r"airflow\.(utils\.(session|db)\.(create_session|provide_session)|settings\.Session|"
    r"models\.(dagrun\.)?DagRun\.find(_duplicate)?|models\.(dag\.)?DagModel\.get_(current|dagmodel))"
)
PAGES = frozenset({"flask_blueprints", "appbuilder_views"})  # plugins' pages still reach the database
TASK_INSTANCES = ("ti", "task_instance")
OF_RUN = (*TASK_INSTANCES, "dag_run")
CONTEXTS = frozenset({"context", "ctx", "kwargs"})
LOGICAL_DATE, EXECUTION_DATE = "logical_date", "execution_date"
GONE_NAMES = frozenset(
    {
        EXECUTION_DATE,
        "next_execution_date",
        "prev_execution_date",
        "prev_execution_date_success",
        *(f"{day}_ds{end}" for day in ("next", "prev", "yesterday", "tomorrow") for end in ("", "_nodash")),
    }
)
TEMPLATE = "{{"
PULL_IN_TEMPLATE = re.compile(
    r"\b(ti|task_instance)\.xcom_pull\(\s*"
    r"((key|default|dag_id|run_id|map_indexes|include_prior_dates)\s*=\s*[^,()]*(,\s*|(?=\))))*\)"
)
DATE_IN_TEMPLATE = re.compile(r"\b(dag_run|ti|task_instance)\.execution_date\b")
VERSIONS = re.compile(r"airflow\.(__version__|version)\b.*")
OWN_VERSION = re.compile(r"((IS|ON|HAS)_)?AIRFLOW_?(V|GE|GTE|LT)?_?\d.*|.*AIRFLOW_?VERSION.*", re.IGNORECASE)
DISTRIBUTIONS = ("apache-airflow", "apache-airflow-core")
MODULE = re.compile(r"(?:^|[\s;&|(/\"'])python3?(?:\.\d+)?\s+-m\s+(\w+)")
PYTHON_PATH = "PYTHONPATH"
CHANGES_FOLDER = re.compile(r"(?:^|[\s;&|(])(?:cd|pushd)\s")
ELSEWHERE = ("cwd", "env")  # of a command: the folder it begins in; variables, which then have no PYTHONPATH either way


def uses(kind: str, source: Source, own: frozenset[str]) -> Iterator[int]:
    """Yield the lines of a file that use it, by the word that `changes.toml` has. `own` are modules in dags/."""
    if not any(word in source.text for word in WORDS[kind]):  # most files: quick
        return
    found = sorted(KINDS[kind](source, own))
    if found and not knows_of_releases(source):
        yield from found


def knows_of_releases(source: Source) -> bool:
    """Whether a file does one thing or another by Airflow's version, or by what it can import of Airflow."""
    for node in source.nodes:
        if isinstance(node, ast.Constant) and node.value in DISTRIBUTIONS:
            return True
        if isinstance(node, ast.Name | ast.Attribute) and _is_version(node, source):
            return True
        if isinstance(node, ast.Try) and catches_missing_module(node) and any(map(_imports_airflow, node.body)):
            return True
    return any(OWN_VERSION.fullmatch(name) or VERSIONS.fullmatch(full) for name, full in source.places.imports.items())


def _is_version(node: ast.Name | ast.Attribute, source: Source) -> bool:
    name = node.id if isinstance(node, ast.Name) else node.attr
    return bool(OWN_VERSION.fullmatch(name)) or ("version" in name and bool(VERSIONS.fullmatch(source.full_name(node))))


def _imports_airflow(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.ImportFrom):
        return not statement.level and (statement.module or "").partition(".")[0] == "airflow"
    names = (alias.name for alias in statement.names) if isinstance(statement, ast.Import) else ()
    return any(name.partition(".")[0] == "airflow" for name in names)


def _database(source: Source, _own: frozenset[str]) -> Iterator[int]:
    words = {_name(node) for node in source.nodes if isinstance(node, ast.Name | ast.Attribute)}
    if PAGES & words:
        return
    for call in source.calls:
        if DATABASE.fullmatch(call.name):
            yield call.node.lineno


def _pulls(source: Source, _own: frozenset[str]) -> Iterator[int]:
    yield from (call.node.lineno for call in source.calls if _pulls_own(call))
    yield from _in_templates(source, PULL_IN_TEMPLATE)


def _pulls_own(call: Call) -> bool:
    func = call.node.func if isinstance(call.node, ast.Call) else None
    if not isinstance(func, ast.Attribute) or func.attr != "xcom_pull" or _name(func.value) not in TASK_INSTANCES:
        return False
    return not call.positional and "task_ids" not in call.arguments and not call.is_open


def _dates(source: Source, _own: frozenset[str]) -> Iterator[int]:
    has_new = LOGICAL_DATE in source.text
    asked = GONE_NAMES - _own_keys(source)
    for node in source.nodes:
        if _takes(node) in asked:
            is_told = not _is_tried(node, source)
        elif _gets(node) in asked:
            is_told = not has_new and not _has_other(node, source)
        else:
            is_told = _is_date_of_run(node) and not has_new and not _is_tried(node, source)
        if is_told and isinstance(node, ast.expr):
            yield node.lineno
    yield from _in_templates(source, DATE_IN_TEMPLATE)


def _takes(node: ast.AST) -> str | None:
    """Return the name of `context["…"]`."""
    if not isinstance(node, ast.Subscript) or not isinstance(node.ctx, ast.Load) or _name(node.value) not in CONTEXTS:
        return None
    return _text_of(node.slice)


def _is_date_of_run(node: ast.AST) -> bool:
    """Whether it is `dag_run.execution_date`, or that of a task instance."""
    if not isinstance(node, ast.Attribute) or not isinstance(node.ctx, ast.Load):
        return False
    return node.attr == EXECUTION_DATE and _name(node.value) in OF_RUN


def _own_keys(source: Source) -> set[str | None]:
    """Return names that the file itself gives, as in `op_kwargs={"execution_date": …}`, or asks whether they exist."""
    found: set[str | None] = set()
    for node in source.nodes:
        if isinstance(node, ast.Dict):
            found |= {_text_of(key) for key in node.keys if key is not None}
        elif isinstance(node, ast.keyword):
            found.add(node.arg)
        elif isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn):
            found.add(_text_of(node.left))
        elif isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
            found.add(_text_of(node.slice))
    return found


def _gets(node: ast.AST) -> str | None:
    """Return the name of `context.get("…")`; none where it has something in its place."""
    if not isinstance(node, ast.Call):
        return None
    func = node.func
    is_get = isinstance(func, ast.Attribute) and func.attr == "get" and _name(func.value) in CONTEXTS
    return _text_of(node.args[0]) if is_get and len(node.args) == 1 and not node.keywords else None


def _has_other(node: ast.AST, source: Source) -> bool:
    """Whether there is something in its place where it is nothing: `a or b`, `b if a is None else a`."""
    parent = source.places.places[node].parent
    return isinstance(parent, ast.BoolOp | ast.IfExp | ast.Compare | ast.If | ast.NamedExpr | ast.UnaryOp)


def _is_tried(node: ast.AST, source: Source) -> bool:
    """Whether the file goes on where it fails, or has something else in the same expression."""
    return any(isinstance(item, ast.Try | ast.BoolOp | ast.IfExp) for item in source.places.ancestors(node))


def _in_templates(source: Source, pattern: re.Pattern[str]) -> Iterator[int]:
    """Yield the lines of texts with templates that match, docstrings left out."""
    for node in source.nodes:
        text = _text_of(node)
        if not isinstance(node, ast.Constant) or text is None or TEMPLATE not in text or _is_told(node, source):
            continue
        if (match := pattern.search(text)) is not None:
            is_as_written = text.count("\n") == (node.end_lineno or node.lineno) - node.lineno
            yield node.lineno + (text.count("\n", 0, match.start()) if is_as_written else 0)


def _is_told(node: ast.Constant, source: Source) -> bool:
    """Whether a text is for people: it stands alone, as docstrings do, or is `doc_md` or the like."""
    parent = source.places.places[node].parent
    is_doc = isinstance(parent, ast.keyword) and (parent.arg or "").startswith(("doc", "description"))
    return is_doc or isinstance(parent, ast.Expr)


def _modules_run(source: Source, own: frozenset[str]) -> Iterator[int]:
    if PYTHON_PATH in source.text:
        return
    for command in commands(source):
        is_elsewhere = command.call.is_open or any(name in command.call.arguments for name in ELSEWHERE)
        if not is_elsewhere and not CHANGES_FOLDER.search(command.text):
            yield from (command.line for name in MODULE.findall(command.text) if name in own)


def _name(node: ast.expr) -> str:
    """Return the last name of `ti`, `self.ti` and `context["ti"]`."""
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Subscript):
        return _text_of(node.slice) or ""
    return node.id if isinstance(node, ast.Name) else ""


def _text_of(node: ast.AST) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


# Of which a file that uses it has one.
WORDS: Mapping[str, Collection[str]] = {
    "the metadata database": ("_session", "Session", ".find", ".get_"),
    "xcom_pull without task_ids": ("xcom_pull",),
    "names of dates that are gone": GONE_NAMES,
    "own modules as programs": ("-m",),
}
KINDS: Mapping[str, Callable[[Source, frozenset[str]], Iterator[int]]] = {
    "the metadata database": _database,
    "xcom_pull without task_ids": _pulls,
    "names of dates that are gone": _dates,
    "own modules as programs": _modules_run,
}
