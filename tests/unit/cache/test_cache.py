"""What is kept outside of projects: who uses it, and that pruning removes only what nobody does."""

from __future__ import annotations

import ast
import json
import os
import pty
import re
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mwaa_local.cache import keepers, locks
from mwaa_local.cache import kept as cache_kept
from mwaa_local.cache.folder import IN_USE, OF_ANOTHER_USER, CacheFolder
from mwaa_local.cache.item import Wanted
from mwaa_local.cache.kept import CacheKind, ImageKind, VolumeKind
from mwaa_local.cache.prune import Cache, Pruned
from mwaa_local.cache.users import CHECK, DOCKER, PROCESS, ProjectUse, User, Users
from mwaa_local.cli.cache import seconds, size
from mwaa_local.project import Project
from mwaa_local.runtime.compose.image import COMPOSE_PATH
from tests.conftest import COMMAND, Outcome, ProjectRunner

PACKAGE_DIR = Path(__file__).parents[3] / "mwaa_local"
NO_ENGINE = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}  # the user's own engine is not for these tests
SET, OTHER_SET = "3.3.1-0123456789ab", "2.10.3-ba9876543210"
FERNET_KEY = "cmFuZG9tIGJ5dGVzIG9mIHNvbWVib2R5IGVsc2Uuc28="
EVERYTHING = Wanted(age_s=0.0)
A_MONTH_S = 30 * 86400.0
TIMEOUT_S = 60.0
ORDINARY_USER = 12345


@pytest.fixture
def cache_dir(tmp_path: Path) -> Path:
    """A cache folder in which AWS's own tool keeps its key, as `run.sh` of aws/amazon-mwaa-docker-images does."""
    folder = tmp_path / "cache" / "mwaa-local"
    folder.mkdir(parents=True)
    (folder / "fernet.key").write_text(FERNET_KEY)
    return folder


@pytest.fixture
def noted(cache_dir: Path) -> Users:
    """Uses are noted since a year."""
    users = Users(cache_dir)
    with users.locked():
        users.begin()
    (users.dir / "since.json").write_text(json.dumps({"since": time.time() - 365 * 86400.0}))
    return users


def make_set(cache_dir: Path, name: str = SET, files: int = 3) -> Path:
    """Make what looks like a package set, with files of 4 KiB in a folder that may only be read."""
    folder = cache_dir / "environments" / name
    package_dir = folder / "lib" / "python3.12" / "site-packages" / "package"
    package_dir.mkdir(parents=True)
    (folder / "pyvenv.cfg").write_text("home = /usr/bin\n")
    (folder / "bin").mkdir()
    (folder / "bin" / "python").symlink_to(sys.executable)
    (folder / "mwaa-local.json").write_text(json.dumps({"digest": name.partition("-")[2]}))
    for number in range(files):
        (package_dir / f"module_{number}.py").write_bytes(b"#" * 4096)
    package_dir.chmod(0o500)
    return folder


def make_database(cache_dir: Path, name: str = SET) -> Path:
    folder = cache_dir / "databases" / name
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "PG_VERSION").write_text("18\n")
    (folder / "mwaa-local.json").write_text(json.dumps({"password": "secret"}))
    (cache_dir / "databases" / f"{name}.home").mkdir()
    (cache_dir / "databases" / f"{name}.home" / "airflow.cfg").touch()
    return folder


def make_project(tmp_path: Path, name: str = "project") -> Project:
    folder = tmp_path / name
    (folder / ".mwaa-local").mkdir(parents=True)
    return Project(folder)


def prune(cache_dir: Path, wanted: Wanted = EVERYTHING) -> Pruned:
    cache = Cache(cache_dir, {"PATH": ""})
    return cache.prune(cache.inventory(), wanted, lambda _: None)


def names(pruned: Pruned) -> set[str]:
    return {item.name for item in pruned.removed}


def why_kept(pruned: Pruned, name: str) -> str:
    return next(why for item, why in pruned.kept if item.name == name)


def below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


# What is removed, and what is not.


