"""MWAA's paths in a mount namespace, a process namespace, and PostgreSQL without root: on this Linux, for real.

Everything that changes a process's namespaces happens in a process of its own.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mwaa_local import isolation
from mwaa_local.isolation import NOBODY_UID, Layout, link_mwaa_paths

REPOSITORY_DIR = Path(__file__).parents[2]
Inside = Callable[..., Any]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="namespaces are Linux's")


@dataclass(frozen=True)
class User:
    """Who runs the code: the interpreter with what must stand before it."""

    argv: tuple[str, ...]
    is_another: bool


@pytest.fixture(params=["root", "user"])
def user(request: pytest.FixtureRequest) -> User:
    if (os.geteuid() == 0) == (request.param == "root"):
        return User((sys.executable,), is_another=False)
    if request.param == "root":
        pytest.skip("needs root")
    return an_ordinary_user()


def an_ordinary_user() -> User:
    """Return the user nobody with an interpreter that it may run: root's own may lie in root's home."""
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("needs setpriv to become an ordinary user")
    nobody = (setpriv, "--reuid", str(NOBODY_UID), "--regid", str(NOBODY_UID), "--clear-groups", "--")
    for python in (sys.executable, "/usr/local/bin/python3", "/usr/bin/python3"):
        # Through a shell, since setpriv itself may still reach what its user may not.
        argv = (*nobody, "/bin/sh", "-c", 'exec "$0" "$@"', python)
        probe = [*argv, "-c", "import mwaa_local.isolation"]
        if subprocess.run(probe, env=inside_env(), cwd="/", capture_output=True, check=False).returncode == 0:
            return User(argv, is_another=True)
    pytest.skip("an ordinary user can read no Python 3.11 here, or not this repository")


@pytest.fixture
def shared_dir(user: User) -> Iterator[Path]:
    """A folder that belongs to whoever runs the code; pytest's own are for their owner only."""
    folder = Path(tempfile.mkdtemp(prefix="mwaa-local-test-"))
    if user.is_another:
        os.chown(folder, NOBODY_UID, NOBODY_UID)
    yield folder
    shutil.rmtree(folder)


