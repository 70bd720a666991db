"""Packages that exist as source alone: real builds that fail or work here, and what is said of MWAA.

Their build backend lies in the archive and calls gcc, so that nothing has to be fetched.
"""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from mwaa_local.release import Release
from mwaa_local.requirements.install import InstallFailed, install
from mwaa_local.requirements.prepare import prepare
from tests.conftest import ProjectRunner

MakeProject = Callable[..., ProjectRunner]
VERSION = "2.10.3"  # Python 3.11, which this machine has wherever the tests run
FILE = "requirements/requirements.txt"
OWN = "# -c \n--no-index\n--find-links /usr/local/airflow/plugins\n"

PYPROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
BACKEND = """
import pathlib, subprocess, zipfile

NAME, CODE, SETUP = {name!r}, {code!r}, {setup!r}
INFO = NAME + "-1.0.dist-info/"
META = {{
    "METADATA": "Metadata-Version: 2.1\\nName: " + NAME + "\\nVersion: 1.0\\n",
    "WHEEL": "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: false\\nTag: py3-none-any\\n",
}}

def prepare_metadata_for_build_wheel(folder, settings=None):
    exec(SETUP)
    target = pathlib.Path(folder, INFO)
    target.mkdir()
    for name, text in META.items():
        (target / name).write_text(text)
    return INFO.rstrip("/")

def build_wheel(folder, settings=None, metadata=None):
    exec(SETUP)
    pathlib.Path("part.c").write_text(CODE)
    subprocess.run(["gcc", "-c", "part.c", "-o", "part.o"], check=True)
    name = NAME + "-1.0-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(folder, name), "w") as wheel:
        for entry, text in META.items():
            wheel.writestr(INFO + entry, text)
        wheel.writestr(INFO + "RECORD", "")
    return name
"""
WORKS, NOWHERE = "int one(void) { return 1; }\n", "#include <never_heard_of.h>\n"
pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no gcc here")


def make_source(folder: Path, name: str, code: str = WORKS, setup: str = "") -> None:
    """Write a source archive, version 1.0, whose build runs `setup` and compiles `code`."""
    files = {
        "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        "pyproject.toml": PYPROJECT,
        "backend.py": BACKEND.format(name=name, code=code, setup=setup),
    }
    write_archive(folder, name, files)


def write_archive(folder: Path, name: str, files: Mapping[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(folder / f"{name}-1.0.tar.gz", "w:gz") as archive:
        for path, text in files.items():
            entry = tarfile.TarInfo(f"{name}-1.0/{path}")
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))


def lacks(header: str) -> bool:
    """Whether gcc here finds no such header."""
    argv = ["gcc", "-E", "-x", "c", "-"]
    return (
        subprocess.run(argv, input=f"#include <{header}>\n".encode(), capture_output=True, check=False).returncode != 0
    )


@pytest.fixture
def runner(project: MakeProject) -> ProjectRunner:
    made = project({"mwaa.yaml": f'AirflowVersion: "{VERSION}"\n', "dags/a.py": "", FILE: ""})
    sources = made.root_dir / "plugins"
    make_source(sources, "fine")
    make_source(sources, "needsldap", "#include <lber.h>\n")
    make_source(sources, "needsmysql", "#include <mysql.h>\n")
    make_source(sources, "needsunknown", NOWHERE)
    make_source(sources, "broken", setup="raise KeyError('version')")
    make_source(sources, "tooold", "#include <longintrepr.h>\n")
    return made


