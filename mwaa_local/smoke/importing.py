"""Wait until Airflow has parsed every DAG file, and return what it made of them.

No release says when it has seen all files. What can be seen are a DAG or an import error in the metadata database, and
the log that Airflow keeps of each file's parsing, which begins when the parsing does. A file that has neither is one
that Airflow does not look at, such as one in .airflowignore; a file that was begun and yields nothing defines no DAG,
unless its source says otherwise.
"""

from __future__ import annotations

import ast
import contextlib
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.database.metadata import Dag, ImportFailure, Metadata
from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.smoke.result import ImportProblem
from mwaa_local.smoke.tasklogs import FRAME

POLL_PAUSE_S = 0.25
# Airflow begins with a new file every other second at the slowest; when nothing new has happened for longer than
# this, it does not look at the files that are left.
QUIET_S = 5.0
# From the beginning of a file's parsing until it can be taken to define no DAG, where its source does not say so.
SETTLE_S = 2.0
# Longer than Airflow lets one file take: core.dagbag_import_timeout is 30 s, the process is killed after 50 s.
FILE_TIMEOUT_S = 75.0
NEVER_PARSED = (
    "Airflow began to parse the file, and none of its DAGs has come up: its process was killed or takes too long, or "
    "another file has DAGs with the same ids."
)
# `might_contain_dag` of Airflow 2 and 3 (core.dag_discovery_safe_mode): a file without these words is not parsed.
SAFE_MODE_WORDS = (b"dag", b"airflow")
# Of Airflow 3 and 2, below the logs folder; in each a folder a day. The link `latest` may lead nowhere out here.
PARSING_LOG_DIRS = ("dag_processor", "scheduler")
MAKES_DAG = frozenset({"DAG"})
REGISTERING_AIRFLOW = "2.4.0"  # from here on `with DAG(…):` needs no name (Airflow's release notes, auto-registration)


@dataclass(frozen=True)
class Imported:
    """What Airflow knows once all files are parsed."""

    dags: tuple[Dag, ...]
    problems: tuple[ImportProblem, ...]  # those that were declared included


@dataclass
class _File:
    name: str  # relative to dags/
    path: Path
    defines_dag: bool
    begun: float | None = None  # epoch seconds


class ImportWait:
    """One wait. Only what Airflow said after `since` counts (epoch seconds); None: after a file was last written."""

    def __init__(
        self, project: Project, release: Release, metadata: Metadata, since: float | None, expected: Sequence[str]
    ) -> None:
        self._project = project
        self._metadata = metadata
        self._since = since
        self._expected = frozenset(expected)
        self._files = [
            _File(str(path.relative_to(project.dags_dir)), path, defines_dag(path, release))
            for path in sorted(project.dags_dir.rglob("*"))
            if is_candidate(path)
        ]
        self._changed = time.monotonic()

    def run(self, on_poll: Callable[[], None]) -> Imported:
        """Return once all files are parsed; `on_poll` is called again and again and may raise to end it."""
        while True:
            dags, failures = self._metadata.dags() or [], self._failures()
            left = self._left(dags, failures)
            if not left:
                return self._imported(dags, failures, [])
            quiet = time.monotonic() - self._changed > QUIET_S
            if quiet and all(file.begun is None for file in left):  # Airflow does not look at them
                return self._imported(dags, failures, [])
            slow = [file for file in left if file.begun and time.time() - file.begun > FILE_TIMEOUT_S]
            if quiet and slow and all(file in slow or file.begun is None for file in left):
                return self._imported(dags, failures, slow)
            on_poll()
            time.sleep(POLL_PAUSE_S)

    @property
    def unparsed(self) -> tuple[str, ...]:
        """The files, below dags/, of which nothing was known at the last look."""
        return tuple(file.name for file in self._files)

    def problems(self) -> tuple[ImportProblem, ...]:
        """Return what cannot be imported now, for a second look."""
        return tuple(self._problem(failure) for failure in self._failures())

    def _failures(self) -> list[ImportFailure]:
        return [item for item in self._metadata.import_failures() if item.time >= self._since_of(item.file)]

    def _since_of(self, name: str) -> float:
        """Return from when on what Airflow says of a file is true of it as it is now; never of one that is gone."""
        path = self._project.dags_dir / name
        zips = [parent for parent in path.parents if parent.suffix == ".zip"]  # a file in a zip is as old as the zip
        try:
            written = (zips[0] if zips else path).stat().st_mtime
        except OSError:
            return math.inf
        return written if self._since is None else self._since

    def _left(self, dags: Sequence[Dag], failures: Sequence[ImportFailure]) -> list[_File]:
        """Return the files of which nothing is known yet."""
        known = [dag.file for dag in dags if dag.parsed >= self._since_of(dag.file)]
        known += [failure.file for failure in failures]
        before = [(file.name, file.begun is None) for file in self._files]
        left = []
        for file in self._files:
            if any(name == file.name or name.startswith(f"{file.name}/") for name in known):
                continue  # inside of a zip, DAGs have a name below that of the zip
            file.begun = file.begun or self._begun(file)
            settled = file.begun is not None and time.time() - file.begun > SETTLE_S
            if file.defines_dag or not settled:
                left.append(file)
        self._files = left
        if before != [(file.name, file.begun is None) for file in left]:
            self._changed = time.monotonic()
        return left

    def _begun(self, file: _File) -> float | None:
        """Return when Airflow last began to parse the file, as far as its log tells."""
        logs_dir, name = self._project.airflow_home_dir / "logs", _escaped(file.name)
        times = []
        for folder in PARSING_LOG_DIRS:
            for path in (*logs_dir.glob(f"{folder}/2*/{name}.log"), *logs_dir.glob(f"{folder}/2*/*/{name}.log")):
                with contextlib.suppress(OSError):
                    times.append(path.stat().st_mtime)
        written = max(times, default=0.0)
        return written if written >= self._since_of(file.name) else None

    def _imported(self, dags: Sequence[Dag], failures: Sequence[ImportFailure], slow: Sequence[_File]) -> Imported:
        problems = [self._problem(failure) for failure in failures]
        problems += [
            ImportProblem(f"dags/{file.name}", NEVER_PARSED, is_expected=file.name in self._expected) for file in slow
        ]
        broken = {problem.path for problem in problems}
        problems += [
            ImportProblem(f"dags/{name}", "") for name in sorted(self._expected) if f"dags/{name}" not in broken
        ]
        return Imported(tuple(dags), tuple(problems))

    def _problem(self, failure: ImportFailure) -> ImportProblem:
        path = f"dags/{failure.file}"
        lines = [int(line) for name, line in FRAME.findall(failure.trace) if name == path]
        return ImportProblem(path, failure.trace, lines[-1] if lines else 0, failure.file in self._expected)


