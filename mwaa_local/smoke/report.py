"""A smoke report as text for people and as plain values for JSON. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from mwaa_local.check.showing import shown, shown_finding, shown_line
from mwaa_local.console import GREEN, RED, table
from mwaa_local.dag_run import RunDates
from mwaa_local.smoke.result import LEFT_OUT, ImportProblem, Outcome, RunResult, SmokeReport

Colour = Callable[[str, str], str]
ELAPSED_DECIMALS = 3
INDENT = "  "


def as_json(report: SmokeReport) -> dict[str, Any]:
    """Return plain values for JSON. Every key is always there; control characters and credentials in URLs are masked.

    - `outcome`: `success`, `task failure`, `wrong usage`, `environment failure`, `import error`, `time-out`,
      `findings` or `interrupted`; `exit_code`: as the command ends; `elapsed_s`
    - `airflow_version`, `runtime` (`docker`, `process`)
    - `environment`: `started` (and stopped again, unless `--keep`), `used` (it ran before) or `not started`
    - `phases`: `name`, `state` (`done`, `failed`, `left out`, `timed out`, `interrupted`), `elapsed_s`, `detail`;
      always all six
    - `error`: null, or `what`, `why`, `hint` of what ended the smoke run
    - `findings`: as those of the checks; `remarks`: as those of `status`
    - `import_problems`: `path`, `line` (0: unknown), `trace`, `is_expected`; with an empty `trace`, a file that was
      declared as broken and is not
    - `runs`: `dag_id`, `run_id`, `file`, `state` (Airflow's, or `timed out`, `not begun`, `not due`, `interrupted`),
      `logical_date`, `data_interval_start`, `data_interval_end` (ISO 8601; null where the run has none), `dates_note`,
      `elapsed_s`, `problem` (empty: as expected), `is_expected_to_fail`, `waiting` (what a time limit cut off, and why
      it was not done; or why the run is not due), and `tasks`: `name` (mapped ones as `task[0]`), `state`, `tries`,
      `max_tries`, `elapsed_s`, `operator`, `is_ok`, `problem`, `log_path`, `log` (last lines, where there is a
      problem), `path` and `line` of what failed
    - `queued_messages`: of the queue when the runs were over; null where unknown
    - `restarted`: components that died during the smoke run
    """
    plain = asdict(report)
    plain["outcome"] = report.outcome.value
    plain["runs"] = [_with_dates(run) for run in plain["runs"]]
    plain["findings"] = [shown_finding(finding).plain() for finding in report.findings]
    safe = _plain(plain)
    assert isinstance(safe, dict)
    return safe


def _with_dates(run: dict[str, Any]) -> dict[str, Any]:
    """Return the run's values with its dates among them, where readers look for them."""
    dates = RunDates(**(run.pop("dates") or {}))
    return {**run, **dates.plain()}


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, float):
        return round(value, ELAPSED_DECIMALS)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def text(report: SmokeReport, colour: Colour = lambda words, _: words) -> str:
    """Return the whole report for people: import errors, each run with its tasks, phases, and the outcome last."""
    parts = [
        *(import_text(problem) for problem in report.import_problems if problem.is_wrong),
        *(run_text(run, colour) for run in report.runs),
        *report.restarted,
        _queue(report),
        _error(report),
        phases_text(report),
        colour(headline(report), GREEN if report.outcome is Outcome.SUCCESS else RED),
    ]
    return "\n\n".join(part for part in parts if part)


def headline(report: SmokeReport) -> str:
    """Return how it ended in one line."""
    counted = f"{len(report.runs)} DAG run{'' if len(report.runs) == 1 else 's'}"
    wrong = sum(not run.is_ok for run in report.runs)
    runs = f", {counted}" + (f", {wrong} not as expected" if wrong else "")
    return f"smoke: {report.outcome.value} after {report.elapsed_s:.1f} s{runs if report.runs else ''}"


def import_text(problem: ImportProblem) -> str:
    place = f"{problem.path}:{problem.line}" if problem.line else problem.path
    trace = "\n".join(f"{INDENT}{line}" for line in shown(problem.trace).splitlines())
    return f"{shown_line(place)}: {'cannot be imported' if trace else problem.message}" + (
        f"\n{trace}" if trace else ""
    )


def run_text(run: RunResult, colour: Colour = lambda words, _: words) -> str:
    """Return one run: how it ended, its tasks as a table, what waited, and the logs of tasks that went wrong."""
    word = colour("ok", GREEN) if run.is_ok else colour("NOT OK", RED)
    expected = ", as declared" if run.is_ok and run.is_expected_to_fail else ""
    lines = [f"{run.dag_id}  {run.state} after {run.elapsed_s:.1f} s{expected}  {word}"]
    if run.problem:
        lines += [f"{INDENT}{line}" for line in shown(run.problem).splitlines()]
    if run.dates is not None:
        lines.append(INDENT + shown_line(run.dates.line()))
    rows = [
        (task.name, task.state, f"{task.tries}/{task.max_tries + 1}", f"{task.elapsed_s:.1f}", task.operator)
        for task in run.tasks
    ]
    if rows:
        lines += [INDENT + line for line in table(("task", "state", "try", "seconds", "operator"), rows).splitlines()]
    lines += [f"{INDENT}waits: {shown_line(line)}" for line in run.waiting]
    for task in run.tasks:
        if not task.is_ok:
            lines += ["", f"{INDENT}{task.name}: {task.problem}; log: {task.log_path or 'none was written'}"]
            lines += [f"{INDENT}  | {line}" for line in task.log]
    return "\n".join(lines)


def _queue(report: SmokeReport) -> str:
    return f"messages still in the queue: {report.queued_messages}" if report.queued_messages else ""


def _error(report: SmokeReport) -> str:
    if report.error is None:
        return ""
    lines = [f"error: {shown_line(report.error.what)}"]
    lines += [f"{INDENT}{line}" for line in shown(report.error.why).splitlines()]
    return "\n".join([*lines, *([f"hint: {shown(report.error.hint)}"] if report.error.hint else [])])


def phases_text(report: SmokeReport) -> str:
    rows = [
        (phase.name, phase.state, f"{phase.elapsed_s:.1f}" if phase.state != LEFT_OUT else "-", phase.detail)
        for phase in report.phases
    ]
    return table(("phase", "state", "seconds", ""), rows)
