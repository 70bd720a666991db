"""Inside a release's interpreter: facts about imported tasks that tell what they cannot do on MWAA.

An imported task knows its templates, pool and commands however its file computed them. `task_findings` judges. Runs on
Python 3.7 too.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from import_callables import Callables  # type: ignore[import-not-found]
from import_context_uses import functions_of  # type: ignore[import-not-found]
from import_recorder import Recorder, patch  # type: ignore[import-not-found]
from import_templates import NO_FILE, Templates  # type: ignore[import-not-found]

# Kinds of facts, besides those of `import_templates`.
POOL, DAG, POD, MAIL, COMMAND = "pool", "dag", "pod", "mail", "command"
DAG_CLASSES = ("airflow.models.dag", "airflow.models", "airflow.sdk.definitions.dag")
HOLDING_DAG = ("self", "i")  # what DAG's constructor calls it, before Airflow 3 and since: there a validator of attrs
DEFAULT_POOL = "default_pool"  # airflow.models.pool.Pool.DEFAULT_POOL_NAME
# Operators of Airflow -> the argument with the id of another DAG of the same environment.
OTHER_DAG = {
    "TriggerDagRunOperator": "trigger_dag_id",
    "ExternalTaskSensor": "external_dag_id",
    "ExternalTaskMarker": "external_dag_id",
}
POD_KEYS = ("KubernetesExecutor", "pod_override", "pod_template_file")
DEFAULT_MAILER = "airflow.utils.email.send_email_smtp"  # email.email_backend
DEFAULT_MAIL_HOST = "localhost"  # smtp.smtp_host
MAIL_OPTION, MAIL_CONNECTION = "smtp.smtp_host", "smtp_default"
MAIL_OPERATORS = ("airflow.operators.email", "airflow.operators.email_operator")  # those that use smtp.smtp_host
WRITING_VARIABLES = ("DBT_LOG_PATH", "DBT_TARGET_PATH", "DBT_PACKAGES_INSTALL_PATH")
MAX_COMMAND_CHARACTERS = 20000
MAX_FRAMES = 60  # from where a task is made to the user's line
FOLDERS = ("dags", "plugins")


class Tasks:
    """Notes where tasks are made, and tells facts about them. `request` is the launcher's, see `probe`."""

    def __init__(self, recorder: Recorder, request: dict[str, Any]) -> None:
        self._recorder = recorder
        self._connections = request["known"]["connections"]
        self._places: dict[int, tuple[Any, str, int]] = {}  # id of a task -> the task, file, line
        self._makers: dict[str, list[str]] = {}  # id of a DAG -> files that made one
        self._made: list[tuple[Any, str, int]] = []  # DAG; file and line of the top level that made it
        self._sources: dict[str, str] = {}
        self._templates = Templates(request["context"], request["watched"], self._sources)
        self._callables = Callables(request["context"], request["absent"], recorder.name_of)

    def forget(self) -> None:
        """Let go of the tasks and DAGs of files that are done."""
        self._places.clear()
        self._makers.clear()
        self._made.clear()
        self._sources.clear()
        self._templates.forget()
        functions_of.cache_clear()

    def watch(self) -> None:
        """From now on, note the line that makes each task, and which template files are read."""
        self._templates.prepare()
        seen = []
        for name in DAG_CLASSES:
            with contextlib.suppress(ImportError, AttributeError):
                module: Any = importlib.import_module(name)
                kind = module.DAG
                if kind not in seen:
                    seen.append(kind)
                    self._watch_tasks_of(kind)
                    self._watch_makers(importlib.import_module(kind.__module__))
        loader: Any = importlib.import_module("jinja2").FileSystemLoader
        get_source, sources = loader.get_source, self._sources

        def noted(own: Any, environment: Any, template: str) -> Any:
            found = get_source(own, environment, template)
            sources[found[0]] = found[1]
            return found

        patch(loader, get_source=noted)

    def _watch_tasks_of(self, kind: Any) -> None:
        add_task, places = kind.add_task, self._places

        def noted(own: Any, task: Any, *args: Any, **more: Any) -> Any:
            if id(task) not in places:
                places[id(task)] = (task, *self._place(task))
            return add_task(own, task, *args, **more)

        patch(kind, add_task=noted)

    def _watch_makers(self, module: Any) -> None:
        """Note which file makes a DAG, by the check of its id, the first thing that each release does with it.

        The class stays as it is: users look at its signature, and it takes the file of its caller for the DAG's own.
        """
        validate_key, makers, made = module.validate_key, self._makers, self._made

        def noted(key: Any, *args: Any, **more: Any) -> Any:
            file, line = self._running_line()
            makers.setdefault(str(key), []).append(file)
            held = sys._getframe(1).f_locals
            dag = next((held[name] for name in HOLDING_DAG if name in held), None)
            if dag is not None:
                made.append((dag, file, line))
            return validate_key(key, *args, **more)

        patch(module, validate_key=noted)

    def _running_line(self) -> tuple[str, int]:
        """Return the user's file whose top level is being run, and where: of an import, the one that is imported."""
        frame: Any = sys._getframe(1)
        while frame is not None:
            name = self._recorder.name_of(frame.f_code.co_filename) if frame.f_code.co_name == "<module>" else ""
            if name:
                return str(name), frame.f_lineno
            frame = frame.f_back
        return "", 0

    def lost(self, dags: Iterable[Any], own: str) -> list[dict[str, Any]]:
        """Return id and line of the DAGs that a file has made, with tasks, and that are not among its `dags`.

        What belongs to another DAG, by its id a SubDag, and ids that one of `dags` has are left out.
        """
        there = {str(dag.dag_id) for dag in dags}
        found: dict[str, dict[str, Any]] = {}
        with contextlib.suppress(Exception):  # a class of the user's own
            parents = there | {str(dag.dag_id) for dag, _, _ in self._made}
            for dag, file, line in self._made:
                name = str(dag.dag_id)
                if file == own and name not in there and name.rpartition(".")[0] not in parents and dag.task_ids:
                    found.setdefault(name, {"id": name, "line": line})
        return list(found.values())

    def maker_of(self, dag_id: str, own: str) -> str:
        """Return the file whose top level made a DAG, `own` if that did so too; "" where it is not known."""
        makers = self._makers.get(dag_id, [""])
        return own if own in makers else makers[-1]

    def _place(self, task: Any) -> tuple[str, int]:
        """Return the user's line that makes the task: not the one in its class that goes on to Airflow's."""
        frame: Any = sys._getframe(1)
        for _ in range(MAX_FRAMES):
            if frame is None:
                break
            code = frame.f_code
            name = self._recorder.name_of(code.co_filename)
            first = code.co_varnames[0] if code.co_argcount else ""
            if name and not (first and frame.f_locals.get(first) is task):
                return name, frame.f_lineno
            frame = frame.f_back
        return "", 0

    def facts(self, dags: list[Any]) -> list[dict[str, Any]]:
        """Return the facts of these DAGs: `kind`, `what`, `certain`, `dag_id`, `task_id`, `operator`, `field`, `path`,
        `line`, `file` and `file_line` of a template file, `detail`, `instead`.

        What an object of the user's refuses to tell is left out: a task that can be imported is no error here.
        """
        found: list[dict[str, Any]] = []
        of_mail = functools.partial(_of_mail, missing=_missing_for_mails(self._connections))
        for dag in dags:
            with contextlib.suppress(Exception):
                for task, fact in self._templates.facts(dag):
                    found.append(self._whole(dag, task, fact))
            of_callables = functools.partial(self._callables.facts, dag)
            for task in dag.tasks:
                for look in (of_callables, _of_pool, _of_other_dag, _of_executor, of_mail, _of_command):
                    with contextlib.suppress(Exception):  # a property of the user's own class
                        found += [self._whole(dag, task, fact) for fact in look(task)]
        return found

    def _whole(self, dag: Any, task: Any, fact: dict[str, Any]) -> dict[str, Any]:
        _, path, line = self._places.get(id(task), (None, "", 0))
        file = fact.get("path", "")
        kind = getattr(task, "operator_class", None) or type(task)
        told_of_folders = fact["kind"] == NO_FILE
        return {
            "kind": fact["kind"],
            "what": fact["what"],
            "certain": fact.get("certain", True),
            "dag_id": str(dag.dag_id),
            "task_id": str(task.task_id),
            "operator": getattr(kind, "__name__", ""),
            "field": fact["field"],
            "path": path or self._recorder.name_of(str(dag.fileloc)),
            "line": line,
            "file": self._recorder.name_of(file) or file,
            "file_line": fact.get("line", 0),
            "detail": self._named(fact["detail"]) if told_of_folders else fact.get("detail", ""),
            "instead": fact.get("instead", ""),
        }

    def _named(self, folders: str) -> str:
        """Return folders, one a line, as the user knows them."""
        plain = [os.path.normpath(folder) for folder in folders.splitlines()]  # "dags/../include" is not below dags/
        named = (self._recorder.name_of(f"{folder}/.")[:-2] or folder for folder in plain)
        return "\n".join(dict.fromkeys(named))


