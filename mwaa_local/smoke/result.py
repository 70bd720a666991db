"""The results of a smoke run, as values. Every format shows these and nothing else."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from mwaa_local.dag_run import RunDates
from mwaa_local.finding import Finding
from mwaa_local.remarks import Remark

CHECK, UP, IMPORT, RUN, REPORT, DOWN = "check", "up", "import", "run", "report", "down"
PHASES = (CHECK, UP, IMPORT, RUN, REPORT, DOWN)
DONE, FAILED, LEFT_OUT = "done", "failed", "left out"
STARTED, USED, NOT_STARTED = "started", "used", "not started"
# States of runs beside Airflow's own: what a time limit ended, what was never triggered, what Ctrl-C ended.
TIMED_OUT, NEVER_BEGUN, CUT_OFF = "timed out", "not begun", "interrupted"
UNFINISHED = (TIMED_OUT, NEVER_BEGUN, CUT_OFF)
NOT_DUE = "not due"  # and what MWAA, too, would not run yet


class Outcome(enum.StrEnum):
    """How a smoke run ended; the first that applies counts."""

    INTERRUPTED = "interrupted"
    ENVIRONMENT = "environment failure"
    USAGE = "wrong usage"
    FINDINGS = "findings"
    IMPORT_ERROR = "import error"
    TASK_FAILURE = "task failure"
    TIME_OUT = "time-out"
    SUCCESS = "success"


INTERRUPTED_CODE = 130  # 143 after SIGTERM
EXIT_CODES = {
    Outcome.SUCCESS: 0,
    Outcome.TASK_FAILURE: 1,
    Outcome.USAGE: 2,
    Outcome.ENVIRONMENT: 3,
    Outcome.IMPORT_ERROR: 4,
    Outcome.TIME_OUT: 5,
    Outcome.FINDINGS: 6,
    Outcome.INTERRUPTED: INTERRUPTED_CODE,
}


@dataclass(frozen=True)
class Phase:
    """One phase, and how long it took."""

    name: str
    state: str  # DONE, FAILED, LEFT_OUT, TIMED_OUT or CUT_OFF
    elapsed_s: float = 0.0
    detail: str = ""


@dataclass(frozen=True)
class Problem:
    """Why a smoke run could not go on: the parts of an error."""

    what: str
    why: str = ""
    hint: str = ""


@dataclass(frozen=True)
class ImportProblem:
    """A DAG file that was not imported as declared. `path` is relative to the project, `line` 0 where unknown."""

    path: str
    trace: str  # empty where a file that was declared as broken could be imported
    line: int = 0
    is_expected: bool = False

    @property
    def is_wrong(self) -> bool:
        """Whether this differs from what was declared."""
        return not (self.trace and self.is_expected)

    @property
    def message(self) -> str:
        if not self.trace:
            return "was declared with --expect-import-error, but can be imported"
        return self.trace.splitlines()[-1]


@dataclass(frozen=True)
class TaskResult:
    """One task instance when its run was over."""

    name: str
    state: str
    tries: int
    max_tries: int
    elapsed_s: float
    operator: str
    is_ok: bool
    problem: str = ""  # one line; empty where it is as declared
    log_path: str = ""  # of its last try, relative to the project where it is below it
    log: tuple[str, ...] = ()  # the last lines, of a task with a problem
    path: str = ""  # where in the user's files it went wrong
    line: int = 0


@dataclass(frozen=True)
class RunResult:
    """One DAG run when it was over."""

    dag_id: str
    run_id: str
    file: str  # relative to the project
    state: str
    elapsed_s: float
    problem: str = ""  # empty where it is as declared
    waiting: tuple[str, ...] = ()  # what was still to come when a time limit ended it, and why
    tasks: tuple[TaskResult, ...] = ()
    is_expected_to_fail: bool = False
    dates: RunDates | None = None  # None where no run was made

    @property
    def is_ok(self) -> bool:
        return not self.problem


@dataclass
class SmokeReport:
    """All of it; grows while the smoke run goes on, so that there is a report whenever it ends."""

    airflow_version: str
    runtime: str = ""
    environment: str = NOT_STARTED
    outcome: Outcome = Outcome.SUCCESS
    exit_code: int = 0
    elapsed_s: float = 0.0
    phases: list[Phase] = field(default_factory=list)
    error: Problem | None = None
    findings: list[Finding] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    import_problems: list[ImportProblem] = field(default_factory=list)
    runs: list[RunResult] = field(default_factory=list)
    queued_messages: int | None = None
    restarted: list[str] = field(default_factory=list)  # components that died meanwhile, with the reason

    def end_as(self, outcome: Outcome, exit_code: int | None = None) -> None:
        """Take this outcome unless a weightier one is there already."""
        order = list(Outcome)
        if order.index(outcome) < order.index(self.outcome):
            self.outcome = outcome
            self.exit_code = EXIT_CODES[outcome] if exit_code is None else exit_code
