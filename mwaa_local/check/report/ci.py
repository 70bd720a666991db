"""Results of checks for CI: JUnit XML, SARIF and GitHub's workflow commands. Pure.

Each has what its readers can use of a fault that shows in many places. JUnit: one text for each cause, with all places.
SARIF: one result for each place, as code scanning follows them one by one. GitHub's annotations: one for each place as
long as GitHub shows them all, else one for each cause.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from mwaa_local import __version__
from mwaa_local.check.report.groups import Group, groups
from mwaa_local.check.report.problems import Problem, problems
from mwaa_local.check.report.text import headline
from mwaa_local.check.requirements.resolution import RULES, other_findings, resolution_findings
from mwaa_local.check.requirements.verdict import Checked, Conflict, Unchecked
from mwaa_local.check.showing import shown, shown_finding, shown_line
from mwaa_local.documentation import difference_url
from mwaa_local.finding import ERROR, NOT_CHECKED, NOTE, SEVERITIES, WARNING, Finding, has_error, in_order

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

TOOL_NAME = "mwaa-local"
RESOLUTION_TEST = "resolution"
NO_FINDINGS_TEST = "no-findings"

SARIF_VERSION = "2.1.0"
SARIF_SCHEMA_URL = "https://json.schemastore.org/sarif-2.1.0.json"
SARIF_LEVELS = {ERROR: "error", WARNING: "warning", NOTE: "note"}

# Annotations of each kind that GitHub shows of a step; it drops the others without a word (community discussion 26680).
GITHUB_MAX_ANNOTATIONS = 10
GITHUB_COMMANDS = {ERROR: "error", WARNING: "warning", NOTE: "notice"}


def junit(checked: Sequence[Checked]) -> str:
    """Return JUnit XML: a suite for each file and release, a case for resolving and for each rule that found something.

    What does not work is a failure, what could not be checked an error; warnings and notes are output of a case that
    passes.
    """
    return _junit_document([_checked_suite(item) for item in checked])


def findings_junit(findings: Sequence[Finding], *, name: str) -> str:
    """Return JUnit XML with one suite of this name, and a case for each rule that found something."""
    cases = _rule_cases(name, [shown_finding(finding) for finding in in_order(findings)])
    return _junit_document([_suite(name, cases or [_case(name, NO_FINDINGS_TEST)], 0)])


def suites_junit(suites: Sequence[tuple[str, Sequence[Finding], float, str]]) -> str:
    """Return JUnit XML with a suite for each (name, findings, seconds, why it was skipped or "")."""
    return _junit_document([_plain_suite(*suite) for suite in suites])


def _plain_suite(name: str, findings: Sequence[Finding], elapsed_s: float, skipped: str) -> Element:
    cases = _rule_cases(name, [shown_finding(finding) for finding in in_order(findings)])
    cases = cases or [_case(name, NO_FINDINGS_TEST, elapsed_s)]
    if skipped:
        _add(cases[0], "skipped", "", {"message": shown_line(skipped)})
    return _suite(name, cases, elapsed_s)


def _junit_document(suites: Sequence[Element]) -> str:
    from xml.etree import ElementTree as ET  # here, so that a check without XML does not wait for it

    root = ET.Element("testsuites", {"name": TOOL_NAME, **_totals(suites)})
    root.extend(suites)
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode")


def _totals(suites: Sequence[Element]) -> dict[str, str]:
    return {key: str(sum(int(suite.get(key, "0")) for suite in suites)) for key in ("tests", "failures", "errors")}


def _checked_suite(checked: Checked) -> Element:
    name = shown_line(f"{checked.path} on Airflow {checked.airflow_version}")
    cases = [_resolution_case(name, checked), *_rule_cases(name, in_order(other_findings(checked)))]
    return _suite(name, cases, checked.elapsed_s)


def _suite(name: str, cases: Sequence[Element], elapsed_s: float) -> Element:
    from xml.etree import ElementTree as ET

    counts = {
        "tests": len(cases),
        "failures": sum(case.find("failure") is not None for case in cases),
        "errors": sum(case.find("error") is not None for case in cases),
        "skipped": sum(case.find("skipped") is not None for case in cases),
    }
    numbers = {key: str(number) for key, number in counts.items()}
    suite = ET.Element("testsuite", {"name": shown_line(name), **numbers, "time": f"{elapsed_s:.3f}"})
    suite.extend(cases)
    return suite


def _resolution_case(name: str, checked: Checked) -> Element:
    case = _case(name, RESOLUTION_TEST, checked.elapsed_s)
    findings = resolution_findings(checked)
    if not findings:
        return case
    words = [_in_words(finding) for finding in findings]
    if isinstance(checked.verdict, Conflict) and checked.verdict.clashes and checked.verdict.said:
        words.append(shown(checked.verdict.said))
    tag = "error" if isinstance(checked.verdict, Unchecked) else "failure"
    _add(case, tag, "\n\n".join(words), {"type": findings[0].rule, "message": headline(checked)})
    return case


def _rule_cases(name: str, findings: Iterable[Finding]) -> list[Element]:
    by_rule: dict[str, list[Finding]] = {}
    for finding in findings:
        by_rule.setdefault(finding.rule, []).append(finding)
    return [_rule_case(name, rule, found) for rule, found in by_rule.items()]


def _rule_case(name: str, rule: str, findings: Sequence[Finding]) -> Element:
    case = _case(name, rule)
    words = "\n\n".join(_group_words(group) for group in groups(findings))
    if has_error(findings):
        first = next(finding for finding in findings if finding.severity == ERROR)
        _add(case, "failure", words, {"type": rule, "message": f"{shown_line(first.place)}: {first.what}"})
    else:
        _add(case, "system-out", words, {})
    return case


def _case(suite_name: str, name: str, elapsed_s: float = 0.0) -> Element:
    from xml.etree import ElementTree as ET

    # The suite's name is in the class, since many viewers show only class and name, and releases have to differ.
    return ET.Element("testcase", {"classname": shown_line(suite_name), "name": name, "time": f"{elapsed_s:.3f}"})


def _add(case: Element, tag: str, words: str, attributes: Mapping[str, str]) -> None:
    from xml.etree import ElementTree as ET

    ET.SubElement(case, tag, dict(attributes)).text = words


def _group_words(group: Group) -> str:
    first, *rest = _in_words(group.finding).split("\n")
    return "\n".join([first, *(shown_line(line) for line in group.where(len(group.findings))), *rest])


def _in_words(finding: Finding) -> str:
    """Return the finding in plain lines: place, severity and what; why; hint; where to read more."""
    return f"{shown_line(finding.place)}: {finding.severity}: {_message(finding)}"


def _message(finding: Finding, where: str = "") -> str:
    see = f"see: {difference_url(finding.see)}" if finding.see else ""
    parts = [finding.what + where, finding.why, f"hint: {finding.hint}" if finding.hint else "", see]
    return "\n".join(part for part in parts if part)


def sarif(checked: Sequence[Checked], *, rules: Mapping[str, str] | None = None) -> str:
    """Return a SARIF 2.1.0 log with one run. `rules` has a one-line meaning for each rule id.

    What was found on several releases is one result, with `properties.airflowVersions`. What could not be checked is
    no result: it is a notification of the run, whose `executionSuccessful` is then false.
    Source: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0".
    """
    return problems_sarif(problems(checked), rules=rules)


def problems_sarif(found: Sequence[Problem], *, rules: Mapping[str, str] | None = None) -> str:
    """Return the same for problems of any check."""
    return _sarif_log(found, rules or {})


def findings_sarif(findings: Sequence[Finding], *, rules: Mapping[str, str] | None = None) -> str:
    """Return the same for findings that belong to no release."""
    plain = (Problem(shown_finding(finding), (), True) for finding in in_order(findings))
    return _sarif_log(tuple(plain), rules or {})


def _sarif_log(found: Sequence[Problem], meanings: Mapping[str, str]) -> str:
    results = [problem for problem in found if problem.finding.rule != NOT_CHECKED]
    ids = sorted({problem.finding.rule for problem in results})
    driver = {"name": TOOL_NAME, "version": __version__, "rules": [_rule(rule, results, meanings) for rule in ids]}
    unchecked = [problem for problem in found if problem.finding.rule == NOT_CHECKED]
    run = {
        "tool": {"driver": driver},
        "invocations": [
            {
                "executionSuccessful": not unchecked,
                "toolExecutionNotifications": [_notification(problem) for problem in unchecked],
            }
        ],
        "columnKind": "unicodeCodePoints",
        "results": [_result(problem, ids) for problem in results],
    }
    return json.dumps({"$schema": SARIF_SCHEMA_URL, "version": SARIF_VERSION, "runs": [run]}, indent=2)


def _rule(rule: str, results: Sequence[Problem], meanings: Mapping[str, str]) -> dict[str, Any]:
    severities = {problem.finding.severity for problem in results if problem.finding.rule == rule}
    worst = next(level for severity, level in SARIF_LEVELS.items() if severity in severities)
    meaning = meanings.get(rule) or RULES.get(rule) or rule.replace("-", " ")
    return {"id": rule, "shortDescription": {"text": meaning}, "defaultConfiguration": {"level": worst}}


def _result(problem: Problem, ids: Sequence[str]) -> dict[str, Any]:
    finding = problem.finding
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": ids.index(finding.rule),
        "level": SARIF_LEVELS[finding.severity],
        "message": {"text": _message(finding, problem.where)},
        "locations": [_location(finding)],
    }
    versions = {"airflowVersions": list(problem.airflow_versions)} if problem.airflow_versions else {}
    see = {"see": difference_url(finding.see)} if finding.see else {}
    return {**result, "properties": {**versions, **see}} if versions or see else result


def _notification(problem: Problem) -> dict[str, Any]:
    message = _message(problem.finding, problem.where)
    return {"level": "error", "message": {"text": message}, "locations": [_location(problem.finding)]}


def _location(finding: Finding) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(finding.path)}}
    if finding.line:
        physical["region"] = {"startLine": finding.line}
    return {"physicalLocation": physical}


def _uri(path: str) -> str:
    """Return a relative URI for a relative path, a `file:` URI for any other."""
    pure = PurePath(path)
    # File names that are not text come with halves of surrogate pairs, which only this way can be encoded.
    quoted = quote(pure.as_posix(), safe="/", errors="surrogatepass")
    if not pure.is_absolute():
        return quoted
    return f"file://{quoted}" if quoted.startswith("/") else f"file:///{quoted}"  # a drive comes after a third slash


def github(checked: Sequence[Checked]) -> str:
    """Return GitHub workflow commands, one a line: annotations at file and line, of severity error, warning or notice.

    Source: GitHub's documentation, "Workflow commands for GitHub Actions"; escapes as in actions/toolkit,
    packages/core/src/command.ts.
    """
    return problems_github(problems(checked))


def problems_github(found: Sequence[Problem]) -> str:
    """Return the same for problems of any check."""
    return _annotations([replace(problem.finding, what=problem.finding.what + problem.where) for problem in found])


def findings_github(findings: Sequence[Finding]) -> str:
    """Return the same for findings that belong to no release."""
    return _annotations([shown_finding(finding) for finding in findings])


def _annotations(findings: Sequence[Finding]) -> str:
    return "\n".join(
        _command(*told)
        for severity in SEVERITIES
        for told in _told([finding for finding in findings if finding.severity == severity])
    )


def _told(findings: Sequence[Finding]) -> Iterable[tuple[Finding, tuple[str, ...]]]:
    """Yield findings of one severity that fit, with further places of each."""
    by_cause = groups(findings)
    if sum(len(group.findings) for group in by_cause) <= GITHUB_MAX_ANNOTATIONS:
        return ((finding, ()) for group in by_cause for finding in group.findings)
    return ((group.finding, group.where()) for group in by_cause)


def _command(finding: Finding, where: Sequence[str]) -> str:
    properties = {"file": shown_line(finding.path), "line": str(finding.line or ""), "title": finding.rule}
    first, *rest = _message(finding).split("\n")
    text = "\n".join([first, *(shown_line(line) for line in where), *rest])
    words = ",".join(f"{key}={_property(value)}" for key, value in properties.items() if value)
    return f"::{GITHUB_COMMANDS[finding.severity]} {words}::{_data(text)}"


def _data(value: str) -> str:
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(value: str) -> str:
    return _data(value).replace(":", "%3A").replace(",", "%2C")
