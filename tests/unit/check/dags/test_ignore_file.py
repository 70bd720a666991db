"""Lines of `.airflowignore` that are of the other syntax; the meaning of both is Airflow's own, see the last test."""

from __future__ import annotations

import fnmatch
import re
from pathlib import Path

import pytest

from mwaa_local.check.dags.ignore_file import (
    GLOB,
    REGEXP,
    VARIABLE,
    glob_of_regexp,
    ignore_findings,
    ignore_syntax,
    regexp_of_glob,
)
from mwaa_local.finding import Finding
from mwaa_local.release import Release

FILES = ("a.py", "test_a.py", "helper.py", "tests/b.py", "team/tests/c.py", "team/sql_tools.py")
OLD, NEW = "2.10.3", "3.3.1"


def found(root_dir: Path, text: str, version: str, syntax: str, name: str = "dags/.airflowignore") -> list[Finding]:
    for file in FILES:
        (root_dir / "dags" / file).parent.mkdir(parents=True, exist_ok=True)
        (root_dir / "dags" / file).touch()
    (root_dir / name).write_text(text, encoding="utf-8")
    return list(ignore_findings(root_dir, [root_dir / "dags"], Release.load(version), syntax))


@pytest.mark.parametrize("line", ["*.md", "**/tests", "test_*.py", "tests/*.py", "*_tools.py", "a.py(", "^(?!team)"])
def test_globs_and_broken_lines_are_told_where_regular_expressions_are_read(tmp_path: Path, line: str) -> None:
    [finding] = found(tmp_path, f"# of ours\n{line}  # a glob\n", OLD, REGEXP)
    assert (finding.rule, finding.place) == ("airflowignore-syntax", "dags/.airflowignore:2")
    assert finding.hint.startswith("write ")
    re.compile(finding.hint.removeprefix("write ").split(", or")[0])


@pytest.mark.parametrize(
    "line", ["tests", "tests/", r"test_.*\.py", "helper", "README*", "docs/*", "[ab].py", "# *.md", "", r"\w*_tools"]
)
def test_regular_expressions_and_globs_that_do_the_same_are_not(tmp_path: Path, line: str) -> None:
    assert found(tmp_path, f"{line}\n", OLD, REGEXP) == []


def test_look_around_works_until_airflow_takes_re2(tmp_path: Path) -> None:
    assert found(tmp_path, "^(?!team)", "2.2.2", REGEXP) == []
    [finding] = found(tmp_path, "^(?!team)", OLD, REGEXP)
    assert "re2" in finding.why


@pytest.mark.parametrize(
    ("line", "right"),
    [(r"test_.*\.py", "write test_*.py, or set"), (r"^team/.*", "write team/*, or set"), ("helper|tests", "set core."),
     (".*_tools.py", "write *_tools.py, or set")],
)  # fmt: skip
def test_regular_expressions_are_told_where_globs_are_read(tmp_path: Path, line: str, right: str) -> None:
    [finding] = found(tmp_path, f"{line}\n", NEW, GLOB)
    assert (finding.rule, finding.line) == ("airflowignore-syntax", 1)
    assert finding.hint.startswith(right)


@pytest.mark.parametrize("line", ["tests/", "test_*.py", "!a.py", "**/tests/**", "*.md", "helper.py", "docs.*", "$x"])
def test_globs_are_not(tmp_path: Path, line: str) -> None:
    assert found(tmp_path, f"{line}\n", NEW, GLOB) == []


def test_line_of_a_folder_below_counts_globs_from_there_and_expressions_from_the_dags_folder(tmp_path: Path) -> None:
    [finding] = found(tmp_path, "tests/*.py\n", OLD, REGEXP, "dags/team/.airflowignore")
    assert "leaves out 0 of the Python files here; as a glob, it would leave out 1" in finding.why


def test_syntax_is_of_the_release_unless_an_option_says_otherwise() -> None:
    assert [ignore_syntax(Release.load(version), {}) for version in ("2.2.2", OLD, "3.0.6", NEW)] == [
        REGEXP,
        REGEXP,
        GLOB,
        GLOB,
    ]
    assert ignore_syntax(Release.load(OLD), {VARIABLE: "glob"}) == GLOB
    assert ignore_syntax(Release.load(NEW), {VARIABLE: "regexp"}) == REGEXP
    assert ignore_syntax(Release.load("2.2.2"), {VARIABLE: "glob"}) == REGEXP


@pytest.mark.parametrize("glob", ["*.py", "test_*.py", "a?c.py", "[ab]*.py"])
@pytest.mark.parametrize("name", ["a.py", "test_a.py", "abc.py", "b1.py", "x.md", "a.pyc"])
def test_regular_expression_of_a_glob_matches_the_same_names(glob: str, name: str) -> None:
    assert (re.search(regexp_of_glob(glob), f"sub/{name}") is not None) == fnmatch.fnmatchcase(name, glob)


def test_glob_of_a_regular_expression_is_given_only_if_there_is_one() -> None:
    assert glob_of_regexp(r"^a/.*_old\.py$") == "a/*_old.py"
    assert glob_of_regexp("a|b") == glob_of_regexp(r"\d+") == ""
