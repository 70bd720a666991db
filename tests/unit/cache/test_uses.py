"""Who uses what is kept outside of projects, and for how long it was unused."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mwaa_local.cache.item import Wanted
from mwaa_local.cache.prune import Cache
from mwaa_local.cache.users import CHECK, DOCKER, PROCESS, User, Users
from mwaa_local.errors import AccessDenied
from mwaa_local.project import Project
from tests.ordinary_user import as_ordinary_user, reachable_folder
from tests.unit.cache.kept_things import (
    A_MONTH_S,
    OTHER_SET,
    PACKAGE_DIR,
    SET,
    aged,
    below,
    make_project,
    make_set,
    names,
    prune,
    why_kept,
)


@pytest.mark.parametrize("role", [PROCESS, CHECK])
def test_what_a_project_uses_stays_until_the_project_is_gone(cache_dir: Path, tmp_path: Path, role: str) -> None:
    make_set(cache_dir)
    make_set(cache_dir, OTHER_SET)
    (cache_dir / "known-options").mkdir()
    (cache_dir / "known-options" / f"{SET}.json").write_text("{}")
    project = make_project(tmp_path)
    User(cache_dir, project, role).note("packages", SET)
    pruned = prune(cache_dir)
    assert names(pruned) == {OTHER_SET}
    assert why_kept(pruned, SET) == f"used by {project.root_dir}"
    assert (cache_dir / "known-options" / f"{SET}.json").exists()  # goes with the set
    shutil.rmtree(project.root_dir)
    pruned = prune(cache_dir)
    assert [item.kind for item in pruned.removed] == ["option list", "packages"] or names(pruned) == {SET}
    assert below(cache_dir) == {"fernet.key"}


def test_project_without_its_state_folder_uses_nothing_any_more(cache_dir: Path, tmp_path: Path) -> None:
    make_set(cache_dir)
    project = make_project(tmp_path)
    User(cache_dir, project, PROCESS).note("packages", SET)
    shutil.rmtree(project.state_dir)
    assert names(prune(cache_dir)) == {SET}
    assert not Users(cache_dir).projects()


def test_check_of_a_project_that_never_ran_counts_too(cache_dir: Path, tmp_path: Path) -> None:
    make_set(cache_dir)
    (tmp_path / "checked").mkdir()
    User(cache_dir, Project(tmp_path / "checked"), CHECK).note("packages", SET)
    assert not prune(cache_dir).removed
    (tmp_path / "checked").rmdir()
    assert names(prune(cache_dir)) == {SET}


def test_one_of_two_projects_is_enough(cache_dir: Path, tmp_path: Path) -> None:
    make_set(cache_dir)
    for name in ("first", "second"):
        User(cache_dir, make_project(tmp_path, name), PROCESS).note("packages", SET)
    shutil.rmtree(tmp_path / "first")
    pruned = prune(cache_dir)
    assert why_kept(pruned, SET) == f"used by {tmp_path / 'second'}"
    assert [use.dir.name for use in Users(cache_dir).projects()] == ["second"]


def test_start_keeps_what_ran_before_until_it_is_done(cache_dir: Path, tmp_path: Path) -> None:
    project = make_project(tmp_path)
    User(cache_dir, project, PROCESS).note("packages", OTHER_SET)
    starting = User(cache_dir, project, PROCESS)
    starting.note("packages", SET)
    (use,) = Users(cache_dir).projects()
    assert use.has("packages", SET)
    assert use.has("packages", OTHER_SET)
    starting.settle()
    (use,) = Users(cache_dir).projects()
    assert (use.has("packages", SET), use.has("packages", OTHER_SET)) == (True, False)


def test_roles_of_one_project_do_not_replace_each_other(cache_dir: Path, tmp_path: Path) -> None:
    project = make_project(tmp_path)
    User(cache_dir, project, PROCESS).note("packages", SET)
    User(cache_dir, project, CHECK).note("packages", OTHER_SET)
    docker = User(cache_dir, project, DOCKER)
    docker.note("image", "mwaa-local/airflow:3.3.1-0123456789ab")
    docker.settle()
    (use,) = Users(cache_dir).projects()
    assert use.has("packages", SET)
    assert use.has("packages", OTHER_SET)
    User(cache_dir, project, CHECK).note("packages", SET)  # of checks, the last one counts
    (use,) = Users(cache_dir).projects()
    assert not use.has("packages", OTHER_SET)


def test_project_that_was_made_anew_does_not_use_what_the_old_one_did(cache_dir: Path, tmp_path: Path) -> None:
    project = make_project(tmp_path)
    User(cache_dir, project, PROCESS).note("packages", SET)
    shutil.rmtree(project.state_dir)
    User(cache_dir, project, CHECK).note("packages", OTHER_SET)
    (use,) = Users(cache_dir).projects()
    assert (use.has("packages", SET), use.has("packages", OTHER_SET)) == (False, True)


def test_notes_are_private_and_damaged_ones_stand_for_no_project(cache_dir: Path, tmp_path: Path) -> None:
    project = make_project(tmp_path)
    User(cache_dir, project, PROCESS).note("packages", SET)
    path = cache_dir / "projects" / f"{project.id}.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for text in ("", "[]", "{", '{"project": 3}', json.dumps({"project": "/elsewhere", "has_state": True, "uses": {}})):
        path.write_text(text)
        assert not Users(cache_dir).projects()


def test_uses_that_may_not_be_read_are_not_taken_for_none() -> None:
    with reachable_folder() as folder:
        make_set(folder)
        project = make_project(folder)
        User(folder, project, PROCESS).note("packages", SET)
        (folder / "projects" / f"{project.id}.json").chmod(0)
        what = f"not allowed to see which projects use the cache folder {folder}"
        cache = Cache(folder, {"PATH": ""})
        with as_ordinary_user(), pytest.raises(AccessDenied, match=what):
            cache.inventory()
        if os.geteuid() != 0:  # who may read all the same
            with pytest.raises(AccessDenied, match=what):
                prune(folder)
            assert (folder / "environments" / SET).is_dir()


def test_cache_that_cannot_be_written_is_used_without_a_note(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    user = User(tmp_path / "file" / "cache", make_project(tmp_path), PROCESS)
    user.note("packages", SET)
    user.settle()


def test_only_what_was_unused_for_so_long(cache_dir: Path, noted: Users) -> None:
    aged(make_set(cache_dir), A_MONTH_S + 60)
    aged(make_set(cache_dir, OTHER_SET), A_MONTH_S - 60)
    assert names(prune(cache_dir, Wanted(A_MONTH_S))) == {SET}
    assert names(prune(cache_dir)) == {OTHER_SET}


def test_use_makes_it_young_again(cache_dir: Path, noted: Users) -> None:
    folder = make_set(cache_dir)
    aged(folder, A_MONTH_S * 2)
    program = "import sys; from pathlib import Path; from mwaa_local.cache import locks; locks.hold(Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", program, folder], check=True, cwd=PACKAGE_DIR.parent)
    pruned = prune(cache_dir, Wanted(A_MONTH_S))
    assert why_kept(pruned, SET).startswith("used recently")


def test_what_is_older_than_all_notes_counts_as_used_when_they_began(cache_dir: Path) -> None:
    folder = make_set(cache_dir)
    aged(folder, A_MONTH_S * 2)
    pruned = prune(cache_dir, Wanted(A_MONTH_S))
    assert why_kept(pruned, SET) == "users not known yet"
    since_path = cache_dir / "projects" / "since.json"
    since_path.write_text(json.dumps({"since": time.time() - A_MONTH_S - 60}))
    assert names(prune(cache_dir, Wanted(A_MONTH_S))) == {SET}


def test_what_a_killed_command_left_goes_at_any_age(cache_dir: Path, tmp_path: Path, noted: Users) -> None:
    folder = make_set(cache_dir)
    (folder / "mwaa-local.json").unlink()  # never finished
    User(cache_dir, make_project(tmp_path), PROCESS).note("packages", SET)
    (cache_dir / "trial-1a_b2c3d").mkdir()
    assert names(prune(cache_dir, Wanted(A_MONTH_S))) == {SET, "trial-1a_b2c3d"}
