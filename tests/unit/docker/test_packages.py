"""Packages of several states of requirements in one volume: what each container finds, what stays, what goes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.container import OLDEST_PYTHON, TIMEOUT_S, Box, find_oldest_python, one_line
from tests.environments import wait_until
from tests.wheels import make_wheel

VERSION_CODE = "import package_of_tests as package; print(package.version)"
MISSING = "the packages for this container are missing, using the release's own"


@pytest.fixture(scope="module")
def wheels_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    for version in ("1.0", "2.0"):
        make_wheel(folder, "package_of_tests", version)
        with zipfile.ZipFile(folder / f"package_of_tests-{version}-py3-none-any.whl", "a") as wheel:
            entry_points = "[console_scripts]\nscript-of-tests = package_of_tests:print\n"
            wheel.writestr(f"package_of_tests-{version}.dist-info/entry_points.txt", entry_points)
    return folder


@pytest.fixture(scope="module", params=[pytest.param("this Python", marks=pytest.mark.full), "the oldest Python"])
def base_dir(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, wheels_dir: Path) -> Path:
    """The release's own packages: pip, and version 1.0 of the tests' package."""
    python = sys.executable if request.param == "this Python" else find_oldest_python()
    if python is None:
        pytest.skip(f"no Python {OLDEST_PYTHON} on this machine")
    folder = tmp_path_factory.mktemp("base") / "base"
    for argv in (
        [python, "-m", "venv", str(folder)],
        [str(folder / "bin" / "python"), "-m", "pip", "install", *local(wheels_dir), "package_of_tests==1.0"],
    ):
        subprocess.run(argv, check=True, timeout=TIMEOUT_S, env={"PATH": os.defpath})
    return folder


class Volume:
    """The folder that a project's containers share, and containers of it."""

    def __init__(self, folder: Path, base_dir: Path, wheels_dir: Path) -> None:
        self.dir = folder / "volume"
        self.dir.mkdir()
        self._folder, self._base_dir, self._wheels_dir = folder, base_dir, wheels_dir
        self._count = 0

    @property
    def copy_dir(self) -> Path:
        return self.dir / "base"

    def container(self, key: str, service: str = "worker") -> Box:
        self._count += 1
        python = str(self._base_dir / "bin" / "python")
        box = Box(self._folder / str(self._count), python, self._base_dir, service=service, packages_key=key)
        (box.root / "packages").rmdir()
        (box.root / "packages").symlink_to(self.dir)
        box.env["PATH"] = f"{box.packages_link}/bin:{os.defpath}"
        box.describe()
        return box

    def installer(self, key: str, version: str = "", script: str = "", *, retry_failed: bool = False) -> Box:
        """Return the container that installs that version of the tests' package, or runs a startup script, or both."""
        box = self.container(key, "requirements")
        argv = [*local(self._wheels_dir), f"package_of_tests=={version}"]
        pip = {"argv": argv, "timeout_s": 60, "stop_timeout_s": 5, "retry_failed": retry_failed}
        box.describe(pip=pip if version else None)
        if script:
            box.script_path.write_text(script)
        return box

    def install(self, key: str, version: str = "", script: str = "") -> Box:
        box = self.installer(key, version, script)
        completed = box.run("install")
        assert completed.returncode == 0, completed.stderr
        return box

    @contextlib.contextmanager
    def running(self, key: str) -> Iterator[Box]:
        """Run a component that was made for that set."""
        box = self.container(key)
        process = box.begin("run", "sleep", str(TIMEOUT_S))
        try:
            # The entry point has the word among its own arguments; it is the component once that is the program.
            wait_until(lambda: _words(process.pid)[0] == "sleep", TIMEOUT_S, "the component")
            yield box
        finally:
            process.kill()
            process.communicate()

    def keys(self) -> list[str]:
        return sorted(path.name for path in (self.dir / "sets").iterdir())


