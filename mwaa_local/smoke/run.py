"""SmokeRun: the phases check, up, import, run, report and down, whatever happens in one of them.

Every way out leads through `down`: the end of the last phase, an error, the time limit, Ctrl-C and SIGTERM.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from mwaa_local.airflow import UNHEALTHY, AirflowClient
from mwaa_local.dag_run import AS_SCHEDULED
from mwaa_local.database.metadata import Dag, Metadata, TaskRow
from mwaa_local.errors import ComponentFailed, MwaaLocalError, NotRunning
from mwaa_local.event import FINISHED, READY, ComponentStatus, Event
from mwaa_local.finding import ERROR, Finding, count
from mwaa_local.masking import Mask
from mwaa_local.plan import Plan
from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.remarks import Remark
from mwaa_local.runtime.protocol import Runtime
from mwaa_local.smoke import result
from mwaa_local.smoke.importing import ImportWait
from mwaa_local.smoke.judging import Ended, judge
from mwaa_local.smoke.report_mask import ReportMask
from mwaa_local.smoke.result import Outcome, Phase, Problem, RunResult, SmokeReport, TaskResult
from mwaa_local.smoke.running import DagRuns, RunLimits, RunsWanted
from mwaa_local.smoke.selection import Expectations, Selection, SelectionWrong
from mwaa_local.smoke.signals import TimeLimit, code_of, code_of_interrupt, signals_taken
from mwaa_local.smoke.tasklogs import last_lines, log_path, place_of_failure, was_killed
from mwaa_local.smoke.told_once import told_once


@dataclass(frozen=True)
class SmokeRequest:
    """What the user asked for."""

    selection: Selection
    conf: str  # JSON, or empty
    limits: RunLimits
    timeout_s: float  # for check, up, import and run together
    expected_failures: tuple[str, ...] = ()
    expected_import_errors: tuple[str, ...] = ()  # relative to dags/
    keep: bool = False
    date: str = AS_SCHEDULED  # of every run, as in a WantedRun


@dataclass(frozen=True)
class SmokeContext:
    """What a smoke run works on. `start` brings the environment up and returns its plan and remarks.

    `check` is left out where it is None. `collect` is told when the runs are over and everything is still there, and
    what to mask. `report_mask` hides what must not be shown: more, once there is a plan.
    """

    project: Project
    runtime: Runtime
    is_used: bool  # it ran before: it is taken as it is, and goes on
    check: Callable[[], Sequence[Finding]] | None
    start: Callable[[], tuple[Plan, Sequence[Remark]]]
    on_event: Callable[[Event], None]
    on_run: Callable[[RunResult], None]
    collect: Callable[[SmokeReport, Mask], None]
    report_mask: Callable[[Plan | None], ReportMask]


class _PhaseFailed(Exception):
    """A phase found what ends the smoke run. A way out, no error: what is wrong is in the report already."""


class SmokeRun:
    """One smoke run; `report` is complete as soon as `run` returns."""

    def __init__(self, context: SmokeContext, request: SmokeRequest, report: SmokeReport) -> None:
        self.report = report
        self._context = context
        self._request = request
        self._client: AirflowClient | None = None
        self._plan: Plan | None = None
        self._kept_mask: ReportMask | None = None
        self._expected = Expectations()
        self._dags: tuple[Dag, ...] = ()
        self._dates: dict[str, str] = {}
        self._kills: int | None = None  # for lack of memory, as far as they are accounted for

    def run(self) -> SmokeReport:
        """Do all phases and return the report. Only bugs are raised, after the environment was taken down."""
        began = time.monotonic()
        with signals_taken() as signals:
            try:
                with self._outcomes():  # of what comes between two phases too
                    with self._outcomes(), signals.time_limit(self._request.timeout_s):
                        self._phases()
                    self._phase(result.REPORT, self._collect)
                    signals.only_note()
            finally:
                signals.only_note()
                with self._outcomes():
                    self._phase(result.DOWN, self._down)
                self._leave_out_rest()
                if signals.noted:
                    self.report.end_as(Outcome.INTERRUPTED, code_of(signals.noted[0]))
                self.report.elapsed_s = time.monotonic() - began
        return self.report

    @contextlib.contextmanager
    def _outcomes(self) -> Iterator[None]:
        """Turn every way in which a phase can end, bugs aside, into the report's outcome."""
        report = self.report
        try:
            yield
        except _PhaseFailed:
            pass
        except TimeLimit:
            report.error = report.error or Problem(
                f"not over after {self._request.timeout_s:g} s",
                f"Phase: {report.phases[-1].name}.",
                "a longer --timeout",
            )
            report.end_as(Outcome.TIME_OUT)
        except KeyboardInterrupt as error:
            report.end_as(Outcome.INTERRUPTED, code_of_interrupt(error))
        except MwaaLocalError as error:
            if report.error is None:
                report.error = self._report_mask.problem(Problem(error.what, error.why, error.hint))
            else:  # the second comes out of cleaning up after the first
                remark = Remark(ERROR, "smoke", error.what, error.why, error.hint)
                report.remarks.append(self._report_mask.remark(remark))
            report.end_as(Outcome.USAGE if isinstance(error, SelectionWrong) else Outcome.ENVIRONMENT)

    @property
    def _report_mask(self) -> ReportMask:
        if self._kept_mask is not None:
            return self._kept_mask
        report_mask = self._context.report_mask(self._plan)
        if self._plan is not None:  # before that, more becomes known from one time to the next
            self._kept_mask = report_mask
        return report_mask

    def _phase(self, name: str, action: Callable[[], str | None]) -> None:
        """Do one phase and note how long it took. `action` returns what to say of it; None leaves it out."""
        began = time.monotonic()
        state, detail = result.FAILED, ""
        place = len(self.report.phases)
        self.report.phases.append(Phase(name, result.FAILED))
        try:
            said = action()
            state, detail = (result.LEFT_OUT, "") if said is None else (result.DONE, said)
        except TimeLimit:
            state = result.TIMED_OUT
            raise
        except KeyboardInterrupt:  # what it ended was not wrong
            state = result.CUT_OFF
            raise
        finally:
            elapsed_s = time.monotonic() - began
            self.report.phases[place] = Phase(name, state, elapsed_s, detail)
            if state != result.LEFT_OUT:
                self._context.on_event(Event(name, state, elapsed_s, detail))

    def _phases(self) -> None:
        since = None if self._context.is_used else time.time()
        self._phase(result.CHECK, self._check)
        self._phase(result.UP, self._up)
        client = self._client
        assert client is not None
        metadata = client.metadata(str(self._context.project.dags_dir))
        release = Release.load(self.report.airflow_version)
        waiting = ImportWait(self._context.project, release, metadata, since, self._request.expected_import_errors)
        self._phase(result.IMPORT, lambda: self._import(waiting))
        self._phase(result.RUN, lambda: self._run(client, metadata, waiting))

    def _leave_out_rest(self) -> None:
        """Bring the phases into their order, with those that were not come to."""
        found = {phase.name: phase for phase in self.report.phases}
        self.report.phases = [found.get(name, Phase(name, result.LEFT_OUT)) for name in result.PHASES]

    # The phases.

    def _check(self) -> str | None:
        if self._context.check is None:
            return None
        self.report.findings = [self._report_mask.finding(finding) for finding in self._context.check()]
        wrong = sum(finding.severity == ERROR for finding in self.report.findings)
        if wrong:
            self.report.end_as(Outcome.FINDINGS)
            raise _PhaseFailed
        return count(self.report.findings) or "nothing is wrong"

    def _up(self) -> str:
        runtime = self._context.runtime
        if self._context.is_used:
            self.report.environment = result.USED
            plan = runtime.running_plan()
            if plan is None:
                raise NotRunning("the environment was stopped just now", hint="run it again")
            self._plan = plan
        else:
            self.report.environment = result.STARTED
            plan, remarks = self._context.start()
            self._plan = plan
            masked = [self._report_mask.remark(remark) for remark in remarks]
            self.report.findings, self.report.remarks = told_once(self.report.findings, masked)
        self._client = AirflowClient(runtime, plan)
        self.report.airflow_version = plan.airflow_version
        self._refuse_unwell(self._client)
        for remark in self.report.remarks:
            if remark.severity == ERROR:
                raise MwaaLocalError(remark.what, remark.why, remark.hint)
        return "already running; used and left running" if self._context.is_used else ""

    def _refuse_unwell(self, client: AirflowClient) -> None:
        statuses = self._context.runtime.status()
        for status in client.figures().judge(statuses) if self._context.is_used else []:
            if status.state not in (READY, FINISHED):
                word = "does not answer" if status.state == UNHEALTHY else f"is {status.state}"
                raise ComponentFailed(
                    f"the running environment is not healthy: {status.name} {word}", status.detail, "mwaa-local up"
                )

    def _import(self, waiting: ImportWait) -> str:
        imported = waiting.run(self._look_at_runtime)
        self.report.import_problems = [self._report_mask.import_problem(problem) for problem in imported.problems]
        self._dags = imported.dags
        wrong = [problem for problem in imported.problems if problem.is_wrong]
        if wrong:
            self.report.end_as(Outcome.IMPORT_ERROR)
            raise _PhaseFailed
        count = len(imported.dags)
        return f"{count} DAG{'' if count == 1 else 's'}"

    def _look_at_runtime(self) -> None:
        if not self._context.runtime.running:
            raise NotRunning("the environment was stopped during the smoke run", hint="run it again")

    def _run(self, client: AirflowClient, metadata: Metadata, waiting: ImportWait) -> str:
        dags = self._request.selection.choose(self._dags)
        self._expected = Expectations.read(self._request.expected_failures, [dag.dag_id for dag in dags])
        paused = [dag.dag_id for dag in dags if dag.is_paused]
        if self._context.is_used and paused:
            detail = f"unpaused during their runs: {', '.join(paused)}; scheduled runs may start too"
            self._context.on_event(Event("run", "working", detail=detail))
        self._kills = self._memory_kills()
        runs = DagRuns(
            self._context.runtime, client, metadata, self._request.limits, self._context.on_event, self._take_ended
        )
        try:
            required = frozenset(self._request.selection.dag_ids)
            runs.run(dags, RunsWanted(self._request.conf, self._request.date, required))
        finally:
            self._judge_runs()
        self._look_again(waiting)
        if self.report.outcome is not Outcome.SUCCESS:
            raise _PhaseFailed
        return f"{len(dags)} DAG run{'' if len(dags) == 1 else 's'} as expected"

    def _look_again(self, waiting: ImportWait) -> None:
        """Take in files that turned out to be broken only after the import phase."""
        known = {problem.path for problem in self.report.import_problems}
        late = [problem for problem in waiting.problems() if problem.path not in known and not problem.is_expected]
        if late:
            self.report.import_problems += [self._report_mask.import_problem(problem) for problem in late]
            self.report.end_as(Outcome.IMPORT_ERROR)

    def _take_ended(self, ended: Ended, logical_date: str) -> None:
        self._dates[ended.run_id] = logical_date
        run = judge(ended, self._expected, self._with_log)
        self.report.runs.append(run)
        self._context.on_run(run)

    def _judge_runs(self) -> None:
        wrong = [run for run in self.report.runs if not run.is_ok]
        if wrong:
            self.report.end_as(Outcome.TIME_OUT)
        if any(run.state not in (result.TIMED_OUT, result.CUT_OFF) for run in wrong):
            self.report.end_as(Outcome.TASK_FAILURE)

    def _with_log(self, row: TaskRow, task: TaskResult) -> TaskResult:
        project = self._context.project
        path = log_path(project.airflow_home_dir / "logs", row, self._dates.get(row.run_id, ""))
        if path is None:
            return task
        shown = str(path.relative_to(project.root_dir))
        if task.is_ok:
            return replace(task, log_path=shown)
        log = last_lines(path, self._report_mask.mask)
        place, line = place_of_failure(log)
        problem = f"{task.problem}: {self._why_killed()}" if was_killed(log) else task.problem
        return replace(task, problem=problem, log_path=shown, log=log, path=place, line=line)

    def _why_killed(self) -> str:
        """Return why a task was killed; each kill that the kernel counts accounts for one task."""
        now = self._memory_kills()
        if now is None or self._kills is None:
            return "killed by SIGKILL, as the kernel does for lack of memory"
        if now <= self._kills:
            return "killed by SIGKILL, and not by the kernel for lack of memory"
        self._kills += 1
        return "killed by the kernel for lack of memory"

    def _memory_kills(self) -> int | None:
        try:
            return self._context.runtime.memory_kills()
        except MwaaLocalError:  # what cannot be asked any more is no news
            return None

    def _collect(self) -> str | None:
        if self._client is None:
            return ""  # there is a report all the same
        self.report.queued_messages = self._client.queued_messages()
        with contextlib.suppress(MwaaLocalError):  # what cannot be asked any more is no news
            self.report.restarted = [
                self._report_mask.mask(_restart(status)) for status in self._context.runtime.status() if status.restarts
            ]
        self._client.close()
        return ""

    def _down(self) -> str | None:
        context, report = self._context, self.report
        is_ours = report.environment == result.STARTED and not self._request.keep
        try:
            if is_ours:
                context.runtime.stop(now=True)
        finally:
            context.collect(report, self._report_mask.mask)
        return "" if is_ours else None


def _restart(status: ComponentStatus) -> str:
    times = "once" if status.restarts == 1 else f"{status.restarts} times"
    return f"{status.name} ended and was started again {times}{': ' + status.detail if status.detail else ''}"
