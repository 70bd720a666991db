"""The parts of a smoke run that need no Airflow: what is chosen, what was declared, how runs are judged, phases."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from mwaa_local.check.other_tools import requirements_elsewhere
from mwaa_local.check.part import Part
from mwaa_local.check.release_signs import release_assumed
from mwaa_local.cli.smoke import left_to_later_phases
from mwaa_local.database.metadata import Dag, ImportFailure, TaskRow
from mwaa_local.environment.environment import Environment
from mwaa_local.errors import ComponentFailed
from mwaa_local.finding import ERROR, WARNING, Finding
from mwaa_local.lifecycle import _remarks_on_files
from mwaa_local.masking import Mask
from mwaa_local.plan import Plan
from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.remarks import Remark
from mwaa_local.secrets import load_secrets
from mwaa_local.smoke.importing import Imported, ImportWait, defines_dag, is_candidate
from mwaa_local.smoke.judging import Ended, judge
from mwaa_local.smoke.report_mask import ReportMask
from mwaa_local.smoke.result import TIMED_OUT, Outcome, RunResult, SmokeReport
from mwaa_local.smoke.run import SmokeContext, SmokeRequest, SmokeRun
from mwaa_local.smoke.running import RunLimits
from mwaa_local.smoke.selection import Expectations, Selection, SelectionWrong, relative_to_dags
from mwaa_local.smoke.tasklogs import last_lines, log_path, place_of_failure
from mwaa_local.smoke.told_once import told_once
from tests.conftest import ProjectRunner

ProjectFixture = Callable[..., ProjectRunner]


def dag(dag_id: str, *tags: str) -> Dag:
    return Dag(dag_id, f"{dag_id}.py", tags, is_paused=True, max_active_runs=16, parsed=0.0)


def row(task_id: str, state: str, *, dag_id: str = "d", map_index: int = -1, tries: int = 1) -> TaskRow:
    return TaskRow(dag_id, "r", task_id, map_index, state, tries, 0, 1.0, "PythonOperator", "default_pool", "q", "h")


NEVER_RAN = "failed before it began: see the logs of worker and scheduler"
DAGS = [dag("hello", "ci"), dag("hello.world", "ci", "slow"), dag("other")]


@pytest.mark.parametrize(
    ("selection", "chosen"),
    [
        (Selection(("other", "hello")), ["other", "hello"]),
        (Selection(tags=("ci",)), ["hello", "hello.world"]),
        (Selection(("other",), ("slow",)), ["other", "hello.world"]),
        (Selection(("other",), every=True), ["other", "hello", "hello.world"]),
    ],
)
def test_dags_are_chosen_by_name_tag_or_all(selection: Selection, chosen: list[str]) -> None:
    assert [item.dag_id for item in selection.choose(DAGS)] == chosen


@pytest.mark.parametrize(
    ("selection", "what", "hint"),
    [
        (Selection(("helo",)), "no DAG 'helo'", "did you mean 'hello'?"),
        (Selection(tags=("slwo",)), "no DAG has the tag 'slwo'", "did you mean 'slow'?"),
    ],
)
def test_what_does_not_exist_is_named_with_what_is_like_it(selection: Selection, what: str, hint: str) -> None:
    with pytest.raises(SelectionWrong) as caught:
        selection.choose(DAGS)
    assert (caught.value.what, caught.value.hint, caught.value.exit_code) == (what, hint, 2)


def test_no_dag_at_all_is_wrong_usage() -> None:
    with pytest.raises(SelectionWrong, match="there is no DAG to run"):
        Selection(every=True).choose([])


def test_declared_failure_may_have_dots_in_dag_and_task() -> None:
    expected = Expectations.read(["hello.world", "hello.world.group.load", "hello.load"], ["hello", "hello.world"])
    assert expected.dags == {"hello.world"}
    assert expected.tasks == {("hello.world", "group.load"), ("hello", "load")}
    with pytest.raises(SelectionWrong, match="--expect-failure othre"):
        Expectations.read(["othre"], ["other"])


@pytest.mark.parametrize("name", ["dags/team/a.py", "./dags/team/a.py", "team/a.py"])
def test_file_is_named_in_any_way(name: str) -> None:
    assert relative_to_dags(name) == "team/a.py"


def judged(state: str, rows: Sequence[TaskRow], *declared: str) -> RunResult:
    ended = Ended(dag("d"), "r", state, 1.0, rows)
    return judge(ended, Expectations.read(declared, ["d"]), lambda _, task: task)


@pytest.mark.parametrize(
    ("state", "rows", "declared", "problem"),
    [
        ("success", [row("a", "success")], (), ""),
        ("failed", [row("a", "failed"), row("b", "upstream_failed")], (), "a: failed"),
        ("failed", [row("a", "failed", tries=3)], (), "a: failed after 3 tries"),
        ("failed", [replace(row("a", "failed"), elapsed_s=0.0)], (), f"a: {NEVER_RAN}"),
        ("failed", [row("a", "failed")], ("d",), ""),
        ("success", [row("a", "success")], ("d",), "succeeded, but was declared with --expect-failure"),
        ("failed", [row("a", "failed"), row("b", "upstream_failed")], ("d.a",), ""),
        ("failed", [row("a", "failed"), row("b", "failed")], ("d.a",), "b: failed"),
        ("success", [row("a", "success")], ("d.a",), "a: succeeded, but was declared with --expect-failure"),
        ("success", [row("a", "success")], ("d.x",), "--expect-failure d.x: the DAG has no such task"),
        (
            "failed",
            [row("a", "failed", map_index=0), row("a", "failed", map_index=1)],
            (),
            "not as declared: a[0], a[1]",
        ),
        ("success", [row("a", "failed"), row("b", "success")], (), "a: failed"),
        ("failed", [row("a", "success")], (), "the run failed, but none of its tasks did"),
        (TIMED_OUT, [row("a", "failed")], ("d",), TIMED_OUT),
    ],
)
def test_run_is_judged_by_what_was_declared(
    state: str, rows: list[TaskRow], declared: tuple[str, ...], problem: str
) -> None:
    assert judged(state, rows, *declared).problem == problem


def test_task_that_a_limit_cut_off_has_a_problem_and_those_that_waited_have_none() -> None:
    run = judged(TIMED_OUT, [row("a", "running"), row("b", "none"), row("c", "success")])
    assert [task.problem for task in run.tasks] == ["running when its run was given up", "", ""]


@pytest.mark.parametrize(
    ("source", "sure", "sure_before_2_4"),
    [
        ("with DAG('a') as a: pass", True, True),
        ("a = models.DAG('a')", True, True),
        ("a: DAG = DAG('a')", True, True),
        ("with outer():\n    with DAG('a'): pass", True, False),
        ("@dag()\ndef a(): pass\na()", True, False),
        ("@dag()\ndef a(): pass\nb = a()", True, True),
        ("@dag()\ndef a(): pass", False, False),
        # Airflow knows of none of these: nothing in the module has the DAG's name.
        ("DAG('a')", False, False),
        ("all_of_them = [DAG('a')]", False, False),
        ("names['a'] = DAG('a')", False, False),
        ("wrapped = wrap(DAG('a'))", False, False),
        ("def make():\n    return DAG('a')", False, False),
        ("import airflow", False, False),
        ("this is no Python", True, True),
    ],
)
def test_source_tells_whether_a_dag_is_sure_to_come(
    tmp_path: Path, source: str, sure: bool, sure_before_2_4: bool
) -> None:
    (tmp_path / "a.py").write_text(source)
    found = [defines_dag(tmp_path / "a.py", Release.load(version)) for version in ("3.3.1", "2.2.2")]
    assert found == [sure, sure_before_2_4]


def test_file_without_the_words_that_airflow_looks_for_is_no_candidate(tmp_path: Path) -> None:
    for name, text in {"a.py": "import Airflow  # Dag", "b.py": "import airflow", "c.txt": "airflow dag"}.items():
        (tmp_path / name).write_text(text)
    assert [path.name for path in sorted(tmp_path.iterdir()) if is_candidate(path)] == ["a.py"]


def test_log_of_the_newest_try_is_found_in_both_layouts(tmp_path: Path) -> None:
    newer = tmp_path / "dag_id=d" / "run_id=r" / "task_id=a"
    older = tmp_path / "d" / "b" / "2026-01-01T00:00:00+00:00"
    for folder in (newer, newer / "map_index=1", older):
        folder.mkdir(parents=True)
    for path in (newer / "attempt=2.log", newer / "attempt=10.log", newer / "map_index=1" / "attempt=1.log"):
        path.write_text("")
    (older / "1.log").write_text("")
    assert log_path(tmp_path, row("a", "failed"), "") == newer / "attempt=10.log"
    assert log_path(tmp_path, row("a", "failed", map_index=1), "") == newer / "map_index=1" / "attempt=1.log"
    assert log_path(tmp_path, row("b", "failed"), "2026-01-01T00:00:00+00:00") == older / "1.log"
    assert log_path(tmp_path, row("c", "failed"), "") is None


def test_log_of_airflow_3_is_shown_in_words_with_the_users_frames_only(tmp_path: Path) -> None:
    frames = [
        {"filename": "/x/site-packages/airflow/sdk/runner.py", "lineno": 1, "name": "run"},
        {"filename": "/usr/local/airflow/dags/team/a.py", "lineno": 7, "name": "load"},
    ]
    records: list[dict[str, object]] = [
        {"timestamp": "2026-01-01T10:00:00.5Z", "level": "info", "event": "::group::Pre Execute"},
        {
            "timestamp": "2026-01-01T10:00:01.5Z",
            "level": "error",
            "event": "Task failed",
            "error_detail": [{"exc_type": "ValueError", "exc_value": "no\x1b[31m", "frames": frames}],
        },
    ]
    (tmp_path / "a.log").write_text("\n".join(json.dumps(record) for record in records) + "\nplain\n")
    lines = last_lines(tmp_path / "a.log", Mask())
    assert lines == (
        "2026-01-01 10:00:01 ERROR   Task failed",
        "Traceback (most recent call last):",
        '  File "/usr/local/airflow/dags/team/a.py", line 7, in load',
        "ValueError: no\ufffd[31m",
        "plain",
    )
    assert place_of_failure(lines) == ("dags/team/a.py", 7)


def test_frames_of_airflow_are_left_out_of_plain_logs(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text(
        '  File "/x/site-packages/airflow/models.py", line 1, in run\n    run()\n'
        '  File "/usr/local/airflow/dags/a.py", line 7, in load\n    raise E\nE\n'
    )
    assert last_lines(tmp_path / "a.log", Mask()) == (
        '  File "/usr/local/airflow/dags/a.py", line 7, in load',
        "    raise E",
        "E",
    )


class Nowhere:
    """A runtime in which nothing runs; remembers that it was stopped."""

    running = False
    stopped = 0

    def stop(self, *, now: bool = False, on_event: object = None) -> bool:
        self.stopped += 1
        return True

    def status(self) -> list[object]:
        return []


def smoked(
    tmp_path: Path,
    *,
    check: Callable[[], Sequence[Finding]] | None = None,
    start: Callable[[], tuple[Plan, Sequence[Remark]]] | None = None,
    timeout_s: float = 60.0,
    collect: Callable[[SmokeReport, Mask], None] = lambda _report, _mask: None,
    secrets: Sequence[str] = (),
) -> tuple[SmokeReport, Nowhere]:
    def fail() -> tuple[Plan, Sequence[Remark]]:
        raise ComponentFailed("the worker failed", "why", "hint")

    runtime = Nowhere()
    context = SmokeContext(
        project=Project(tmp_path),
        runtime=runtime,  # type: ignore[arg-type]
        is_used=False,
        check=check,
        start=start or fail,
        on_event=lambda _: None,
        on_run=lambda _: None,
        collect=collect,
        report_mask=lambda _: ReportMask(Mask(secrets)),
    )
    request = SmokeRequest(Selection(every=True), "", RunLimits(1, 60.0), timeout_s)
    return SmokeRun(context, request, SmokeReport("3.3.1")).run(), runtime


def test_error_of_the_check_phase_ends_it_before_anything_starts(tmp_path: Path) -> None:
    findings = [Finding("rule", ERROR, "plugins/a.py", 1, "is wrong")]
    report, runtime = smoked(tmp_path, check=lambda: findings)
    assert (report.outcome, report.exit_code, report.findings) == (Outcome.FINDINGS, 6, findings)
    assert [phase.state for phase in report.phases] == [
        "failed",
        "left out",
        "left out",
        "left out",
        "done",
        "left out",
    ]
    assert runtime.stopped == 0


def test_check_phase_counts_what_it_found_and_claims_nothing_else(tmp_path: Path) -> None:
    broken = Finding("dag-import-error", ERROR, "dags/a.py", 1, "import error")
    part = left_to_later_phases(Part("dags", (broken,)))
    assert (part.outcome, part.findings[0].severity) == ("findings", WARNING)
    report, _ = smoked(tmp_path, check=lambda: part.findings)
    assert (report.phases[0].state, report.phases[0].detail) == ("done", "1 warning")
    assert left_to_later_phases(Part("plugins", (replace(broken, rule="other"),))).outcome == "fails"


def test_failed_start_is_an_environment_failure_and_is_taken_down(tmp_path: Path) -> None:
    warning = Finding("rule", WARNING, "plugins/a.py", 1, "may be wrong")
    report, runtime = smoked(tmp_path, check=lambda: [warning])
    assert (report.outcome, report.exit_code) == (Outcome.ENVIRONMENT, 3)
    assert report.error is not None
    assert report.error.what == "the worker failed"
    assert runtime.stopped == 1
    assert [(phase.name, phase.state) for phase in report.phases] == [
        ("check", "done"),
        ("up", "failed"),
        ("import", "left out"),
        ("run", "left out"),
        ("report", "done"),
        ("down", "done"),
    ]


def test_requirements_that_failed_are_an_environment_failure(tmp_path: Path) -> None:
    """`up` goes on without them, as MWAA does; a smoke run must not be green then."""
    plan = SimpleNamespace(
        database_url="postgresql://127.0.0.1:1/none",
        broker_url="redis://127.0.0.1:1/0",
        queue="q",
        airflow_version="3.3.1",
    )
    remark = Remark("error", "requirements", "requirements.txt was not installed", "why", "hint")
    report, runtime = smoked(tmp_path, start=lambda: (plan, [remark]))  # type: ignore[arg-type,return-value]
    assert (report.outcome, report.exit_code, runtime.stopped) == (Outcome.ENVIRONMENT, 3, 1)
    assert report.error is not None
    assert report.error.what == "requirements.txt was not installed"


def test_environment_that_cannot_be_stopped_is_reported_beside_what_went_wrong_before(tmp_path: Path) -> None:
    def collect(_: SmokeReport, _mask: Mask) -> None:
        raise ComponentFailed("no space left")

    report, _ = smoked(tmp_path, collect=collect)
    assert report.error is not None
    assert report.error.what == "the worker failed"
    assert [remark.what for remark in report.remarks] == ["no space left"]
    assert report.phases[-1].state == "failed"


@pytest.mark.parametrize(("phase", "stops"), [("check", 0), ("up", 1)])
def test_time_limit_ends_a_phase_that_hangs(tmp_path: Path, phase: str, stops: int) -> None:
    def hang() -> object:
        time.sleep(60)
        raise AssertionError("the limit did not end it")

    report, runtime = smoked(tmp_path, **{"check" if phase == "check" else "start": hang}, timeout_s=0.2)  # type: ignore[arg-type]
    assert (report.outcome, report.exit_code, runtime.stopped) == (Outcome.TIME_OUT, 5, stops)
    assert report.error is not None
    assert report.error.why == f"Phase: {phase}."
    assert {item.name: item.state for item in report.phases}[phase] == "timed out"
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_other_interrupts_bring_their_own_exit_code(tmp_path: Path) -> None:
    class HungUp(KeyboardInterrupt):
        """As the command line has it."""

        exit_code = 129

    def hung_up() -> Sequence[Finding]:
        raise HungUp

    report, _ = smoked(tmp_path, check=hung_up)
    assert (report.outcome, report.exit_code) == (Outcome.INTERRUPTED, 129)


@pytest.mark.parametrize("phase", ["check", "up"])
def test_interrupt_in_a_phase_still_takes_down(tmp_path: Path, phase: str) -> None:
    def interrupted() -> object:
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("nothing was interrupted")

    report, runtime = smoked(tmp_path, **{"check" if phase == "check" else "start": interrupted})  # type: ignore[arg-type]
    assert (report.outcome, report.exit_code) == (Outcome.INTERRUPTED, 130)
    assert {item.name: item.state for item in report.phases}[phase] == "interrupted"
    assert runtime.stopped == (phase == "up")


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_second_signal_does_not_cut_short_what_the_first_one_ends(tmp_path: Path, second: signal.Signals) -> None:
    cleaned = []

    def interrupted() -> Sequence[Finding]:
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            signal.raise_signal(second)
            cleaned.append("up")
        return []

    report, _ = smoked(tmp_path, check=interrupted)
    assert (cleaned, report.outcome, report.exit_code) == (["up"], Outcome.INTERRUPTED, 143)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_signal_after_the_time_limit_is_what_counts_and_cuts_nothing_short(tmp_path: Path) -> None:
    cleaned = []

    def slow() -> Sequence[Finding]:
        try:
            time.sleep(30)
        finally:
            signal.raise_signal(signal.SIGINT)
            cleaned.append("up")
        return []

    report, _ = smoked(tmp_path, check=slow, timeout_s=0.2)
    assert (cleaned, report.outcome, report.exit_code) == (["up"], Outcome.INTERRUPTED, 130)


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_signal_while_it_goes_down_does_not_keep_it_from_that(tmp_path: Path, number: int, exit_code: int) -> None:
    seen = []

    def collect(report: SmokeReport, _mask: Mask) -> None:
        os.kill(os.getpid(), number)
        seen.append(report)

    report, _ = smoked(tmp_path, collect=collect)
    assert len(seen) == 1
    assert (report.outcome, report.exit_code) == (Outcome.INTERRUPTED, exit_code)
    assert report.phases[-1].state == "done"


def test_bug_keeps_its_traceback_and_still_takes_down(tmp_path: Path) -> None:
    stopped = []

    def broken() -> tuple[Plan, Sequence[Remark]]:
        raise KeyError("a bug")

    with pytest.raises(KeyError, match="a bug"):
        smoked(tmp_path, start=broken, collect=lambda report, _: stopped.append(report))
    assert len(stopped) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "name the DAGs to run, or use --tag or --all"),
        (("--all", "--conf", "[1]"), "--conf has to be a JSON object"),
        (("--all", "--conf", "{"), "--conf"),
        (("--all", "--conf", "@nosuch.json"), "nosuch.json"),
        (("--all", "--parallel", "0"), "--parallel"),
        (("--all", "--dag-timeout", "0"), "--dag-timeout"),
    ],
)
def test_wrong_usage_is_reported_before_anything_starts(
    project: ProjectFixture, words: tuple[str, ...], said: str
) -> None:
    outcome = project({"dags/a.py": ""}).call("smoke", *words)
    assert (outcome.exit_code, outcome.stdout) == (2, "")
    assert said in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_check_phase_looks_at_the_plugins(project: ProjectFixture) -> None:
    runner = project({"dags/a.py": "", "plugins/a.py": "this is no Python"})
    outcome = runner.call("smoke", "--all", "--json", "--github", "--junit", "out/smoke.xml")
    assert outcome.exit_code == 6, outcome.stderr
    report = json.loads(outcome.stdout)
    assert [(item["rule"], item["path"]) for item in report["findings"]] == [("syntax-error", "plugins/a.py")]
    assert report["environment"] == "not started"
    assert "::error file=plugins/a.py,line=1,title=syntax-error::" in outcome.stderr
    assert 'failures="1"' in (runner.root_dir / "out" / "smoke.xml").read_text()


class Told:
    """A metadata database that tells what it was given."""

    def __init__(self, dags: list[Dag], failures: list[ImportFailure]) -> None:
        self.dags = lambda: dags
        self.import_failures = lambda: failures


def imported(root_dir: Path, told: Told, since: float | None, *expected: str) -> Imported:
    def give_up() -> None:
        raise TimeoutError("it still waits")

    return ImportWait(Project(root_dir), Release.load("3.3.1"), told, since, expected).run(give_up)  # type: ignore[arg-type]


def test_import_waits_for_a_file_that_defines_a_dag(tmp_path: Path) -> None:
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "a.py").write_text("# airflow\nDAG('a')")
    now = time.time()
    old, new = (
        Dag("a", "a.py", (), is_paused=True, max_active_runs=1, parsed=parsed) for parsed in (now - 60, now + 1)
    )
    with pytest.raises(TimeoutError):
        imported(tmp_path, Told([old], []), now)
    assert imported(tmp_path, Told([new], []), now).dags == (new,)


def test_import_error_counts_only_for_the_file_as_it_is_now(tmp_path: Path) -> None:
    """Airflow forgets an import error when it parses the file again, which may be after we look."""
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "a.py").write_text("# airflow\nDAG('a')")
    trace = 'File "/usr/local/airflow/dags/a.py", line 2, in <module>\nNameError: DAG'
    now = time.time()
    earlier, later = (ImportFailure("a.py", trace, moment) for moment in (now - 60, now + 60))
    gone = ImportFailure("gone.py", trace, now + 60)
    with pytest.raises(TimeoutError):
        imported(tmp_path, Told([], [earlier, gone]), None)
    [problem] = imported(tmp_path, Told([], [later, gone]), None).problems
    assert (problem.path, problem.line, problem.message, problem.is_wrong) == ("dags/a.py", 2, "NameError: DAG", True)
    [problem] = imported(tmp_path, Told([], [later]), None, "a.py").problems
    assert not problem.is_wrong


def test_file_that_was_begun_and_yields_nothing_defines_no_dag(tmp_path: Path) -> None:
    (tmp_path / "dags" / "team").mkdir(parents=True)
    (tmp_path / "dags" / "team" / "[a].py").write_text("# airflow dag")
    told, since = Told([], []), time.time() - 60
    with pytest.raises(TimeoutError):
        imported(tmp_path, told, since)
    log = tmp_path / ".mwaa-local/airflow/logs/dag_processor/2026-01-01/dags-folder/team/[a].py.log"
    log.parent.mkdir(parents=True)
    log.write_text("")
    with pytest.raises(TimeoutError):
        imported(tmp_path, told, since)
    os.utime(log, (since + 10, since + 10))
    assert imported(tmp_path, told, since).problems == ()


def test_failed_start_is_reported_without_secrets(tmp_path: Path) -> None:
    def start() -> tuple[Plan, Sequence[Remark]]:
        raise ComponentFailed("the worker failed", "  | VAULT_TOKEN=sesame-street")

    report, _ = smoked(tmp_path, start=start, secrets=["sesame-street"])
    assert report.error is not None
    assert report.error.why == "  | VAULT_TOKEN=***"


def test_findings_and_remarks_are_reported_without_secrets(tmp_path: Path) -> None:
    def start() -> tuple[Plan, Sequence[Remark]]:
        plan = SimpleNamespace(
            database_url="postgresql://127.0.0.1:1/none", broker_url="redis://127.0.0.1:1/0", queue="q"
        )
        plan.airflow_version = "3.3.1"
        again = Remark("warning", "startup script", "sesame-street", "sesame-street")  # which the check has found
        return plan, [again, Remark("error", "requirements", "no sesame-street", "sesame-street")]  # type: ignore[return-value]

    warning = Finding("rule", WARNING, "startup/startup.sh", 1, "sesame-street", "sesame-street")
    report, _ = smoked(tmp_path, check=lambda: [warning], start=start, secrets=["sesame-street"])
    assert [(finding.what, finding.why) for finding in report.findings] == [("***", "***")]
    assert [(remark.what, remark.why) for remark in report.remarks] == [("no ***", "***")]


def test_what_check_and_start_both_report_is_told_once(tmp_path: Path) -> None:
    runner_dir = tmp_path / "project"
    (runner_dir / "dags").mkdir(parents=True)
    (runner_dir / "requirements.txt").write_text("apache-airflow==2.8.1\n")
    project = Project(runner_dir)
    environment = Environment.load(project)
    assumed = release_assumed(project, environment)
    assert assumed is not None
    other = Remark("warning", "paths", "something of the start alone")
    remarks = [*_remarks_on_files(project, environment), other]
    error = Remark("error", "requirements", assumed.what)
    assert len(remarks) > 2
    found = [assumed, *requirements_elsewhere(project)]
    assert told_once(found, [*remarks, error]) == (found, [other, error])


def test_secrets_of_everything_that_was_given_are_known(tmp_path: Path) -> None:
    files = {
        ".mwaa-local/secrets.json": json.dumps(
            {"fernet_key": "made-here-1", "database_passwords": {"x": "made-here-2"}}
        ),
        "airflow_settings.yaml": "airflow:\n  connections:\n    - conn_id: c\n      conn_type: http\n"
        "      conn_password: of-connection\n      conn_extra: {api_key: of-extra, region_name: eu-west-1}\n"
        "  variables:\n    - {variable_name: api_token, variable_value: of-variable}\n"
        "    - {variable_name: bucket, variable_value: my-bucket}\n",
        "tests/aws/secrets.yaml": "plain: of-secret\nmapping: {user: me-myself, password: of-mapping}\n",
        "tests/aws/parameters.yaml": "/a: {Type: SecureString, Value: of-parameter}\n/b: no-secret\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    environment = Environment.model_validate({"AirflowConfigurationOptions": {"app.api_key": "of-option"}})
    component = SimpleNamespace(env={"VAULT_TOKEN": "of-startup-script", "TEAM": "analytics"})
    plan = SimpleNamespace(components=[component])
    secret = "made-here-1 made-here-2 of-connection of-extra of-variable of-secret of-mapping of-parameter of-option"
    mask = ReportMask.of(Project(tmp_path), environment, plan).mask  # type: ignore[arg-type]
    assert set(mask.text(f"{secret} of-startup-script").split()) == {"***"}
    plain = "eu-west-1 my-bucket me-myself no-secret analytics"
    assert mask.text(plain) == plain


def test_keys_that_are_made_for_each_database_are_known(tmp_path: Path) -> None:
    secrets = load_secrets(tmp_path / ".mwaa-local").with_database("3.3.1", "of-database")
    secrets.save(tmp_path / ".mwaa-local")
    used = secrets.of_database("3.3.1")
    mask = ReportMask.of(Project(tmp_path), Environment(), None).mask
    assert mask.text(f"{used.jwt_secret} {used.secret_key}") == "*** ***"


def test_settings_that_cannot_be_used_hide_no_other_secret(tmp_path: Path) -> None:
    (tmp_path / "airflow_settings.yaml").write_text("airflow: [\n")
    environment = Environment.model_validate({"AirflowConfigurationOptions": {"app.api_key": "of-option"}})
    assert ReportMask.of(Project(tmp_path), environment, None).mask.text("of-option") == "***"
