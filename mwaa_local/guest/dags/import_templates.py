"""Inside a release's interpreter: what a task's templates need and will not get when Airflow renders them.

A template is parsed by the DAG's own Jinja environment and never rendered. Runs on Python 3.7 too.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

UNDEFINED, WATCHED, SYNTAX, NO_FILE, NO_DATE = "undefined", "watched", "syntax", "no-file", "no-date"  # kinds
MAX_DEPTH = 12  # of collections in one field
MAX_TEMPLATES = 5000  # of one file; more are generated, and like the first
MARKS = ("{{", "{%", "{#")
CONTEXT_MODULES = ("airflow.sdk.definitions.context", "airflow.utils.context")
# For releases whose Airflow has no such list: everything that any of them knows (airflow.models.taskinstance).
OLD_CONTEXT = frozenset(
    ("END_DATE", "conf", "conn", "dag", "dag_run", "data_interval_end", "data_interval_start", "ds", "ds_nodash",
     "end_date", "exception", "execution_date", "inlets", "latest_date", "logical_date", "macros", "next_ds",
     "next_ds_nodash", "next_execution_date", "outlets", "params", "prev_data_interval_end_success",
     "prev_data_interval_start_success", "prev_ds", "prev_ds_nodash", "prev_execution_date",
     "prev_execution_date_success", "prev_start_date_success", "reason", "run_id", "tables", "task", "task_instance",
     "task_instance_key_str", "templates_dict", "test_mode", "ti", "tomorrow_ds", "tomorrow_ds_nodash", "ts",
     "ts_nodash", "ts_nodash_with_tz", "try_number", "var", "yesterday_ds", "yesterday_ds_nodash")
)  # fmt: skip
# What a run without a logical date lacks in Airflow 3 (airflow.sdk.execution_time.task_runner, get_template_context).
DATES = frozenset(
    ("data_interval_end", "data_interval_start", "ds", "ds_nodash", "logical_date", "prev_data_interval_end_success",
     "prev_data_interval_start_success", "ts", "ts_nodash", "ts_nodash_with_tz")
)  # fmt: skip
ASSET_TIMETABLE = "AssetTriggeredTimetable"  # whose runs have none in Airflow 3 (scheduler_job_runner)
GUARDING_TESTS = ("defined", "undefined")
GUARDING_FILTERS = ("default", "d")
RENDERING = ("render_template_fields", "_do_render_template_fields", "render_template", "_render", "get_template_env")
AIRFLOWS_OWN = ("airflow.decorators.", "airflow.models.", "airflow.sdk.", "airflow.template.")


class Templates:
    """Looks into the templates of one file's DAGs. `watched` are names to be told of though they are defined."""

    def __init__(self, watched: list[str], sources: dict[str, str]) -> None:
        self._jinja: Any = importlib.import_module("jinja2")
        importlib.import_module("jinja2.meta")
        self._watched = frozenset(watched)
        self._sources = sources  # text of a template file -> its path
        self._context = _context_names()
        self._is_old = str(importlib.import_module("airflow").__version__).startswith("1.")
        self._count = 0
        # Once for all files: Jinja keeps its lexer, and its parts are loaded when they are first used.
        environment = self._jinja.Environment(extensions=["jinja2.ext.do"])
        self._jinja.meta.find_undeclared_variables(environment.parse("{% do a %}{{ b | default(1) }}"))

    def facts(self, dag: Any) -> Iterator[tuple[Any, dict[str, Any]]]:
        """Yield task and fact of what is wrong; see `_fact`."""
        default = self._jinja.Undefined if self._is_old else self._jinja.StrictUndefined
        if getattr(dag, "template_undefined", default) is not default:  # names may be missing on purpose
            return
        env = dag.get_template_env()
        plain = not dag.user_defined_macros and not getattr(dag, "jinja_environment_kwargs", None)
        dates = DATES if type(getattr(dag, "timetable", None)).__name__ == ASSET_TIMETABLE else frozenset()
        seen: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for task in dag.tasks:
            if not _is_rendered_by_airflow(task):
                continue
            extensions = tuple(task.template_ext)
            for field, text in _texts(task):
                key = (text, "file" if text.endswith(extensions) else "")
                if key not in seen and self._count < MAX_TEMPLATES:
                    self._count += 1
                    look = _Look(self._jinja, env, self._context, self._watched, dates, plain and not self._is_old)
                    seen[key] = look.of_file(text) if key[1] else look.of_text(text, self._sources.get(text, ""))
                for fact in seen.get(key, ()):
                    yield task, dict(fact, field=field)


