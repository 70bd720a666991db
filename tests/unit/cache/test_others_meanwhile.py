"""Commands that use, note, build and remove what is kept at the same time."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mwaa_local.cache import locks
from mwaa_local.cache.folder import IN_USE
from mwaa_local.cache.prune import Cache
from mwaa_local.cache.users import PROCESS, ProjectUse, User, Users
from tests.unit.cache.kept_things import (
    EVERYTHING,
    NO_ENGINE,
    OTHER_SET,
    PACKAGE_DIR,
    SET,
    TIMEOUT_S,
    below,
    make_project,
    make_set,
    names,
    prune,
    why_kept,
)


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
