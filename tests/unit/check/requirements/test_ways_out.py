"""What a conflict proposes beside a change of the line."""

from __future__ import annotations

from packaging.requirements import Requirement

from mwaa_local.check.requirements.lines import Line
from mwaa_local.check.requirements.source import ESSENTIAL_ORIGIN, Pin
from mwaa_local.check.requirements.ways_out import SEPARATE, ways_out
from mwaa_local.release import Release

ORIGIN = "the constraints of Airflow 2.11.0"


def line(text: str) -> Line:
    return Line("requirements.txt", 1, text, Requirement(text))


def test_pin_of_airflow_s_constraints_can_be_left_out_of_a_copy() -> None:
    hint = ways_out([Pin("botocore", "botocore==1.38.2", ORIGIN)], Release.load("2.11.0"), line("aiobotocore"))
    assert hint.startswith("copy the constraints of Airflow 2.11.0 to dags/constraints.txt without botocore")


def test_later_release_that_meets_the_line_is_named_first() -> None:
    hint = ways_out([Pin("urllib3", "urllib3==2.4.0", ORIGIN)], Release.load("2.11.0"), line("urllib3>=2.5.0"))
    assert hint.startswith("move to Airflow 2.11.2, which has urllib3 2.6.3, or copy ")


def test_version_of_the_constraints_comes_first_where_no_other_was_looked_for() -> None:
    pins, release = [Pin("pandas", "pandas==2.1.4", ORIGIN)], Release.load("2.11.0")
    hint = ways_out(pins, release, line("pandas==1.5.3"), is_tried=False)
    assert hint.startswith("write pandas==2.1.4, the version of the constraints, or copy ")
    assert ways_out(pins, release, line("pandas==1.5.3")).startswith("copy ")


def test_essential_pin_holds_whatever_constraints_are_named() -> None:
    hint = ways_out([Pin("flask", "flask==2.2.5", ESSENTIAL_ORIGIN)], Release.load("2.11.0"), line("other"))
    assert hint == SEPARATE


def test_own_pin_is_named_by_its_line() -> None:
    hint = ways_out([Pin("a", "a==1", "dags/c.txt:2", is_of_file=True)], Release.load("2.11.0"), line("b"))
    assert hint == "change a==1 (dags/c.txt:2)"