class _Look:
    """One look into one template. `is_sure`: a name that is not known makes rendering fail."""

    def __init__(
        self,
        jinja: Any,
        env: Any,
        context: frozenset[str],
        watched: frozenset[str],
        dates: frozenset[str],
        is_sure: bool,
    ) -> None:
        self._jinja = jinja
        self._env = env
        self._context = context
        self._watched = watched
        self._dates = dates
        self._is_sure = is_sure

    def of_file(self, name: str) -> list[dict[str, Any]]:
        """Return what is wrong with a text that Airflow takes for the name of a template file."""
        found = self._read(name)
        return [found] if isinstance(found, dict) else self.of_text(*found)

    def _read(self, name: str) -> Any:
        """Return text and path of a template file, or the fact that there is none."""
        if self._env.loader is None:
            return "", ""
        try:
            text, path, _ = self._env.loader.get_source(self._env, name)
        except self._jinja.TemplateNotFound:
            searched = list(getattr(self._env.loader, "searchpath", ()))
            return _fact(NO_FILE, name, certain=bool(searched), detail="\n".join(searched))
        return text, path or ""

    def of_text(self, text: str, path: str) -> list[dict[str, Any]]:
        """Return what is wrong with a template; `path` is its file, "" where it has none."""
        if not any(mark in text for mark in MARKS):
            return []
        try:
            tree = self._env.parse(text)
            names = self._jinja.meta.find_undeclared_variables(tree)
        except self._jinja.TemplateSyntaxError as error:  # of an unknown filter too
            return [_fact(SYNTAX, str(error.message), certain=True, path=path, line=error.lineno)]
        return [*self._of_names(tree, names, path), *self._of_includes(tree, path)]

    def _of_names(self, tree: Any, names: set[str], path: str) -> Iterator[dict[str, Any]]:
        uses = _Uses(self._jinja.nodes, tree)
        if uses.is_extended:  # what the other template sets is not seen here
            return
        for name in sorted(names):
            node, sure = uses.first(name)
            if node is None or name in uses.guarded or name in uses.stored or name in self._env.globals:
                continue
            kind = WATCHED if name in self._watched else NO_DATE if name in self._dates else UNDEFINED
            if kind != UNDEFINED or name not in self._context:
                yield _fact(kind, name, certain=sure and self._is_sure, path=path, line=node.lineno)
        for name, (node, sure) in uses.dotted.items():
            owner = name.partition(".")[0]
            if name in self._watched and owner in names and owner not in uses.guarded:
                yield _fact(WATCHED, name, certain=sure and self._is_sure, path=path, line=node.lineno)

    def _of_includes(self, tree: Any, path: str) -> Iterator[dict[str, Any]]:
        nodes = self._jinja.nodes
        for node in tree.find_all((nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)):
            name = node.template.value if isinstance(node.template, nodes.Const) else None
            found = self._read(name) if isinstance(name, str) and not getattr(node, "ignore_missing", False) else None
            if isinstance(found, dict):
                yield dict(found, path=path, line=node.lineno if path else 0, certain=False)


