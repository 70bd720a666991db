"""The entry point installing requirements: a real virtual environment, real pip, wheels made on the spot."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.container import (
    OLDEST_PYTHON,
    TIMEOUT_S,
    WOULD_NOT_START,
    Box,
    alive,
    command_line,
    find_oldest_python,
    one_line,
)
from tests.environments import wait_until
from tests.wheels import make_wheel

VERSION_CODE = "import package_of_tests as package; print(package.version)"


@pytest.fixture(scope="module", params=[pytest.param("this Python", marks=pytest.mark.full), "the oldest Python"])
def base_dir(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The release's own packages: nothing but pip, which is all that is asked of them here."""
    python = sys.executable if request.param == "this Python" else find_oldest_python()
    if python is None:
        pytest.skip(f"no Python {OLDEST_PYTHON} on this machine")
    folder = tmp_path_factory.mktemp("base") / "base"
    subprocess.run([python, "-m", "venv", str(folder)], check=True, timeout=TIMEOUT_S)
    return folder


@pytest.fixture
def box(tmp_path: Path, base_dir: Path) -> Box:
    python = str(tmp_path / "box" / "home" / ".local" / "bin" / "python")
    return Box(tmp_path / "box", python, base_dir, service="requirements", packages_key="first")


@pytest.fixture
def wheels_dir(tmp_path: Path) -> Path:
    """A folder with a wheel that has a console script."""
    folder = tmp_path / "wheels"
    make_wheel(folder, "package_of_tests", "1.0")
    with zipfile.ZipFile(next(folder.iterdir()), "a") as wheel:
        entry_points = "[console_scripts]\nscript-of-tests = package_of_tests:print\n"
        wheel.writestr("package_of_tests-1.0.dist-info/entry_points.txt", entry_points)
    return folder


@pytest.fixture
def silent_index() -> Iterator[socket.socket]:
    """A package index that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(TIMEOUT_S)
        yield server


def from_folder(folder: Path, *words: str, **changes: object) -> dict[str, Any]:
    argv = ["--no-index", "--find-links", str(folder), *(words or ("package_of_tests",))]
    return {"pip": {"argv": argv, "timeout_s": 60, "stop_timeout_s": 5, "retry_failed": True, **changes}}


def from_index(server: socket.socket, **changes: object) -> dict[str, Any]:
    argv = ["--index-url", f"http://127.0.0.1:{server.getsockname()[1]}/", "--timeout", "60", "package_of_tests"]
    return {"pip": {"argv": argv, "timeout_s": 60, "stop_timeout_s": 5, "retry_failed": True, **changes}}


def outcomes(box: Box) -> list[tuple[int, bool]]:
    """Return how the volume says that pip ended, and then how the launcher is told so; what is missing is left out."""
    paths = (box.set_dir.parent / "outcome.json", box.outcome_dir / "pip.json")
    plain = [json.loads(path.read_text()) for path in paths if path.exists()]
    return [(item["exit_code"], item["timed_out"]) for item in plain]


def installed_version(box: Box, python: Path | None = None) -> str:
    """Return the version of the tests' package that everybody finds; empty when there is none."""
    argv = [str(python or box.python), "-I", "-c", VERSION_CODE]
    return subprocess.run(argv, capture_output=True, text=True, timeout=TIMEOUT_S).stdout.strip()


def test_requirements_go_into_a_copy_that_everybody_finds(box: Box, wheels_dir: Path) -> None:
    box.describe(**from_folder(wheels_dir))
    completed = box.run("install")
    assert completed.returncode == 0, completed.stderr
    assert installed_version(box) == "1.0"
    assert installed_version(box, box.base_dir / "bin" / "python") == ""
    assert box.packages_link.readlink() == box.set_dir
    script = box.root / "home" / ".local" / "bin" / "script-of-tests"
    assert script.read_text().splitlines()[0] == f"#!{box.python}"
    assert outcomes(box) == [(0, False), (0, False)]
    assert "Successfully installed package-of-tests-1.0" in completed.stdout.replace("_", "-")
    log = (box.outcome_dir / "pip.log").read_text()
    assert log in completed.stdout and "Successfully installed" in log


def test_pip_gets_the_merged_variables_and_the_airflow_home(box: Box, wheels_dir: Path) -> None:
    wheels_dir.rename(box.root / "home" / "wheels")
    box.script_path.write_text("export FOLDER=wheels PIP_NO_INPUT=0 PIP_DISABLE_PIP_VERSION_CHECK=0\n")
    requirements_path = box.root / "requirements.txt"
    requirements_path.write_text("--no-index\n./${FOLDER}/package_of_tests-1.0-py3-none-any.whl\n")
    described = from_folder(wheels_dir)
    described["pip"]["argv"] = ["-r", str(requirements_path)]
    box.describe(**described)
    box.run("install")
    assert installed_version(box) == "1.0"


def test_second_time_does_nothing_but_tell_the_launcher(box: Box, wheels_dir: Path) -> None:
    count_path = box.root / "count"
    box.script_path.write_text(f"echo x >>{count_path}\n")
    box.describe(**from_folder(wheels_dir))
    box.run("install")
    shutil.rmtree(box.root / "outcomes")
    (box.set_dir / "mark").write_text("the same")
    completed = box.run("install")
    assert (completed.returncode, completed.stdout) == (0, "the packages are there already\n")
    assert count_path.read_text() == "x\n"
    assert (box.set_dir / "mark").exists()
    assert outcomes(box) == [(0, False), (0, False)]


