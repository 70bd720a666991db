"""Inside a release's interpreter: import one DAG file as the dag-processor does, and report the result.

Runs in a child of `probe`, which ends after it; on Python 3.7 too.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import inspect
import json
import linecache
import re
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from import_errors import TIMEOUT_ERROR, described, of_text  # type: ignore[import-not-found]
from import_loading import has_module  # type: ignore[import-not-found]
from import_queries import answer_airflows_queries  # type: ignore[import-not-found]
from import_recorder import Recorder, patch  # type: ignore[import-not-found]
from import_secrets import Secrets  # type: ignore[import-not-found]
from import_sharing import Traces, is_plain  # type: ignore[import-not-found]
from import_tasks import Tasks  # type: ignore[import-not-found]

WARM_UP = """
import inspect
from datetime import datetime, timedelta
from airflow import DAG
from airflow.models import BaseOperator

word = "schedule" if "schedule" in inspect.signature(DAG.__init__).parameters else "schedule_interval"
with DAG("warm_up", start_date=datetime(2024, 1, 1), catchup=False, tags=["warm"], **{word: "@daily"}) as dag:
    one = BaseOperator(task_id="one", retries=1, retry_delay=timedelta(minutes=1))
    one >> BaseOperator(task_id="two")
"""
BUNDLE = "dags-folder"  # what Airflow 3 calls the one that MWAA has
AIRFLOW_PACKAGE = "airflow."
WORD = re.compile(r"\w+")


class FileImport:
    """Imports one file. `request` is the launcher's, see `probe`."""

    def __init__(self, request: dict[str, Any]) -> None:
        self._path = ""
        self._request = request
        self._recorder = Recorder(request["roots"])
        self._secrets = Secrets(self._recorder, request["known"])
        self._tasks = Tasks(self._recorder, request)
        self._told: dict[str, dict[str, Any]] = {}  # what Airflow keeps of an error -> what is known of it
        self._last_before: tuple[str, Any] = ("", None)  # of the modules that are there for all files
        self._names_before: set[str] = set()  # the user's files among them
        self._offered: list[Any] = []  # DAGs that Airflow was about to take, also those that a policy then left out
        self._traces: Traces | None = None  # where other files follow in this process
        self._count = 0
        self.plugins_asked = False  # whether loading the plugins asked for what MWAA may answer in another way
        self._shared_names: set[str] | None = None  # first names of the user's modules that all files share

    @property
    def _dags_dir(self) -> str:
        return str(self._request["dags_dir"])  # known once Airflow is imported

    def answer_secrets(self) -> None:
        """Answer what is asked of Variables and Connections from now on, by plugins too, and note connections."""
        self._secrets.install()
        self._recorder.watch_network()

    def prepare(self) -> None:
        """Change this process, or the one that it is to be forked from, so that it notes what a file does."""
        answer_airflows_queries()
        self.plugins_asked = self._recorder.asked_outside
        self._recorder.forget()  # what plugins did is not the files'
        self._recorder.watch_database()
        self._recorder.watch_warnings()
        self._tasks.watch()
        self._keep_errors()
        self._note_offered()
        self._names_before = self._names_of(list(sys.modules.values()))
        self.note_modules()

    def note_modules(self) -> None:
        """Note what is there for all files from now on."""
        self._last_before = list(sys.modules.items())[-1]

    def warm_up(self, folder: Path) -> None:
        """Import a small DAG of our own, so that what Airflow does once is done once for all files."""
        path = folder / "warm_up.py"
        path.write_text(WARM_UP, encoding="utf-8")
        before = list(sys.path)
        with contextlib.suppress(Exception):  # a policy of the user's may refuse it
            for dag in _bag(str(path), str(folder)).dags.values():
                _serializer()(dag)
        sys.path[:] = before

    def may_share(self, path: str, tree: ast.Module) -> bool:
        """Return whether a file may be imported in one process with others, as far as its text tells.

        What has to do with modules of the user's that are loaded for all files, its plugins, has one of its own.
        """
        if self._shared_names is None:
            own = [name for name, module in list(sys.modules.items()) if self._names_of([module]) - {""}]
            self._shared_names = {name.split(".")[0] for name in own}
        if not is_plain(tree):
            return False
        try:
            words = set(WORD.findall(Path(path).read_text(encoding="utf-8", errors="replace")))
        except OSError:  # gone meanwhile
            return False
        return not self._shared_names & words

    def begin(self, *, shares: bool) -> None:
        """Note how the process is before the first file; `shares` is whether others may follow."""
        _put_on_path(self._dags_dir)
        self._traces = Traces() if shares else None

    def is_to_be_seen_alone(self, answer: dict[str, Any]) -> bool:
        """Return whether an answer tells of something, which may be due to the files before it."""
        return self._count > 1 and bool(answer["errors"] or answer["facts"])

    def left_nothing(self, answer: dict[str, Any]) -> bool:
        """Return whether another file may follow: this one has left nothing that it could notice, and no line that
        warns once in a process has done so."""
        noted = any(answer[name] for name in ("errors", "touches", "warnings"))
        new_modules = [name for name, _ in self._new_modules()]
        if noted or self._traces is None or not self._traces.none_left(new_modules):
            return False
        self._recorder.forget()
        self._tasks.forget()
        self._told.clear()
        self._offered.clear()
        return True

    def run(self, path: str) -> dict[str, Any]:
        """Return the answer on the file."""
        self._path = path
        self._count += 1
        answer: dict[str, Any] = {"dags": [], "errors": [], "facts": []}
        started = time.monotonic()
        try:
            bag = _bag(self._path, self._dags_dir)
        except BaseException as error:  # noqa: BLE001 - SystemExit too, which Airflow 2 lets end the process
            answer["seconds"] = time.monotonic() - started
            answer["errors"].append(self._error(error, "ended" if isinstance(error, SystemExit) else ""))
        else:
            answer["seconds"] = time.monotonic() - started
            answer["dags"] = list(self._dags(bag, answer["errors"]))
            answer["errors"] += [self._said(str(path), str(text)) for path, text in bag.import_errors.items()]
            answer["facts"] = self._tasks.facts(list(bag.dags.values()))
            answer["lost"] = self._tasks.lost([*bag.dags.values(), *self._offered], self._name(self._path))
        recorder = self._recorder
        answer["loaded"] = sorted(self._loaded())
        answer["imported"] = [name for name, _ in self._new_modules() if name.startswith(AIRFLOW_PACKAGE)]
        answer.update(asked=recorder.asked, defaulted=recorder.defaulted)
        return dict(answer, touches=recorder.touches, warnings=recorder.warnings)

    def _loaded(self) -> set[str]:
        """Return the user's files that were run for this one, itself left out."""
        return (self._names_before | self._names_of([module for _, module in self._new_modules()])) - {
            "",
            self._name(self._path),
        }

    def _new_modules(self) -> list[tuple[str, Any]]:
        """Return name and module of what was imported since `prepare`, without a look at the thousands before it.

        They share their memory with all files as long as nobody touches them, and some import others when touched.
        """
        name_before, module_before = self._last_before
        new = []
        for name in reversed(sys.modules if sys.version_info >= (3, 8) else list(sys.modules)):
            module = sys.modules[name]
            if name == name_before and module is module_before:
                break
            new.append((name, module))
        return new

    def _names_of(self, modules: list[Any]) -> set[str]:
        files = (getattr(module, "__file__", None) for module in modules)
        return {self._recorder.name_of(str(file)) for file in files if file}

    def _keep_errors(self) -> None:
        """Keep the exceptions that Airflow turns into text where it handles them."""
        format_exc = traceback.format_exc

        def kept(*args: Any, **more: Any) -> str:
            text = format_exc(*args, **more)
            error = sys.exc_info()[1]
            if error is not None:
                self._told[text] = self._error(error)
            return text

        patch(traceback, format_exc=kept)

    def _note_offered(self) -> None:
        kind, offered = _bags().DagBag, self._offered
        bag_dag = kind.bag_dag

        def noted(own: Any, *args: Any, **more: Any) -> Any:
            offered.append(more["dag"] if "dag" in more else args[0])
            return bag_dag(own, *args, **more)

        patch(kind, bag_dag=noted)

    def _dags(self, bag: Any, errors: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yield the DAGs; what cannot be serialised is an import error, as in the dag-processor."""
        to_dict = _serializer()
        for dag in list(bag.dags.values()):
            try:
                json.dumps(to_dict(dag), sort_keys=True)  # Airflow's hash of it
            except Exception as error:  # noqa: BLE001 - so does Airflow
                errors.append(dict(self._error(error), path=self._name(str(dag.fileloc))))
                continue
            if not getattr(dag, "is_subdag", False):
                maker = self._tasks.maker_of(str(dag.dag_id), self._name(self._path))
                yield {"id": str(dag.dag_id), "tasks": len(dag.task_ids), "line": _line_of(dag), "maker": maker}

    def _name(self, path: str) -> str:
        if not path.startswith("/"):  # below the bundle, as Airflow 3 says it
            path = f"{self._dags_dir}/{path}"
        return str(self._recorder.name_of(path)) or path

    def _said(self, path: str, text: str) -> dict[str, Any]:
        """Return an import error of the bag: of an exception that was kept, or else of Airflow's text."""
        told = self._told.get(text)
        if told is None:  # then nothing but Airflow's words is left of it
            lines = text.strip().splitlines() or ["no reason given"]
            kind = "timeout" if TIMEOUT_ERROR in text else "error"
            said = lines[0] if len(lines) == 1 or not lines[0].startswith("Traceback") else lines[-1]
            told = dict(of_text(said), kind=kind)
        return dict(told, path=told.get("path") or self._name(path))

    def _error(self, error: BaseException, kind: str = "") -> dict[str, Any]:
        told = described(self._recorder, error, kind)
        return dict(told, path=told["path"] or self._name(self._path))


def _bags() -> Any:
    """Return the module that has the release's DagBag."""
    name = "airflow.dag_processing.dagbag" if has_module("airflow.dag_processing.dagbag") else "airflow.models.dagbag"
    return importlib.import_module(name)


def _bag(path: str, dags_dir: str) -> Any:
    """Return the DagBag of one file, made as the release's dag-processor makes it."""
    wishes = {
        "bundle_path": Path(dags_dir),
        "bundle_name": BUNDLE,
        "include_examples": False,
        "include_smart_sensor": False,
        "load_op_links": False,
    }
    bags = _bags()
    _put_on_path(dags_dir)
    known = inspect.signature(bags.DagBag.__init__).parameters
    return bags.DagBag(path, **{key: value for key, value in wishes.items() if key in known})


def _put_on_path(dags_dir: str) -> None:
    """Put the folder of the bundle on the path, at its end, where Airflow 3 has it."""
    if dags_dir not in sys.path:
        sys.path.append(dags_dir)


def _serializer() -> Any:
    serialized: Any = importlib.import_module("airflow.serialization.serialized_objects")
    name = "DagSerialization" if hasattr(serialized, "DagSerialization") else "SerializedDAG"
    return getattr(serialized, name).to_dict


def _line_of(dag: Any) -> int:
    """Return the first line that names the DAG: as a text or, with the decorator, as a function; 0 for none.

    Comments name it too, and arguments such as `trigger_dag_id`, of tasks of other DAGs.
    """
    name = re.escape(str(dag.dag_id))
    pattern = re.compile(
        rf"""^[^#]*(?<!trigger_dag_id=)(?<!external_dag_id=)(["']){name}\1|^\s*(async )?def {name}\("""
    )
    lines = linecache.getlines(str(dag.fileloc))
    return next((number for number, line in enumerate(lines, 1) if pattern.search(line)), 0)
