"""What `make test-releases` makes of cells: which are still to be tried, and a page that says what they say."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mwaa_local.release import Release
from mwaa_local.runtime.compose.image import DOCKER_DIR
from tests.unit.documents import ROOT_DIR
from tools.bench.commands import BenchError
from tools.release_matrix.__main__ import main, wanted_cells
from tools.release_matrix.cells import (
    CLEAN,
    COLUMNS,
    DATA_NAME,
    DOCS_DIR,
    EXACT,
    HEALTHY,
    NO,
    NOT_REACHED,
    RUNTIMES,
    YES,
    Cell,
    Failure,
    Tree,
    as_json,
    keep,
    read_cells,
    still_to_run,
)
from tools.release_matrix.command import CellError, Ended, failure_of, step_seconds
from tools.release_matrix.fresh_image import without_layers_of_before
from tools.release_matrix.page import PAGE_NAME, render
from tools.release_matrix.tree import tree_of
from tools.release_matrix.trial import Found

TREE = Tree("abc1234")
GREEN = Cell(
    "3.3.1",
    "process",
    TREE,
    "2026-11-30 15:00",
    1.5,
    2,
    dict.fromkeys(COLUMNS, YES),
    {"first_up": 40.0},
    {"memory": 900},
)
RED = replace(
    GREEN,
    release="2.8.1",
    columns={**GREEN.columns, EXACT: NO},
    failures=(Failure(EXACT, "1 packages differ: celery 5.0", "build it anew"),),
)
WANTED = [("3.3.1", "process"), ("2.8.1", "process"), ("2.7.2", "docker")]


# The page that is in the repository.


def test_page_is_what_its_data_give() -> None:
    """`python -m tools.release_matrix.page` writes it anew."""
    assert (DOCS_DIR / PAGE_NAME).read_text() == render(read_cells(DOCS_DIR / DATA_NAME))


def test_page_has_a_line_for_every_release_in_both_runtimes() -> None:
    lines = re.findall(r"^\| (\S+) \| \d\.\d+ \| (processes|Docker) \|", (DOCS_DIR / PAGE_NAME).read_text(), re.M)
    assert sorted(lines) == sorted(
        (version, shown) for version in Release.versions() for shown in ("Docker", "processes")
    )


def test_data_are_of_releases_and_runtimes_that_there_are() -> None:
    cells = read_cells(DOCS_DIR / DATA_NAME)
    assert {release for release, _ in cells} <= {*Release.versions()}
    assert {runtime for _, runtime in cells} <= {*RUNTIMES}
    assert (DOCS_DIR / DATA_NAME).read_text() == as_json(cells.values())


# Which cells are still to be tried.


def test_run_that_was_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    data_path = tmp_path / DATA_NAME
    assert still_to_run(WANTED, read_cells(data_path), TREE) == WANTED
    keep(GREEN, data_path)
    assert still_to_run(WANTED, read_cells(data_path), TREE) == WANTED[1:]
    keep(replace(GREEN, release="2.7.2", runtime="docker"), data_path)
    assert still_to_run(WANTED, read_cells(data_path), TREE) == WANTED[1:2]


def test_red_cell_is_tried_again() -> None:
    assert still_to_run(WANTED, {RED.key: RED, GREEN.key: GREEN}, TREE) == WANTED[1:]


def test_cell_that_came_to_no_end_is_tried_again() -> None:
    cut = replace(GREEN, columns={**GREEN.columns, CLEAN: NOT_REACHED})
    assert WANTED[0] in still_to_run(WANTED, {cut.key: cut}, TREE)


@pytest.mark.parametrize("tree", [Tree("def5678"), Tree("abc1234", "0123abcd")])
def test_cell_of_another_state_of_the_product_is_tried_again(tree: Tree) -> None:
    assert still_to_run(WANTED, {GREEN.key: GREEN}, tree) == WANTED


def test_all_are_tried_on_request() -> None:
    assert still_to_run(WANTED, {GREEN.key: GREEN}, TREE, everything=True) == WANTED


def test_newer_result_takes_the_place_of_the_older_one(tmp_path: Path) -> None:
    keep(RED, tmp_path / DATA_NAME)
    keep(GREEN, tmp_path / DATA_NAME)
    mended = replace(RED, columns=GREEN.columns, failures=())
    assert keep(mended, tmp_path / DATA_NAME) == {GREEN.key: GREEN, mended.key: mended}
    assert read_cells(tmp_path / DATA_NAME) == {GREEN.key: GREEN, mended.key: mended}


@pytest.mark.parametrize("words", ["2.8.1,3.3.1", "2.8.1 3.3.1", " 2.8.1, 3.3.1 "])
def test_releases_are_named_as_one_writes_lists(words: str) -> None:
    assert wanted_cells(words, "docker") == [("2.8.1", "docker"), ("3.3.1", "docker")]


def test_without_names_it_is_all_of_them() -> None:
    assert len(wanted_cells("", "")) == len(Release.versions()) * len(RUNTIMES)
    assert wanted_cells("", "process")[0] == (Release.versions()[-1], "process")


def test_release_that_mwaa_never_had_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--releases", "2.8.9", "--runtime", "process"]) == 3
    assert "Amazon MWAA has no Airflow version '2.8.9'" in capsys.readouterr().err


# What a cell says.


def test_red_cell_says_why_and_what_to_do() -> None:
    page = render({RED.key: RED})
    assert "| yes | **no** | yes | yes | yes |" in page
    assert "- Airflow 2.8.1, processes, exact: 1 packages differ: celery 5.0. Hint: build it anew\n" in page


def test_cell_names_commit_day_and_load() -> None:
    changed = replace(GREEN, tree=Tree("abc1234", "0123abcd"))
    assert "| `abc1234`, 2026-11-30 15:00, load 1.5 on 2 cores |" in render({GREEN.key: GREEN})
    assert "| `abc1234` with changes, 2026-11-30" in render({changed.key: changed})


def test_page_counts_what_is_green_and_shows_notes() -> None:
    noted = replace(GREEN, release="2.7.2", runtime="docker", notes=("on another base image",))
    page = render({GREEN.key: GREEN, RED.key: RED, noted.key: noted})
    assert f"\n2 of {len(Release.versions()) * 2} are green.\n" in page
    assert "- on another base image: 2.7.2 (Docker)\n" in page
    assert "## Notes" not in render({GREEN.key: GREEN})


def test_failed_column_does_not_end_the_cell() -> None:
    found = Found()
    with found.column(EXACT):
        raise CellError("x", "y")
    with found.column(HEALTHY):
        pass
    with found.column(HEALTHY):
        raise BenchError("first line\nsecond")
    assert (found.columns[EXACT], found.columns[HEALTHY], found.columns[CLEAN]) == (NO, NO, NOT_REACHED)
    assert found.failures == [Failure(EXACT, "x", "y"), Failure(HEALTHY, "first line")]


def test_column_that_is_red_stays_so() -> None:
    found = Found()
    with found.column(HEALTHY):
        raise CellError("x")
    with found.column(HEALTHY):
        pass
    assert found.columns[HEALTHY] == NO


def ended(stderr: str) -> Ended:
    return Ended(("up",), 3, "", stderr, 1.0)


def test_failed_command_is_quoted_with_its_hint() -> None:
    error = failure_of(ended("packages  working\nerror: no room\n  because.\n\nhint: make room\n"))
    assert (error.what, error.hint) == ("no room", "make room")


def test_command_that_fails_without_an_error_is_quoted_too() -> None:
    error = failure_of(ended("Traceback:\n  ...\nKeyError: 'x'\n\n"))
    assert error.what == "`mwaa-local up` ended with exit code 3: KeyError: 'x'"
    assert "no output" in failure_of(ended("")).what


def test_seconds_of_steps_are_added() -> None:
    said = "packages       working              installing\npackages       done         12.8 s\npackages  done  0.7 s\n"
    assert step_seconds(said + "database       done         10.3 s\n", "packages") == pytest.approx(13.5)
    assert step_seconds(said, "image") == 0


# Of which state of the product.


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for path in ("mwaa_local/a.py", "docs/page.md"):
        (tmp_path / path).parent.mkdir()
        (tmp_path / path).write_text("1\n")
    git(tmp_path, "init", "--quiet")
    commit(tmp_path)
    return tmp_path


def git(root_dir: Path, *words: str) -> None:
    who = ("-c", "user.name=x", "-c", "user.email=x@example.com")
    subprocess.run(["git", "-C", str(root_dir), *who, *words], check=True, capture_output=True)


def commit(root_dir: Path) -> None:
    git(root_dir, "add", "--all")
    git(root_dir, "commit", "--quiet", "--message", "x")


def test_commit_of_a_page_makes_no_cell_old(checkout: Path) -> None:
    before = tree_of(checkout)
    assert before.changes == ""
    (checkout / "docs" / "page.md").write_text("2\n")
    assert tree_of(checkout) == before
    commit(checkout)
    assert tree_of(checkout) == before


@pytest.mark.parametrize("name", ["a.py", "new.py"])
def test_change_of_the_product_is_another_state_before_and_after_it_is_committed(checkout: Path, name: str) -> None:
    states: list[Any] = [tree_of(checkout)]
    for text in ("2\n", "3\n"):
        (checkout / "mwaa_local" / name).write_text(text)
        states.append(tree_of(checkout))
    assert [bool(state.changes) for state in states] == [False, True, True]
    commit(checkout)
    states.append(tree_of(checkout))
    assert states[-1].changes == ""
    assert len(set(states)) == len(states)


def test_folder_without_git_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="name the commit"):
        tree_of(tmp_path)


def test_target_of_make_passes_releases_and_runtime_on() -> None:
    said = subprocess.run(
        ["make", "--dry-run", "test-releases", "RELEASES=2.8.1,3.3.1", "RUNTIME=docker"],
        cwd=ROOT_DIR,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "-m tools.release_matrix --releases '2.8.1,3.3.1' --runtime 'docker'" in said


def test_data_are_plain_json(tmp_path: Path) -> None:
    keep(GREEN, tmp_path / DATA_NAME)
    (plain,) = json.loads((tmp_path / DATA_NAME).read_text())["cells"]
    assert (plain["release"], plain["tree"], plain["seconds"]) == (
        "3.3.1",
        {"commit": "abc1234", "changes": ""},
        {"first_up": 40.0},
    )


def test_image_is_built_without_layers_of_before_in_every_stage() -> None:
    changed = without_layers_of_before((DOCKER_DIR / "Dockerfile").read_text(), "abc")
    assert changed.count("\nARG FRESH=abc\n") == len(re.findall(r"^FROM ", changed, re.M)) >= 2
    assert re.search(r"^FROM \$\{BASE_IMAGE\} AS build\nARG FRESH=abc\nARG ", changed, re.M)
