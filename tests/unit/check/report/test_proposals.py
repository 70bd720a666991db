"""Proposals: applied to a file, and shown as a diff that other tools apply."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mwaa_local.check.report import formats as report
from mwaa_local.check.requirements.verdict import (
    Conflict,
    Proposal,
)
from tests.unit.check.report.results import CLASH, CONFLICT, PANDAS, PATH, checked


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
