"""What is said of a refusal when there is no time to find its cause, or uv names what is no cause."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mwaa_local.check.requirements.builds import Builds
from mwaa_local.check.requirements.check import RequirementsCheck
from mwaa_local.check.requirements.conflicts import (
    EXPLAIN_LIMIT_S,
    NOT_THERE,
    PATH_HINT,
    THE_FILE,
    TOO_LONG,
    Explanation,
    _Cause,
    against,
)
from mwaa_local.check.requirements.resolver import Refused, Resolver
from mwaa_local.check.requirements.source import ESSENTIAL_ORIGIN, Pin, take_apart
from mwaa_local.check.requirements.uv_words import Reasons
from mwaa_local.check.requirements.verdict import Conflict
from mwaa_local.project import Project
from mwaa_local.release import Release

PIN = Pin("apache-airflow", "apache-airflow==2.10.3", ESSENTIAL_ORIGIN)


@pytest.mark.parametrize(("text", "requirement", "line"), [("\na==1\n", "a==1", 2), ("a==1\nb==2\n", THE_FILE, 0)])
def test_refusal_without_time_to_explain_has_a_subject_and_says_so(
    tmp_path: Path, text: str, requirement: str, line: int
) -> None:
    path = tmp_path / "requirements" / "requirements.txt"
    path.parent.mkdir()
    path.write_text(text)
    release = Release.load("2.10.3")
    source = take_apart(Project(tmp_path), path, release, tmp_path / "work", {})
    resolver = Resolver(release, tmp_path / "uv", {"HOME": "/tmp"})
    late = Explanation(source, Builds(resolver), {}, started=time.monotonic() - 2 * EXPLAIN_LIMIT_S)
    [clash] = late.conflict(Refused("Because a depends on b, nothing fits.")).clashes
    assert clash.hint.startswith("check a part of the lines" if line == 0 else "run the check again")
    assert (clash.requirement, clash.line) == (requirement, line)
    assert clash.why == "Finding out why took longer than 20 s. Because a depends on b, nothing fits."


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ("==2.10.3", "MWAA's essential pins hold apache-airflow at 2.10.3, which none of these versions fits."),
        (">=2.11", "MWAA's essential pins hold apache-airflow at 2.10.3, but cosmos needs apache-airflow>=2.11."),
    ],
)
def test_only_a_want_that_contradicts_the_pin_is_a_reason(wanted: str, told: str) -> None:
    reasons = Reasons(f"Because cosmos depends on apache-airflow{wanted}, we can conclude that nothing fits.")
    assert against(PIN, frozenset({"cosmos"}), reasons) == told


def test_file_of_a_package_that_is_not_there_is_told_as_that_and_nothing_is_proposed(tmp_path: Path) -> None:
    path = tmp_path / "requirements" / "requirements.txt"
    path.parent.mkdir()
    path.write_text("--no-index\n./plugins/none-1.0-py3-none-any.whl\n-e ./src\n./x; sys_platform == 'win32'\n")
    checked = RequirementsCheck(Project(tmp_path), path, {"HOME": "/tmp"}, {}).check(Release.load("2.10.3"))
    assert isinstance(checked.verdict, Conflict)
    assert [(clash.line, clash.why, clash.proposal) for clash in checked.verdict.clashes] == [
        (2, NOT_THERE, None),
        (3, NOT_THERE, None),
    ]
    assert {clash.hint for clash in checked.verdict.clashes} == {PATH_HINT}
    assert [item for item in checked.findings if item.line in (2, 3)] == []


def test_line_whose_reason_was_not_found_in_time_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "requirements" / "requirements.txt"
    path.parent.mkdir()
    path.write_text("a==1\nb==2\n")
    release = Release.load("2.10.3")
    source = take_apart(Project(tmp_path), path, release, tmp_path / "work", {})
    explanation = Explanation(source, Builds(Resolver(release, tmp_path / "uv", {"HOME": "/tmp"})), {})
    clash = explanation._clash(_Cause((source.packages[0],), (), Reasons("")), {})
    assert clash.why == TOO_LONG
    assert clash.hint == "check `a==1` alone in a file of its own: mwaa-local check requirements FILE"
