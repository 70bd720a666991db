"""`mwaa-local cache`, as its user sees it."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mwaa_local.cache.item import Item
from mwaa_local.cache.users import PROCESS, User, Users
from mwaa_local.cli.cache import by_release, seconds
from mwaa_local.console import CLEARED, size
from mwaa_local.project import Project
from tests.conftest import COMMAND, ProjectRunner
from tests.unit.cache.kept_things import (
    A_MONTH_S,
    NO_ENGINE,
    OTHER_SET,
    SET,
    TIMEOUT_S,
    aged,
    below,
    cli,
    make_set,
)


@pytest.fixture
def runner(project: Callable[..., ProjectRunner]) -> ProjectRunner:
    return project({"dags/a.py": ""})


def test_list_shows_kind_release_size_and_user(cache_dir: Path, runner: ProjectRunner, noted: Users) -> None:
    make_set(cache_dir, files=250)
    make_set(cache_dir, OTHER_SET)
    (runner.root_dir / ".mwaa-local").mkdir()
    User(cache_dir, Project(runner.root_dir), PROCESS).note("packages", SET)
    outcome = cli(runner, cache_dir, "list")
    assert outcome.exit_code == 0, outcome.stderr
    lines = {line.split()[2]: line.split() for line in outcome.stdout.splitlines() if line.startswith("packages")}
    assert lines[SET][:3] == ["packages", "3.3.1", SET]
    assert lines[SET][4] == "MB"
    assert lines[SET][-1] == str(runner.root_dir)
    assert lines[OTHER_SET][-1] == "-"
    assert "not made by mwaa-local: fernet.key" in outcome.stderr
    assert "images and volumes were skipped" in outcome.stderr
    assert re.search(r"^3\.3\.1 +1 +1\.\d MB", outcome.stdout, re.MULTILINE)
    assert re.search(r"2 items, 1\.\d MB", outcome.stderr)


def test_list_on_a_terminal_shows_what_it_measures_and_takes_it_away_again(
    cache_dir: Path, runner: ProjectRunner
) -> None:
    make_set(cache_dir)
    make_set(cache_dir, OTHER_SET)
    ours, theirs = pty.openpty()
    env: dict[str, Any] = {**runner.env, **NO_ENGINE, "MWAA_LOCAL_CACHE_DIR": str(cache_dir), "TERM": "xterm"}
    env.pop("NO_COLOR", None)
    argv, pipe = [*COMMAND, "cache", "list"], subprocess.PIPE
    done = subprocess.run(argv, env=env, stdout=pipe, stderr=theirs, text=True, timeout=TIMEOUT_S, check=True)
    os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    measured = re.findall(r"sizes +working +(\d of \d: packages [\w.-]+)", shown)
    assert measured == [f"1 of 2: packages {OTHER_SET}", f"2 of 2: packages {SET}"]
    assert shown.count(CLEARED) == 3  # before each, and at the end
    assert "sizes" not in done.stdout


def test_list_as_json(cache_dir: Path, runner: ProjectRunner, noted: Users) -> None:
    make_set(cache_dir)
    plain = json.loads(cli(runner, cache_dir, "list", "--json").stdout)
    (item,) = plain["items"]
    assert (item["kind"], item["airflow_version"], item["name"], item["used_by"]) == ("packages", "3.3.1", SET, [])
    assert abs(item["last_used"] - time.time()) < TIMEOUT_S
    assert plain["foreign"] == ["fernet.key"]
    assert "docker" in plain["docker_skipped"].lower()
    (total,) = plain["releases"]
    assert total == {
        "airflow_version": "3.3.1",
        "items": 1,
        "size_bytes": item["size_bytes"],
        "unused_bytes": item["size_bytes"],
    }


def test_totals_are_by_release_in_their_order_and_say_what_is_unused() -> None:
    items = [
        Item("packages", "a", "2.10.3", 5, used_by=("/p",)),
        Item("packages", "b", "2.10.3", 7),
        Item("packages", "c", "2.9.2", 1, kept_because="a command uses it"),
        Item("image", "d", "1.10.12", None),
        Item("AWS", "e", "", 3),
    ]
    totals = [tuple(each.values()) for each in by_release(items)]
    assert totals == [("1.10.12", 1, 0, 0), ("2.9.2", 1, 1, 0), ("2.10.3", 2, 12, 7), (None, 1, 3, 3)]


def test_list_of_nothing(tmp_path: Path, runner: ProjectRunner) -> None:
    outcome = cli(runner, tmp_path / "none", "list")
    assert (outcome.exit_code, outcome.stdout) == (0, "")
    assert f"nothing is kept in {tmp_path / 'none'}" in outcome.stderr
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("command", ["list", "prune"])
@pytest.mark.parametrize("is_link", [False, True], ids=["file", "link"])
def test_cache_folder_that_is_none_is_told(tmp_path: Path, runner: ProjectRunner, command: str, is_link: bool) -> None:
    path = tmp_path / "cache"
    path.symlink_to(tmp_path / "nowhere") if is_link else path.touch()
    outcome = cli(runner, path, command)
    assert (outcome.exit_code, outcome.stdout) == (3, "")
    assert f"the cache folder {path} is no folder" in outcome.stderr


def test_relative_cache_folder_is_where_the_command_is(cache_dir: Path, runner: ProjectRunner) -> None:
    make_set(cache_dir)
    cache_dir.rename(runner.root_dir / "cache")
    outcome = cli(runner, Path("cache"), "list")
    assert (outcome.exit_code, SET in outcome.stdout) == (0, True)


def test_prune_says_what_went_and_what_was_freed(cache_dir: Path, runner: ProjectRunner, noted: Users) -> None:
    aged(make_set(cache_dir, files=250), A_MONTH_S)
    make_set(cache_dir, OTHER_SET)
    outcome = cli(runner, cache_dir, "prune")  # without a terminal nobody is asked
    assert outcome.exit_code == 0, outcome.stderr
    (line,) = outcome.stdout.splitlines()
    assert re.fullmatch(rf"removed  packages {SET}  1\.\d MB", line)
    assert "kept  1 item: used recently; remove with `--all`" in outcome.stderr
    assert re.search(r"freed 1\.\d MB", outcome.stderr)
    outcome = cli(runner, cache_dir, "prune", "--all", "--json")
    plain = json.loads(outcome.stdout)
    assert [item["name"] for item in plain["removed"]] == [OTHER_SET]
    assert plain["freed_bytes"] > 12_000
    assert plain["dry_run"] is False


def test_dry_run_changes_nothing(cache_dir: Path, runner: ProjectRunner) -> None:
    make_set(cache_dir)
    before = below(cache_dir)
    outcome = cli(runner, cache_dir, "prune", "--all", "--dry-run")
    assert outcome.exit_code == 0
    assert outcome.stdout.startswith(f"would remove  packages {SET}")
    assert "would free" in outcome.stderr
    plain = json.loads(cli(runner, cache_dir, "prune", "--dry-run", "--json").stdout)
    assert (plain["dry_run"], plain["removed"]) == (True, [])
    assert plain["kept"][0]["why"] == "users not known yet"
    assert below(cache_dir) == before


@pytest.mark.parametrize(
    "words", [("--all", "--older-than", "3d"), ("--older-than", "3"), ("--older-than", "soon"), ("everything",)]
)
def test_wrong_usage(cache_dir: Path, runner: ProjectRunner, words: tuple[str, ...]) -> None:
    make_set(cache_dir)
    assert cli(runner, cache_dir, "prune", *words).exit_code == 2
    assert (cache_dir / "environments" / SET).is_dir()


@pytest.fixture
def terminal(cache_dir: Path, runner: ProjectRunner) -> Iterator[Callable[[str], tuple[int, str]]]:
    """Run `cache prune --all` on a terminal on which somebody types this; return exit code and what was asked."""
    ours, theirs = pty.openpty()

    def run(typed: str) -> tuple[int, str]:
        os.write(ours, typed.encode())
        env: dict[str, Any] = {**runner.env, **NO_ENGINE, "MWAA_LOCAL_CACHE_DIR": str(cache_dir)}
        argv = [*COMMAND, "cache", "prune", "--all"]
        done = subprocess.run(argv, env=env, stdin=theirs, capture_output=True, text=True, timeout=TIMEOUT_S)
        return done.returncode, done.stderr

    yield run
    os.close(ours)
    os.close(theirs)


def test_terminal_is_asked(cache_dir: Path, terminal: Callable[[str], tuple[int, str]]) -> None:
    make_set(cache_dir, files=250)
    exit_code, asked = terminal("n\n")
    assert exit_code == 1
    assert re.search(r"Remove 1 item, 1\.\d MB\? \[y/N\]", asked)
    assert f"packages {SET}" in asked
    assert (cache_dir / "environments" / SET).is_dir()
    exit_code, _ = terminal("y\n")
    assert exit_code == 0
    assert not (cache_dir / "environments").exists()


def test_what_cannot_be_removed_is_said(cache_dir: Path, runner: ProjectRunner) -> None:
    make_set(cache_dir)
    (cache_dir / "removing").write_text("")  # where things are put first
    outcome = cli(runner, cache_dir, "prune", "--all")
    assert outcome.exit_code == 3
    assert "not everything could be removed" in outcome.stderr
    assert str(cache_dir / "removing") in outcome.stderr
    assert (cache_dir / "environments" / SET / "pyvenv.cfg").is_file()


@pytest.mark.parametrize(("age", "expected"), [("12h", 43200.0), ("30d", 2592000.0), ("2w", 1209600.0)])
def test_ages(age: str, expected: float) -> None:
    assert seconds(age) == expected


@pytest.mark.parametrize(
    ("count", "expected"), [(None, "-"), (0, "0 B"), (999, "999 B"), (12_345, "12 kB"), (1_240_000_000, "1.2 GB")]
)
def test_sizes(count: int | None, expected: str) -> None:
    assert size(count) == expected
