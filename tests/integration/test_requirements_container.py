"""Requirements installed where only a container's paths exist, by real pip from wheels made here.

A folder of the test stands for the container: whatever it would mount is moved there before pip runs, and the rest of
the machine's files are moved out of the way, so that an install that needs one of them fails.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import uv

from mwaa_local.errors import StateCorrupted
from mwaa_local.requirements.container import for_container
from mwaa_local.requirements.install import Installed, InstallFailed, judge_outcome
from mwaa_local.requirements.prepare import PreparedRequirements, prepare
from tests.unit.requirements.test_prepare import URL, make_release
from tests.wheels import make_wheel

HOME = "/usr/local/airflow"
FOLDERS = ("dags", "plugins", "requirements")
NAMES = ["project", "o'brien's project", "grün #1 -f [x];100%25"]


@pytest.fixture(scope="module")
def python_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a virtual environment with pip in it."""
    folder = tmp_path_factory.mktemp("venv") / "v"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    subprocess.run([uv.find_uv_bin(), "venv", "--quiet", "--seed", "--python", version, str(folder)], check=True)
    return folder / "bin" / "python"


class Container:
    """A project on this machine, and a folder that stands for a container's root."""

    def __init__(self, tmp_path: Path, python_path: Path, name: str = "my project") -> None:
        self.project_dir = tmp_path / name
        self.root_dir = tmp_path / "container"
        self.outcomes_dir = tmp_path / "outcomes"
        self.catalogue_dir = tmp_path / "catalogue of releases"
        self.release = make_release(self.catalogue_dir)
        self.release.constraints_path.write_text("alpha==1.0\n")
        self.release.essential_constraints_path.write_text("core_pin==1.0\n")
        self.python_path = python_path
        self.outcomes_dir.mkdir()
        for folder in FOLDERS:
            (self.project_dir / folder).mkdir(parents=True)
        for version in ("1.0", "2.0"):
            make_wheel(self.project_dir / "plugins", "alpha", version)
            make_wheel(self.project_dir / "plugins", "core_pin", version)
        make_wheel(self.project_dir / "plugins", "beta", "1.0")
        make_wheel(self.project_dir / "plugins", "needs_old", "1.0", ["alpha<2"])
        make_wheel(self.project_dir / "plugins", "needs_new", "1.0", ["alpha>=2"])

    @property
    def requirements_path(self) -> Path:
        return self.project_dir / "requirements" / "requirements.txt"

    def prepare(self, content: str) -> PreparedRequirements:
        """Prepare the file for the container and put everything where only the container finds it."""
        self.requirements_path.write_text(content)
        work_dir = self.project_dir / ".mwaa-local" / "docker" / "requirements"
        home_map = {self.at(f"{HOME}/{name}"): self.project_dir / name for name in FOLDERS}
        prepared = prepare(self.requirements_path, self.release, work_dir, home_map=home_map)
        mapping = {folder: name for name, folder in home_map.items()}
        result = for_container(prepared, self.release, mapping, work_dir, self.at("/opt/mwaa/requirements"))
        for path, name in {**mapping, work_dir: self.at("/opt/mwaa/requirements")}.items():
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            path.rename(name)
        self.catalogue_dir.rename(self.catalogue_dir.with_name("gone"))
        return result

    def at(self, path: str) -> str:
        return f"{self.root_dir}{path}"

    def install(self, content: str, **variables: str) -> Installed | InstallFailed | None:
        """Run pip as the container's entry point does, which leaves `pip.log` and `pip.json`, and judge that."""
        prepared = self.prepare(content.replace(HOME, self.at(HOME)))
        env = {
            "PATH": os.defpath,
            "HOME": self.at(HOME),
            "PIP_CONFIG_FILE": "/dev/null",
            "PIP_TARGET": self.at("/site"),
            "PIP_RETRIES": "0",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            **variables,
        }
        argv = [str(self.python_path), "-m", "pip", "install", *prepared.argv_tail]
        with (self.outcomes_dir / "pip.log").open("wb") as log:
            ended = subprocess.run(argv, env=env, cwd=self.at(HOME), stdout=log, stderr=log, check=False)
        self.write_outcome(exit_code=ended.returncode)
        return judge_outcome(prepared, self.outcomes_dir)

    def write_outcome(self, **ended: object) -> None:
        plain = {"exit_code": 0, "timed_out": False, "elapsed_s": 1.5, **ended}
        (self.outcomes_dir / "pip.json").write_text(json.dumps(plain))

    def failure(self, content: str, **variables: str) -> str:
        outcome = self.install(content, **variables)
        assert isinstance(outcome, InstallFailed)
        return outcome.reason

    def installed(self) -> set[str]:
        return {path.name.removesuffix(".dist-info") for path in Path(self.at("/site")).glob("*.dist-info")}


@pytest.fixture
def container(tmp_path: Path, python_path: Path) -> Container:
    return Container(tmp_path, python_path)


LOCAL = f"--no-index\n--find-links {HOME}/plugins\n"


@pytest.mark.parametrize("name", NAMES)
def test_all_that_a_file_names_is_found_inside(tmp_path: Path, python_path: Path, name: str) -> None:
    container = Container(tmp_path, python_path, name)
    make_wheel(container.project_dir / "requirements" / "my wheels", "gamma", "3.0")
    (container.project_dir / "requirements" / "sub").mkdir()
    (container.project_dir / "requirements" / "sub" / "more.txt").write_text("alpha\n-c ../../dags/limits.txt\n")
    (container.project_dir / "dags" / "limits.txt").write_text(f"-c {URL}\n")
    outcome = container.install(
        f"--no-index\n-f file://{HOME}/plugins\n-f 'my wheels'\n-r sub/more.txt\ngamma\n"
        f"{HOME}/plugins/beta-1.0-py3-none-any.whl\n"
        f"needs_old @ file://{HOME}/plugins/needs_old-1.0-py3-none-any.whl\n"
    )
    assert isinstance(outcome, Installed), outcome
    assert outcome.elapsed_s == 1.5
    assert container.installed() == {"alpha-1.0", "beta-1.0", "gamma-3.0", "needs_old-1.0"}


