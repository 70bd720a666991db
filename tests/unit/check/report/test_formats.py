"""Results of checks in every format: what a person reads, what machines parse, and proposals written into text."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mwaa_local.check.report import formats as report
from mwaa_local.check.report.text import headline, size
from mwaa_local.check.requirements.resolution import resolution_findings
from mwaa_local.check.requirements.verdict import (
    Broken,
    Checked,
    Clash,
    Conflict,
    NoWheel,
    PackageChange,
    Proposal,
    SourceOnly,
    Unchecked,
    Verdict,
    Works,
)
from mwaa_local.console import RED, RESET
from mwaa_local.finding import ERROR, NOTE, SEVERITIES, WARNING, Finding

PATH = "requirements/requirements.txt"

ADDED = PackageChange("dbt-core", "1.9.1", "", False, (f"{PATH}:3",), 1_200_000)
UPGRADED = PackageChange("numpy", "2.1.0", "1.26.4", False, ("dbt-core", "a", "b", "c", "d"), 33_000_000)
DOWNGRADED = PackageChange("protobuf", "4.25.1", "5.29.0", True, (f"{PATH}:4",), None)
WORKS = Works((ADDED, UPGRADED), install_estimate_s=12.3)
PANDAS = Proposal(PATH, 4, "pandas==1.5.3", "pandas==2.2.3")
CLASH = Clash(
    PATH, 4, "pandas==1.5.3", "pandas==2.2.3", "the constraints of Airflow 2.10.3", "They hold pandas.", PANDAS
)
CONFLICT = Conflict((CLASH,), "because pandas")
NO_WHEEL = NoWheel((SourceOnly("duckdb", "1.0", "it needs cmake"),))
UNCHECKED = Unchecked("the index did not answer", "it timed out", "try again")
UNPINNED = Finding("unpinned", WARNING, PATH, 3, "`dbt-core` names no version", "It may change.", "pin it")
REFUSED = Finding("local-path", ERROR, PATH, 7, "`./mine` is not on MWAA")


def checked(verdict: Verdict = WORKS, *findings: Finding, airflow: str = "3.3.1", path: str = PATH) -> Checked:
    return Checked(path, airflow, "3.12", verdict, findings, 1.25)


# Exit codes.


@pytest.mark.parametrize(
    ("results", "code"),
    [
        ([], 0),
        ([checked()], 0),
        ([checked(WORKS, UNPINNED)], 0),
        ([checked(WORKS, REFUSED)], 1),
        ([checked(CONFLICT)], 1),
        ([checked(NO_WHEEL)], 1),
        ([checked(UNCHECKED)], 3),
        ([checked(), checked(UNCHECKED)], 3),
        ([checked(UNCHECKED), checked(CONFLICT)], 1),
        ([checked(UNCHECKED, REFUSED)], 1),
    ],
)
def test_exit_code_is_1_for_what_fails_and_3_only_when_nothing_is_known_to_fail(
    results: list[Checked], code: int
) -> None:
    assert report.exit_code(results) == code
    assert report.as_json(results)["exit_code"] == code


def test_findings_alone_fail_when_one_is_an_error() -> None:
    assert [report.findings_exit_code(found) for found in ([], [UNPINNED], [UNPINNED, REFUSED])] == [0, 0, 1]


# Text.


def test_what_works_begins_with_what_changes_and_how_long_it_takes() -> None:
    assert report.text([checked()]) == (
        f"{PATH} works on Airflow 3.3.1 (Python 3.12): "
        "1 package added, 1 upgraded, 34 MB, about 12 s of MWAA's 540 s\n"
        "\n"
        "package   version  in the image  why                              size\n"
        f"dbt-core  1.9.1    -             {PATH}:3  1.2 MB\n"
        "numpy     2.1.0    1.26.4        dbt-core, a, b and 2 more        33 MB"
    )


def test_conflict_names_both_sides_and_shows_the_proposal_as_a_change() -> None:
    assert report.text([checked(CONFLICT)]) == (
        f"{PATH} does not work on Airflow 3.3.1 (Python 3.12): 1 conflict\n"
        "\n"
        f"{PATH}:4: error[conflict] pandas==1.5.3 conflicts with pandas==2.2.3 from the constraints of Airflow 2.10.3\n"
        "  They hold pandas.\n"
        "  proposal:\n"
        "    - pandas==1.5.3\n"
        "    + pandas==2.2.3"
    )


def test_proposal_for_another_line_says_which() -> None:
    elsewhere = replace(CLASH, proposal=Proposal("requirements/more.txt", 9, "numpy<2", ""))
    shown = report.text([checked(Conflict((elsewhere,), ""))])
    assert shown.endswith("  proposal for requirements/more.txt:9:\n    - numpy<2")


def test_conflict_that_nobody_can_explain_shows_the_resolver_s_words() -> None:
    shown = report.text([checked(Conflict((), "because a\nand b"))])
    assert shown == (
        f"{PATH} does not work on Airflow 3.3.1 (Python 3.12): pip would refuse it\n"
        "\n"
        f"{PATH}: error[conflict] pip would refuse these requirements\n"
        "  because a\n"
        "  and b"
    )


def test_package_that_cannot_be_built_says_what_it_needs() -> None:
    shown = report.text([checked(NO_WHEEL)])
    assert "does not work on Airflow 3.3.1 (Python 3.12): 1 package cannot be built there" in shown
    assert "error[no-wheel] duckdb 1.0 has no wheel for MWAA's platform and cannot be built there\n  It needs" in shown


def test_what_was_not_checked_says_why_and_what_to_do() -> None:
    assert report.text([checked(UNCHECKED)]) == (
        f"{PATH} was not checked for Airflow 3.3.1 (Python 3.12): the index did not answer\n"
        "\n"
        "  it timed out\n"
        "  hint: try again"
    )


def test_what_was_not_checked_and_has_an_error_does_not_work() -> None:
    shown = report.text([checked(UNCHECKED, REFUSED)])
    assert "does not work on Airflow 3.3.1 (Python 3.12): 1 error; the packages to install are unknown" in shown
    assert "error[not-checked] the index did not answer" in shown
    assert "error[local-path]" in shown


def test_what_pip_would_install_but_a_rule_refuses_is_not_said_to_work() -> None:
    first, *_ = report.text([checked(WORKS, REFUSED)]).split("\n")
    assert first.startswith(
        f"{PATH} does not work on Airflow 3.3.1 (Python 3.12): 1 error; pip would install it, with 1 package added"
    )


def test_findings_follow_as_place_severity_rule_with_why_and_hint_indented() -> None:
    shown = report.text([checked(Works(()), REFUSED, UNPINNED)])
    assert shown == (
        f"{PATH} does not work on Airflow 3.3.1 (Python 3.12): 1 error; "
        "pip would install it, with no change to the image's packages\n"
        "\n"
        f"{PATH}:7: error[local-path] `./mine` is not on MWAA\n"
        "\n"
        f"{PATH}:3: warning[unpinned] `dbt-core` names no version\n"
        "  It may change.\n"
        "  hint: pin it"
    )


def test_broken_and_source_packages_of_what_works_are_named() -> None:
    works = Works((ADDED,), (Broken("otel", "it requires protobuf>=5"),), (SourceOnly("foo", "1.2", ""),))
    shown = report.text([checked(works)])
    assert f"{PATH}: warning[broken-package] otel no longer works with the requirements\n  it req" in shown
    assert f"{PATH}: note[built-from-source] foo 1.2 is built from source" in shown
    assert report.exit_code([checked(works)]) == 0


def test_downgrade_says_that_the_image_s_version_is_newer() -> None:
    shown = report.text([checked(Works((DOWNGRADED,)))])
    assert "1 package downgraded" in shown
    assert "protobuf  4.25.1   5.29.0 (newer)" in shown


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ((ADDED, DOWNGRADED), "at least 1.2 MB"),
        ((DOWNGRADED,), "unknown size"),
        ((ADDED,), "1.2 MB"),
    ],
)
def test_unknown_size_is_not_taken_for_nothing(changes: tuple[PackageChange, ...], said: str) -> None:
    assert report.text([checked(Works(changes))]).split("\n")[0].endswith(f", {said}")
    assert said in report.summary_table([checked(Works(changes))])


def test_estimate_beyond_the_limit_says_so() -> None:
    assert "about 600 s and so more than MWAA's 540 s" in report.text([checked(Works((ADDED,), (), (), 600.0))])
    assert "about 1 s of MWAA's 540 s" in report.text([checked(Works((ADDED,), (), (), 0.01))])


def test_finding_of_every_release_is_reported_once_and_of_some_with_their_names() -> None:
    results = [checked(WORKS, UNPINNED, REFUSED, airflow="3.3.1"), checked(CONFLICT, UNPINNED, airflow="2.10.3")]
    shown = report.text(results)
    assert shown.count("warning[unpinned]") == 1
    assert "`dbt-core` names no version\n" in shown
    assert "`./mine` is not on MWAA (Airflow 3.3.1)" in shown
    assert shown.index(f"{PATH} on Airflow 3.3.1\n") < shown.index(f"{PATH} on Airflow 2.10.3\n")


def test_finding_of_one_file_needs_no_release_because_another_file_was_checked() -> None:
    other = replace(UNPINNED, path="other.txt")
    shown = report.text([checked(WORKS, UNPINNED), checked(WORKS, other, path="other.txt")])
    assert "(Airflow" not in shown


def test_colour_changes_no_word() -> None:
    results = [checked(Works((ADDED, DOWNGRADED)), UNPINNED), checked(CONFLICT, REFUSED), checked(UNCHECKED)]
    coloured = report.text(results, colour=lambda words, code: f"{code}{words}{RESET}" if code else words)
    bare = coloured
    for code in {part.split("m")[0] for part in coloured.split("\033[")[1:]}:
        bare = bare.replace(f"\033[{code}m", "")
    assert f"{RED}does not work{RESET}" in coloured
    assert bare == report.text(results)


def test_findings_alone_end_with_how_many_there_are() -> None:
    assert report.findings_text([]) == "no findings"
    shown = report.findings_text([REFUSED, UNPINNED, replace(UNPINNED, line=9)])
    assert shown.startswith(f"{PATH}:7: error[local-path]")
    assert shown.endswith("\n\n1 error, 2 warnings; 2 causes")


def test_short_findings_are_one_line_each() -> None:
    note = Finding("bytecode", NOTE, "plugins", 0, "compiled files")
    assert report.findings_text([note, REFUSED]) == (
        f"{PATH}:7: error[local-path] `./mine` is not on MWAA\nplugins: note[bytecode] compiled files\n\n"
        "1 error, 1 note"
    )


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (9_940, "9.9 kB"),
        (9_960, "10 kB"),
        (999_400, "999 kB"),
        (999_600, "1.0 MB"),
        (34_400_000, "34 MB"),
        (1_200_000_000, "1.2 GB"),
        (1_200_000_000_000, "1200 GB"),
    ],
)
def test_size_has_the_unit_that_a_person_would_take(number: int, words: str) -> None:
    assert size(number) == words


def test_nothing_steers_the_terminal() -> None:
    hostile = Conflict((), "\x1b[2Jbecause\r\nof \x9b31m\u0000")
    shown = report.text([checked(hostile, replace(UNPINNED, what="a\nb\x07", hint="do\x1b]0;x\x07"))])
    assert not {char for char in shown if char < " " or "\x7f" <= char <= "\x9f"} - {"\n"}
    assert "warning[unpinned] a b" in shown


URLS = [
    ("https://user:pw@index.example/simple", "https://***@index.example/simple"),
    ("https://token@index.example/simple", "https://***@index.example/simple"),
    ("https://user:p@w@index.example/simple", "https://***@index.example/simple"),
    ("https://${USER}:${TOKEN}@index.example/", "https://${USER}:${TOKEN}@index.example/"),
    ("git+ssh://git@example.org/a.git", "git+ssh://git@example.org/a.git"),
    ("https://index.example/a?b=c@d", "https://index.example/a?b=c@d"),
]


@pytest.mark.parametrize(("url", "shown"), URLS)
def test_credentials_in_urls_are_masked_in_every_format(url: str, shown: str) -> None:
    clash = Clash(PATH, 1, f"x @ {url}", url, url, url, Proposal(PATH, 1, f"x @ {url}", f"y @ {url}"))
    finding = Finding("index-credentials", WARNING, PATH, 1, url, url, url)
    results = [
        checked(Conflict((clash,), url), finding),
        checked(Unchecked(url, url, url)),
        checked(NoWheel((SourceOnly("x", "1", url, wanted_by=(url,), no_wheel=url, hint=url, line=1),))),
        checked(Works((replace(ADDED, reasons=(url,)),), (Broken("x", url),), (SourceOnly("x", "1", url),))),
    ]
    told = [
        report.text(results),
        report.findings_text([finding]),
        json.dumps(report.as_json(results)),
        json.dumps(report.findings_json([finding])),
        report.junit(results),
        report.findings_junit([finding], name="x"),
        report.sarif(results),
        report.findings_sarif([finding]),
        report.github(results),
        report.findings_github([finding]),
    ]
    assert [shown in output or shown.replace(":", "%3A") in output for output in told] == [True] * len(told)
    if shown != url:
        assert not [output for output in told if url in output]


# The table over releases.


def test_summary_has_a_row_per_release() -> None:
    results = [
        checked(Works((ADDED, UPGRADED, replace(DOWNGRADED, size_bytes=0))), UNPINNED),
        checked(CONFLICT, airflow="2.10.3"),
        checked(NO_WHEEL, airflow="2.2.2"),
        checked(UNCHECKED, REFUSED, airflow="2.0.2"),
    ]
    assert report.summary_table(results) == (
        "airflow  python  outcome      added  up  down  download  findings\n"
        "3.3.1    3.12    works        1      1   1     34 MB     1 warning\n"
        "2.10.3   3.12    conflict     -      -   -     -         -\n"
        "2.2.2    3.12    no-wheel     -      -   -     -         -\n"
        "2.0.2    3.12    not-checked  -      -   -     -         1 error"
    )


def test_summary_does_not_say_works_of_what_a_rule_refuses() -> None:
    row = report.summary_table([checked(WORKS, REFUSED)]).split("\n")[1]
    assert row.split()[2] == "errors"


def test_summary_of_several_files_names_them() -> None:
    header, first, second = report.summary_table([checked(), checked(path="other.txt")]).split("\n")
    assert [line.split()[0] for line in (header, first, second)] == ["file", PATH, "other.txt"]


# JSON.


def test_json_has_the_same_keys_for_every_outcome() -> None:
    results = [checked(verdict) for verdict in (WORKS, CONFLICT, NO_WHEEL, UNCHECKED)]
    plain = json.loads(json.dumps(report.as_json(results)))["checked"]
    assert {tuple(item) for item in plain} == {tuple(plain[0])}
    assert [item["outcome"] for item in plain] == ["works", "conflict", "no-wheel", "not-checked"]
    assert [item["exit_code"] for item in plain] == [0, 1, 1, 3]


def test_every_key_of_the_json_is_documented() -> None:
    documented = report.as_json.__doc__ or ""
    results = [checked(Works((ADDED,), (Broken("a", "b"),), (SourceOnly("a", "1", ""),)), UNPINNED)]
    results += [checked(CONFLICT), checked(NO_WHEEL), checked(UNCHECKED)]
    assert {key for key in _keys(report.as_json(results)) if f"`{key}`" not in documented} == set()


def _keys(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*(_keys(item) for item in value.values()))
    return set().union(*(_keys(item) for item in value)) if isinstance(value, list) else set()


def test_json_of_what_works() -> None:
    plain = report.as_json([checked(Works((ADDED, DOWNGRADED), install_estimate_s=2.5), UNPINNED)])["checked"][0]
    assert plain["changes"][1] == {
        "name": "protobuf",
        "version": "4.25.1",
        "base_version": "5.29.0",
        "change": "downgraded",
        "reasons": [f"{PATH}:4"],
        "size_bytes": None,
    }
    assert (plain["download_bytes"], plain["install_estimate_s"], plain["install_limit_s"]) == (None, 2.5, 540)
    assert (plain["path"], plain["airflow_version"], plain["python_version"]) == (PATH, "3.3.1", "3.12")
    assert plain["findings"] == [
        {
            "rule": "unpinned",
            "severity": "warning",
            "path": PATH,
            "line": 3,
            "what": "`dbt-core` names no version",
            "why": "It may change.",
            "hint": "pin it",
        }
    ]
    assert report.as_json([checked()])["checked"][0]["download_bytes"] == 34_200_000


def test_json_of_what_does_not_work() -> None:
    conflict, no_wheel, unchecked = report.as_json([checked(CONFLICT), checked(NO_WHEEL), checked(UNCHECKED)])[
        "checked"
    ]
    assert conflict["clashes"][0]["proposal"] == {
        "path": PATH,
        "line": 4,
        "old": "pandas==1.5.3",
        "new": "pandas==2.2.3",
    }
    assert (conflict["said"], conflict["download_bytes"]) == ("because pandas", None)
    [package] = no_wheel["no_wheel"]
    assert (package["name"], package["version"], package["problem"]) == ("duckdb", "1.0", "it needs cmake")
    assert package.keys() >= {"outcome", "path", "line", "no_wheel", "newest_with_wheel", "hint"}
    assert package["wanted_by"] == []
    assert unchecked["not_checked"] == {"what": "the index did not answer", "why": "it timed out", "hint": "try again"}


def test_json_of_findings_has_them_in_order() -> None:
    plain = report.findings_json([REFUSED, UNPINNED])
    assert plain["exit_code"] == 1
    assert [item["line"] for item in plain["findings"]] == [3, 7]


# JUnit.


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


def sarif_run(document: str) -> dict[str, Any]:
    """Return the one run, after a look at what SARIF 2.1.0 requires of the document."""
    log = json.loads(document)
    assert (log["version"], len(log["runs"])) == ("2.1.0", 1)
    assert log["$schema"].startswith("https://")
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "mwaa-local"
    ids = [rule["id"] for rule in driver["rules"]]
    assert len(ids) == len(set(ids))
    assert {rule["defaultConfiguration"]["level"] for rule in driver["rules"]} <= {"error", "warning", "note"}
    assert all(rule["shortDescription"]["text"] for rule in driver["rules"])
    for result in run["results"]:
        assert ids[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note")
        assert result["message"]["text"]
        (location,) = result["locations"]
        assert location["physicalLocation"]["artifactLocation"]["uri"]
        assert location["physicalLocation"].get("region", {"startLine": 1})["startLine"] >= 1
    for invocation in run["invocations"]:
        assert isinstance(invocation["executionSuccessful"], bool)
        assert all(item["message"]["text"] for item in invocation["toolExecutionNotifications"])
    assert isinstance(run, dict)
    return run


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
    worse = replace(UNPINNED, severity=ERROR, line=8)
    run = sarif_run(report.findings_sarif([UNPINNED, worse]))
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


# GitHub.


def test_github_annotation_has_file_line_title_and_severity() -> None:
    note = Finding("bytecode", NOTE, "plugins", 0, "compiled files")
    assert report.findings_github([UNPINNED, REFUSED, note]).split("\n") == [
        f"::error file={PATH},line=7,title=local-path::`./mine` is not on MWAA",
        f"::warning file={PATH},line=3,title=unpinned::`dbt-core` names no version%0AIt may change.%0Ahint: pin it",
        "::notice file=plugins,title=bytecode::compiled files",
    ]


def test_github_annotation_escapes_what_would_end_it() -> None:
    finding = Finding("rule", ERROR, "a,b:c%d.txt", 1, "50% of a:b,c", "one\r\ntwo\nthree")
    assert report.findings_github([finding]) == (
        "::error file=a%2Cb%3Ac%25d.txt,line=1,title=rule::50%25 of a:b,c%0Aone%0Atwo%0Athree"
    )


def test_github_says_every_outcome_that_is_not_well() -> None:
    lines = report.github([checked(CONFLICT), checked(NO_WHEEL, airflow="2.2.2"), checked(UNCHECKED)]).split("\n")
    assert [line.split(" ")[0] for line in lines] == ["::error"] * 3
    assert [line.split("title=")[1].split("::")[0] for line in lines] == ["no-wheel", "not-checked", "conflict"]
    assert "(Airflow 2.2.2)" in lines[0]
    assert report.github([checked()]) == ""


# Every format takes everything.

PARTS = st.text(max_size=12)
FINDINGS = st.builds(
    Finding,
    rule=st.sampled_from(["unpinned", "local-path", "conflict"]),
    severity=st.sampled_from(SEVERITIES),
    path=PARTS,
    line=st.integers(0, 99),
    what=PARTS,
    why=PARTS,
    hint=PARTS,
)
PROPOSALS = st.builds(Proposal, PARTS, st.integers(0, 9), PARTS, PARTS)
CHANGES = st.builds(
    PackageChange,
    *[PARTS] * 3,
    st.booleans(),
    st.lists(PARTS, max_size=5).map(tuple),
    st.none() | st.integers(0, 2**40),
)
SOURCES = st.lists(st.builds(SourceOnly, *[PARTS] * 3), max_size=3).map(tuple)
CLASHES = st.builds(Clash, PARTS, st.integers(0, 9), *[PARTS] * 4, st.none() | PROPOSALS)
VERDICTS = st.one_of(
    st.builds(
        Works,
        st.lists(CHANGES, max_size=3).map(tuple),
        st.lists(st.builds(Broken, PARTS, PARTS), max_size=2).map(tuple),
        SOURCES,
        st.none() | st.floats(0, 1e5),
    ),
    st.builds(Conflict, st.lists(CLASHES, max_size=3).map(tuple), PARTS),
    st.builds(NoWheel, SOURCES),
    st.builds(Unchecked, *[PARTS] * 3),
)
CHECKED = st.builds(Checked, *[PARTS] * 3, VERDICTS, st.lists(FINDINGS, max_size=3).map(tuple), st.floats(0, 99))


@given(st.lists(CHECKED, max_size=3))
def test_no_result_breaks_a_format(results: list[Checked]) -> None:
    report.text(results).encode()
    report.summary_table(results).encode()
    json.dumps(report.as_json(results), allow_nan=False).encode()
    ET.fromstring(report.junit(results).encode())
    sarif_run(report.sarif(results))
    commands = report.github(results)
    assert all(line.startswith("::") for line in commands.split("\n") if commands)
    for item in results:
        assert report.diff(item, lambda path: "a\n") == ""


# Proposals.


def test_apply_changes_the_line_and_keeps_its_indent_comment_and_line_end() -> None:
    before = "# top\r\na==1\r\n\r\n  pandas==1.5.3  # ours\r\nb==2"
    assert report.apply(before, [PANDAS]) == before.replace("1.5.3", "2.2.3")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", ""])
def test_apply_keeps_every_kind_of_line_end(end: str) -> None:
    before = f"a\nb\r\nc\npandas==1.5.3{end}"
    assert report.apply(before, [PANDAS]) == f"a\nb\r\nc\npandas==2.2.3{end}"


def test_apply_puts_a_continued_line_into_one() -> None:
    before = "a\npandas \\\r\n  ==1.5.3 \\\n  --hash=sha256:0  # ours\nb\n"
    wanted = Proposal(PATH, 2, "pandas ==1.5.3 --hash=sha256:0", "pandas==2.2.3")
    assert report.apply(before, [wanted]) == "a\npandas==2.2.3  # ours\nb\n"


def test_apply_takes_a_line_out_with_its_comment_and_continuation() -> None:
    before = "a\r\n pandas \\\r\n ==1.5.3 # ours\r\nb\r\n"
    gone = Proposal(PATH, 2, "pandas ==1.5.3", "")
    assert report.apply(before, [gone]) == "a\r\nb\r\n"
    assert report.apply("a\npandas==1.5.3", [Proposal(PATH, 2, "pandas==1.5.3", "")]) == "a\n"


def test_apply_changes_several_lines_at_their_old_numbers() -> None:
    wanted = [Proposal(PATH, 1, "a==1", ""), Proposal(PATH, 2, "b==1", "b==22"), Proposal(PATH, 3, "c==1", "c==3")]
    assert report.apply("a==1\nb==1\nc==1\n", wanted) == "b==22\nc==3\n"
    assert report.apply("a==1\nb==1\nc==1\n", wanted[::-1]) == "b==22\nc==3\n"


def test_proposal_may_hold_the_line_s_comment() -> None:
    wanted = Proposal(PATH, 1, "a==1  # ours", "a==2  # theirs")
    assert report.apply("a==1  # ours\r\nb\n", [wanted]) == "a==2  # theirs\r\nb\n"


@pytest.mark.parametrize(
    "stale",
    [
        Proposal(PATH, 1, "pandas==1.5.3", "x"),
        Proposal(PATH, 2, "pandas", "x"),
        Proposal(PATH, 2, "pandas==1.5", "x"),
        Proposal(PATH, 2, "pandas==1.5", ""),
        Proposal(PATH, 0, "a", "x"),
        Proposal(PATH, 4, "a", "x"),
        Proposal(PATH, 99, "a", "x"),
    ],
)
def test_line_that_says_something_else_is_left_alone_and_named(stale: Proposal) -> None:
    before = "a\npandas==1.5.3 --hash=sha256:0\n# end\n\n"
    good = Proposal(PATH, 1, "a", "b")
    assert report.apply(before, [stale]) == before
    assert report.misplaced(before, [stale, good]) == (stale,)
    assert report.apply(before, [stale, good]) == before.replace("a", "b", 1)


NAMES = st.sampled_from(["pandas", "numpy<2", "boto3==1.0", "a[b] ; python_version < '3.9'"])
BETWEEN = st.sampled_from(["", "# note", "   ", "-r more.txt"])
ENDS = st.sampled_from(["\n", "\r\n"])


@given(st.lists(st.tuples(NAMES | BETWEEN, ENDS), min_size=1), st.data())
def test_apply_changes_these_lines_and_no_other(lines: list[tuple[str, str]], data: st.DataObject) -> None:
    numbers = [number for number, (line, _) in enumerate(lines, 1) if line.strip() and not line.startswith("#")]
    chosen = data.draw(st.sets(st.sampled_from(numbers))) if numbers else set()
    wanted = [Proposal(PATH, number, lines[number - 1][0], f"new=={number}") for number in chosen]
    expected = [
        f"new=={number}{end}" if number in chosen else line + end for number, (line, end) in enumerate(lines, 1)
    ]
    before = "".join(line + end for line, end in lines)
    assert report.apply(before, wanted) == "".join(expected)
    assert report.misplaced(before, wanted) == ()


def test_proposals_have_each_line_once() -> None:
    other = replace(CLASH, line=5, proposal=Proposal(PATH, 5, "a", "b"))
    conflict = Conflict((CLASH, replace(CLASH, other="numpy"), replace(CLASH, proposal=None), other), "")
    assert report.proposals(checked(conflict)) == (PANDAS, other.proposal)
    assert report.proposals(checked()) == ()


def test_first_of_two_proposals_for_a_line_is_the_one_that_is_written() -> None:
    second = replace(PANDAS, new="pandas==9")
    conflict = Conflict((CLASH, replace(CLASH, proposal=second)), "")
    assert report.proposals(checked(conflict)) == (PANDAS,)
    assert report.apply("a\nb\nc\npandas==1.5.3\n", [PANDAS, second]).endswith("pandas==2.2.3\n")
    removal = replace(PANDAS, new="")
    assert report.apply("a\nb\nc\n pandas==1.5.3\n", [removal, second]) == "a\nb\nc\n"


def test_byte_order_mark_stays_and_is_no_part_of_the_first_line() -> None:
    change, removal = Proposal(PATH, 1, "a==1", "a==2"), Proposal(PATH, 1, "a==1", "")
    assert report.apply("\ufeffa==1\nb\n", [change]) == "\ufeffa==2\nb\n"
    assert report.apply("\ufeffa==1\nb\n", [removal]) == "\ufeffb\n"
    assert report.misplaced("\ufeffa==1\n", [change]) == ()


def test_proposal_for_the_second_half_of_a_continued_line_is_for_that_line() -> None:
    wanted = Proposal(PATH, 2, "pandas ==1.5.3", "pandas==2.2.3")
    assert report.apply("pandas \\\n==1.5.3\nb\n", [wanted]) == "pandas==2.2.3\nb\n"


def test_diff_is_unified_with_the_file_s_own_lines_around() -> None:
    shown = report.diff(checked(CONFLICT), lambda path: {PATH: "a\nb\nc\npandas==1.5.3\nd"}[path])
    assert shown == (
        f"--- {PATH}\n+++ {PATH}\n@@ -1,5 +1,5 @@\n a\n b\n c\n-pandas==1.5.3\n+pandas==2.2.3\n d\n"
        "\\ No newline at end of file\n"
    )


def test_diff_of_what_works_reads_nothing() -> None:
    def read(path: str) -> str:
        raise AssertionError(path)

    assert report.diff(checked(), read) == ""
    assert report.diff(checked(Conflict((replace(CLASH, proposal=None),), "")), read) == ""


PATCH = shutil.which("patch")
GIT = shutil.which("git")


@pytest.mark.parametrize(
    "argv",
    [
        pytest.param([PATCH, "--binary", "-p0", "-i"], marks=pytest.mark.skipif(not PATCH, reason="no patch here")),
        pytest.param([GIT, "apply", "-p0"], marks=pytest.mark.skipif(not GIT, reason="no git here")),
    ],
    ids=["patch", "git"],
)
def test_diff_applied_by_other_tools_gives_what_apply_gives(argv: list[str], tmp_path: Path) -> None:
    texts = {
        "one file.txt": "a\r\nb\x0c\r\nc\u2028\r\npandas==1.5.3\r\nd\r\n",
        "more.txt": "gone==1",
        "lone.txt": "x\ny\nz==1",
    }
    wanted = (
        Proposal("one file.txt", 4 + 2, "pandas==1.5.3", "pandas==2"),  # pip counts lines as Python does
        Proposal("more.txt", 1, "gone==1", "come==2"),
        Proposal("lone.txt", 3, "z==1", ""),
    )
    for name, content in texts.items():
        (tmp_path / name).write_bytes(content.encode())
    conflict = Conflict(tuple(replace(CLASH, proposal=proposal) for proposal in wanted), "")
    # Outside the folder, lest the name of the diff be taken for one of the files.
    diff_path = tmp_path.parent / f"{tmp_path.name}.diff"
    diff_path.write_bytes(report.diff(checked(conflict), texts.__getitem__).encode())
    env = {"GIT_CEILING_DIRECTORIES": str(tmp_path.parent), "PATH": ""}
    subprocess.run([*argv, str(diff_path)], cwd=tmp_path, check=True, capture_output=True, env=env)
    after = {name: (tmp_path / name).read_bytes().decode() for name in texts}
    assert after == {name: report.apply(texts[name], [item for item in wanted if item.path == name]) for name in texts}
    assert after["more.txt"] == "come==2"
    assert "pandas==2\r\n" in after["one file.txt"]


def test_line_that_pip_cannot_read_is_no_conflict() -> None:
    clash = Clash(PATH, 3, "boto3=1.2", "", "", "pip says: Expected end.", is_unreadable=True)
    item = Checked(PATH, "3.3.1", "3.12", Conflict((clash,), ""), (), 0.1)
    assert item.outcome == "invalid"
    assert headline(item).endswith("pip cannot read 1 line")
    [finding] = resolution_findings(item)
    assert (finding.rule, finding.severity, finding.line) == ("invalid-requirement", ERROR, 3)
    assert finding.what == "pip cannot read `boto3=1.2`"
    assert finding.hint == "`=` is not an operator, write `==`"