class _Uses:
    """How a template uses names: where, whether in any case, and with what precaution."""

    def __init__(self, nodes: Any, tree: Any) -> None:
        self._nodes = nodes
        self.guarded: set[str] = set()  # asked for with `is defined` or `default`
        self.stored: set[str] = set()  # set somewhere in the template
        self.dotted: dict[str, tuple[Any, bool]] = {}  # `ti.start_date` -> where, and whether in any case
        self.is_extended = tree.find(nodes.Extends) is not None
        self._loads: dict[str, list[tuple[Any, bool]]] = {}
        self._walk(tree, True)

    def first(self, name: str) -> tuple[Any, bool]:
        """Return the first use of a name, one that is made in any case before others; None where there is none."""
        uses = self._loads.get(name, [])
        return next((use for use in uses if use[1]), uses[0] if uses else (None, False))

    def _walk(self, node: Any, sure: bool) -> None:
        nodes = self._nodes
        if isinstance(node, nodes.Name):
            if node.ctx == "load":
                self._loads.setdefault(node.name, []).append((node, sure))
            else:
                self.stored.add(node.name)
        elif isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name):
            self.dotted.setdefault(f"{node.node.name}.{node.attr}", (node, sure))
        elif (isinstance(node, nodes.Test) and node.name in GUARDING_TESTS) or (
            isinstance(node, nodes.Filter) and node.name in GUARDING_FILTERS
        ):
            asked = [node.node] if isinstance(node.node, nodes.Name) else node.node.find_all(nodes.Name)
            self.guarded.update(name.name for name in asked)
        for child, is_sure in self._children(node, sure):
            self._walk(child, is_sure)

    def _children(self, node: Any, sure: bool) -> Iterator[tuple[Any, bool]]:
        """Yield the parts of a node, each with whether it is evaluated whenever the node is."""
        nodes = self._nodes
        first = {nodes.If: "test", nodes.CondExpr: "test", nodes.For: "iter", nodes.And: "left", nodes.Or: "left"}
        always = first.get(type(node))
        part = getattr(node, always) if always else None
        never_sure = isinstance(node, (nodes.Macro, nodes.CallBlock))
        for child in node.iter_child_nodes():
            yield child, sure and not never_sure and (always is None or child is part)


def _fact(kind: str, what: str, *, certain: bool, path: str = "", line: int = 0, detail: str = "") -> dict[str, Any]:
    """Return one fact. Path and line are of the template file; "" and 0 where the template is in the DAG file."""
    return {
        "kind": kind,
        "what": what,
        "certain": certain,
        "path": path,
        "line": line if path else 0,
        "detail": detail,
    }


def _context_names() -> frozenset[str]:
    for name in CONTEXT_MODULES:
        try:
            module: Any = importlib.import_module(name)
        except ImportError:
            continue
        if hasattr(module, "KNOWN_CONTEXT_KEYS"):
            return frozenset(module.KNOWN_CONTEXT_KEYS)
        if hasattr(getattr(module, "Context", None), "__annotations__"):
            return frozenset(module.Context.__annotations__) or OLD_CONTEXT
    return OLD_CONTEXT


def _is_rendered_by_airflow(task: Any) -> bool:
    """Return whether Airflow's own code renders the task's fields: what an operator's own does is not known."""
    kind = getattr(task, "operator_class", None) or type(task)  # of a mapped task
    if not isinstance(kind, type):
        return False
    for name in RENDERING:
        owner = next((base for base in kind.__mro__ if name in vars(base)), None)
        if owner is not None and not f"{owner.__module__}.".startswith(AIRFLOWS_OWN):
            return False
    return True


def _texts(task: Any) -> Iterator[tuple[str, str]]:
    """Yield field and text of everything that Airflow renders as a template; of a mapped task, what is not mapped."""
    given = getattr(task, "partial_kwargs", None)
    for field in task.template_fields:
        value = given.get(field) if given is not None else getattr(task, field, None)
        for text in _strings(value, set(), 0):
            yield field, text


def _strings(value: Any, seen: set[int], depth: int) -> Iterator[str]:
    """Yield the texts in a value, as `render_template` of Airflow goes through it."""
    if isinstance(value, str):
        yield str(value)
    if isinstance(value, (str, bytes, type)) or value is None or callable(value) or depth > MAX_DEPTH:
        return
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, (list, tuple, set)):
        parts = list(value)
    elif isinstance(value, dict):
        parts = list(value.values())
    else:
        fields = getattr(value, "template_fields", ())
        if hasattr(value, "task_id") or not isinstance(fields, (list, tuple, set, frozenset)):
            return
        parts = [getattr(value, field, None) for field in fields]
    for part in parts:
        yield from _strings(part, seen, depth + 1)
