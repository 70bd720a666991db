"""Inside a release's interpreter: what a task's templates need and will not get when Airflow renders them.

A template is parsed by the DAG's own Jinja environment and never rendered. Runs on Python 3.7 too.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any

from import_template_members import Members  # type: ignore[import-not-found]
from import_template_uses import Uses  # type: ignore[import-not-found]
from import_template_values import ABSENT, FAILS, MAY_FAIL, RENDERS, SOMETIMES  # type: ignore[import-not-found]

UNDEFINED, WATCHED, SYNTAX, NO_FILE, NO_DATE = "undefined", "watched", "syntax", "no-file", "no-date"  # kinds
# What becomes of a name that has no value, as the detail of its fact.
OUTCOMES = {RENDERS: "renders", MAY_FAIL: "may-fail", FAILS: "fails"}
MAX_DEPTH = 12  # of collections in one field
MAX_TEMPLATES = 5000  # of one file; more are generated, and like the first
# In the context of a task with inlets or outlets that are assets (airflow.sdk.execution_time.task_runner of 3.3).
OF_ASSETS = frozenset(("asset_state_store",))
# What a run without a logical date lacks in Airflow 3 (airflow.sdk.execution_time.task_runner, get_template_context).
DATES = frozenset(
    ("data_interval_end", "data_interval_start", "ds", "ds_nodash", "logical_date", "prev_data_interval_end_success",
     "prev_data_interval_start_success", "ts", "ts_nodash", "ts_nodash_with_tz")
)  # fmt: skip
# They are there together or not at all, so whoever asks for one, or for what kind of run it is, asks for all.
ASKING_FOR_DATES = DATES | {"dag_run", "run_id", "triggering_asset_events"}
ASSET_TIMETABLE = "AssetTriggeredTimetable"  # whose runs have none in Airflow 3 (scheduler_job_runner)
EXTENSIONS, FINALIZE = "extensions", "finalize"  # arguments for Jinja that may change what becomes of names
JINJAS_OWN = "jinja2.ext."  # extensions that do not
RENDERING = ("render_template_fields", "_do_render_template_fields", "render_template", "_render", "get_template_env")
AIRFLOWS_OWN = ("airflow.decorators.", "airflow.models.", "airflow.sdk.", "airflow.template.")


class Templates:
    """Looks into the templates of one file's DAGs.

    `context`: the names that the release gives to a template. `watched`: names to be told of though they are defined.
    """

    def __init__(self, context: list[str], watched: list[str], sources: dict[str, str]) -> None:
        self._jinja: Any = importlib.import_module("jinja2")
        importlib.import_module("jinja2.meta")
        self._members = Members()
        self._names = _Names(frozenset(context), frozenset(watched), self._members)
        self._sources = sources  # text of a template file -> its path
        self._is_old = str(importlib.import_module("airflow").__version__).startswith("1.")
        self._count = 0

    def forget(self) -> None:
        """Count the templates of another file."""
        self._count = 0
        # Once for all files: Jinja keeps its lexer, and its parts are loaded when they are first used.
        environment = self._jinja.Environment(extensions=["jinja2.ext.do"])
        self._jinja.meta.find_undeclared_variables(environment.parse("{% do a %}{{ b | default(1) }}"))

    def prepare(self) -> None:
        """Load what templates reach, once Airflow and the plugins are there."""
        self._members.load()

    def facts(self, dag: Any) -> Iterator[tuple[Any, dict[str, Any]]]:
        """Yield task and fact of what is wrong; see `_fact`.

        A field that cannot be read is left out: that it raises here need not be so in a task.
        """
        try:
            look = self._look(dag)
        except Exception:  # noqa: BLE001 - filters, macros and folders are the user's own objects
            return
        dates = DATES if type(getattr(dag, "timetable", None)).__name__ == ASSET_TIMETABLE else frozenset()
        seen: dict[tuple[str, str, bool], list[dict[str, Any]]] = {}
        for task in dag.tasks:
            extensions, has_assets = _safe(_extensions, task), bool(_safe(_linked, task))
            look.names = self._names.of(dates, OF_ASSETS if has_assets else frozenset())
            for field, text in () if extensions is None else _texts(task):
                key = (text, "file" if text.endswith(extensions) else "", has_assets)
                if key not in seen and self._count < MAX_TEMPLATES:
                    self._count += 1
                    seen[key] = look.of_file(text) if key[1] else look.of_text(text, self._sources.get(text, ""))
                for fact in seen.get(key, ()):
                    yield task, dict(fact, field=field)

    def _look(self, dag: Any) -> _Look:
        env = dag.get_template_env()
        default = self._jinja.Undefined if self._is_old else self._jinja.StrictUndefined
        has_names = env.undefined is default  # others let names be missing on purpose
        has_macros = bool(dag.user_defined_macros)
        given = getattr(dag, "jinja_environment_kwargs", None) or {}
        is_changed = FINALIZE in given or not all(
            isinstance(name, str) and name.startswith(JINJAS_OWN) for name in given.get(EXTENSIONS, ())
        )
        return _Look(self._jinja, env, self._names, has_names, has_macros=has_macros, is_changed=is_changed)


class _Names:
    """Which names have a value in a template. `dates` have none in some runs."""

    def __init__(
        self,
        context: frozenset[str],
        watched: frozenset[str],
        members: Members,
        dates: frozenset[str] = frozenset(),
    ) -> None:
        self._context = context
        self._watched = watched
        self._members = members
        self._dates = dates

    def of(self, dates: frozenset[str], more: frozenset[str]) -> _Names:
        return _Names(self._context | more, self._watched, self._members, dates)

    def is_watched(self, name: str) -> bool:
        return name in self._watched

    def state(self, name: str) -> str:
        """Return whether a name, or a dotted one, is missing: ABSENT, SOMETIMES, or "" for not."""
        owner, dot, attribute = name.partition(".")
        if dot:  # Airflow took `ti.execution_date` away together with `execution_date`
            is_gone = name in self._watched and attribute not in self._context
            return ABSENT if is_gone or self._members.lacks(name) else ""
        return ABSENT if owner not in self._context else SOMETIMES if owner in self._dates else ""

    def instead(self, name: str) -> str:
        return str(self._members.instead(name))

    def kind(self, name: str) -> str:
        return WATCHED if name in self._watched else NO_DATE if name in self._dates else UNDEFINED


class _Look:
    """Looks into templates of one DAG. `has_names`: a name without a value is a mistake in it.

    `is_changed`: the DAG gives Jinja something that may make such a name well. `has_macros`: it has names of its own.
    """

    def __init__(
        self, jinja: Any, env: Any, names: _Names, has_names: bool, *, has_macros: bool, is_changed: bool
    ) -> None:
        self._jinja = jinja
        self._env = env
        self._has_names = has_names
        self._has_macros = has_macros
        self._worst = MAY_FAIL if is_changed else FAILS
        self._marks = (env.variable_start_string, env.block_start_string, env.comment_start_string)
        self.names = names

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
        is_plain = not self._env.line_statement_prefix and not any(mark in text for mark in self._marks)
        if is_plain:
            return []
        try:
            tree = self._env.parse(text)
            names = self._jinja.meta.find_undeclared_variables(tree)
        except self._jinja.TemplateSyntaxError as error:  # of an unknown filter too
            return [_fact(SYNTAX, str(error.message), certain=True, path=path, line=error.lineno)]
        except Exception:  # noqa: BLE001 - Jinja works out constants meanwhile, with filters of the user's own
            return []
        return [*self._of_names(tree, names, path), *self._of_includes(tree, path)]

    def _of_names(self, tree: Any, names: set[str], path: str) -> Iterator[dict[str, Any]]:
        is_strict = self._env.undefined is self._jinja.StrictUndefined
        uses = Uses(self._jinja, self._env, tree, self._state, self.names.is_watched, strict=is_strict)
        if uses.is_extended or not self._has_names:  # what the other template sets is not seen here
            return
        found = {name: (uses.node[name], outcome) for name, outcome in uses.outcome.items()}
        for name, node in uses.seen.items():
            found.setdefault(name, (node, RENDERS))
        asks_for_dates = not ASKING_FOR_DATES.isdisjoint(uses.conditions())
        for name in sorted(found):
            node, outcome = found[name]
            owner = name.partition(".")[0]
            is_expected = name in uses.guarded or owner in uses.stored
            is_expected = is_expected or (asks_for_dates and self.names.kind(name) == NO_DATE)
            if owner in names and (outcome == FAILS or not is_expected):
                worst = min(outcome, self._worst)
                certain = worst == FAILS and not self._has_macros and name not in uses.guarded
                kind, told = self.names.kind(name), OUTCOMES[worst]
                fact = _fact(kind, name, certain=certain, path=path, line=node.lineno, detail=told)
                yield dict(fact, instead=self.names.instead(name) if kind == UNDEFINED else "")

    def _state(self, name: str) -> str:
        is_own = name.partition(".")[0] in self._env.globals  # of the DAG's macros, or Jinja's
        return "" if is_own else str(self.names.state(name))

    def _of_includes(self, tree: Any, path: str) -> Iterator[dict[str, Any]]:
        nodes = self._jinja.nodes
        for node in tree.find_all((nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)):
            name = node.template.value if isinstance(node.template, nodes.Const) else None
            found = self._read(name) if isinstance(name, str) and not getattr(node, "ignore_missing", False) else None
            if isinstance(found, dict):
                yield dict(found, path=path, line=node.lineno if path else 0, certain=False)


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


def _extensions(task: Any) -> tuple[str, ...] | None:
    """Return the endings of what the task takes for template files; None for a task that renders by itself."""
    return tuple(task.template_ext) if _is_rendered_by_airflow(task) else None


def _linked(task: Any) -> list[Any]:
    return [*task.inlets, *task.outlets]


def _texts(task: Any) -> Iterator[tuple[str, str]]:
    """Yield field and text of everything that Airflow renders as a template; of a mapped task, what is not mapped."""
    for field in _safe(_fields, task) or ():
        for text in _safe(_texts_of, task, field) or ():
            yield field, text


def _fields(task: Any) -> tuple[str, ...]:
    return tuple(task.template_fields)


def _texts_of(task: Any, field: str) -> list[str]:
    given = getattr(task, "partial_kwargs", None)
    return list(_strings(given.get(field) if given is not None else getattr(task, field, None), set(), 0))


def _safe(read: Callable[..., Any], *arguments: Any) -> Any:
    """Return what an object of the user's tells, None where it raises."""
    try:
        return read(*arguments)
    except Exception:  # noqa: BLE001 - a property of the user's own class
        return None


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