def _words(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")


@pytest.fixture
def volume(tmp_path: Path, base_dir: Path, wheels_dir: Path) -> Volume:
    return Volume(tmp_path, base_dir, wheels_dir)


def local(wheels_dir: Path) -> list[str]:
    return ["--no-index", "--find-links", str(wheels_dir)]


def version_in(box: Box, mode: str = "run") -> str:
    """Return which version a component there imports."""
    completed = box.run(mode, "python", "-I", "-c", VERSION_CODE)
    assert (completed.returncode, completed.stderr) == (0, "")
    return completed.stdout.strip()


def seen(box: Box) -> str:
    """Return which version somebody sees who comes into the container with `docker exec`."""
    argv = [str(box.packages_link / "bin" / "python"), "-I", "-c", VERSION_CODE]
    return subprocess.run(argv, capture_output=True, text=True, timeout=TIMEOUT_S, check=True).stdout.strip()


def contents(folder: Path) -> dict[str, str]:
    """Return what is in every file of a folder."""
    return {
        str(path.relative_to(folder)): str(path.readlink())
        if path.is_symlink()
        else hashlib.sha256(path.read_bytes()).hexdigest() + oct(path.stat().st_mode)
        for path in folder.rglob("*")
        if path.is_symlink() or path.is_file()
    }


def test_each_container_finds_the_packages_it_was_made_for(volume: Volume) -> None:
    volume.install("older", "1.0")
    older = volume.container("older")
    with volume.running("older"):
        volume.install("newer", "2.0")
        assert version_in(volume.container("newer")) == "2.0"
        assert version_in(older) == "1.0"


@pytest.mark.parametrize("mode", ["run", "exec"])
def test_container_outside_the_environment_finds_them_too(volume: Volume, mode: str) -> None:
    volume.install("newer", "2.0")
    assert version_in(volume.container("newer"), mode) == "2.0"


def test_set_is_linked_to_the_copy_and_the_copy_is_made_once(volume: Volume) -> None:
    first = volume.install("first", "2.0")
    made = volume.copy_dir.stat()
    second = volume.installer("second", "2.0")
    assert "copying" not in second.run("install").stdout
    assert volume.copy_dir.stat().st_ino == made.st_ino
    pips = [next(folder.rglob("pip/__init__.py")) for folder in (volume.copy_dir, second.set_dir)]
    assert pips[0].samefile(pips[1])
    assert not next(first.base_dir.rglob("pip/__init__.py")).samefile(pips[0])


def test_what_changes_a_set_reaches_nothing_else(volume: Volume) -> None:
    """pip that upgrades, a startup script that edits, bytecode that is made anew."""
    other = volume.install("other", script="true\n")
    before = contents(volume.copy_dir)
    assert before == contents(other.base_dir)
    script = """\
packages=$(echo ~+/.local/lib/python*/site-packages)
sed -i 's/1/7/' "$packages/package_of_tests.py"
python -m compileall -q -f "$packages/pip/__init__.py" "$packages/package_of_tests.py"
"""
    with volume.running("other"):
        for key, version, found in (("changed", "", "7.0"), ("upgraded", "2.0", "2.0")):
            volume.install(key, version, script)
            assert version_in(volume.container(key)) == found
            assert contents(volume.copy_dir) == before
            assert contents(other.set_dir) == before


def test_set_stays_while_a_container_uses_it_and_goes_after_that(volume: Volume) -> None:
    volume.install("older", "1.0")
    with volume.running("older") as component:
        newer = volume.install("newer", "2.0")
        assert volume.keys() == ["newer", "older"]
        assert seen(component) == "1.0"
    assert "there already" in newer.run("install").stdout
    assert volume.keys() == ["newer"]
    assert sorted(path.name for path in volume.dir.iterdir()) == [".lock", "base", "sets"]


def test_failed_pip_is_not_tried_again_below_what_runs(volume: Volume) -> None:
    installer = volume.install("mine", "3.0")  # there is none
    again = volume.installer("mine", "2.0", retry_failed=True)
    with volume.running("mine") as component:
        inode = installer.set_dir.stat().st_ino
        assert "could not be installed at an earlier start" in again.run("install").stdout
        assert installer.set_dir.stat().st_ino == inode
        assert seen(component) == "1.0"
    assert "Successfully installed" in again.run("install").stdout


def test_failed_install_removes_nothing(volume: Volume) -> None:
    volume.install("older", "1.0")
    assert volume.installer("newer", "2.0", "set -e\nfalse\n").run("install").returncode != 0
    assert version_in(volume.container("older")) == "1.0"


def test_running_container_keeps_its_packages_whatever_is_executed_in_it(volume: Volume) -> None:
    volume.install("older", "1.0")
    with volume.running("older") as component:
        volume.install("newer", "2.0")
        assert version_in(component, "exec") == "1.0"
        component.env["MWAA_LOCAL_PACKAGES"] = "nowhere"
        assert version_in(component, "exec") == "1.0"


def test_without_requirements_nothing_is_copied(volume: Volume) -> None:
    box = volume.install("plain")
    assert not volume.copy_dir.exists()
    component = volume.container("plain")
    assert version_in(component) == "1.0"
    assert component.packages_link.readlink() == box.base_dir


def lose_all(set_dir: Path) -> None:
    shutil.rmtree(set_dir.parent)


def lose_outcome(set_dir: Path) -> None:
    (set_dir.parent / "outcome.json").unlink()


@pytest.mark.parametrize("lose", [lose_all, lose_outcome])
def test_packages_that_are_not_there_or_half_are_not_used(volume: Volume, lose: Callable[[Path], None]) -> None:
    installer = volume.install("mine", "2.0")
    component = volume.container("mine")
    assert version_in(component) == "2.0"
    lose(installer.set_dir)
    completed = component.run("run", "python", "-I", "-c", VERSION_CODE)  # as after a restart of the container
    assert (completed.returncode, completed.stdout) == (0, "1.0\n")
    assert MISSING in one_line(completed)


def test_where_nothing_can_be_linked_it_is_copied(volume: Volume) -> None:
    box = volume.installer("mine", "2.0")
    replace_cp(box, f'case "$*" in *--link*) mkdir -p "${{@: -1}}"; exit 1;; esac; exec {shutil.which("cp")} "$@"')
    assert box.run("install").returncode == 0
    assert version_in(volume.container("mine")) == "2.0"
    assert contents(volume.copy_dir) == contents(box.base_dir)


def test_copy_that_fails_is_reported_and_never_used(volume: Volume) -> None:
    box = volume.installer("mine", "2.0")
    path = box.env["PATH"]
    replace_cp(box, 'mkdir -p "${@: -1}"; exit 1')
    completed = box.run("install")
    assert (completed.returncode, "could not be copied" in one_line(completed)) == (1, True)
    box.env["PATH"] = path
    assert box.run("install").returncode == 0
    assert version_in(volume.container("mine")) == "2.0"


def replace_cp(box: Box, line: str) -> None:
    folder = box.root / "bin"
    folder.mkdir()
    (folder / "cp").write_text(f"#!/bin/bash\n{line}\n")
    (folder / "cp").chmod(0o755)
    box.env["PATH"] = f"{folder}:{box.env['PATH']}"


def test_without_a_key_there_is_nothing_to_install_into(volume: Volume) -> None:
    box = volume.installer("", "2.0")
    assert "MWAA_LOCAL_PACKAGES is not set" in one_line(box.run("install"))