def _of_pool(task: Any) -> Iterator[dict[str, Any]]:
    pool = _value(task, "pool")
    if isinstance(pool, str) and pool and pool != DEFAULT_POOL:
        yield {"kind": POOL, "what": str(pool), "field": "pool"}


def _of_other_dag(task: Any) -> Iterator[dict[str, Any]]:
    names = _class_names(task)
    for name, field in OTHER_DAG.items():
        other = _value(task, field) if name in names else None
        if isinstance(other, str) and other and "{{" not in other and "{%" not in other:
            yield {"kind": DAG, "what": str(other), "field": field}
            break


def _of_executor(task: Any) -> Iterator[dict[str, Any]]:
    config = _value(task, "executor_config")
    keys = [key for key in POD_KEYS if isinstance(config, dict) and config.get(key)]
    if keys:
        yield {"kind": POD, "what": keys[0], "field": "executor_config"}


def _of_mail(task: Any, missing: str) -> Iterator[dict[str, Any]]:
    kind = getattr(task, "operator_class", None) or type(task)
    modules = [base.__module__ for base in getattr(kind, "__mro__", ())]
    what, field = "", "email"
    if not missing:
        return
    if any(module in MAIL_OPERATORS for module in modules):
        what, field = "EmailOperator", "to"
    elif _value(task, "email"):
        retries = _value(task, "retries")
        if _value(task, "email_on_failure"):
            what = "email_on_failure"
        elif _value(task, "email_on_retry") and isinstance(retries, int) and retries > 0:
            what = "email_on_retry"
    if what:
        yield {"kind": MAIL, "what": what, "field": field, "detail": missing}