def checked(runner: ProjectRunner, name: str, files: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return what `--json` says of a file that asks for one package in its fourth line."""
    runner.write({FILE: f"{OWN}{name}==1.0\n", **(files or {})})
    outcome = runner.run("check", "requirements", "--json")
    assert "Traceback" not in outcome.stderr, outcome.stderr
    [one] = json.loads(outcome.stdout)["checked"]
    assert isinstance(one, dict)
    return one


def test_package_that_can_be_built_is_told_as_such(runner: ProjectRunner) -> None:
    one = checked(runner, "fine")
    assert (one["outcome"], one["exit_code"]) == ("works", 0)
    assert [(item["name"], item["outcome"], item["line"]) for item in one["built"]] == [("fine", "builds", 4)]


@pytest.mark.skipif(not lacks("mysql.h"), reason="this machine has MariaDB's headers")
def test_header_that_the_image_has_is_a_lack_of_this_machine(runner: ProjectRunner) -> None:
    one = checked(runner, "needsmysql")
    assert (one["outcome"], one["exit_code"], one["no_wheel"]) == ("works", 0, [])
    [built] = one["built"]
    assert built["outcome"] == "untried"
    assert built["problem"] == "this machine has no header mysql.h, but MWAA's image has MariaDB-devel"
    shown = runner.run("check", "requirements").stdout
    assert f"{FILE}:4: note[build-not-tried] needsmysql 1.0" in shown


@pytest.mark.skipif(not lacks("lber.h"), reason="this machine has OpenLDAP's headers")
def test_header_that_the_image_lacks_is_an_error(runner: ProjectRunner) -> None:
    one = checked(runner, "needsldap")
    assert (one["outcome"], one["exit_code"]) == ("no-wheel", 1)
    shown = runner.run("check", "requirements").stdout
    assert f"{FILE}:4: error[no-wheel] needsldap 1.0" in shown
    assert "MWAA's image has no openldap-devel" in shown
    assert "sudo dnf -y install openldap-devel" in shown


@pytest.mark.skipif(not lacks("lber.h"), reason="this machine has OpenLDAP's headers")
def test_startup_script_that_installs_packages_makes_it_no_error(runner: ProjectRunner) -> None:
    one = checked(runner, "needsldap", {"startup/startup.sh": "sudo dnf -y install openldap-devel\n"})
    assert (one["outcome"], one["exit_code"], one["built"][0]["outcome"]) == ("works", 0, "untried")


@pytest.mark.network  # the release's packages, in which the script runs
def test_build_is_tried_with_what_the_startup_script_exports(runner: ProjectRunner) -> None:
    script = "mkdir own\ntouch own/never_heard_of.h\nexport CPATH=/usr/local/airflow/own\n"
    assert checked(runner, "needsunknown", {"startup/startup.sh": script})["built"][0]["outcome"] == "builds"


@pytest.mark.skipif(not lacks("lber.h"), reason="this machine has OpenLDAP's headers")
def test_startup_script_that_may_bring_anything_makes_it_a_warning(runner: ProjectRunner) -> None:
    one = checked(runner, "needsldap", {"startup/startup.sh": "curl https://example.org/headers | tar x\n"})
    assert (one["outcome"], one["exit_code"], one["built"][0]["outcome"]) == ("works", 0, "doubtful")
    assert "the startup script may bring it" in one["built"][0]["problem"]


def test_header_that_nobody_knows_is_not_judged(runner: ProjectRunner) -> None:
    one = checked(runner, "needsunknown")
    assert (one["outcome"], one["exit_code"], one["built"][0]["outcome"]) == ("works", 0, "untried")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("broken", "its build script fails: KeyError: 'version'"),
        ("tooold", "its C code does not compile with Python 3.11"),
    ],
)
def test_fault_of_the_package_is_an_error_and_no_conflict(runner: ProjectRunner, name: str, said: str) -> None:
    """uv needs the build of `broken` only to learn what it requires."""
    one = checked(runner, name)
    assert (one["outcome"], one["exit_code"], one["clashes"]) == ("no-wheel", 1, [])
    [told] = one["no_wheel"]
    assert (told["problem"], told["line"]) == (said, 4)


@pytest.mark.skipif(not lacks("mysql.h"), reason="this machine has MariaDB's headers")
def test_failed_install_says_what_this_machine_lacks(runner: ProjectRunner, tmp_path: Path) -> None:
    """`up` and `check dags` say the same as `check requirements`."""
    path = runner.root_dir / FILE
    sources = runner.root_dir / "plugins"
    path.write_text(f"--no-index\n--find-links {sources}\nneedsmysql==1.0\n")
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    prepared = prepare(path, Release.load("2.5.1"), tmp_path / "work")
    result = install(prepared, tmp_path / "venv" / "bin" / "python", {"PATH": "/usr/bin:/bin"}, tmp_path / "pip.log")
    assert isinstance(result, InstallFailed)
    assert result.is_of_machine
    assert result.reason == (
        "needsmysql could not be built: this machine has no header mysql.h, but MWAA's image has MariaDB-devel"
    )


@pytest.mark.skipif(not lacks("mysql.h"), reason="this machine has MariaDB's headers")
def test_checks_that_install_warn_of_what_this_machine_lacks(runner: ProjectRunner) -> None:
    runner.write({FILE: f"{OWN}needsmysql==1.0\n", "mwaa.yaml": 'AirflowVersion: "3.3.1"\n'})
    for words in (("requirements", "--install"), ("dags",)):
        outcome = runner.run("check", *words, "--json")
        told = json.loads(outcome.stdout)
        findings = told["checked"][0]["findings"] if words[0] == "requirements" else told["findings"]
        [finding] = [item for item in findings if item["rule"] == "install-failed"]
        assert (outcome.exit_code, finding["severity"]) == (0, "warning"), words
        assert "this machine has no header mysql.h, but MWAA's image has MariaDB-devel" in finding["why"]


@pytest.mark.network
@pytest.mark.parametrize(("required", "outcome"), [((), "doubtful"), (("setuptools>=82",), "fails")])
def test_build_without_a_backend_finds_the_images_setuptools_unless_it_names_its_own(
    runner: ProjectRunner, required: Sequence[str], outcome: str
) -> None:
    """setuptools 65, which the image has, still had `pkg_resources`; from 82 on it is gone."""
    named = {"pyproject.toml": f"[build-system]\nrequires = {json.dumps(required)}\n"} if required else {}
    setup = 'import pkg_resources, setuptools\nsetuptools.setup(name="oldscript", version="1.0")\n'
    info = "Metadata-Version: 2.1\nName: oldscript\nVersion: 1.0\n"
    write_archive(runner.root_dir / "plugins", "oldscript", {"setup.py": setup, "PKG-INFO": info, **named})
    runner.write({FILE: "# -c \n--find-links /usr/local/airflow/plugins\noldscript==1.0\n"})
    [one] = json.loads(runner.run("check", "requirements", "--json").stdout)["checked"]
    [told] = one["no_wheel"] or one["built"]
    assert told["outcome"] == outcome, told


@pytest.mark.network
def test_pin_beside_the_constraints_leads_back_to_theirs_though_it_is_built_from_source(runner: ProjectRunner) -> None:
    """mysqlclient has no wheel for Linux: that a build fails here does not mean that no version works."""
    runner.write({FILE: "mysqlclient==2.2.4\n", "mwaa.yaml": 'AirflowVersion: "2.7.2"\n'})
    [one] = json.loads(runner.run("check", "requirements", "--json").stdout)["checked"]
    [clash] = one["clashes"]
    assert (clash["proposal"]["new"], "No other version" in clash["why"]) == ("mysqlclient==2.2.0", False)


@pytest.mark.network
def test_provider_that_replaces_airflow_is_not_told_by_what_follows_from_it(runner: ProjectRunner) -> None:
    runner.write({FILE: "apache-airflow-providers-ssh\n", "mwaa.yaml": 'AirflowVersion: "2.5.1"\n'})
    [one] = json.loads(runner.run("check", "requirements", "--json").stdout)["checked"]
    assert "replaces-airflow" in {item["rule"] for item in one["findings"]}
    assert (one["no_wheel"], one["built"]) == ([], [])