def is_candidate(path: Path) -> bool:
    """Say whether Airflow would parse this file, .airflowignore aside."""
    if path.suffix == ".zip":
        return path.is_file()
    if path.suffix != ".py" or not path.is_file():
        return False
    try:
        content = path.read_bytes().lower()
    except OSError:
        return True
    return all(word in content for word in SAFE_MODE_WORDS)


def defines_dag(path: Path, release: Release) -> bool:
    """Say whether importing the file certainly yields a DAG or an error.

    Airflow does not see a DAG that no name of the module refers to, unless it registers itself.
    """
    if path.suffix == ".zip":
        return True
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return True
    decorated = {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and any(_name(item) == "dag" for item in node.decorator_list)
    }
    registers_itself = release.is_at_least(REGISTERING_AIRFLOW)
    return any(
        (_name(call) in MAKES_DAG and (is_named or (is_entered and registers_itself)))
        or (_name(call) in decorated and (is_named or registers_itself))
        for call, is_named, is_entered in _calls_at_import(tree.body)
    )


def _calls_at_import(body: Sequence[ast.stmt]) -> Iterator[tuple[ast.Call, bool, bool]]:
    """Yield the calls that happen for certain, whether the module names what comes out, whether `with` enters it."""
    for statement in body:
        values: list[tuple[ast.expr | None, bool, bool]] = []
        if isinstance(statement, ast.With):
            values = [(item.context_expr, isinstance(item.optional_vars, ast.Name), True) for item in statement.items]
            yield from _calls_at_import(statement.body)
        elif isinstance(statement, ast.Assign):
            values = [(statement.value, any(isinstance(target, ast.Name) for target in statement.targets), False)]
        elif isinstance(statement, ast.AnnAssign):
            values = [(statement.value, isinstance(statement.target, ast.Name), False)]
        elif isinstance(statement, ast.Expr):
            values = [(statement.value, False, False)]
        for value, is_named, is_entered in values:
            if isinstance(value, ast.Call):
                yield value, is_named, is_entered


def _name(node: ast.expr) -> str:
    """Return the last part of what is called: `DAG` of `models.DAG(…)`."""
    called = node.func if isinstance(node, ast.Call) else node
    if isinstance(called, ast.Attribute):
        return called.attr
    return called.id if isinstance(called, ast.Name) else ""


def _escaped(name: str) -> str:
    """Return a file's name as a glob pattern that matches nothing else."""
    return "".join(f"[{character}]" if character in "*?[" else character for character in name)
