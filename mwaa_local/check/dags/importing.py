"""Import every DAG file in the release's own packages, as MWAA's dag-processor would; say what each file did.

Without database, broker and running environment, in processes that are gone afterwards (`probe`). The files see their
project as `/usr/local/airflow` where this machine allows it. Their code really runs; only the metadata database and
secrets backends are missing.
"""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mwaa_local import isolation
from mwaa_local.check.context import CheckContext
from mwaa_local.check.dags import template_names
from mwaa_local.check.dags.import_limits import DEFAULT_PROCESSOR_LIMIT, Limit
from mwaa_local.check.dags.import_results import ImportedDags, ImportedFile
from mwaa_local.command import Completed, Request, run
from mwaa_local.files import write_private
from mwaa_local.masking import Mask
from mwaa_local.packages import PythonEnvironment
from mwaa_local.project import TEMPORARY_NAME
from mwaa_local.sandbox import Shown, end_processes_of, finish_home, import_env, secrets_in
from mwaa_local.scratch import scratch_folder
from mwaa_local.seeding.airflow_settings import KnownValues
from mwaa_local.startup.state import ContainerState

PROBE_PATH = Path(__file__).parents[2] / "guest" / "dags" / "probe.py"
LOAD_TIMEOUT_S = 120  # for Airflow, the plugins and what the files import of Airflow: 15 s on a small machine
GIB_BYTES = 1 << 30
LAST_LINES = 8  # of what was said before Python ended
# What would take away the text that the cut traceback is made from.
KEPT_TRACEBACKS = "AIRFLOW__CORE__DAGBAG_IMPORT_ERROR_TRACEBACKS"
OnFile = Callable[[ImportedFile], None]


@dataclass(frozen=True)
class DagsImport:
    """Imports a project's DAG files with packages that have the requirements where they matter.

    `jobs` files are imported at a time; `state` is what the startup script left in the scheduler. A file that takes
    more memory than `memory_bytes` is ended; None is what the scheduler of the environment class has. `names` are
    dotted names of which is to be told whether the release can import them.
    """

    context: CheckContext
    packages: PythonEnvironment
    jobs: int
    known: KnownValues = field(default_factory=KnownValues, repr=False)
    state: ContainerState = field(default_factory=ContainerState)
    memory_bytes: int | None = None
    names: tuple[str, ...] = ()

    def run(self, on_file: OnFile) -> ImportedDags:
        """Return what every file did. `on_file` is told of each as soon as it is known, on another thread."""
        started = time.monotonic()
        with scratch_folder("mwaa-local-dags-") as folder:
            work_dir = folder.resolve()
            home_dir = self.state.home_dir or work_dir / "airflow"
            (home_dir / TEMPORARY_NAME).mkdir(parents=True, exist_ok=True)
            finish_home(home_dir, self.packages, self.context.release)
            shown = Shown(home_dir, self.context.folders, work_dir)
            mask = Mask(secrets_in(self._component_env(work_dir, work_dir), self.known))
            answers = _Answers(work_dir / "answers.jsonl", home_dir, mask, on_file)
            try:
                completed = run(self._request(shown), lambda _line: answers.read())
            finally:
                end_processes_of(work_dir)
            answers.read()
            note = shown.problem
            problem = "" if answers.done else answers.mask(_why_ended(completed))
            files = tuple(sorted(answers.files, key=lambda file: file.path))
            elapsed_s = time.monotonic() - started
            known = (answers.names, answers.links, answers.processor_limit, answers.timetables, answers.plugins_asked)
            return ImportedDags(files, answers.limit_s, elapsed_s, problem, note, *known)

    def _request(self, shown: Shown) -> Request:
        work_dir, home_dir = shown.work_dir, shown.home_dir
        write_private(work_dir / "probe.json", json.dumps(self._probe_request(work_dir, home_dir)))
        # -B: no bytecode into the user's own folders.
        argv = [str(self.packages.python_path), "-B", str(PROBE_PATH), str(work_dir / "probe.json")]
        envs = {home: self._component_env(work_dir, home) for home in (isolation.MWAA_HOME_DIR, home_dir)}
        return Request(shown.argv(argv, envs), envs[home_dir], home_dir)

    def _probe_request(self, work_dir: Path, home_dir: Path) -> dict[str, Any]:
        homes = (isolation.MWAA_HOME_DIR, home_dir)
        roots = [(str(home / name), name) for home in homes for name in ("dags", "plugins")]
        roots += [(str(folder.resolve()), name) for name, folder in self.context.project.delivery.folders.items()]
        class_bytes = self.context.environment.environment_class_facts.scheduler.memory_gb * GIB_BYTES
        return {
            "work_dir": str(work_dir),
            "jobs": self.jobs,
            "memory_bytes": self.memory_bytes or class_bytes,
            "roots": roots,
            "known": {"variables": dict(self.known.variables), "connections": dict(self.known.connections)},
            "names": self.names,
            "context": template_names.context(self.context.release),
            "watched": template_names.watched(self.context.release),
            "absent": template_names.absent(self.context.release),
            "load_timeout_s": LOAD_TIMEOUT_S,
        }

    def _component_env(self, work_dir: Path, home_dir: Path) -> dict[str, str]:
        env = import_env(self.context, self.packages, home_dir, self.state.exports, work_dir)
        env.pop(KEPT_TRACEBACKS, None)
        return env


class _Answers:
    """Reads the probe's lines as they come."""

    def __init__(self, path: Path, home_dir: Path, mask: Mask, on_file: OnFile) -> None:
        self.files: list[ImportedFile] = []
        self.names: dict[str, bool] = {}
        self.links: dict[str, str] = {}
        self.timetables: tuple[str, ...] = ()
        self.plugins_asked = False
        self.limit_s, self.processor_limit = 0.0, DEFAULT_PROCESSOR_LIMIT
        self.done = False
        self.mask = mask
        self._path = path
        self._on_file = on_file
        self._home_dir = home_dir
        self._read_bytes = 0
        self._lock = threading.Lock()

    def read(self) -> None:
        """Take what is new in the file; a line that is not whole yet is left for the next time."""
        with self._lock:
            if not self._path.exists():
                return
            with self._path.open("rb") as answers:
                answers.seek(self._read_bytes)
                whole, newline, _ = answers.read().rpartition(b"\n")
            self._read_bytes += len(whole) + len(newline)
            for line in whole.decode("ascii").splitlines():
                # Where MWAA's paths cannot be shown, the home is a folder that will be gone.
                self._take(json.loads(line.replace(str(self._home_dir), str(isolation.MWAA_HOME_DIR))))

    def _take(self, answer: Mapping[str, Any]) -> None:
        if "file" in answer:
            self.files.append(ImportedFile.from_answer(self.mask(answer)))
            self._on_file(self.files[-1])
        elif "limit_s" in answer:
            self.limit_s, self.links = answer["limit_s"], answer["links"]
            self.processor_limit = Limit(*answer["processor_limit"])
            self.timetables = tuple(answer.get("timetables", ()))
            self.plugins_asked = answer.get("plugins_asked", False)
        elif "names" in answer:
            self.names = answer["names"]
        else:
            self.done = True


def _why_ended(completed: Completed) -> str:
    if completed.exit_code == -signal.SIGALRM:
        return f"Airflow and the plugins were not loaded within {LOAD_TIMEOUT_S} s."
    said = "\n".join(completed.output.strip().splitlines()[-LAST_LINES:])
    return f"Python ended with exit code {completed.exit_code}.\n{said}".rstrip()
