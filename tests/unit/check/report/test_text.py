"""What a person reads: the outcome, its reasons, findings, and the table over releases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mwaa_local.check.report import formats as report
from mwaa_local.check.report.text import headline, size
from mwaa_local.check.requirements.resolution import resolution_findings
from mwaa_local.check.requirements.verdict import (
    Broken,
    Checked,
    Clash,
    Conflict,
    PackageChange,
    Proposal,
    SourceOnly,
    Works,
)
from mwaa_local.console import RED, RESET
from mwaa_local.finding import ERROR, NOTE, Finding
from tests.unit.check.report.results import (
    ADDED,
    CLASH,
    CONFLICT,
    DOWNGRADED,
    NO_WHEEL,
    PATH,
    REFUSED,
    UNCHECKED,
    UNPINNED,
    UPGRADED,
    WORKS,
    checked,
)


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


def test_line_that_pip_cannot_read_is_no_conflict() -> None:
    clash = Clash(PATH, 3, "boto3=1.2", "", "", "pip says: Expected end.", is_unreadable=True)
    item = Checked(PATH, "3.3.1", "3.12", Conflict((clash,), ""), (), 0.1)
    assert item.outcome == "invalid"
    assert headline(item).endswith("pip cannot read 1 line")
    [finding] = resolution_findings(item)
    assert (finding.rule, finding.severity, finding.line) == ("invalid-requirement", ERROR, 3)
    assert finding.what == "pip cannot read `boto3=1.2`"
    assert finding.hint == "`=` is not an operator, write `==`"
