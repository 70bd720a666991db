"""Requirements installed by real pip, from wheels made here: no network, no mocks.

Source of the behaviour: aws/amazon-mwaa-docker-images, `python/mwaa/utils/user_requirements.py` and
`bin/airflow-user/safe-pip-install`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import pytest
import uv

from mwaa_local.errors import ToolMissing
from mwaa_local.release import Release
from mwaa_local.requirements.install import Installed, InstallFailed, install
from mwaa_local.requirements.prepare import prepare
from tests.wheels import make_wheel

URL = "https://raw.githubusercontent.com/apache/airflow/constraints-2.10.3/constraints-3.11.txt"


@pytest.fixture(scope="module")
def template_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a virtual environment with pip in it."""
    folder = tmp_path_factory.mktemp("venv") / "v"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    subprocess.run([uv.find_uv_bin(), "venv", "--quiet", "--seed", "--python", version, str(folder)], check=True)
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    for version in ("1.0", "2.0"):
        make_wheel(folder, "alpha", version)
        make_wheel(folder, "core_pin", version)
    make_wheel(folder, "needs_old", "1.0", ["alpha<2"])
    make_wheel(folder, "needs_new", "1.0", ["alpha>=2"])
    return folder


class Environment:
    """A project with a requirements file, an environment to install into, and a release to do it by."""

    def __init__(self, root: Path, python_path: Path, wheels: Path) -> None:
        self.root = root
        self.python_path = python_path
        self.wheels = wheels
        self.lines: list[str] = []
        # As the caller gives it: complete. PIP_CONFIG_FILE keeps this machine's own pip settings out of the tests.
        self.env = {
            "PATH": os.defpath,
            "HOME": str(root),
            "PIP_CONFIG_FILE": "/dev/null",
            "PIP_TARGET": str(root / "site"),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(wheels),
            "PIP_RETRIES": "0",
        }
        self.release = self._release(root / "catalogue")

    def _release(self, folder: Path) -> Release:
        class ReleaseHere(Release):
            data_dir = folder

        folder.mkdir()
        (folder / "airflow_constraints.txt").write_text("alpha==1.0\n")
        (folder / "mwaa_essential_constraints.txt").write_text("core_pin==1.0\n")
        blank: dict[str, Any] = {
            f.name: "" for f in fields(Release) if f.default is MISSING and f.default_factory is MISSING
        }
        return ReleaseHere(
            **{
                **blank,
                "airflow_version": "2.10.3",
                "essential_constraints": {"core_pin": "1.0"},
                "constraints_injected": True,
                "constraints_urls": (URL,),
            }
        )

    def install(self, content: str | bytes, *, env: dict[str, str] | None = None, **options: float):  # type: ignore[no-untyped-def]
        source_path = self.root / "requirements" / "requirements.txt"
        source_path.parent.mkdir(exist_ok=True)
        source_path.write_bytes(content.encode() if isinstance(content, str) else content)
        home_map = {"/usr/local/airflow/plugins": self.wheels}
        prepared = prepare(source_path, self.release, self.root / "work", home_map=home_map)
        return install(
            prepared,
            self.python_path,
            {**self.env, **(env or {})},
            self.root / "logs" / "requirements.log",
            self.lines.append,
            **options,  # type: ignore[arg-type]
        )

    def installed(self) -> set[str]:
        return {path.name.removesuffix(".dist-info") for path in (self.root / "site").glob("*.dist-info")}


@pytest.fixture
def environment(tmp_path: Path, template_python: Path, wheels: Path) -> Environment:
    return Environment(tmp_path, template_python, wheels)


def test_file_without_constraints_gets_the_releases(environment: Environment) -> None:
    assert isinstance(environment.install("alpha\n"), Installed)
    assert environment.installed() == {"alpha-1.0"}


def test_opting_out_by_a_comment_leaves_only_the_essential_pins(environment: Environment) -> None:
    assert isinstance(environment.install("# -c none\nalpha\ncore_pin\n"), Installed)
    assert environment.installed() == {"alpha-2.0", "core_pin-1.0"}


@pytest.mark.parametrize("spelling", ["-c {}", "-c{}", "--constraint {}", '--constraint "{}"', "--constraint={}"])
def test_official_address_resolves_without_network(environment: Environment, spelling: str) -> None:
    assert isinstance(environment.install(spelling.format(URL) + "\nalpha\n"), Installed)
    assert environment.installed() == {"alpha-1.0"}


