"""`mwaa-local check requirements --install`: real pip and real imports on a release's packages, wheels made here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from mwaa_local.check.requirements.import_trial import ImportFailure, Probe
from mwaa_local.packages import PythonEnvironment
from tests.conftest import ProjectRunner, cache_dir
from tests.wheels import make_wheel

MakeProject = Callable[..., ProjectRunner]
VERSION, OLD_VERSION = "3.3.1", "2.2.2"
FILE = "requirements/requirements.txt"
OWN_WHEELS = "--no-index\n--find-links /usr/local/airflow/plugins\n"
FIRST_LINE = OWN_WHEELS.count("\n") + 1
SMTP = "apache-airflow-providers-smtp"


@pytest.fixture
def runner(project: MakeProject) -> ProjectRunner:
    made = project({"mwaa.yaml": f'AirflowVersion: "{VERSION}"\n', "dags/a.py": "", FILE: ""})
    (made.root_dir / "plugins").mkdir()
    return made


def with_module(runner: ProjectRunner, name: str, source: str, requires: list[str] | None = None) -> None:
    """Put a wheel into the plugins folder whose one module has this source."""
    wheels = runner.root_dir / "plugins"
    make_wheel(wheels, name, "1.0", requires or [])
    _replace(wheels / f"{name}-1.0-py3-none-any.whl", {f"{name}.py": source})


def _replace(path: Path, changed: Mapping[str, str]) -> None:
    """Write files of a wheel anew; what is no longer there is in `changed` as ""."""
    with zipfile.ZipFile(path) as wheel:
        files = {name: wheel.read(name).decode() for name in wheel.namelist()}
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in {**files, **changed}.items():
            wheel.writestr(name, text)


def tried(runner: ProjectRunner, text: str, *words: str) -> tuple[dict[str, Any], list[dict[str, Any]], str]:
    """Return what `--json` says, the findings of the trial in it, and what was said meanwhile."""
    runner.write({FILE: OWN_WHEELS + text})
    outcome = runner.run("check", "requirements", "--install", "--json", *words)
    assert "Traceback" not in outcome.stderr, outcome.stderr
    [one] = json.loads(outcome.stdout)["checked"]
    assert one["exit_code"] == outcome.exit_code
    found = [item for item in one["findings"] if item["rule"] in ("install-failed", "import-error")]
    return one, found, outcome.stderr


@pytest.mark.parametrize("version", [VERSION, pytest.param(OLD_VERSION, marks=pytest.mark.full)])
@pytest.mark.network
def test_packages_that_can_be_imported_pass(runner: ProjectRunner, version: str) -> None:
    with_module(runner, "alpha", "import json\n")
    one, found, said = tried(runner, "alpha==1.0\n", "--airflow-version", version)
    assert (one["exit_code"], found) == (0, [])
    assert "installed for a trial: alpha 1.0;" in said


@pytest.mark.full
@pytest.mark.network
def test_module_that_cannot_be_imported_is_an_error_at_the_line_that_asked_for_it(runner: ProjectRunner) -> None:
    """And one that ends Python hides none of those after it."""
    with_module(runner, "alpha", "import os\nos._exit(7)\n")
    with_module(runner, "beta", "raise SystemExit('enough')\n")
    with_module(runner, "delta", "import nowhere_to_be_found\n")
    with_module(runner, "epsilon", "", ["delta"])
    one, found, _ = tried(runner, "alpha==1.0\nbeta==1.0\nepsilon==1.0\n")
    assert one["exit_code"] == 1
    assert {(item["rule"], item["severity"]) for item in found} == {("import-error", "error")}
    assert sorted((item["line"] - FIRST_LINE, item["what"], item["why"].splitlines()[0]) for item in found) == [
        (0, "alpha of alpha cannot be imported", "the import crashed Python with exit code 7"),
        (1, "beta of beta cannot be imported", "SystemExit: enough"),
        (2, "delta of delta cannot be imported", "ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
    ]
    assert [item["why"].splitlines()[1:] for item in found if item["line"] == FIRST_LINE + 2] == [["at delta.py:1"]]


@pytest.mark.full
@pytest.mark.network
def test_words_of_a_module_are_no_failure_and_the_base_stays_as_it_was(runner: ProjectRunner) -> None:
    with_module(runner, "alpha", "import sys\nprint('{\"module\": 1}')\nsys.stderr.write('loud')\n")
    one, found, _ = tried(runner, "alpha==1.0\n")
    assert (one["exit_code"], found) == (0, [])
    assert list(cache_dir().glob("trial-*")) == []
    assert list(cache_dir().glob(f"environments/{VERSION}-*/lib/python*/site-packages/alpha.py")) == []


@pytest.mark.full
@pytest.mark.network
def test_provider_that_no_longer_imports_is_reported_once_with_the_package_that_did_it(runner: ProjectRunner) -> None:
    # It shadows nothing that resolving looks at: a module of the name that the Amazon provider imports.
    wheels = runner.root_dir / "plugins"
    make_wheel(wheels, "alpha", "1.0")
    broken = "raise ImportError('cannot import name session from boto3')\n"
    _replace(wheels / "alpha-1.0-py3-none-any.whl", {"watchtower/__init__.py": "", "boto3/session.py": broken})
    record = "alpha-1.0.dist-info/RECORD"
    files = ("alpha.py", "watchtower/__init__.py", "boto3/session.py", "alpha-1.0.dist-info/METADATA", record)
    text = "".join(f"{name},,\n" for name in (*files, "alpha-1.0.dist-info/WHEEL"))
    _replace(wheels / "alpha-1.0-py3-none-any.whl", {record: text})
    one, found, _ = tried(runner, "alpha==1.0\n")
    assert one["exit_code"] == 1
    named = {item["what"].partition(" of ")[2] for item in found}
    assert "apache-airflow-providers-amazon cannot be imported" in named, found
    assert all("cannot import name session" in item["why"] for item in found)


@pytest.mark.full
@pytest.mark.network
def test_provider_without_a_module_of_the_images_is_a_warning(runner: ProjectRunner) -> None:
    wheels = runner.root_dir / "plugins"
    name = SMTP.replace("-", "_")
    make_wheel(wheels, name, "99.0")
    runner.write({FILE: f"--no-index\n--find-links /usr/local/airflow/plugins\n# -c \n{SMTP}==99.0\n"})
    outcome = runner.run("check", "requirements", "--install", "--json")
    [one] = json.loads(outcome.stdout)["checked"]
    [finding] = [item for item in one["findings"] if item["rule"] == "import-error"]
    assert (finding["severity"], finding["line"]) == ("warning", FIRST_LINE + 1)
    assert f"{SMTP} 99.0 no longer has airflow.providers.smtp.hooks.smtp, " in finding["what"]


@pytest.mark.full
@pytest.mark.network
def test_failure_of_pip_is_reported_in_its_words(runner: ProjectRunner) -> None:
    with_module(runner, "alpha", "")
    wrong = "0" * 64
    one, [finding], said = tried(runner, f"alpha==1.0 --hash=sha256:{wrong}\n")
    assert (one["exit_code"], finding["rule"], finding["severity"]) == (1, "install-failed", "error")
    assert "HASHES" in finding["why"].upper()
    assert wrong in (runner.root_dir / ".mwaa-local" / "install-check" / "pip.log").read_text()
    assert "installed for a trial" not in said


@pytest.mark.full
@pytest.mark.network
def test_conflict_is_not_installed(runner: ProjectRunner) -> None:
    one, found, said = tried(runner, "alpha==1.0\n")
    assert (one["outcome"], one["exit_code"], found) == ("conflict", 1, [])
    assert "skipping the trial install: pip would fail" in said


@pytest.mark.full
@pytest.mark.network
def test_file_without_requirements_is_installed_as_well(runner: ProjectRunner) -> None:
    one, found, said = tried(runner, "")
    assert (one["exit_code"], found) == (0, [])
    assert "installed for a trial: nothing;" in said


def test_several_releases_are_refused_as_wrong_usage(runner: ProjectRunner) -> None:
    for words in (["--all"], ["--airflow-version", "2.10.3,3.3.1"]):
        outcome = runner.run("check", "requirements", "--install", *words)
        assert (outcome.exit_code, outcome.stdout) == (2, "")
        assert "--install works for one release at a time" in " ".join(outcome.stderr.split())


@pytest.fixture
def packages(tmp_path: Path) -> PythonEnvironment:
    """An interpreter with modules of all manners: in-time, never done, failing, and one that ends it."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "v")], check=True)
    made = PythonEnvironment(tmp_path / "v", "", "")
    sources = {
        "good": "",
        "slow": "import time\ntime.sleep(600)\n",
        "bad": "1 / 0\n",
        "last": "import os\nos._exit(0)\n",
    }
    for name, source in sources.items():
        (made.site_packages_dir / f"{name}.py").write_text(source)
    return made


