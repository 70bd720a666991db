"""One cause is one finding: in text, JUnit and GitHub's annotations; JSON and SARIF keep every place."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from mwaa_local.check.dags.import_findings import import_findings
from mwaa_local.check.dags.import_results import ImportedDags, ImportedFile
from mwaa_local.check.failures.failure import FAILED, ImportFailure
from mwaa_local.check.part import Part
from mwaa_local.check.report import formats as report
from mwaa_local.check.report.ci import GITHUB_MAX_ANNOTATIONS
from mwaa_local.check.report.groups import groups
from mwaa_local.check.report.listing import SHOWN_ROWS
from mwaa_local.check.report.parts import parts_text
from mwaa_local.documentation import difference_url
from mwaa_local.finding import ERROR, NAME, NOTE, WARNING, Cause, Finding, Subject
from mwaa_local.release import Release

WHOLE = "mwaa-local check --all"
TWO_SCREENS = 100
MISSING = [
    Finding("provider-missing", ERROR, f"dags/d{n:03}.py", 3 + n % 2, "no provider has it", "MWAA lacks it.", "add it")
    for n in range(169)
]


def different(number: int, severity: str = ERROR) -> list[Finding]:
    why = "\n".join(f'File "dags/d.py", line {n}' for n in range(6))
    return [
        Finding(f"rule-{n % 7}", severity, f"dags/d{n:03}.py", n + 1, f"fault {n}", why, f"mend {n}")
        for n in range(number)
    ]


def test_one_cause_in_many_files_is_one_finding_with_its_first_places() -> None:
    assert report.findings_text(MISSING, whole_by=WHOLE) == (
        "dags/d000.py:3: error[provider-missing] no provider has it\n"
        "  in 169 files: dags/d000.py:3, dags/d001.py:4, dags/d002.py:3 and 166 more\n"
        "  MWAA lacks it.\n"
        "  hint: add it\n\n"
        f"169 errors; 1 cause; see all: {WHOLE}"
    )


def test_all_places_are_listed_one_a_line_when_all_are_wanted() -> None:
    lines = report.findings_text(MISSING).split("\n")
    assert [line.strip() for line in lines[2:171]] == [finding.place for finding in MISSING]
    assert lines[-1] == "169 errors; 1 cause"


def test_address_of_a_difference_is_shown_once_in_every_format() -> None:
    found = [Finding("build-not-tried", NOTE, "requirements.txt", n, "built") for n in (1, 2)]
    url = difference_url("check-build")
    assert url.startswith("https://")
    assert report.findings_text(found).count(url) == 1
    assert report.findings_junit(found, name="x").count(url) == 1
    assert report.findings_github(found).count(url) == 2
    results = json.loads(report.findings_sarif(found))["runs"][0]["results"]
    assert [result["properties"]["see"] for result in results] == [url, url]
    assert [item["see"] for item in report.findings_json(found)["findings"]] == [url, url]
    assert "see" not in report.findings_text([Finding("conflict", ERROR, "requirements.txt", 1, "clash")])


def test_places_in_one_file_and_in_several_are_counted_as_such() -> None:
    first = MISSING[0]
    same_file = [first, replace(first, line=9), replace(first, line=12)]
    assert groups(same_file)[0].where() == ("at 3 places: dags/d000.py:3, dags/d000.py:9, dags/d000.py:12",)
    [group] = groups([*same_file, replace(first, path="dags/z.py")])
    assert group.where(2) == ("at 4 places in 2 files: dags/d000.py:3, dags/z.py:3 and 2 more",)


def test_findings_that_differ_in_words_severity_or_hint_stay_apart() -> None:
    first = Finding("rule", ERROR, "a.py", 1, "what", "why", "hint")
    second = replace(first, path="b.py")
    others = [
        replace(second, what="x"),
        replace(second, why="x"),
        replace(second, hint="x"),
        replace(second, severity=NOTE),
        replace(second, rule="x"),
    ]
    assert len(groups([first, *others])) == 6


def test_errors_come_first_and_what_decides_about_all_else_before_them() -> None:
    note = Finding("release-assumed", WARNING, "mwaa.yaml", 0, "3.3.1 is assumed")
    shown = report.findings_text([Finding("a", NOTE, "a.py", 1, "n"), Finding("b", ERROR, "b.py", 1, "e"), note])
    assert [line.split(": ")[0] for line in shown.split("\n")[:3]] == ["mwaa.yaml", "b.py:1", "a.py:1"]


@pytest.mark.parametrize("number", [30, 200, 2000])
def test_many_causes_fit_on_two_screens_and_none_is_lost(number: int) -> None:
    found = [*different(number), *different(number, NOTE), *MISSING]
    shown = parts_text([Part("dags", tuple(found))], whole_by=WHOLE)
    assert len(shown.split("\n")) <= TWO_SCREENS
    assert shown.split("\n")[-1].startswith(f"{number + 169} errors, {number} notes; {2 * number + 1} causes; see all")
    for rule in [*(f"rule-{n}" for n in range(7)), "provider-missing"]:
        assert f"error[{rule}]" in shown
    left_out = sum(
        int(line.split()[0]) for line in shown.split("\n") if " more error[" in line or " more note[" in line
    )
    in_full = sum(line.startswith("dags/") for line in shown.split("\n")) - 1  # the one that stands for 169
    assert left_out + in_full == 2 * number


def test_nothing_is_left_out_where_everything_fits() -> None:
    shown = report.findings_text(different(5), whole_by=WHOLE)
    assert "not shown" not in shown
    assert "see all" not in shown


def test_one_very_long_reason_loses_its_middle_only() -> None:
    why = "\n".join(f"line {n}" for n in range(3 * SHOWN_ROWS))
    finding = Finding("dag-import-error", ERROR, "dags/a.py", 1, "what", why)
    shown = report.findings_text([finding], whole_by=WHOLE)
    assert "  line 0\n" in shown
    assert "  line 239\n" in shown
    assert f"see all: {WHOLE}" in shown
    assert why.replace("\n", "\n  ") in report.findings_text([finding])


def test_json_keeps_every_finding_as_it_is() -> None:
    plain = report.findings_json(MISSING)["findings"]
    assert [item["path"] for item in plain] == [finding.path for finding in MISSING]
    assert set(plain[0]) == {"rule", "severity", "path", "line", "what", "why", "hint", "see"}


def test_sarif_has_a_result_for_each_place() -> None:
    assert len(json.loads(report.findings_sarif(MISSING))["runs"][0]["results"]) == 169


def test_junit_tells_a_cause_once_with_all_places() -> None:
    failure = ET.fromstring(report.findings_junit(MISSING, name="dags")).find(".//failure")
    assert failure is not None
    assert failure.text is not None
    assert failure.text.count("MWAA lacks it.") == 1
    assert all(finding.place in failure.text for finding in MISSING)


def test_github_gets_a_place_each_while_it_shows_all_and_a_cause_each_beyond() -> None:
    few = MISSING[:GITHUB_MAX_ANNOTATIONS]
    assert len(report.findings_github(few).split("\n")) == GITHUB_MAX_ANNOTATIONS
    [line] = report.findings_github(MISSING).split("\n")
    assert line.startswith(
        "::error file=dags/d000.py,line=3,title=provider-missing::no provider has it%0Ain 169 files: "
    )
    other = Finding("other", ERROR, "z.py", 1, "also wrong")
    assert len(report.findings_github([*MISSING, other]).split("\n")) == 2


def test_exit_code_does_not_depend_on_what_is_shown() -> None:
    assert report.findings_exit_code(MISSING) == 1
    assert report.findings_exit_code(different(300, NOTE)) == 0


# Import errors.


def failing(name: str, said: str, place: str, *, missing: str = "", code: str = "import x") -> ImportedFile:
    path, _, line = place.partition(":")
    trace = (f'File "{name}", line 1, in <module>', f"  {code}")
    return ImportedFile(name, 0.1, (), (ImportFailure(FAILED, said, path, int(line), trace, missing),), (), (), ())


def causes_of(*files: ImportedFile) -> list[tuple[str, int]]:
    found = import_findings(ImportedDags(files, 30.0, 1.0), Release.load("3.3.1"), strict=False)
    return [(group.finding.what, len(group.findings)) for group in groups(found)]


def test_missing_module_is_one_cause_wherever_it_is_imported() -> None:
    said = "ModuleNotFoundError: No module named 'x'"
    files = [failing(f"dags/{n}.py", said, f"dags/{n}.py:{n}", missing="x") for n in range(1, 5)]
    files.append(failing("dags/y.py", said, "dags/common.py:2", missing="x"))
    assert causes_of(*files) == [(f"import error: {said}", 5)]


def test_line_of_a_shared_module_is_one_cause_for_all_who_import_it() -> None:
    files = [failing(f"dags/{n}.py", "KeyError: 'STAGE'", "dags/common.py:4", code=f"code {n}") for n in range(50)]
    found = import_findings(ImportedDags(tuple(files), 30.0, 1.0), Release.load("3.3.1"), strict=False)
    [group] = groups(found)
    assert group.where() == ("imported by 50 files: dags/0.py, dags/1.py, dags/10.py and 47 more",)
    assert found[0].what == "import error: KeyError: 'STAGE', imported by dags/0.py"


def test_same_text_of_an_error_is_one_cause_only_for_the_same_code() -> None:
    said = "KeyError: 'STAGE'"
    copied = [failing(f"dags/{n}.py", said, f"dags/{n}.py:{n}", code='S = os.environ["STAGE"]') for n in (1, 2)]
    other = failing("dags/3.py", said, "dags/3.py:7", code='table["STAGE"]')
    assert causes_of(*copied, other) == [(f"import error: {said}", 2), (f"import error: {said}", 1)]
    marks = [failing(f"dags/{n}.py", "SyntaxError: invalid syntax", f"dags/{n}.py:{n}", code="  ^") for n in (1, 2)]
    assert [number for _, number in causes_of(*marks)] == [1, 1]


def in_library(path: str, line: int, own: str, library: str, said: str, **more: Any) -> ImportedFile:
    """Return a file that fails in a library which its own line calls."""
    frame, last = f'File "{path}", line {line}, in <module>', 'File "lib/core.py", line 9, in check'
    trace = (frame, f"  {own}", last, f"  {library}")
    failure = ImportFailure(FAILED, said, path, line, trace, **more)
    return ImportedFile(path, 0.1, (), (failure,), (), (), ())


def test_line_of_a_library_is_no_cause_but_the_users_own_line_is() -> None:
    said, raised = "ValueError: not allowed", 'raise ValueError("not allowed")'
    files = [
        in_library("dags/1.py", 3, "load(TABLE)", raised, said),
        in_library("dags/2.py", 3, "Report(owner=None)", raised, said),
        in_library("dags/3.py", 8, "load(TABLE)", "return strict(table)", said),
    ]
    assert causes_of(*files) == [(f"import error: {said}", 2), (f"import error: {said}", 1)]


def test_name_that_is_missing_is_one_cause_however_it_is_imported() -> None:
    said = "ImportError: cannot import name 'x' from 'lib'"
    subjects = (Subject(NAME, "lib.x"),)
    files = [
        in_library(f"dags/{n}.py", n, own, "raise", said, subjects=subjects)
        for n, own in enumerate(("from lib import x", "from lib import (a, x)"))
    ]
    assert causes_of(*files) == [(f"import error: {said}", 2)]


def test_words_shared_by_a_cause_are_safe_to_show() -> None:
    cause = Cause("fails at https://me:secret@host/")
    found = [Finding("r", ERROR, f"{n}.py", 1, "w", cause=cause) for n in "ab"]
    assert "secret" not in report.findings_text(found, whole_by=WHOLE)