def test_what_nobody_uses_is_removed_and_the_key_of_another_tool_stays(cache_dir: Path) -> None:
    make_set(cache_dir)
    make_database(cache_dir)
    (cache_dir / "aws" / "moto-5.2.5-python3.11").mkdir(parents=True)
    (cache_dir / "aws" / "moto-5.2.5-python3.11" / "pyvenv.cfg").touch()
    for name in (f"known-options/{SET}.json", "known-options/tmp1a_b2c3d", "provider-modules/a-provider-1.0.json"):
        (cache_dir / name).parent.mkdir(exist_ok=True)
        (cache_dir / name).write_text('{"a": 1}')
    (cache_dir / "python-3.12-not-downloaded").touch()
    (cache_dir / "trial-1a_b2c3d" / "packages").mkdir(parents=True)
    (cache_dir / "proof-1a_b2c3d").mkdir()
    (cache_dir / "environments" / "3.3.lock").touch()  # as earlier versions had it
    pruned = prune(cache_dir)
    assert not pruned.kept
    assert not pruned.problems
    assert below(cache_dir) == {"fernet.key"}
    assert (cache_dir / "fernet.key").read_text() == FERNET_KEY


def test_folder_with_nothing_of_others_goes_too(cache_dir: Path) -> None:
    (cache_dir / "fernet.key").unlink()
    make_set(cache_dir)
    prune(cache_dir)
    assert not cache_dir.exists()
    assert prune(cache_dir).removed == []  # and there is nothing to prune then
    assert not cache_dir.exists()


@pytest.mark.parametrize(
    "name",
    [
        "environments/mine",
        "environments/3.3.1-0123456789AB",
        "environments/3.3.1-0123456789ab",  # by its name alone it might be ours
        "databases/3.3.1-0123456789ab",
        "databases/3.3.1-0123456789ab.home",
        "notes",
        "trial-of-mine",
        "known-options/notes.txt",
        "removing/mine",
    ],
)
def test_folder_that_is_not_recognised_stays(cache_dir: Path, name: str) -> None:
    (cache_dir / name).mkdir(parents=True)
    (cache_dir / name / "precious").write_text("mine")
    cache = Cache(cache_dir, {"PATH": ""})
    inventory = cache.inventory()
    assert not inventory.items
    if not name.startswith("removing"):
        assert set(inventory.foreign) == {"fernet.key", name}
    prune(cache_dir)
    assert (cache_dir / name / "precious").read_text() == "mine"


@pytest.mark.parametrize(
    "name", ["known-options/3.3.1-0123456789ab.json", "provider-modules/a-1.0.json", "python-3.12-not-downloaded"]
)
def test_file_of_another_content_or_kind_stays(cache_dir: Path, name: str) -> None:
    path = cache_dir / name
    path.parent.mkdir(exist_ok=True)
    if name.startswith("python"):
        path.mkdir()
    else:
        path.write_text("a list of mine")
    prune(cache_dir)
    assert path.exists()


def test_links_are_not_followed(cache_dir: Path, tmp_path: Path) -> None:
    elsewhere = make_set(tmp_path / "elsewhere")
    (cache_dir / "environments").mkdir()
    (cache_dir / "environments" / SET).symlink_to(elsewhere)
    databases = make_database(tmp_path / "elsewhere").parent
    (cache_dir / "databases").symlink_to(databases)
    inside = make_set(cache_dir, OTHER_SET)
    (inside / "lib64").symlink_to(elsewhere)
    before = below(elsewhere)
    pruned = prune(cache_dir)
    assert names(pruned) == {OTHER_SET}
    assert below(elsewhere) == before
    assert (cache_dir / "environments" / SET).is_symlink()
    assert (cache_dir / "databases").is_symlink()
    assert (databases / SET / "data" / "PG_VERSION").exists()
    assert stat.S_IMODE((elsewhere / "lib/python3.12/site-packages/package").stat().st_mode) == 0o500


