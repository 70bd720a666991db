"""Run by a release's interpreter: imports every DAG file as the dag-processor would, each in a process of its own.

    python -B probe.py REQUEST

Airflow and the plugins are imported once; for each file a child is forked, so that one that hangs, crashes or eats the
memory is one file lost. Plain files that leave nothing behind share a child (`import_sharing`); where anything is wrong
with one that is not the first, it is imported once more in a child of its own, and only that counts.

The request is JSON: `work_dir`, `jobs`, `memory_bytes`, `roots` (pairs: a folder, its name for the user), `known`
(Variables and Connections), `names` (to be looked for in Airflow), `context` (names that templates have), `watched`
(names in templates to be told of), `absent` (names that only other releases give), `load_timeout_s`. Answers are lines
of JSON in `answers.jsonl` of the work_dir; a line on standard output says that there is a new one. Runs on Python 3.7
too.

Not for judging what it finds: that is `import_findings`.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import select
import signal
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from import_links import repeating_links  # type: ignore[import-not-found]
from import_loading import (  # type: ignore[import-not-found]
    airflow_imports,
    dag_files,
    has_option,
    load_airflow,
    names_there,
    parsed,
    preload,
    preload_name,
    seconds,
    timetable_names,
)
from import_one import FileImport  # type: ignore[import-not-found]
from import_processes import TAIL_BYTES, end_of, kill_group, memory_bytes, tail  # type: ignore[import-not-found]
from import_queue import Queue, Turn  # type: ignore[import-not-found]

# Neither this folder nor what was imported from it is there for the user's files.
del sys.path[:2]
for _name in (
    "import_callables",
    "import_context_uses",
    "import_errors",
    "import_links",
    "import_loading",
    "import_one",
    "import_processes",
    "import_queries",
    "import_queue",
    "import_recorder",
    "import_secrets",
    "import_sharing",
    "import_subjects",
    "import_tasks",
    "import_template_members",
    "import_template_uses",
    "import_template_values",
    "import_templates",
):
    sys.modules.pop(_name)

TERMINATED_EXIT_CODE = 128 + signal.SIGTERM
ENDS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
PR_SET_PDEATHSIG = 1  # linux/prctl.h
FIRST_TO_GO = "1000"  # of /proc/self/oom_score_adj: when memory runs out, the file's process, and nothing of the user's
GIB_BYTES = 1 << 30
RESULT_LISTS = ("dags", "asked", "touches", "warnings", "facts")
NAMES = "names"  # in the place of a file's number
POLL_S = 0.2  # between two looks at how much memory the files take
# Airflow itself ends an import after the first; after the second, the dag-processor kills the file's process, and so
# does this (MWAA user guide, "Performance tuning").
IMPORT_TIMEOUT = ("core", "dagbag_import_timeout")
PROCESSOR_TIMEOUT = ("dag_processor", "dag_file_processor_timeout")
OLD_PROCESSOR_TIMEOUT = ("core", "dag_file_processor_timeout")  # its name before Airflow 3
DEFAULT_IMPORT_TIMEOUT_S = 30.0
DEFAULT_PROCESSOR_TIMEOUT_S = 50.0


class Probe:
    """Loads what all files need, then imports them, `jobs` at a time. `request` is the launcher's."""

    def __init__(self, request: dict[str, Any]) -> None:
        self._request = request
        self._work_dir = Path(request["work_dir"])
        self._answers = (self._work_dir / "answers.jsonl").open("a", encoding="utf-8")
        self._running: dict[int, Turn] = {}  # pid -> what it imports
        self._prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None
        self._import: Any = None
        self._links: dict[str, str] = {}
        self._queue = Queue((), (), 1)
        self._shared: set[str] = set()  # modules of Airflow that some file imported
        self._wake_end = -1  # written to: there is something to look at
        self._limit_s, self._processor_limit_s = DEFAULT_IMPORT_TIMEOUT_S, DEFAULT_PROCESSOR_TIMEOUT_S

    def run(self) -> None:
        for number in ENDS:
            signal.signal(number, self._end)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(int(self._request["load_timeout_s"]))  # a plugin that hangs
        paths = self._load()
        signal.alarm(0)
        links = {self._name(path): kind for path, kind in self._links.items()}
        option = ".".join(PROCESSOR_TIMEOUT if has_option(*PROCESSOR_TIMEOUT) else OLD_PROCESSOR_TIMEOUT)
        limits = {"limit_s": self._limit_s, "processor_limit": (option, self._processor_limit_s)}
        loaded = {"timetables": timetable_names(), "plugins_asked": self._import.plugins_asked}
        self._answer(files=[self._name(path) for path in paths], links=links, **loaded, **limits)
        gc.collect()
        gc.freeze()  # what no child collects need not be copied for it
        self._import_all()
        self._answer(names=self._names() if self._request["names"] else {})
        self._answer(done=True)

    def _load(self) -> list[str]:
        """Import Airflow, the plugins, and what the files import of Airflow; return the DAG files."""
        self._import = FileImport(self._request)
        load_airflow(self._import.answer_secrets)
        self._limit_s = seconds(*IMPORT_TIMEOUT, DEFAULT_IMPORT_TIMEOUT_S)
        old = seconds(*OLD_PROCESSOR_TIMEOUT, DEFAULT_PROCESSOR_TIMEOUT_S)
        self._processor_limit_s = seconds(*PROCESSOR_TIMEOUT, old)
        settings: Any = importlib.import_module("airflow.settings")
        self._request["dags_dir"] = settings.DAGS_FOLDER
        paths: list[str]
        paths, links = dag_files(settings.DAGS_FOLDER)
        self._links = {**links, **repeating_links(settings.PLUGINS_FOLDER)}
        imports: dict[tuple[str, str], None] = {}
        plain = []
        for path in paths:
            tree = parsed(path)
            if tree is not None:
                imports.update(dict.fromkeys(airflow_imports(tree)))
                plain += [path] if self._import.may_share(path, tree) else []
        for module in dict.fromkeys(module for module, _ in imports):
            preload(module)
        for module, name in imports:
            preload_name(module, name)
        self._import.warm_up(self._work_dir)
        self._import.prepare()
        self._queue = Queue(paths, plain, self._request["jobs"])
        return paths

    def _import_all(self) -> None:
        wake, self._wake_end = os.pipe()
        for end in (wake, self._wake_end):
            os.set_blocking(end, False)
        signal.signal(signal.SIGCHLD, lambda *_args: None)
        signal.set_wakeup_fd(self._wake_end)
        while self._queue or self._running:
            while self._queue and len(self._running) < self._request["jobs"]:
                self._begin(self._queue.turn())
            ready, _, _ = select.select([wake], [], [], POLL_S)
            if ready:
                os.read(wake, TAIL_BYTES)
            self._look()

    def _begin(self, turn: Turn) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            self._be_child(turn)
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)  # here as well as there: whoever comes first
        self._running[pid] = turn

    def _names(self) -> dict[str, bool]:
        """Look for the names in a process of its own, as old modules do all sorts of things when imported."""
        path = self._work_dir / f"{NAMES}.json"
        pid = os.fork()
        if pid == 0:
            try:
                self._prepare_child()
                self._say_into(NAMES)
                signal.alarm(int(self._processor_limit_s) or 1)
                new_path = self._work_dir / f"{NAMES}.new"
                new_path.write_text(json.dumps(names_there(self._request["names"])), encoding="utf-8")
                new_path.rename(path)
            finally:
                os._exit(0)
        self._running[pid] = Turn([])  # so that it ends when this does
        os.waitpid(pid, 0)
        del self._running[pid]
        kill_group(pid)
        found: dict[str, bool] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        return found

    def _look(self) -> None:
        for pid, turn in list(self._running.items()):
            self._take(turn)
            verdict = self._verdict(pid, time.monotonic() - turn.begun)
            if verdict:
                kill_group(pid)
            ended, status = os.waitpid(pid, 0 if verdict else os.WNOHANG)
            if ended:
                del self._running[pid]
                kill_group(pid)  # what the file has left running
                self._take(turn)
                self._ended(turn, status, verdict or end_of(status))

    def _take(self, turn: Turn) -> None:
        """Answer for the files of a process that are done."""
        while turn.files:
            result_path = self._work_dir / f"{turn.files[0][0]}.json"
            if not result_path.exists():
                break
            result = json.loads(result_path.read_text(encoding="utf-8"))
            result_path.unlink()
            number, path = turn.next()
            imported = result.pop("imported")
            if self._queue or turn.files:
                self._share(imported)
            self._tell(number, path, result)

    def _share(self, modules: list[str]) -> None:
        """Import for the files to come what one has imported of Airflow without naming it, as `@task.bash` does."""
        new = [name for name in reversed(modules) if name not in self._shared]
        if new:
            self._shared.update(new)
            for name in new:
                preload(name)
            self._import.note_modules()
            gc.freeze()

    def _ended(self, turn: Turn, status: int, end: tuple[str, str]) -> None:
        """Do with what a process has left undone: its first file is lost, any other gets another one."""
        if not turn.files:
            return
        if turn.done == 0:
            number, path = turn.files.pop(0)
            kind, said = end
            trace = tail(self._work_dir / f"{number}.out")
            lost = {"kind": kind, "said": said, "path": self._name(path), "line": 0, "trace": trace}
            result: dict[str, Any] = {name: [] for name in RESULT_LISTS}
            errors = [dict(lost, missing="", connection=False, subjects=[])]
            self._tell(number, path, dict(result, seconds=time.monotonic() - turn.begun, errors=errors))
        elif status != 0:
            self._queue.alone(turn.files.pop(0))
        self._queue.back(turn.files)

    def _verdict(self, pid: int, taken_s: float) -> tuple[str, str] | None:
        """Return kind and reason where the file's process is to be killed."""
        if taken_s > self._processor_limit_s:
            return "killed", f"it was not done after {self._processor_limit_s:g} s and was killed"
        limit = self._request["memory_bytes"]
        if memory_bytes(pid) > limit:
            return "died", f"it took more than {limit / GIB_BYTES:g} GB of memory and was killed"
        return None

    def _tell(self, number: int, path: str, result: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):
            (self._work_dir / f"{number}.out").unlink()
        self._answer(file=self._name(path), **result)

    def _be_child(self, turn: Turn) -> None:
        """Import the files, leave each result where the parent finds it, and end: with 0 where nothing is wrong."""
        try:
            pid = os.getpid()
            self._prepare_child()
            self._import.begin(shares=len(turn.files) > 1)
            for number, path in turn.files:
                self._say_into(number)
                result = self._import.run(path)
                if os.getpid() != pid:  # the file has forked
                    break
                if self._import.is_to_be_seen_alone(result):
                    break
                new_path = self._work_dir / f"{number}.new"
                new_path.write_text(json.dumps(result), encoding="utf-8")
                new_path.rename(self._work_dir / f"{number}.json")
                with contextlib.suppress(OSError):  # full: then it is looked at anyway
                    os.write(self._wake_end, b"\n")
                if number == turn.files[-1][0] or not self._import.left_nothing(result):
                    os._exit(0)
        finally:
            sys.excepthook(*sys.exc_info()) if sys.exc_info()[1] is not None else None
            sys.stderr.flush()
            os._exit(1)

    def _prepare_child(self) -> None:
        signal.set_wakeup_fd(-1)
        for name in (*ENDS, signal.SIGCHLD):
            signal.signal(name, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.setpgid(0, 0)
        if self._prctl is not None:
            self._prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
            with contextlib.suppress(OSError):
                Path("/proc/self/oom_score_adj").write_text(FIRST_TO_GO, encoding="utf-8")
        self._answers.close()
        os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "client"  # Airflow 3: as for the dag-processor's child

    def _say_into(self, number: int | str) -> None:
        """Keep what is printed from now on beside the file's result."""
        output = os.open(str(self._work_dir / f"{number}.out"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        for stream in (1, 2):
            os.dup2(output, stream)
        os.close(output)

    def _name(self, path: str) -> str:
        for root, name in self._request["roots"]:
            if path.startswith(root + "/"):
                return str(name) + path[len(root) :]
        return path

    def _answer(self, **members: Any) -> None:
        self._answers.write(json.dumps(members) + "\n")
        self._answers.flush()
        os.write(1, b"\n")

    def _end(self, _number: int, _frame: Any) -> None:
        for pid in self._running:
            kill_group(pid)
        os._exit(TERMINATED_EXIT_CODE)


def main() -> None:
    path = Path(sys.argv[1])
    request = json.loads(path.read_text(encoding="utf-8"))
    path.unlink()  # it may hold secrets
    sys.argv[:] = ["airflow", "dag-processor"]
    Probe(request).run()


if __name__ == "__main__":
    main()
