"""Options that contradict each other or name nothing: refused before anything is done."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from mwaa_local.cli import app
from mwaa_local.cli.formats import Format, format_of
from mwaa_local.environment.environment import Environment
from mwaa_local.errors import MwaaLocalError, SettingsFileInvalid
from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.runtime.choice import PROCESS, open_runtime
from mwaa_local.wanted import Wanted


@pytest.fixture
def root_dir(tmp_path: Path) -> Path:
    """A project with a DAG file, requirements and plugins."""
    files = {"dags/a.py": "import airflow\n", "requirements/requirements.txt": "boto3\n", "plugins/p.py": "X = 1\n"}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def refused(root_dir: Path, *words: str) -> str:
    outcome = CliRunner().invoke(app, [*words, "--project", str(root_dir)])
    assert outcome.exit_code == 2, outcome.output
    assert outcome.stdout == ""
    assert not (root_dir / ".mwaa-local").exists()
    return " ".join(outcome.stderr.split())


@pytest.mark.parametrize("command", [(), ("dags",), ("requirements",), ("plugins",)])
@pytest.mark.parametrize("other", ["junit", "text", "sarif", "github"])
def test_json_beside_another_format_is_refused(root_dir: Path, command: tuple[str, ...], other: str) -> None:
    said = refused(root_dir, "check", *command, "--json", "--format", other)
    assert f"--json and --format {other} are two formats" in said


def test_diff_beside_another_format_is_refused(root_dir: Path) -> None:
    assert "--diff is text; leave out --json" in refused(root_dir, "check", "requirements", "--diff", "--json")
    assert "leave out --format junit" in refused(root_dir, "check", "requirements", "--diff", "--format", "junit")


def test_formats_that_agree_are_taken() -> None:
    assert format_of(None, as_json=False) is Format.TEXT
    assert format_of(None, as_json=True) is format_of(Format.JSON, as_json=True) is Format.JSON
    assert format_of(Format.SARIF, as_json=False) is Format.SARIF


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (("",), "DAG_ID"),
        (("--tag", " "), "--tag"),
        (("--all", "--expect-failure", ""), "--expect-failure"),
        (("--all", "--expect-import-error", ""), "--expect-import-error"),
    ],
)
def test_empty_name_is_refused(root_dir: Path, words: tuple[str, ...], option: str) -> None:
    assert f"{option} is empty" in refused(root_dir, "smoke", *words)


@pytest.mark.parametrize("folder", ["dags", "dags/reports", "plugins", "requirements", "startup", ".mwaa-local/x", "."])
def test_folder_of_the_projects_own_is_refused_for_reports(root_dir: Path, folder: str) -> None:
    said = refused(root_dir, "smoke", "--all", "--artifacts", str(root_dir / folder))
    assert "is a folder of the project; name" in said.replace("│", "")


def test_hint_on_a_file_that_is_no_text_names_that_file(root_dir: Path) -> None:
    (root_dir / "airflow_settings.yaml").write_bytes(b"airflow:\n  \xff\n")
    (root_dir / "tests" / "aws").mkdir(parents=True)
    (root_dir / "tests" / "aws" / "secrets.yaml").write_bytes(b"a: \xff\n")
    (root_dir / "mwaa.yaml").write_text("Local: {Aws: local}\n")
    project = Project.find(root_dir)
    environment = Environment.load(project)
    release = Release.load(environment.airflow_version)
    wanted = Wanted(project, environment, release, {}, root_dir)
    with pytest.raises(SettingsFileInvalid) as caught:
        open_runtime(PROCESS, project, {}).prepare(wanted, lambda _event: None)
    error: MwaaLocalError = caught.value
    for name in ("airflow_settings.yaml", "secrets.yaml"):
        assert f"Out-File -Encoding utf8 {name}`" in error.hint
        assert name in error.why
    assert "mwaa.yaml" not in error.hint