def test_official_address_in_a_nested_file_resolves_without_network(environment: Environment) -> None:
    (environment.root / "requirements" / "sub").mkdir(parents=True)
    (environment.root / "requirements" / "sub" / "more.txt").write_text(f"alpha\n-c {URL} # für alle\n")
    assert isinstance(environment.install("-r sub/more.txt\n"), Installed)
    assert environment.installed() == {"alpha-1.0"}


def test_variables_of_the_component_expand_in_the_file(environment: Environment) -> None:
    outcome = environment.install("alpha==${AIRFLOW__FOO__ALPHA} # -c \n", env={"AIRFLOW__FOO__ALPHA": "2.0"})
    assert isinstance(outcome, Installed)
    assert environment.installed() == {"alpha-2.0"}


def test_pip_variables_of_the_startup_script_are_honoured(environment: Environment) -> None:
    assert isinstance(environment.install("alpha\n", env={"PIP_DRY_RUN": "1"}), Installed)
    assert environment.installed() == set()


def test_user_install_of_the_startup_script_is_what_mwaa_does_anyway(environment: Environment) -> None:
    environment.env["PIP_USER"] = "true"
    assert isinstance(environment.install("alpha"), Installed)


def test_variables_of_this_process_do_not_leak(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_DRY_RUN", "1")
    environment.install("alpha\n")
    assert environment.installed() == {"alpha-1.0"}


def test_wheels_in_the_plugins_folder_are_found(environment: Environment) -> None:
    content = "--find-links /usr/local/airflow/plugins\n--no-index\nalpha\n"
    assert isinstance(environment.install(content, env={"PIP_FIND_LINKS": ""}), Installed)
    wheel = "/usr/local/airflow/plugins/needs_old-1.0-py3-none-any.whl\n"
    assert isinstance(environment.install(wheel), Installed)
    assert environment.installed() == {"alpha-1.0", "needs_old-1.0"}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_file_with_byte_order_mark_is_installed(environment: Environment, encoding: str) -> None:
    assert isinstance(environment.install("alpha  # für alle\n".encode(encoding)), Installed)


def test_file_with_coding_comment_is_installed(environment: Environment) -> None:
    outcome = environment.install("# coding: latin-1\nalpha  # für alle\n".encode("latin-1"))
    assert isinstance(outcome, Installed)


def test_file_with_options_only_installs_nothing(environment: Environment) -> None:
    assert isinstance(environment.install(f"-c {URL}\n"), Installed)
    assert environment.installed() == set()


def test_packages_that_no_longer_fit_are_warnings(environment: Environment) -> None:
    env = {"PIP_TARGET": "", "PIP_PREFIX": ""}
    try:
        environment.install("needs_old\n", env=env)
        outcome = environment.install("alpha==2.0 # -c \n", env=env)
        assert isinstance(outcome, Installed)
        assert "needs-old 1.0 requires alpha<2" in outcome.warnings[0].replace("_", "-")
    finally:
        uninstall = [str(environment.python_path), "-m", "pip", "uninstall", "-q", "-y", "alpha", "needs_old"]
        subprocess.run(uninstall, check=True, env=environment.env | env)


def failure(environment: Environment, content: str | bytes, **options: object) -> InstallFailed:
    outcome = environment.install(content, **options)  # type: ignore[arg-type]
    assert isinstance(outcome, InstallFailed)
    assert outcome.reason
    assert environment.installed() == set()
    return outcome


def test_conflict_is_reported_in_pips_own_lines(environment: Environment) -> None:
    reason = failure(environment, "# -c \nneeds_old\nneeds_new\n").reason
    first, second, *causes = reason.splitlines()
    assert first.startswith("Cannot install ")
    assert second == "The conflict is caused by:"
    assert [cause.strip().replace("_", "-") for cause in causes] == [
        "needs-old 1.0 depends on alpha<2",
        "needs-new 1.0 depends on alpha>=2",
    ]


def test_conflict_with_the_injected_constraints_names_them(environment: Environment) -> None:
    reason = failure(environment, "alpha==2.0\n").reason
    assert "The user requested (constraint) alpha==1.0" in reason


def test_essential_pin_holds_against_the_file(environment: Environment) -> None:
    reason = failure(environment, "# -c \ncore_pin==2.0\n").reason
    assert "(constraint) core-pin==1.0" in reason.replace("_", "-")


def test_unknown_package_is_named(environment: Environment) -> None:
    outcome = failure(environment, "no-such-package-at-all\n")
    assert "No matching distribution found for no-such-package-at-all" in outcome.reason
    assert len(outcome.reason.splitlines()) <= 2
    assert (outcome.exit_code, outcome.timed_out) == (1, False)


def test_index_that_cannot_be_reached_is_reported(environment: Environment) -> None:
    env = {"PIP_NO_INDEX": "", "PIP_FIND_LINKS": "", "PIP_RETRIES": "1"}
    env["PIP_INDEX_URL"] = "http://user:secret@127.0.0.1:9/simple"
    outcome = failure(environment, "alpha\n", env=env)
    assert (
        outcome.reason.splitlines()[0] == "the package index, or another address that was named, could not be reached"
    )
    assert outcome.is_unreached and outcome.is_of_machine  # MWAA may reach it
    assert "[Errno 111]" in outcome.reason
    assert "Cannot install" not in outcome.reason
    assert "secret" not in outcome.log_path.read_text()


def test_constraints_address_that_cannot_be_reached_is_reported(environment: Environment) -> None:
    reason = failure(environment, "-c http://127.0.0.1:9/constraints.txt\nalpha\n").reason
    assert "could not be reached" in reason
    assert "http://127.0.0.1:9/constraints.txt" in reason or "url: /constraints.txt" in reason


def test_missing_nested_file_is_named_as_the_user_knows_it(environment: Environment) -> None:
    reason = failure(environment, "-r missing.txt\n").reason
    assert str(environment.root / "requirements" / "missing.txt") in reason


def test_line_that_is_no_requirement_is_named_with_file_and_number(environment: Environment) -> None:
    reason = failure(environment, "\n\nalpha = 3\n").reason
    assert "line 3 of" in reason
    assert str(environment.root / "requirements" / "requirements.txt") in reason
    assert str(environment.root / "work") not in "\n".join(environment.lines)


def test_text_that_cannot_be_decoded_is_named(environment: Environment) -> None:
    reason = failure(environment, b"# coding: klingon\nalpha\n").reason
    assert "requirements.txt: its coding comment names an encoding that Python does not know" in reason


def test_package_that_does_not_build_is_named(environment: Environment) -> None:
    project = environment.root / "broken"
    project.mkdir()
    (project / "backend.py").write_text("raise SystemExit('no compiler here')\n")
    (project / "pyproject.toml").write_text(
        "[build-system]\nrequires = []\nbackend-path = ['.']\nbuild-backend = 'backend'\n"
    )
    reason = failure(environment, f"{project}\n").reason
    assert f"Failed to build 'file://{project}'" in reason or "did not run successfully" in reason


def test_folder_in_place_of_the_file_is_named(environment: Environment) -> None:
    folder = environment.root / "requirements.txt"
    folder.mkdir()
    prepared = prepare(folder, environment.release, environment.root / "work")
    outcome = install(prepared, environment.python_path, environment.env, environment.root / "log")
    assert isinstance(outcome, InstallFailed)
    assert outcome.reason == f"{folder}: Is a directory"


def test_time_out_ends_pip_and_names_the_nine_minutes(environment: Environment) -> None:
    project = environment.root / "slow"
    project.mkdir()
    (project / "setup.py").write_text(
        f"import pathlib, time\npathlib.Path({str(project / 'up')!r}).touch()\ntime.sleep(60)\n"
    )
    (project / "pyproject.toml").write_text(
        "[build-system]\nrequires = []\nbackend-path = ['.']\nbuild-backend = 'setup'\n"
    )
    started = time.monotonic()
    outcome = failure(environment, f"{project}\n", timeout_s=4.0)
    assert outcome.timed_out
    assert "9 minutes" in outcome.reason
    assert (project / "up").exists()
    assert time.monotonic() - started < 20


def test_interpreter_without_pip_is_reported(environment: Environment, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    subprocess.run([uv.find_uv_bin(), "venv", "--quiet", "--python", sys.executable, str(bare)], check=True)
    environment.python_path = bare / "bin" / "python"
    assert "has no pip" in failure(environment, "alpha\n").reason


def test_missing_interpreter_is_a_missing_tool(environment: Environment) -> None:
    environment.python_path = environment.root / "nowhere" / "python"
    with pytest.raises(ToolMissing, match="cannot run"):
        environment.install("alpha\n")


def test_lines_arrive_as_they_come_and_the_log_ends_with_the_run_time(environment: Environment) -> None:
    outcome = environment.install("alpha\n")
    assert any("Successfully installed alpha-1.0" in line for line in environment.lines)
    log = outcome.log_path.read_text().splitlines()
    assert "Z pip install --constraint " in log[0]
    assert "Successfully installed alpha-1.0" in log[-2]
    assert log[-1].endswith(" seconds.")
