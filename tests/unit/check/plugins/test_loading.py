"""What a plugin that was not loaded means follows from the probe's answer, not from how Airflow words it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mwaa_local.check.asked import AskedValue
from mwaa_local.check.plugins.load_failures import LoadFailures
from mwaa_local.finding import ERROR, NOTE, WARNING, Finding
from mwaa_local.packages import PythonEnvironment
from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.startup.failed_commands import FailedCommand
from mwaa_local.startup.state import ContainerState
from tests.contexts import check_context

HOME = Path("/usr/local/airflow")
COMMAND = "aws s3 cp s3://bucket/rates.json config/"
FAILED = FailedCommand(3, COMMAND, 1, True, COMMAND)
ANSWER: dict[str, Any] = {
    "kind": "error",
    "said": "perdu",
    "path": "",
    "line": 0,
    "trace": [],
    "missing": "",
    "connection": False,
    "subjects": [],
}


@pytest.fixture
def failures(tmp_path: Path) -> LoadFailures:
    for name in ("requirements", "dags", "plugins", "startup"):
        (tmp_path / name).mkdir()
    (tmp_path / "startup" / "startup.sh").write_text(f"mkdir data\n\n{COMMAND}\n[[ $W ]] && echo x >data/made.json\n")
    (tmp_path / "requirements" / "requirements.txt").write_text("some-package\n")
    project = Project(tmp_path)
    release = Release.load("3.3.1")
    base = PythonEnvironment(tmp_path / "base", release.python_version, "digest")
    context = check_context(project, tmp_path, base, airflow_version="3.3.1")
    state = ContainerState(failed_here=(FAILED,))
    return LoadFailures(context, "plugins", tmp_path / "plugins", state)


def found(failures: LoadFailures, asked: tuple[AskedValue, ...] = (), **answer: Any) -> Finding:
    error: Mapping[str, Any] = {**ANSWER, **answer}
    [finding] = failures.findings({"/usr/local/airflow/plugins/a.py": error}, asked, (), HOME)
    assert (finding.rule, finding.path) == ("plugin-not-loaded", "plugins/a.py")
    return finding


@pytest.mark.parametrize("said", ["No module named 'a'", "perdu", ""])
@pytest.mark.parametrize(
    ("answer", "severity"),
    [
        ({"missing": "a.b"}, WARNING),
        ({"missing": "some_package.part"}, NOTE),
        ({"missing": "airflow.absent"}, ERROR),
        ({"missing": "operators"}, ERROR),
        ({"library": "pandas.core.frame"}, WARNING),
        ({"library": "some_package"}, NOTE),
        ({"library": "airflow.models.dag"}, ERROR),
        ({"library": "airflow.providers.amazon.hooks"}, WARNING),
        ({"aws": "credentials"}, WARNING),
        ({"kind": "database"}, WARNING),
        ({"kind": "database", "asked_by": "airflow/models/pool.py"}, NOTE),
        ({"file": "/usr/local/airflow/config/rates.json"}, WARNING),
        ({"file": "/usr/local/airflow/data/other.json"}, WARNING),  # which a program may make without naming it
        ({"file": "/usr/local/airflow/data/made.json"}, ERROR),
        ({"file": "/usr/local/airflow/plugins/other.json"}, ERROR),
        ({"file": "/home/me/other.json"}, ERROR),
        ({"file": "other.json"}, ERROR),
        ({}, ERROR),
    ],
)
def test_severity_follows_the_reason_whatever_is_said(
    failures: LoadFailures, said: str, answer: dict[str, Any], severity: str
) -> None:
    assert found(failures, said=said, **answer).severity == severity


def test_command_that_failed_here_is_named(failures: LoadFailures) -> None:
    hint = found(failures, file="/usr/local/airflow/config/rates.json").hint
    assert f"startup/startup.sh:3 did not run to its end on this machine (`{COMMAND}`)" in hint


def test_placeholder_excuses_only_files_that_asked_for_it_or_import_one_that_did(failures: LoadFailures) -> None:
    files = {"a.py": "import team.settings\n", "team/settings.py": "import deep\n", "deep.py": "", "other.py": ""}
    for name, text in files.items():
        (failures.plugins_dir / name).parent.mkdir(exist_ok=True)
        (failures.plugins_dir / name).write_text(text)
    severities = {
        path: found(failures, (AskedValue("variable", "v", path, 1),)).severity
        for path in ("plugins/a.py", "plugins/deep.py", "plugins/other.py")
    }
    assert severities == {"plugins/a.py": WARNING, "plugins/deep.py": WARNING, "plugins/other.py": ERROR}
