"""Results of checks in every format: what a person reads, what machines parse, and proposals written into text."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mwaa_local.check.report import formats as report
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
    Works,
)
from mwaa_local.finding import ERROR, NOTE, SEVERITIES, WARNING, Finding
from tests.unit.check.report.results import (
    ADDED,
    CONFLICT,
    DOWNGRADED,
    NO_WHEEL,
    PATH,
    REFUSED,
    UNCHECKED,
    UNPINNED,
    WORKS,
    checked,
    sarif_run,
)

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
            "see": "",
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
    rule=st.sampled_from(["a-rule", "another", "a third"]),
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