def _of_command(task: Any) -> Iterator[dict[str, Any]]:
    """Yield a shell command that has to do with the project's folders, with its folder and what dbt's variables are."""
    if "BashOperator" not in _class_names(task):
        return
    text, cwd, env = (_value(task, name) for name in ("bash_command", "cwd", "env"))
    cwd = str(cwd) if isinstance(cwd, (str, os.PathLike)) else ""
    if not isinstance(text, str):
        return
    home = os.environ.get("AIRFLOW_HOME", "/usr/local/airflow")
    if not any(f"/{name}" in text + cwd for name in FOLDERS) and "AIRFLOW_HOME" not in text:
        return
    given = {name: str(env[name]) for name in WRITING_VARIABLES if isinstance(env, dict) and name in env}
    if not env or _value(task, "append_env"):
        given = {**{name: os.environ[name] for name in WRITING_VARIABLES if name in os.environ}, **given}
    lines = [f"home={home}", f"cwd={cwd}", *(f"{name}={value}" for name, value in given.items())]
    yield {
        "kind": COMMAND,
        "what": str(text)[:MAX_COMMAND_CHARACTERS],
        "field": "bash_command",
        "detail": "\n".join(lines),
    }


def _value(task: Any, name: str) -> Any:
    """Return an argument of a task; of a mapped one, what is the same for all, and None for what differs."""
    partial = getattr(task, "partial_kwargs", None)
    return partial.get(name) if partial is not None else getattr(task, name, None)


def _class_names(task: Any) -> list[str]:
    kind = getattr(task, "operator_class", None) or type(task)
    return [base.__name__ for base in getattr(kind, "__mro__", ()) if base.__module__.startswith("airflow.")]


def _missing_for_mails(known: Mapping[str, str]) -> str:
    """Return the option, or in Airflow 3 the connection, without which mails get nowhere; "" where there is all.

    Airflow 2 sends to smtp.smtp_host (airflow.utils.email), 3 by a connection (airflow.sdk.execution_time.task_runner).
    """
    conf: Any = importlib.import_module("airflow.configuration").conf
    mailer = conf.get("email", "email_backend", fallback=DEFAULT_MAILER)
    if mailer != DEFAULT_MAILER:
        return ""
    if str(importlib.import_module("airflow").__version__).startswith(("1.", "2.")):
        return MAIL_OPTION if conf.get("smtp", "smtp_host", fallback=DEFAULT_MAIL_HOST) == DEFAULT_MAIL_HOST else ""
    name = str(conf.get("email", "email_conn_id", fallback=MAIL_CONNECTION))
    return "" if name in known or f"AIRFLOW_CONN_{name.upper()}" in os.environ else name
