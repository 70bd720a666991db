"""A smoke report in every format: the same facts, whatever words tasks put into their logs."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from mwaa_local.dag_run import RunDates
from mwaa_local.errors import AccessDenied
from mwaa_local.finding import ERROR, WARNING, Finding
from mwaa_local.masking import Mask
from mwaa_local.project import Project
from mwaa_local.smoke import report_ci
from mwaa_local.smoke.artifacts import collect_logs, write
from mwaa_local.smoke.report import as_json, text
from mwaa_local.smoke.result import (
    EXIT_CODES,
    PHASES,
    ImportProblem,
    Outcome,
    Phase,
    Problem,
    RunResult,
    SmokeReport,
    TaskResult,
)

LOG = ("about to fail", 'File "/usr/local/airflow/dags/a.py", line 7', "ValueError: <no> ]]> \x00 ``` | https://u:p@h/")
FAILED_TASK = TaskResult(
    "load", "failed", 3, 2, 1.25, "PythonOperator", False, "failed after 3 tries", "x/3.log", LOG, "dags/a.py", 7
)
OTHERS = (
    TaskResult("first", "success", 1, 0, 1.0, "BashOperator", True),
    TaskResult("after", "upstream_failed", 0, 0, 0.0, "BashOperator", True),
    TaskResult("declared", "failed", 1, 0, 0.0, "BashOperator", True),
)
DATES = RunDates("2026-01-01T00:00:00+00:00", "2026-01-01T00:00:00+00:00", "2026-01-02T00:00:00+00:00", "a note")
RUN = RunResult(
    "etl", "r1", "dags/a.py", "failed", 3.5, "load: failed after 3 tries", (), (*OTHERS, FAILED_TASK), dates=DATES
)
STUCK = RunResult("stuck", "r2", "dags/b.py", "timed out", 60.0, "not over after 60 s", ("scheduled: wait",))
BROKEN = ImportProblem("dags/bad.py", "Traceback:\nImportError: no", 3)


def report(**changes: object) -> SmokeReport:
    made = SmokeReport("3.3.1", "process", "started", Outcome.TASK_FAILURE, 1, 64.0)
    made.phases = [Phase(name, "done", 1.0) for name in PHASES]
    made.runs = [RUN, STUCK]
    return replace(made, **changes)  # type: ignore[arg-type]


def test_weightier_outcome_wins() -> None:
    made = SmokeReport("3.3.1")
    for outcome in (Outcome.TIME_OUT, Outcome.TASK_FAILURE, Outcome.TIME_OUT):
        made.end_as(outcome)
    assert (made.outcome, made.exit_code) == (Outcome.TASK_FAILURE, 1)
    made.end_as(Outcome.INTERRUPTED, 143)
    assert (made.outcome, made.exit_code) == (Outcome.INTERRUPTED, 143)


def test_every_outcome_has_an_exit_code_of_its_own() -> None:
    assert sorted(EXIT_CODES.values()) == [0, 1, 2, 3, 4, 5, 6, 130]
    assert set(EXIT_CODES) == set(Outcome)


def test_json_has_every_documented_key_and_is_safe() -> None:
    plain = as_json(report(findings=[Finding("rule", WARNING, "a.py", 1, "what")], error=Problem("what")))
    documented = as_json.__doc__ or ""
    for key in (*plain, *plain["runs"][0], *plain["runs"][0]["tasks"][0], *plain["phases"][0]):
        assert f"`{key}`" in documented, key
    said = json.dumps(plain)
    assert "\\u0000" not in said
    assert "u:p@h" not in said
    assert plain["outcome"] == "task failure"


def test_json_has_the_dates_of_each_run_beside_its_id() -> None:
    dated, undated = as_json(report())["runs"]
    assert {name: dated[name] for name in DATES.plain()} == DATES.plain()
    assert "dates" not in dated
    assert (undated["logical_date"], undated["data_interval_end"], undated["dates_note"]) == (None, None, "")


def test_text_has_the_table_of_states_the_log_and_what_waited() -> None:
    said = text(report(import_problems=[BROKEN], restarted=["worker ended and was started again once"]))
    for words in (
        "dags/bad.py:3: cannot be imported\n  Traceback:\n  ImportError: no",
        "etl  failed after 3.5 s  NOT OK\n  load: failed after 3 tries\n  logical date 2026-01-01T00:00:00+00:00, "
        "data interval 2026-01-01T00:00:00+00:00 to 2026-01-02T00:00:00+00:00 (a note)\n",
        "  task      state            try  seconds  operator",
        "  load      failed           3/3  1.2      PythonOperator",
        "  load: failed after 3 tries; log: x/3.log\n    | about to fail",
        "stuck  timed out after 60.0 s  NOT OK\n  not over after 60 s\n  waits: scheduled: wait",
        "worker ended and was started again once",
    ):
        assert words in said
    assert said.endswith("smoke: task failure after 64.0 s, 2 DAG runs, 2 not as expected")


def test_junit_counts_failures_skips_and_errors() -> None:
    made = report(
        import_problems=[BROKEN, ImportProblem("dags/known.py", "trace", is_expected=True)],
        findings=[Finding("rule", ERROR, "a.py", 1, "what"), Finding("rule", WARNING, "a.py", 2, "what")],
        error=Problem("the worker failed", "why"),
    )
    root = ET.fromstring(report_ci.junit(made))
    suites = {
        suite.get("name"): tuple(suite.get(key) for key in ("tests", "failures", "errors", "skipped")) for suite in root
    }
    assert suites == {
        "smoke.check": ("2", "1", "0", "0"),
        "smoke.environment": ("1", "0", "1", "0"),
        "smoke.import": ("2", "1", "0", "0"),
        "smoke.etl": ("4", "1", "0", "1"),
        "smoke.stuck": ("1", "1", "0", "0"),
    }
    assert {key: root.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": "10",
        "failures": "4",
        "errors": "1",
        "skipped": "1",
    }
    failure = root.find(".//testcase[@name='load']/failure")
    assert failure is not None
    assert failure.get("message") == "failed after 3 tries"
    assert "about to fail" in (failure.text or "")


def test_github_annotates_where_it_went_wrong_seen_from_the_repository() -> None:
    lines = report_ci.github(report(import_problems=[BROKEN]), PurePosixPath("projects/one")).splitlines()
    assert [line.partition("::")[2].partition("::")[0] for line in lines] == [
        "error file=projects/one/dags/a.py,line=7,title=task-failure",
        "error file=projects/one/dags/b.py,title=dag-run",
        "error file=projects/one/dags/bad.py,line=3,title=import-error",
    ]
    assert all("\x00" not in line for line in lines)


def test_summary_takes_nothing_for_markup() -> None:
    said = report_ci.summary(report(import_problems=[BROKEN]))
    assert "| :x: etl | failed | 3.5 | 1/4 | load: failed after 3 tries |" in said
    assert "<no>" not in "".join(line for line in said.splitlines() if not line.startswith("    "))
    assert ":x: smoke: task failure" in said
    assert ":white_check_mark:" in report_ci.summary(report(outcome=Outcome.SUCCESS))


@pytest.mark.parametrize("outcome", [Outcome.SUCCESS, Outcome.INTERRUPTED])
def test_report_of_nothing_is_well_formed(outcome: Outcome) -> None:
    made = SmokeReport("3.3.1", outcome=outcome)
    assert ET.fromstring(report_ci.junit(made)).get("errors") == ("1" if outcome is Outcome.INTERRUPTED else "0")
    assert report_ci.github(made, PurePosixPath()) == ""
    assert text(made)


def test_place_that_cannot_be_written_is_reported_as_such(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AccessDenied, match="cannot write"):
        write(tmp_path / "file" / "smoke.xml", "")


def test_artifacts_leave_other_runs_out_and_mask_secrets(tmp_path: Path) -> None:
    project = Project(tmp_path / "project")
    logs_dir = project.airflow_home_dir / "logs"
    mine, other = (logs_dir / "dag_id=etl" / f"run_id={run_id}" / "task_id=load" for run_id in ("r1", "r0"))
    for folder in (project.logs_dir, mine, other):
        folder.mkdir(parents=True)
        (folder / "attempt=1.log").write_text("key: a-long-secret-key, a")
    collect_logs(tmp_path / "out", project, report(), Mask(["a-long-secret-key"]))
    found = {str(path.relative_to(tmp_path / "out")): path.read_text() for path in (tmp_path / "out").rglob("*.log")}
    assert found == {
        "components/attempt=1.log": "key: ***, a",
        "tasks/dag_id=etl/run_id=r1/task_id=load/attempt=1.log": "key: ***, a",
    }
