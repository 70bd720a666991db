"""What the startup script exports, as pip gets it: indexes, folders, constraints, variables. With real uv."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from mwaa_local.check.requirements.check import RequirementsCheck
from mwaa_local.check.requirements.startup_exports import Exported, StartupScript
from mwaa_local.check.requirements.verdict import Checked, Conflict, Unchecked, Works
from mwaa_local.errors import ToolMissing
from mwaa_local.finding import NOTE, WARNING
from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.requirements.pip_settings import may_concern_builds, may_concern_pip, option_lines, settings_of

RELEASE = Release.load("3.3.1")
ENV = {"HOME": "/tmp", "PATH": os.defpath, "UV_HTTP_RETRIES": "0"}
NO_INDEX = "--no-index\n"
UNKNOWN = "unknown-variable"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    from tests.wheels import make_wheel

    for folder in ("plugins", "home/wheels"):
        (tmp_path / folder).mkdir(parents=True)
    make_wheel(tmp_path / "plugins", "alpha", "1.0")
    make_wheel(tmp_path / "plugins", "alpha", "2.0")
    make_wheel(tmp_path / "home" / "wheels", "beta", "1.0")
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "own.txt").write_text("alpha==1.0\n")
    return Project(tmp_path)


def check(project: Project, text: str, script: StartupScript) -> Checked:
    path = project.requirements_path
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return RequirementsCheck(project, path, ENV, {}, script=script).check(RELEASE)


def script(project: Project, text: str, exports: Mapping[str, str]) -> StartupScript:
    exported = Exported(exports, project.root_dir / "home")
    return StartupScript(text, "startup/startup.sh", lambda: exported)


def versions(checked: Checked) -> dict[str, str]:
    assert isinstance(checked.verdict, Works), checked.verdict
    return {change.name: change.version for change in checked.verdict.changes}


def pip_script(project: Project, **exports: str) -> StartupScript:
    return script(project, "export PIP_…", exports)


def test_folder_of_wheels_that_the_script_names_is_looked_in(project: Project) -> None:
    exported = pip_script(project, PIP_FIND_LINKS="/usr/local/airflow/plugins wheels", PIP_NO_INDEX="1")
    assert versions(check(project, "alpha\nbeta\n", exported)) == {"alpha": "2.0", "beta": "1.0"}


def test_pip_conf_of_the_script_s_home_says_the_same(project: Project) -> None:
    config = project.root_dir / "home" / ".config" / "pip" / "pip.conf"
    config.parent.mkdir(parents=True)
    config.write_text("[global]\nno-index = true\n[install]\nfind-links = /usr/local/airflow/plugins\n")
    found = check(project, "alpha\n", script(project, "pip config set global.no-index true\n", {}))
    assert versions(found) == {"alpha": "2.0"}


def test_constraint_of_the_script_holds_and_is_named_by_its_line(project: Project) -> None:
    exported = pip_script(project, PIP_CONSTRAINT="/usr/local/airflow/dags/own.txt")
    lines = f"{NO_INDEX}--find-links /usr/local/airflow/plugins\n"
    assert versions(check(project, f"{lines}alpha\n", exported)) == {"alpha": "1.0"}
    verdict = check(project, f"{lines}alpha==2.0\n", exported).verdict
    assert isinstance(verdict, Conflict)
    [clash] = verdict.clashes
    assert (clash.other, clash.origin) == ("alpha==1.0", "dags/own.txt:1")


def test_constraint_that_is_not_there_stops_nothing_here(project: Project) -> None:
    exported = pip_script(project, PIP_CONSTRAINT="/usr/local/airflow/made-on-mwaa.txt")
    lines = f"{NO_INDEX}--find-links /usr/local/airflow/plugins\n"
    assert versions(check(project, f"{lines}alpha\n", exported)) == {"alpha": "2.0"}


def test_file_that_the_script_has_made_is_there(project: Project) -> None:
    (project.root_dir / "home" / "made.txt").write_text("alpha==1.0\n")
    lines = f"{NO_INDEX}--find-links /usr/local/airflow/plugins\n"
    exported = pip_script(project, PIP_NO_COLOR="1")
    text = f"--constraint /usr/local/airflow/made.txt\n{lines}alpha\n"
    assert versions(check(project, text, exported)) == {"alpha": "1.0"}


@pytest.mark.parametrize(
    "line", ["--constraint /usr/local/airflow/made.txt", "/usr/local/airflow/made.txt/own-1.0-py3-none-any.whl"]
)
def test_file_that_the_script_may_make_on_mwaa_leaves_all_open(project: Project, line: str) -> None:
    path = project.startup_script_path
    path.parent.mkdir(exist_ok=True)
    path.write_text("aws s3 cp s3://bucket/made.txt . && aws s3 cp s3://bucket/own-1.0-py3-none-any.whl made.txt/\n")
    checked = check(project, f"{NO_INDEX}--find-links /usr/local/airflow/plugins\n{line}\nalpha\n", pip_script(project))
    assert isinstance(checked.verdict, Unchecked)
    assert "The startup script speaks of it" in checked.verdict.why
    path.write_text("true\n")
    assert isinstance(check(project, f"{NO_INDEX}{line}\n", pip_script(project)).verdict, Conflict)


def test_variable_of_the_script_is_filled_in(project: Project) -> None:
    exported = script(project, "export VERSION=1.0", {"VERSION": "1.0"})
    found = check(project, f"{NO_INDEX}--find-links /usr/local/airflow/plugins\nalpha==${{VERSION}}\n", exported)
    assert versions(found) == {"alpha": "1.0"}
    assert "unknown-variable" not in {item.rule for item in found.findings}


@pytest.mark.parametrize(
    ("text", "severity", "why"),
    [
        ("", WARNING, "No configuration option sets it, and there is no startup script"),
        ("export OTHER=1", WARNING, "Neither a configuration option nor the startup script sets it"),
        ("export TOKEN=$(aws sts get-token)", NOTE, "The startup script names it, but exports no value for it"),
    ],
)
def test_variable_that_nothing_sets_is_told(project: Project, text: str, severity: str, why: str) -> None:
    line = f"{NO_INDEX}--find-links /usr/local/airflow/plugins\nalpha; python_version < '${{TOKEN}}'\n"
    [found] = [item for item in check(project, line, script(project, text, {})).findings if item.rule == UNKNOWN]
    assert (found.line, found.severity, found.what) == (3, severity, "${TOKEN} is not known here")
    assert found.why.startswith(why)


def test_variable_that_the_script_exports_empty_here_is_told_as_that(project: Project) -> None:
    line = f"{NO_INDEX}--find-links /usr/local/airflow/plugins\nalpha; python_version < '${{TOKEN}}'\n"
    exported = script(project, "export TOKEN=$(aws sts get-token)", {"TOKEN": ""})
    [found] = [item for item in check(project, line, exported).findings if item.rule == UNKNOWN]
    assert (found.severity, found.what) == (NOTE, "${TOKEN} has no value here")
    assert found.why.startswith("The startup script exports it empty on this machine; on MWAA it may have a value.")


def test_script_that_fails_leaves_a_missing_package_open(project: Project) -> None:
    """Its index may have the package."""
    failed = StartupScript("export PIP_EXTRA_INDEX_URL=x", "startup/startup.sh", lambda: Exported(problem="it fails"))
    found = check(project, f"{NO_INDEX}never-heard-of==1.0\n", failed)
    assert isinstance(found.verdict, Unchecked)
    assert found.verdict.what == "no index that is known here has never-heard-of"
    [note] = [item for item in found.findings if item.rule == "startup-exports-unknown"]
    assert (note.path, note.severity) == ("startup/startup.sh", NOTE)
    assert note.why == "On MWAA it runs before pip, which gets its variables; here it fails."


def test_setting_that_no_line_can_say_is_told(project: Project) -> None:
    exported = pip_script(project, PIP_FIND_LINKS="/usr/local/airflow/plugins", PIP_NO_INDEX="1", PIP_NO_DEPS="1")
    [note] = [item for item in check(project, "alpha\n", exported).findings if "setting" in item.rule]
    assert note.what == "PIP_NO_DEPS changes which versions pip takes, and this check does not follow it"


def test_secret_that_the_script_exports_is_nowhere(project: Project) -> None:
    """uv shows the path of an address that it does not reach."""
    exported = pip_script(project, MY_TOKEN="gehe1m-one", PIP_INDEX_URL="http://me:gehe1m-two@127.0.0.1:9/simple")
    found = check(project, "--index-url http://127.0.0.1:9/${MY_TOKEN}/x\nalpha\n", exported)
    assert isinstance(found.verdict, Unchecked)
    assert "http://127.0.0.1:9/***/x/alpha" in found.verdict.why
    assert "gehe1m" not in repr(found)


def test_script_is_not_run_where_it_cannot_matter(project: Project) -> None:
    def run() -> Exported:
        raise AssertionError

    text = f"{NO_INDEX}--find-links /usr/local/airflow/plugins\nalpha\n"
    assert versions(check(project, text, StartupScript("export AIRFLOW_VAR_A=1\n", "startup/startup.sh", run)))


def test_old_release_runs_no_script(project: Project) -> None:
    def run() -> Exported:
        raise ToolMissing("bash")

    asked = StartupScript("export PIP_PRE=1", "startup/startup.sh", run)
    path = project.requirements_path
    path.parent.mkdir()
    path.write_text("# -c \n")
    checking = RequirementsCheck(project, path, {"HOME": "/tmp"}, {}, script=asked)
    assert isinstance(checking.check(Release.load("1.10.12")).verdict, Works)


def test_settings_are_lines_as_pip_reads_their_values() -> None:
    variables = {
        "PIP_EXTRA_INDEX_URL": "https://a/simple https://b/simple",
        "PIP_INDEX_URL": " https://c/simple ",
        "PIP_NO_BINARY": "numpy,pandas",
        "PIP_PRE": "no",
        "PIP_TRUSTED_HOST": "",
        "PIP_FIND_LINKS": "wheels https://d/x '",
        "AIRFLOW__CORE__X": "1",
    }
    assert option_lines(settings_of(variables)) == [
        "--index-url https://c/simple",
        "--extra-index-url https://a/simple",
        "--extra-index-url https://b/simple",
        "--find-links /usr/local/airflow/wheels",
        "--find-links https://d/x",
        """--find-links '/usr/local/airflow/'"'"''""",
        "--no-binary numpy,pandas",
    ]


@pytest.mark.parametrize(
    ("script", "of_pip", "of_builds"),
    [
        ("export AIRFLOW_VAR_A=1 # PIP_PRE\n", False, False),
        ("export PIP_PRE=1\n", True, True),
        ("pip3 config set global.index-url x\n", True, True),
        ("source /usr/local/airflow/dags/env.sh\n", True, True),
        ("if true; then . env; fi\n", True, True),
        ('eval "$(cat x)"\n', True, True),
        ("set -a\n", True, True),
        ("export HTTPS_PROXY=http://proxy\n", True, True),
        ("echo machine x >~/.netrc\n", True, True),
        ("export PATH=$PATH:/x\n", False, True),
        ("CFLAGS+=-O0\nexport CFLAGS\n", False, True),
        ("export MYSQLCLIENT_CFLAGS=-I/x\n", False, True),
    ],
)
def test_only_what_may_reach_pip_has_a_script_run(script: str, of_pip: bool, of_builds: bool) -> None:
    assert (may_concern_pip(script), may_concern_builds(script)) == (of_pip, of_builds)
