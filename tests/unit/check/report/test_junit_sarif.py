"""JUnit and SARIF, as those who read them expect it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mwaa_local.check.report import formats as report
from mwaa_local.check.requirements.verdict import (
    Conflict,
    Unchecked,
)
from mwaa_local.finding import ERROR, WARNING, Finding
from tests.unit.check.report.results import (
    CONFLICT,
    NO_WHEEL,
    PATH,
    REFUSED,
    UNCHECKED,
    UNPINNED,
    WORKS,
    checked,
    sarif_run,
)


def cases(document: str) -> dict[tuple[str, str], ET.Element]:
    """Return test cases by the name of their suite and their own."""
    return {(suite.get("name", ""), case.get("name", "")): case for suite in ET.fromstring(document) for case in suite}


def test_junit_has_a_suite_per_release_and_a_case_per_rule() -> None:
    results = [
        checked(WORKS, UNPINNED, replace(UNPINNED, line=5), REFUSED),
        checked(CONFLICT, airflow="2.10.3"),
        checked(NO_WHEEL, airflow="2.2.2"),
        checked(UNCHECKED, airflow="2.0.2"),
    ]
    kinds = {key: [part.tag for part in case] for key, case in cases(report.junit(results)).items()}
    assert kinds == {
        (f"{PATH} on Airflow 3.3.1", "resolution"): [],
        (f"{PATH} on Airflow 3.3.1", "unpinned"): ["system-out"],
        (f"{PATH} on Airflow 3.3.1", "local-path"): ["failure"],
        (f"{PATH} on Airflow 2.10.3", "resolution"): ["failure"],
        (f"{PATH} on Airflow 2.2.2", "resolution"): ["failure"],
        (f"{PATH} on Airflow 2.0.2", "resolution"): ["error"],
    }


def test_junit_counts_are_those_of_its_cases() -> None:
    root = ET.fromstring(report.junit([checked(CONFLICT, UNPINNED, REFUSED), checked(UNCHECKED)]))
    assert (root.tag, root.get("tests"), root.get("failures"), root.get("errors")) == ("testsuites", "4", "2", "1")
    counts = [[suite.get(key) for key in ("tests", "failures", "errors", "skipped", "time")] for suite in root]
    assert counts == [["3", "2", "0", "0", "1.250"], ["1", "0", "1", "0", "1.250"]]


def test_junit_failure_tells_all_there_is() -> None:
    failure = cases(report.junit([checked(CONFLICT)]))[f"{PATH} on Airflow 3.3.1", "resolution"].find("failure")
    assert failure is not None
    assert failure.get("type") == "conflict"
    assert "does not work on Airflow 3.3.1" in failure.get("message", "")
    for part in (f"{PATH}:4: error: pandas==1.5.3", "They hold pandas.", "hint: change", "because pandas"):
        assert part in (failure.text or "")


def test_junit_of_findings_is_one_suite_and_never_empty() -> None:
    found = cases(report.findings_junit([UNPINNED, REFUSED], name="plugins.zip"))
    assert set(found) == {("plugins.zip", "unpinned"), ("plugins.zip", "local-path")}
    none = cases(report.findings_junit([], name="plugins.zip"))
    assert [len(case) for case in none.values()] == [0]


def test_junit_stays_xml_whatever_is_in_it() -> None:
    words = "<&\"'\x00\x1b\ufffe\udc80]]>\n é"
    finding = Finding("rule", ERROR, f"a{words}b.txt", 1, words, words, words)
    documents = [
        report.junit([checked(Conflict((), words), finding), checked(Unchecked(words), path=words)]),
        report.findings_junit([finding], name=words),
    ]
    for document in documents:
        assert document.startswith('<?xml version="1.0" encoding="utf-8"?>\n')
        assert "é" in ET.tostring(ET.fromstring(document.encode()), encoding="unicode")


# SARIF.


def test_sarif_has_a_result_for_every_problem_with_rule_level_and_line() -> None:
    run = sarif_run(report.sarif([checked(CONFLICT, UNPINNED, REFUSED)]))
    found = {
        item["ruleId"]: (item["level"], item["locations"][0]["physicalLocation"]["region"]) for item in run["results"]
    }
    assert found == {
        "unpinned": ("warning", {"startLine": 3}),
        "conflict": ("error", {"startLine": 4}),
        "local-path": ("error", {"startLine": 7}),
    }


def test_sarif_result_of_a_whole_file_has_no_region() -> None:
    (result,) = sarif_run(report.sarif([checked(NO_WHEEL)]))["results"]
    assert result["locations"][0]["physicalLocation"] == {"artifactLocation": {"uri": PATH}}


def test_sarif_result_of_several_releases_is_one() -> None:
    run = sarif_run(report.sarif([checked(WORKS, UNPINNED), checked(WORKS, UNPINNED, airflow="2.10.3")]))
    (result,) = run["results"]
    assert result["properties"] == {"airflowVersions": ["3.3.1", "2.10.3"]}


def test_sarif_says_what_could_not_be_checked_as_a_notification_of_the_run() -> None:
    run = sarif_run(report.sarif([checked(UNCHECKED)]))
    (invocation,) = run["invocations"]
    assert run["results"] == []
    assert invocation["executionSuccessful"] is False
    assert "the index did not answer" in invocation["toolExecutionNotifications"][0]["message"]["text"]
    assert sarif_run(report.sarif([checked()]))["invocations"][0]["executionSuccessful"] is True


def test_sarif_rules_have_the_meaning_that_the_caller_gives() -> None:
    run = sarif_run(report.findings_sarif([UNPINNED, REFUSED], rules={"unpinned": "a requirement names no version"}))
    meanings = {rule["id"]: rule["shortDescription"]["text"] for rule in run["tool"]["driver"]["rules"]}
    assert meanings == {"unpinned": "a requirement names no version", "local-path": "local path"}


def test_sarif_rule_has_the_level_of_its_worst_result() -> None:
    mild = replace(REFUSED, severity=WARNING)
    run = sarif_run(report.findings_sarif([mild, replace(mild, severity=ERROR, line=8)]))
    assert run["tool"]["driver"]["rules"][0]["defaultConfiguration"] == {"level": "error"}


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("requirements/requirements.txt", "requirements/requirements.txt"),
        ("./requirements/requirements.txt", "requirements/requirements.txt"),
        ("my files/a#b.txt", "my%20files/a%23b.txt"),
        ("a:b.txt", "a%3Ab.txt"),
        ("/srv/a b.txt", "file:///srv/a%20b.txt"),
        ("not-text-\udcff", "not-text-%ED%B3%BF"),
    ],
)
def test_sarif_uri_is_relative_for_a_relative_path(path: str, uri: str) -> None:
    (result,) = sarif_run(report.findings_sarif([replace(UNPINNED, path=path)]))["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == uri


@given(path=st.text(min_size=1).filter(lambda text: not text.startswith("/")))
def test_sarif_uri_is_ascii_for_every_name(path: str) -> None:
    run = sarif_run(report.findings_sarif([replace(UNPINNED, path=path)]))
    uri = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri.isascii()
    assert Path(unquote(uri)) == Path(path)