def test_attached_option_is_found_inside(container: Container) -> None:
    assert isinstance(container.install(f"--no-index\n-f{HOME}/plugins\nalpha\n"), Installed)


def test_constraints_of_the_release_and_essential_pins_hold(container: Container) -> None:
    assert isinstance(container.install(f"{LOCAL}alpha\ncore_pin\n"), Installed)
    assert container.installed() == {"alpha-1.0", "core_pin-1.0"}


def test_conflict_is_reported_in_pips_own_lines(container: Container) -> None:
    first, second, *causes = container.failure(f"# -c \n{LOCAL}needs_old\nneeds_new\n").splitlines()
    assert first.startswith("Cannot install ")
    assert second == "The conflict is caused by:"
    assert [cause.strip().replace("_", "-") for cause in causes] == [
        "needs-old 1.0 depends on alpha<2",
        "needs-new 1.0 depends on alpha>=2",
    ]


def test_line_that_is_no_requirement_is_named_in_the_users_file(container: Container) -> None:
    reason = container.failure(f"{LOCAL}\nalpha = 3\n")
    assert f"line 4 of {container.requirements_path}" in reason
    assert "/opt/mwaa" not in reason


def test_packages_that_no_longer_fit_are_warnings(tmp_path: Path, python_path: Path) -> None:
    # Into the environment itself, since pip looks for what no longer fits only there.
    first = Container(tmp_path / "1", python_path)
    second = Container(tmp_path / "2", python_path)
    try:
        assert isinstance(first.install(f"{LOCAL}needs_old\n", PIP_TARGET=""), Installed)
        outcome = second.install(f"# -c \n{LOCAL}alpha==2.0\n", PIP_TARGET="")
        assert isinstance(outcome, Installed)
        assert "needs-old 1.0 requires alpha<2" in outcome.warnings[0].replace("_", "-")
    finally:
        uninstall = [str(python_path), "-m", "pip", "uninstall", "-q", "-y", "alpha", "needs_old"]
        subprocess.run(uninstall, check=True, env={"PATH": os.defpath})


def test_passwords_in_pips_words_are_hidden(container: Container) -> None:
    reason = container.failure("-r http://me:secret@127.0.0.1:9/more.txt\n# -c \n")
    raw = (container.outcomes_dir / "pip.log").read_text()
    assert "could not be reached" in reason
    assert "secret" not in reason
    line = "ERROR: http://me:secret@example.com/simple does not answer\n"
    (container.outcomes_dir / "pip.log").write_text(raw + line)
    prepared = Container(container.root_dir / "other", container.python_path).prepare("alpha\n")
    outcome = judge_outcome(prepared, container.outcomes_dir)
    assert isinstance(outcome, InstallFailed)
    assert "http://***@example.com/simple does not answer" in outcome.reason


def test_before_pip_ended_there_is_no_outcome(container: Container) -> None:
    prepared = container.prepare("alpha\n")
    (container.outcomes_dir / "pip.log").write_text("Collecting alpha\n")
    assert judge_outcome(prepared, container.outcomes_dir) is None
    assert judge_outcome(prepared, container.outcomes_dir / "nowhere") is None


def test_outcome_of_an_earlier_install_needs_no_log(container: Container) -> None:
    prepared = container.prepare("alpha\n")
    container.write_outcome()
    log_path = container.outcomes_dir / "pip.log"
    assert judge_outcome(prepared, container.outcomes_dir) == Installed(1.5, log_path)
    container.write_outcome(exit_code=2)
    assert judge_outcome(prepared, container.outcomes_dir) == InstallFailed(
        exit_code=2,
        timed_out=False,
        elapsed_s=1.5,
        log_path=log_path,
        reason="pip ended with exit code 2 at an earlier start; its output is gone",
    )


def test_file_that_cannot_be_read_is_the_reason_even_without_a_log(container: Container) -> None:
    prepared = container.prepare("# coding: klingon\nalpha\n")
    container.write_outcome(exit_code=2)
    outcome = judge_outcome(prepared, container.outcomes_dir)
    assert isinstance(outcome, InstallFailed)
    assert outcome.reason == prepared.unreadable


def test_time_out_names_the_nine_minutes(container: Container) -> None:
    prepared = container.prepare("alpha\n")
    container.write_outcome(exit_code=-15, timed_out=True, elapsed_s=540.2)
    outcome = judge_outcome(prepared, container.outcomes_dir)
    assert isinstance(outcome, InstallFailed)
    assert (outcome.timed_out, outcome.elapsed_s) == (True, 540.2)
    assert outcome.reason.startswith("pip still ran after 540 s and was stopped; MWAA allows 9 minutes")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"exit_code": null, "timed_out": false, "elapsed_s": 1}', "\xff"])
def test_damaged_outcome_is_named(container: Container, content: str) -> None:
    prepared = container.prepare("alpha\n")
    (container.outcomes_dir / "pip.json").write_text(content, encoding="latin-1")
    with pytest.raises(StateCorrupted, match=r"pip\.json does not say how the requirements were installed"):
        judge_outcome(prepared, container.outcomes_dir)