def test_module_whose_import_never_ends_does_not_hide_those_after_it(
    packages: PythonEnvironment, tmp_path: Path
) -> None:
    probe = Probe(tmp_path, {"PATH": os.defpath}, import_timeout_s=2.0)
    failures = {failure.module: failure.reason for failure in probe.failures(packages, ["good", "slow", "bad", "last"])}
    assert failures == {
        "slow": "the import was not done when 2 s were over",
        "bad": "ZeroDivisionError: division by zero",
        "last": "the import crashed Python with exit code 0",
    }


def test_places_are_reported_without_the_folder_that_goes_away(packages: PythonEnvironment, tmp_path: Path) -> None:
    (packages.site_packages_dir / "other.py").write_text("from good import absent\n")
    [failure] = Probe(tmp_path, {"PATH": os.defpath}).failures(packages, ["other"])
    assert (failure.said, failure.place) == ("cannot import name 'absent' from 'good' (good.py)", "other.py:1")


def test_interpreter_is_not_started_for_ever(packages: PythonEnvironment, tmp_path: Path) -> None:
    names = [f"last_{number}" for number in range(7)]
    for name in names:
        (packages.site_packages_dir / f"{name}.py").write_text("import os\nos._exit(3)\n")
    failures = Probe(tmp_path, {"PATH": os.defpath}).failures(packages, names)
    assert [failure.module for failure in failures] == names
    assert failures[-1].said.startswith("not tried")


@pytest.mark.parametrize(
    ("kind", "missing", "optional"),
    [
        ("ModuleNotFoundError", "pandas", True),
        ("ModuleNotFoundError", "airflow.providers.google", True),
        ("ModuleNotFoundError", "airflow.sdk", False),
        ("AirflowOptionalProviderFeatureException", "", True),
        ("ImportError", "", False),
    ],
)
def test_provider_that_lacks_an_optional_package_is_told_from_one_that_does_not_fit(
    kind: str, missing: str, optional: bool
) -> None:
    assert ImportFailure("airflow.providers.new.hooks.new", kind, "", missing).is_optional is optional