def inside_env() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY_DIR), "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.fixture
def inside(user: User, shared_dir: Path) -> Inside:
    """Run Python code as that user; return the JSON it printed last. Skips when the system refuses namespaces."""

    def run(code: str) -> Any:
        preface = (
            "import json, os, sys\nfrom pathlib import Path\nfrom mwaa_local.isolation import *\n"
            f"from mwaa_local import isolation\nroot = Path({str(shared_dir)!r})\n"
        )
        completed = subprocess.run(
            [*user.argv, "-c", preface + code],
            env=inside_env(),
            cwd="/",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert completed.returncode == 0, completed.stderr
        answer = json.loads(completed.stdout.splitlines()[-1])
        if isinstance(answer, dict) and answer.get("refused"):
            pytest.skip(f"the system refuses it: {answer['refused']}")
        return answer

    return run


ENTER = """
folders = {name: root / name for name in ("dags", "plugins")}
for folder in folders.values():
    folder.mkdir(exist_ok=True)
    (folder / "mine.py").touch()
home = root / "home"
home.mkdir(exist_ok=True)
beside = sorted(path.name for path in Path("/usr/local").iterdir() if path.name != "airflow")
why_not = enter_mwaa_paths(Layout(home, folders))
if why_not:
    print(json.dumps({"refused": why_not}))
    raise SystemExit
"""


def host() -> tuple[list[Path], str]:
    """Return what the machine outside must keep: the entries beside MWAA's folder, and its mounts."""
    return sorted(Path("/usr/local").iterdir()), Path("/proc/self/mountinfo").read_text()


def test_project_is_at_mwaas_path_and_the_machine_stays_as_it_was(inside: Inside, shared_dir: Path) -> None:
    before = host()
    answer = inside(
        ENTER
        + """
Path("/usr/local/airflow/dags/new.py").write_text("written inside")
Path("/usr/local/airflow/airflow.cfg").write_text("made by Airflow")
print(json.dumps({
    "dags": sorted(os.listdir("/usr/local/airflow/dags")),
    "plugins": sorted(os.listdir("/usr/local/airflow/plugins")),
    "beside": sorted(name for name in os.listdir("/usr/local") if name != "airflow") == beside,
    "uid": os.getuid(),
}))
"""
    )
    assert answer["dags"] == ["mine.py", "new.py"]
    assert answer["plugins"] == ["mine.py"]
    assert answer["beside"]
    assert (shared_dir / "dags" / "new.py").read_text() == "written inside"
    assert (shared_dir / "home" / "airflow.cfg").exists()
    assert (shared_dir / "dags" / "new.py").stat().st_uid == answer["uid"]
    assert host() == before


def test_read_only_folder_refuses_writing_whoever_one_is_and_stays_writable_outside(
    inside: Inside, shared_dir: Path
) -> None:
    answer = inside(
        ENTER.replace("Layout(home, folders)", "Layout(home, folders, frozenset({'dags'}))")
        + """
def attempt(name):
    try:
        Path("/usr/local/airflow", name, "new.py").write_text("x")
    except OSError as error:
        return error.errno
    return 0
first = {"dags": attempt("dags"), "plugins": attempt("plugins"), "mine": os.listdir("/usr/local/airflow/dags")}
other_home = root / "other"
other_home.mkdir()
assert not enter_mwaa_paths(Layout(other_home, folders))
print(json.dumps({**first, "in_other_home": attempt("dags")}))
"""
    )
    assert (answer["dags"], answer["plugins"], answer["mine"]) == (errno.EROFS, 0, ["mine.py"])
    assert answer["in_other_home"] == errno.EROFS
    (shared_dir / "dags" / "outside.py").touch()


COVER = """
folder, scratch = root / "packages", root / "scratch"
(folder / "airflow").mkdir(parents=True)
for name in ("kept.py", "changed.py", "removed.py"):
    (folder / "airflow" / name).write_text("as released")
why_not = cover(folder, scratch)
if why_not:
    print(json.dumps({"refused": why_not}))
    raise SystemExit
"""


def test_covered_folder_can_be_changed_and_stays_as_it_is(inside: Inside, shared_dir: Path) -> None:
    seen = inside(
        COVER
        + """
(folder / "airflow" / "changed.py").write_text("by the script")
(folder / "airflow" / "removed.py").unlink()
(folder / "new").mkdir()
print(json.dumps({
    "names": sorted(os.listdir(folder / "airflow")),
    "changed": (folder / "airflow" / "changed.py").read_text(),
    "new": (folder / "new").is_dir(),
}))
"""
    )
    assert seen == {"names": ["changed.py", "kept.py"], "changed": "by the script", "new": True}
    released = shared_dir / "packages" / "airflow"
    assert sorted(path.name for path in released.iterdir()) == ["changed.py", "kept.py", "removed.py"]
    assert {path.read_text() for path in released.iterdir()} == {"as released"}
    assert [path.name for path in (shared_dir / "packages").iterdir()] == ["airflow"]
    shutil.rmtree(shared_dir / "scratch")  # whoever made it can remove it


def test_layer_holds_whole_files_whatever_the_kernels_defaults(tmp_path: Path) -> None:
    assert isolation.whole_copies(tmp_path / "not loaded") == ["metacopy=off", "redirect_dir=off"]
    (tmp_path / "redirect_dir").touch()
    assert isolation.whole_copies(tmp_path) == ["redirect_dir=off"], "an older kernel refuses what it does not know"


def test_folder_is_covered_after_mwaas_paths_were_entered(inside: Inside) -> None:
    seen = inside(
        ENTER
        + COVER
        + """
(folder / "new.py").touch()
print(json.dumps([sorted(os.listdir("/usr/local/airflow/dags")), (folder / "new.py").exists()]))
"""
    )
    assert seen == [["mine.py"], True]


def test_folder_without_a_disk_to_write_to_is_left_as_it_is(inside: Inside, shared_dir: Path) -> None:
    said = inside(
        COVER
        + """
home = root / "home"
home.mkdir()
said = cover(home, folder / "scratch")  # on an overlay, as the folders of most containers are
(home / "mine.py").touch()
print(json.dumps(said))
"""
    )
    assert "mount: " in said
    assert (shared_dir / "home" / "mine.py").exists()


def test_folder_whose_name_an_overlay_cannot_have_is_refused_before_anything_is_made(
    inside: Inside, shared_dir: Path
) -> None:
    (shared_dir / "a:b").mkdir()
    said = inside('print(json.dumps(cover(root / "a:b", root / "scratch")))')
    assert "cannot have a layer with such a name" in said
    assert not (shared_dir / "scratch").exists()


def test_entering_again_works_with_what_the_first_time_left(inside: Inside) -> None:
    first = inside(ENTER + "print(json.dumps({'dags': os.listdir('/usr/local/airflow/dags')}))")
    assert inside(ENTER + "print(json.dumps({'dags': os.listdir('/usr/local/airflow/dags')}))") == first


def test_home_is_shown_over_another_one(inside: Inside, shared_dir: Path) -> None:
    answer = inside(
        ENTER
        + """
other = root / "other"
other.mkdir()
(other / "own").touch()
why_not = enter_mwaa_paths(Layout(other, {"dags": root / "plugins"}))
Path("/usr/local/airflow/written").touch()
print(json.dumps([why_not, sorted(os.listdir("/usr/local/airflow")), os.listdir("/usr/local/airflow/dags")]))
"""
    )
    assert answer == ["", ["dags", "own", "written"], ["mine.py"]]
    assert (shared_dir / "other" / "written").exists()
    assert not (shared_dir / "home" / "written").exists()


def test_children_see_mwaas_path_too(inside: Inside) -> None:
    code = "import subprocess; print(json.dumps(subprocess.check_output(['ls', '/usr/local/airflow/dags'], text=True)))"
    assert inside(ENTER + code) == "mine.py\n"


def test_refusal_is_a_text_and_changes_nothing(inside: Inside) -> None:
    answer = inside(
        "before = Path('/proc/self/mountinfo').read_text()\n"
        "why_not = enter_mwaa_paths(Layout(root / 'no-such-home', {}))\n"
        "print(json.dumps([why_not, Path('/proc/self/mountinfo').read_text() == before]))"
    )
    assert answer[0]
    assert answer[1]


def test_end_of_the_first_process_ends_the_namespace(inside: Inside) -> None:
    answer = inside(
        """
import signal, time
why_not = own_process_namespace()
if why_not:
    print(json.dumps({"refused": why_not}))
    raise SystemExit
read_fd, write_fd = os.pipe()
first = os.fork()
if first == 0:
    mount_own_proc()
    os.setsid()
    if os.fork() == 0:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.write(write_fd, f"{os.getppid()} {len([n for n in os.listdir('/proc') if n.isdigit()])}".encode())
        while True:
            time.sleep(600)
    signal.pause()
os.close(write_fd)
said = os.read(read_fd, 100).decode()
os.kill(first, signal.SIGKILL)
os.waitpid(first, 0)
print(json.dumps([said, os.read(read_fd, 1).decode()]))
"""
    )
    # It sees its parent as process 1 and nobody else; and the pipe it held is closed, so it is gone.
    assert answer == ["1 2", ""]


def test_unprivileged_command_is_not_root_but_reaches_its_data(inside: Inside, shared_dir: Path) -> None:
    private = shared_dir / "private"
    private.mkdir(mode=0o700)
    (private / "data").write_text("reached")
    (private / "data").chmod(0o600)
    owner = inside("print(json.dumps(os.getuid()))")
    os.chown(private, owner, -1)
    os.chown(private / "data", owner, -1)
    said = inside(
        "import subprocess\n"
        "code = 'import os; print(os.geteuid() != 0 and open(%r).read())' % str(root / 'private' / 'data')\n"
        "done = subprocess.run(unprivileged_argv([sys.executable, '-c', code]), capture_output=True, text=True)\n"
        "refused = 'permitted' in done.stderr and done.stderr\n"
        "print(json.dumps({'refused': refused, 'said': done.stdout, 'error': done.stderr}))"
    )
    assert said["said"] == "reached\n", said


def test_unprivileged_command_finds_programs_in_a_folder_that_is_private_to_root(
    inside: Inside, shared_dir: Path
) -> None:
    """As those of an installation in `/root/project/.venv` are; PostgreSQL asks access(2) for its own."""
    private = shared_dir / "private"
    private.mkdir(mode=0o700)
    (private / "program").write_text("#!/bin/sh\n")
    (private / "program").chmod(0o755)
    os.chown(private, inside("print(json.dumps(os.getuid()))"), -1)
    said = inside(
        "import subprocess\n"
        "code = 'import os; print(os.access(%r, os.R_OK | os.X_OK))' % str(root / 'private' / 'program')\n"
        "done = subprocess.run(unprivileged_argv([sys.executable, '-c', code]), capture_output=True, text=True)\n"
        "print(json.dumps({'refused': 'permitted' in done.stderr and done.stderr, 'said': done.stdout}))"
    )
    assert said["said"] == "True\n"


def test_ordinary_user_runs_commands_as_they_are(inside: Inside) -> None:
    uid, argv, owner = inside(
        "print(json.dumps([os.getuid(), unprivileged_argv(['/bin/true']), unprivileged_owner()]))"
    )
    if uid == 0:
        assert argv[-1] == "/bin/true"
        assert len(argv) > 1
    else:
        assert (argv, owner) == (["/bin/true"], None)


# Where nothing can be mounted.


def layout_of(tmp_path: Path) -> Layout:
    folders = {name: tmp_path / "project" / name for name in ("dags", "plugins")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    return Layout(tmp_path / "home", folders)


def test_links_stand_in_for_mounts_and_may_be_made_again(tmp_path: Path) -> None:
    layout = layout_of(tmp_path)
    for _ in range(2):
        link_mwaa_paths(layout)
        assert {name: (layout.home_dir / name).readlink() for name in layout.folders} == dict(layout.folders)


def test_link_takes_the_place_of_an_empty_mount_point_and_of_an_old_link(tmp_path: Path) -> None:
    layout = layout_of(tmp_path)
    (layout.home_dir / "dags").mkdir(parents=True)
    (layout.home_dir / "plugins").symlink_to(tmp_path / "gone")
    link_mwaa_paths(layout)
    assert (layout.home_dir / "dags").readlink() == layout.folders["dags"]
    assert (layout.home_dir / "plugins").readlink() == layout.folders["plugins"]


def test_folder_with_something_in_it_is_kept(tmp_path: Path) -> None:
    layout = layout_of(tmp_path)
    kept = layout.home_dir / "dags" / "kept.py"
    kept.parent.mkdir(parents=True)
    kept.touch()
    link_mwaa_paths(layout)
    assert kept.exists()
    assert (layout.home_dir / "plugins").is_symlink()


def test_other_systems_are_reported_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert isolation.enter_mwaa_paths(layout_of(tmp_path)) == "darwin has no mount namespaces"
    assert isolation.own_process_namespace() == "darwin has no process namespaces"
