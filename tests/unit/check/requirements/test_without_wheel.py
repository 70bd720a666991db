"""Packages that MWAA builds, as findings: who asks for them, what fits, and how serious it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from mwaa_local.check.requirements.builds import linked_libraries
from mwaa_local.check.requirements.lines import Line, read
from mwaa_local.check.requirements.resolver import Package
from mwaa_local.check.requirements.source_findings import no_wheel_finding, source_finding
from mwaa_local.check.requirements.successors import SUCCESSORS, successor_hint
from mwaa_local.check.requirements.verdict import SourceOnly
from mwaa_local.check.requirements.without_wheel import asked_by

FILE = "requirements/requirements.txt"


def lines(tmp_path: Path, text: str) -> list[Line]:
    path = tmp_path / FILE
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return [entry for entry in read(path, tmp_path, {}, {}) if isinstance(entry, Line) and entry.is_package]


def packages(**via: tuple[str, ...]) -> dict[str, Package]:
    return {name: Package(name, "1", "", wanted) for name, wanted in via.items()}


def test_line_is_found_through_those_that_need_the_package(tmp_path: Path) -> None:
    resolved = packages(top=("-r x.txt",), a=("top", "loop"), b=("a",), loop=("b",), c=("b", "top"))
    asked = lines(tmp_path, "other\n\ntop==1\n")
    for name, wanted_by in (("top", ()), ("a", ("top",)), ("b", ("top", "a")), ("c", ("top",))):
        line, found = asked_by(name, resolved, asked)
        assert line is not None
        assert (line.number, found) == (3, wanted_by)


def test_package_that_no_line_asks_for_has_none(tmp_path: Path) -> None:
    assert asked_by("a", packages(a=("b",), b=("a",)), lines(tmp_path, "other\n")) == (None, ())


SOURCE = SourceOnly(
    "b",
    "1.0",
    "its build needs the header x.h",
    outcome="fails",
    path=FILE,
    line=3,
    wanted_by=("top", "a"),
    no_wheel="the index has only its source",
    hint="ask for b==2",
)


def test_finding_says_line_reason_and_chain() -> None:
    finding = no_wheel_finding("x.txt", SOURCE)
    assert (finding.rule, finding.severity, finding.path, finding.line) == ("no-wheel", "error", FILE, 3)
    assert finding.what == "b 1.0 has no wheel for MWAA's platform and cannot be built there"
    assert finding.why == (
        "Its build needs the header x.h. The index has only its source. The line asks for top → a → b."
    )
    assert finding.hint == "ask for b==2"


@pytest.mark.parametrize(
    ("outcome", "rule", "severity"),
    [
        ("builds", "built-from-source", "note"),
        ("untried", "build-not-tried", "note"),
        ("doubtful", "build-fails-here", "warning"),
    ],
)
def test_what_may_work_is_no_error(outcome: str, rule: str, severity: str) -> None:
    finding = source_finding("x.txt", SourceOnly("b", "1.0", "why", outcome=outcome))
    assert (finding.rule, finding.severity, finding.path, finding.line) == (rule, severity, "x.txt", 0)
    assert finding.why == "Why."


def test_successors_are_named_as_pypi_names_packages() -> None:
    assert successor_hint("cx-oracle") == "use oracledb"
    assert successor_hint("boto3") == ""
    assert all(name == name.lower() and "_" not in name and "." not in name for name in SUCCESSORS)


def test_libraries_of_an_extension_are_those_it_was_linked_with(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    strings = b"\x7fELF\0libldap.so.2\0libxmlsec1-openssl.so.1\0libc.so.6\0see libfoo.so.1 there\0libglib-2.0.so.0\0"
    (tmp_path / "p" / "x.cpython-312-x86_64-linux-gnu.so").write_bytes(strings)
    (tmp_path / "p" / "x.py").write_bytes(b"\0libodbc.so.2\0")
    assert list(linked_libraries(tmp_path)) == ["ldap", "xmlsec1-openssl", "c", "glib"]