def test_failed_pip_is_no_failure_as_on_mwaa(box: Box, wheels_dir: Path) -> None:
    box.describe(**from_folder(wheels_dir, "package_that_is_not_there"))
    completed = box.run("install")
    assert completed.returncode == 0
    assert outcomes(box) == [(1, False), (1, False)]
    assert "No matching distribution found" in (box.outcome_dir / "pip.log").read_text()


def test_failed_pip_is_tried_again_only_when_asked(box: Box, wheels_dir: Path) -> None:
    box.describe(**from_folder(wheels_dir, "package_that_is_not_there"))
    box.run("install")
    box.describe(**from_folder(wheels_dir, retry_failed=False))
    completed = box.run("install")
    assert completed.stdout == "the requirements could not be installed at an earlier start; continuing without them\n"
    assert outcomes(box) == [(1, False), (1, False)]
    box.describe(**from_folder(wheels_dir))
    assert box.run("install").returncode == 0
    assert outcomes(box) == [(0, False), (0, False)]
    assert installed_version(box) == "1.0"


def test_without_requirements_the_releases_own_packages_are_used(box: Box) -> None:
    box.describe(pip=None)
    assert box.run("install").returncode == 0
    assert box.packages_link.readlink() == box.base_dir
    assert not box.set_dir.exists()
    assert not (box.packages_dir / "base").exists()
    assert outcomes(box) == [(0, False)]
    assert box.run("install").stdout == "the packages are there already\n"


def test_startup_script_may_call_pip(box: Box, wheels_dir: Path) -> None:
    box.env["PATH"] = f"{box.root}/home/.local/bin:{os.defpath}"
    box.script_path.write_text(f"python -m pip install --no-index --find-links {wheels_dir} package_of_tests\n")
    box.describe(pip=None)
    assert box.run("install").returncode == 0
    assert installed_version(box) == "1.0"
    assert installed_version(box, box.base_dir / "bin" / "python") == ""


def test_startup_script_that_fails_stops_the_start_and_is_run_again(box: Box, wheels_dir: Path) -> None:
    box.script_path.write_text("set -e\nfalse\n")
    box.describe(**from_folder(wheels_dir))
    completed = box.run("install")
    assert completed.returncode == WOULD_NOT_START
    assert "does not start" in one_line(completed)
    assert outcomes(box) == []
    box.script_path.write_text("true\n")
    assert box.run("install").returncode == 0
    assert installed_version(box) == "1.0"


def test_pip_that_takes_too_long_is_stopped(box: Box, silent_index: socket.socket) -> None:
    box.describe(**from_index(silent_index, timeout_s=2))
    completed = box.run("install")
    assert completed.returncode == 0
    assert outcomes(box) == [(124, True), (124, True)]
    assert not [process for process in psutil.process_iter(["cmdline"]) if str(box.root) in str(process.info)]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_interrupted_install_starts_afresh(
    box: Box, wheels_dir: Path, silent_index: socket.socket, number: signal.Signals
) -> None:
    box.describe(**from_index(silent_index))
    process = box.begin("install")
    connection, _ = silent_index.accept()  # pip is in the middle of it
    pip = next(child for child in psutil.Process(process.pid).children() if "pip" in command_line(child.pid))
    process.send_signal(number)
    process.wait(TIMEOUT_S)
    if number == signal.SIGTERM:
        assert process.returncode == 128 + number
        assert not alive(pid=pip.pid)
    else:
        pip.kill()  # as the end of a container does
    connection.close()
    process.communicate(timeout=TIMEOUT_S)
    assert outcomes(box) == []
    (box.set_dir / "half").write_text("of a package")
    box.describe(**from_folder(wheels_dir))
    assert box.run("install").returncode == 0
    assert outcomes(box) == [(0, False), (0, False)]
    assert installed_version(box) == "1.0"
    assert not (box.set_dir / "half").exists()


def test_interrupted_second_attempt_does_not_count_as_the_first(
    box: Box, wheels_dir: Path, silent_index: socket.socket
) -> None:
    box.describe(**from_folder(wheels_dir, "package_that_is_not_there"))
    box.run("install")
    box.describe(**from_index(silent_index))
    process = box.begin("install")
    connection, _ = silent_index.accept()
    process.terminate()
    process.communicate(timeout=TIMEOUT_S)
    connection.close()
    box.describe(**from_folder(wheels_dir, retry_failed=False))
    assert box.run("install").returncode == 0
    assert installed_version(box) == "1.0"


def test_half_a_copy_is_never_used(box: Box, wheels_dir: Path) -> None:
    """What a copy and a clone that were interrupted leave."""
    unfinished_dirs = [box.packages_dir / "base.new", box.set_dir.with_name("set.new")]
    for folder in unfinished_dirs:
        (folder / "lib" / "half").mkdir(parents=True)
    box.describe(**from_folder(wheels_dir))
    assert box.run("install").returncode == 0
    assert installed_version(box) == "1.0"
    assert not [folder for folder in unfinished_dirs if folder.exists()]
    assert not list(box.packages_dir.rglob("half"))


def test_two_at_once_install_once(box: Box, wheels_dir: Path) -> None:
    count_path = box.root / "count"
    box.script_path.write_text(f"echo x >>{count_path}\nsleep 0.5\n")
    box.describe(**from_folder(wheels_dir))
    both = [box.begin("install") for _ in range(2)]
    assert [process.wait(TIMEOUT_S) for process in both] == [0, 0]
    for process in both:
        process.communicate()
    wait_until(count_path.exists, 1, "the script ran")
    assert count_path.read_text() == "x\n"
    assert installed_version(box) == "1.0"