def test_link_is_nobodys_whatever_a_kind_makes_of_it(cache_dir: Path, tmp_path: Path) -> None:
    (cache_dir / "things").mkdir()
    (cache_dir / "things" / "a").symlink_to(tmp_path)
    listing = CacheFolder(cache_dir, [CacheKind("thing", "things", "a", lambda _: True)]).look([])
    assert (listing.items, listing.foreign) == ((), ("things/a",))


def test_what_belongs_to_another_user_stays(cache_dir: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file to another user")
    folder = make_set(cache_dir)
    os.chown(folder, ORDINARY_USER, -1)
    pruned = prune(cache_dir)
    assert why_kept(pruned, SET) == OF_ANOTHER_USER
    assert folder.is_dir()


def test_cache_folder_of_another_user_is_refused(
    cache_dir: Path, project: Callable[..., ProjectRunner], noted: Users
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file to another user")
    make_set(cache_dir)
    os.chown(cache_dir, ORDINARY_USER, -1)
    outcome = cli(project(), cache_dir, "prune", "--all", "--yes")
    assert (outcome.exit_code, "belongs to another user" in outcome.stderr) == (3, True)
    assert (cache_dir / "environments" / SET).is_dir()


# Who uses what.


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


def test_cache_that_cannot_be_written_is_used_without_a_note(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    user = User(tmp_path / "file" / "cache", make_project(tmp_path), PROCESS)
    user.note("packages", SET)
    user.settle()


# Age.


def aged(folder: Path, seconds_ago: float) -> None:
    os.utime(folder, (time.time() - seconds_ago,) * 2)


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


# Others at the same time.


def test_what_is_being_built_or_held_stays(cache_dir: Path) -> None:
    folder, other = make_set(cache_dir), make_set(cache_dir, OTHER_SET)
    with locks.taken(locks.lock_path(folder)), locks.alone(other) as mine:
        assert mine
        pruned = prune(cache_dir)
    assert not pruned.removed
    assert why_kept(pruned, SET) == why_kept(pruned, OTHER_SET) == IN_USE
    assert names(prune(cache_dir)) == {SET, OTHER_SET}


def test_what_another_process_uses_stays_until_it_ends(cache_dir: Path) -> None:
    folder = make_set(cache_dir)
    program = (
        "import sys; from pathlib import Path; from mwaa_local.cache import locks\n"
        "print(locks.hold(Path(sys.argv[1])), flush=True); sys.stdin.read()"
    )
    argv = [sys.executable, "-c", program, str(folder)]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, cwd=PACKAGE_DIR.parent, stdin=pipe, stdout=pipe, text=True) as user:
        assert user.stdout is not None
        assert user.stdout.readline() == "True\n"
        pruned = prune(cache_dir)
        user.communicate()
    assert why_kept(pruned, SET) == IN_USE
    assert names(prune(cache_dir)) == {SET}


def test_what_a_running_process_was_started_from_stays(cache_dir: Path) -> None:
    folder = make_set(cache_dir)
    argv = [str(folder / "bin" / "python"), "-c", "print('up', flush=True); input()"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "up\n"
        pruned = prune(cache_dir)
        running.communicate("\n")
    assert why_kept(pruned, SET) == "a process of it runs"
    assert names(prune(cache_dir)) == {SET}


def test_use_that_is_noted_meanwhile_is_seen(cache_dir: Path, tmp_path: Path) -> None:
    make_set(cache_dir)
    cache = Cache(cache_dir, {"PATH": ""})
    inventory = cache.inventory()
    project = make_project(tmp_path)
    User(cache_dir, project, PROCESS).note("packages", SET)
    pruned = cache.prune(inventory, EVERYTHING, lambda _: None)
    assert why_kept(pruned, SET) == f"used by {project.root_dir}"


def test_removal_waits_for_a_note_and_sees_it(cache_dir: Path, tmp_path: Path) -> None:
    make_set(cache_dir)
    cache = Cache(cache_dir, {"PATH": ""})
    (item,) = cache.inventory().items
    project = make_project(tmp_path)
    users, answers = Users(cache_dir), list[object]()

    def take() -> None:
        answers.append(cache.folder.take_away(item, lambda now: f"used by {len(now.used_by)}" if now.used_by else ""))

    with users.locked():
        thread = threading.Thread(target=take)
        thread.start()
        thread.join(0.5)
        users.write(ProjectUse(project.id, project.root_dir, has_state=True, uses={PROCESS: {"packages": [SET]}}))
    thread.join(TIMEOUT_S)
    assert answers == ["used by 1"]
    assert (cache_dir / "environments" / SET).is_dir()


def test_note_waits_for_a_removal_and_the_user_finds_nothing(cache_dir: Path, tmp_path: Path) -> None:
    folder = make_set(cache_dir)
    user = User(cache_dir, make_project(tmp_path), PROCESS)
    users = Users(cache_dir)
    with users.locked():
        thread = threading.Thread(target=user.note, args=("packages", SET))
        thread.start()
        thread.join(0.2)
        assert thread.is_alive()
        shutil.move(folder, tmp_path / "away")
    thread.join(TIMEOUT_S)
    assert not locks.hold(folder)
    assert users.projects()[0].has("packages", SET)


def test_user_who_waited_for_a_removal_holds_nothing(cache_dir: Path, tmp_path: Path) -> None:
    folder, answers = make_set(cache_dir), list[bool]()
    with locks.alone(folder) as mine:
        assert mine
        thread = threading.Thread(target=lambda: answers.append(locks.hold(folder)))
        thread.start()
        thread.join(0.5)
        folder.rename(tmp_path / "away")
    thread.join(TIMEOUT_S)
    assert answers == [False]


def test_lock_whose_file_was_removed_is_taken_anew(tmp_path: Path) -> None:
    path = tmp_path / "set.lock"
    waiting, inside = threading.Event(), threading.Event()

    def second() -> None:
        with locks.taken(path, waiting.set):
            assert path.exists()
            inside.set()

    with locks.taken(path):
        thread = threading.Thread(target=second)
        thread.start()
        assert waiting.wait(TIMEOUT_S)
        path.unlink()
    thread.join(TIMEOUT_S)
    assert inside.is_set()


INTERRUPTED = """
import os, signal, sys
removed = 0

def interrupt(event, arguments):
    global removed
    if event == "os.remove" and b"module_" in os.fsencode(arguments[0]):
        removed += 1
        if removed == 5:
            os.kill(os.getpid(), number)

number = int(sys.argv.pop())
sys.addaudithook(interrupt)
from mwaa_local.cli import main
main()
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_interrupted_prune_leaves_nothing_half_and_the_next_one_goes_on(
    cache_dir: Path, clean_env: dict[str, str], number: int, code: int
) -> None:
    make_set(cache_dir, files=50)
    make_set(cache_dir, OTHER_SET, files=50)
    whole = {name: below(cache_dir / "environments" / name) for name in (SET, OTHER_SET)}
    argv = [sys.executable, "-c", INTERRUPTED, "cache", "prune", "--all", "--yes", str(int(number))]
    env = {**clean_env, **NO_ENGINE, "MWAA_LOCAL_CACHE_DIR": str(cache_dir)}
    done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode == code, done.stderr
    left = {path.name for path in (cache_dir / "environments").iterdir() if path.is_dir()}
    assert len(left) == 1  # the first one was taken away whole, the second one not touched
    assert all(below(cache_dir / "environments" / name) == whole[name] for name in left)
    assert any((cache_dir / "removing").iterdir())
    pruned = prune(cache_dir)
    assert names(pruned) == left
    assert below(cache_dir) == {"fernet.key"}


# Sizes.


def test_file_with_several_names_counts_once(cache_dir: Path) -> None:
    first, second = make_set(cache_dir, files=0), make_set(cache_dir, OTHER_SET, files=0)
    (first / "big").write_bytes(b"#" * 1_000_000)
    os.link(first / "big", first / "again")
    os.link(first / "big", second / "big")
    items = {item.name: item for item in Cache(cache_dir, {"PATH": ""}).inventory().items}
    sizes = sorted(item.size_bytes or 0 for item in items.values())
    assert sizes[0] < 100_000
    assert 1_000_000 < sizes[1] < 1_200_000
    assert prune(cache_dir).freed_bytes == sum(sizes)


def test_what_has_a_name_elsewhere_is_not_told_as_freed_and_stays_as_it_was(cache_dir: Path, tmp_path: Path) -> None:
    folder = make_set(cache_dir, files=0)
    (folder / "big").write_bytes(b"#" * 1_000_000)
    (folder / "big").chmod(0o400)
    clone = tmp_path / "clone"
    os.link(folder / "big", clone)
    cache = Cache(cache_dir, {"PATH": ""})
    assert cache.plan(cache.inventory(), EVERYTHING).freed_bytes < 100_000
    assert prune(cache_dir).freed_bytes < 100_000
    assert (clone.stat().st_size, stat.S_IMODE(clone.stat().st_mode)) == (1_000_000, 0o400)


# The command.


def cli(runner: ProjectRunner, cache_dir: Path, *words: str, stdin: str = "") -> Outcome:
    return runner.call("cache", *words, env={**NO_ENGINE, "MWAA_LOCAL_CACHE_DIR": str(cache_dir)}, stdin=stdin)


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
    assert re.search(r"2 items, 1\.\d MB", outcome.stderr)


def test_list_as_json(cache_dir: Path, runner: ProjectRunner, noted: Users) -> None:
    make_set(cache_dir)
    plain = json.loads(cli(runner, cache_dir, "list", "--json").stdout)
    (item,) = plain["items"]
    assert (item["kind"], item["airflow_version"], item["name"], item["used_by"]) == ("packages", "3.3.1", SET, [])
    assert abs(item["last_used"] - time.time()) < TIMEOUT_S
    assert plain["foreign"] == ["fernet.key"]
    assert "docker" in plain["docker_skipped"].lower()


def test_list_of_nothing(tmp_path: Path, runner: ProjectRunner) -> None:
    outcome = cli(runner, tmp_path / "none", "list")
    assert (outcome.exit_code, outcome.stdout) == (0, "")
    assert f"nothing is kept in {tmp_path / 'none'}" in outcome.stderr
    assert not (tmp_path / "none").exists()


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


# No table can forget one.


def trees() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(PACKAGE_DIR.rglob("*.py")):
        if "support" not in path.parts:
            yield path, ast.parse(path.read_text(encoding="utf-8"))


def test_every_declaration_is_in_the_table() -> None:
    classes = {name for name in vars(cache_kept) if name.endswith("Kind")}
    makers = {**{name: name for name in classes}, "kept_tool": "CacheKind"}
    declared = [
        (makers[node.func.id], ast.unparse(node.args[0]).strip("'\""))
        for path, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in makers
        if not (path.name == "tool.py" and node.func.id == "CacheKind")  # in kept_tool itself
    ]
    known: list[CacheKind | ImageKind | VolumeKind] = [*keepers.KINDS, *keepers.IMAGES, *keepers.VOLUMES]
    assert sorted((type(kept).__name__, kept.kind) for kept in known) == sorted(declared)
    assert len({kept.kind for kept in known}) == len(known)


def test_every_path_below_the_cache_folder_comes_from_a_declaration() -> None:
    found = [
        f"{path.relative_to(PACKAGE_DIR)}:{node.lineno}: {ast.unparse(node)}"
        for path, tree in trees()
        if path.parent.name != "cache"
        for node in ast.walk(tree)
        if isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Div)
        and ast.unparse(node.left).rpartition(".")[2].strip("_") == "cache_dir"
    ]
    assert found == []


def test_every_volume_of_the_compose_file_is_known() -> None:
    volumes = yaml.safe_load(COMPOSE_PATH.read_text(encoding="utf-8"))["volumes"]
    assert set(volumes) == {kept.label for kept in keepers.VOLUMES}
    for label, settings in volumes.items():
        assert settings["name"].startswith("${MWAA_PROJECT}-" + label)
