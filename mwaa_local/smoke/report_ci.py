"""A smoke report for CI: JUnit XML, GitHub's workflow commands and step summary. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from mwaa_local.check.report.ci import findings_github
from mwaa_local.check.showing import shown, shown_finding, shown_line
from mwaa_local.finding import ERROR, Finding, in_order
from mwaa_local.smoke.report import headline, phases_text, run_text
from mwaa_local.smoke.result import UNFINISHED, ImportProblem, Outcome, RunResult, SmokeReport, TaskResult

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

SUITE_PREFIX = "smoke"
SKIPPED_STATES = ("skipped", "upstream_failed", "removed", "none", "scheduled", "queued")


def junit(report: SmokeReport) -> str:
    """Return JUnit XML: a suite for each DAG run with a case per task, and one each for checks, start and import.

    A task that did not end as declared is a failure, with the end of its log. Tasks that were skipped, that follow a
    failed one or that a time limit kept from running are skipped. What kept the environment from working is an error.
    """
    from xml.etree import ElementTree as ET  # here, so that a smoke run without XML does not wait for it

    suites = [
        _suite("check", [_finding_case(finding) for finding in in_order(report.findings)]),
        _suite("environment", [_environment_case(report)]),
        _suite("import", [_import_case(problem) for problem in report.import_problems]),
        *(_run_suite(run) for run in report.runs),
    ]
    suites = [suite for suite in suites if len(suite)]
    totals = {
        key: sum(int(suite.get(key, "0")) for suite in suites) for key in ("tests", "failures", "errors", "skipped")
    }
    root = ET.Element("testsuites", {"name": SUITE_PREFIX, **{key: str(number) for key, number in totals.items()}})
    root.set("time", f"{report.elapsed_s:.3f}")
    root.extend(suites)
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suite(name: str, cases: Sequence[Element], elapsed_s: float = 0.0) -> Element:
    from xml.etree import ElementTree as ET

    full_name = shown_line(f"{SUITE_PREFIX}.{name}")
    suite = ET.Element("testsuite", {"name": full_name, "tests": str(len(cases))})
    for key, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(key, str(sum(case.find(tag) is not None for case in cases)))
    suite.set("time", f"{elapsed_s:.3f}")
    for case in cases:
        case.set("classname", full_name)
    suite.extend(cases)
    return suite


def _case(name: str, elapsed_s: float = 0.0) -> Element:
    from xml.etree import ElementTree as ET

    return ET.Element("testcase", {"name": shown_line(name), "classname": "", "time": f"{elapsed_s:.3f}"})


def _add(case: Element, tag: str, message: str, words: str = "") -> Element:
    from xml.etree import ElementTree as ET

    attributes = {"message": shown_line(message)} if message else {}
    ET.SubElement(case, tag, attributes).text = shown(words) or None
    return case


def _finding_case(finding: Finding) -> Element:
    case = _case(f"{finding.rule} {finding.place}")
    words = "\n".join(part for part in (finding.what, finding.why, finding.hint) if part)
    if finding.severity == ERROR:
        return _add(case, "failure", f"{finding.place}: {finding.what}", words)
    return _add(case, "system-out", "", words)


def _environment_case(report: SmokeReport) -> Element:
    case = _case("smoke run", report.elapsed_s)
    if report.error is not None:
        return _add(case, "error", report.error.what, f"{report.error.why}\n{report.error.hint}")
    if report.outcome is Outcome.INTERRUPTED:
        return _add(case, "error", "interrupted")
    return case


def _import_case(problem: ImportProblem) -> Element:
    case = _case(problem.path)
    if not problem.is_wrong:
        return _add(case, "system-out", "", problem.trace)
    return _add(case, "failure", problem.message, problem.trace)


def _run_suite(run: RunResult) -> Element:
    cases = [_task_case(task) for task in run.tasks]
    if run.problem and not any(case.find("failure") is not None for case in cases):
        cases.insert(0, _add(_case("DAG run", run.elapsed_s), "failure", run.problem, "\n".join(run.waiting)))
    return _suite(run.dag_id, cases or [_case("DAG run", run.elapsed_s)], run.elapsed_s)


def _task_case(task: TaskResult) -> Element:
    case = _case(task.name, task.elapsed_s)
    if not task.is_ok:
        log = "\n".join([*task.log, f"The whole log: {task.log_path}"]) if task.log_path else "No log was written."
        return _add(case, "failure", task.problem, log)
    if task.state in SKIPPED_STATES:
        return _add(case, "skipped", task.state)
    if task.state == "failed":
        return _add(case, "system-out", "", "failed, as declared")
    return case


def github(report: SmokeReport, base: PurePosixPath) -> str:
    """Return workflow commands, one a line: an annotation for each thing that is wrong, at its file and line.

    `base` is the project's folder as seen from the repository's, which is what GitHub goes by.
    """
    findings = [*report.findings, *_import_findings(report), *_run_findings(report)]
    if report.error is not None:
        findings.append(Finding("smoke", ERROR, "mwaa.yaml", 0, report.error.what, report.error.why, report.error.hint))
    return findings_github([_below(base, finding) for finding in findings])


def _below(base: PurePosixPath, finding: Finding) -> Finding:
    safe = shown_finding(finding)
    return replace(safe, path=str(base / safe.path))


def _import_findings(report: SmokeReport) -> Iterator[Finding]:
    for problem in report.import_problems:
        if problem.is_wrong:
            what = problem.message if not problem.trace else f"cannot be imported: {problem.message}"
            yield Finding("import-error", ERROR, problem.path, problem.line, what, problem.trace)


def _run_findings(report: SmokeReport) -> Iterator[Finding]:
    for run in report.runs:
        wrong = [task for task in run.tasks if not task.is_ok]
        for task in wrong:
            rule = "time-out" if run.state in UNFINISHED else "task-failure"
            what = f"{run.dag_id}.{task.name}: {task.problem}"
            yield Finding(rule, ERROR, task.path or run.file, task.line, what, "\n".join(task.log))
        if run.problem and not wrong:
            yield Finding("dag-run", ERROR, run.file, 0, f"{run.dag_id}: {run.problem}", "\n".join(run.waiting))


def summary(report: SmokeReport) -> str:
    """Return GitHub's step summary, in Markdown."""
    mark = {True: ":white_check_mark:", False: ":x:"}
    lines = [f"### {mark[report.outcome is Outcome.SUCCESS]} {_cell(headline(report))}", ""]
    if report.error is not None:
        lines += [f"**{_cell(report.error.what)}**", "", *_block(f"{report.error.why}\n{report.error.hint}")]
    for problem in report.import_problems:
        if problem.is_wrong:
            lines += _details(f"{problem.path}: {problem.message}", problem.trace)
    if report.runs:
        lines += ["| DAG | state | seconds | tasks | |", "| --- | --- | --- | --- | --- |"]
        for run in report.runs:
            done = sum(task.state == "success" for task in run.tasks)
            cells = (run.dag_id, run.state, f"{run.elapsed_s:.1f}", f"{done}/{len(run.tasks)}", run.problem)
            lines.append(f"| {mark[run.is_ok]} " + " | ".join(_cell(cell) for cell in cells) + " |")
        lines.append("")
    for run in report.runs:
        if not run.is_ok:
            lines += _details(run.dag_id, run_text(run))
    return "\n".join([*lines, *_details("phases", phases_text(report))]) + "\n"


def _details(title: str, words: str) -> list[str]:
    return [f"<details><summary>{_cell(title)}</summary>", "", *_block(words), "</details>", ""]


def _block(words: str) -> list[str]:
    """Return a code block that the words cannot end: indented, not fenced."""
    return [*(f"    {line}" for line in shown(words).splitlines()), ""]


def _cell(words: str) -> str:
    """Return words in one line of a table, nothing of them taken for Markdown or HTML."""
    plain = shown_line(words).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return plain.replace("|", "\\|").replace("*", "\\*").replace("_", "\\_").replace("`", "\\`")
