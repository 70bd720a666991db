"""`mwaa-local options`: values, who set them, and what the startup script exported."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from mwaa_local.cli import options as command
from mwaa_local.configuration import shown
from mwaa_local.configuration.layers import Layer
from mwaa_local.configuration.local_values import LocalValues
from mwaa_local.environment.environment import Environment
from mwaa_local.errors import ComponentUnknown, ConfigOptionInvalid, MwaaLocalError, StateCorrupted
from mwaa_local.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "mwaa.yaml").write_text(
        "AirflowVersion: '3.3.1'\n"
        "AirflowConfigurationOptions:\n"
        "  core.executor: LocalExecutor\n"
        "  app.greeting: hello\n"
        "  smtp.smtp_password: hunter2\n"
    )
    return Project(tmp_path)


app = typer.Typer()
app.command()(command.options)


def run(project: Project, *arguments: str) -> Any:
    return CliRunner().invoke(app, [*arguments, "--project", str(project.root_dir)])


def test_command_shows_value_and_layer(project: Project) -> None:
    outcome = run(project)
    rows = {line.split()[0]: line.split()[1:] for line in outcome.stdout.splitlines()}
    assert rows["AIRFLOW__APP__GREETING"] == ["option", "hello"]
    assert rows["AIRFLOW__CORE__EXECUTOR"] == ["essential", "CeleryExecutor"]
    assert "AWS_REGION" not in rows
    assert "AIRFLOW__CORE__EXECUTOR, set by AirflowConfigurationOptions, has no effect" in outcome.stderr


def test_command_masks_secrets_unless_asked(project: Project) -> None:
    assert "hunter2" not in run(project).output
    assert "hunter2" not in run(project, "--json").output
    assert "hunter2" not in run(project, "--explain", "smtp.smtp_password").output
    assert "hunter2" in run(project, "--show-secrets").stdout


def test_command_shows_what_is_decided_at_start_as_such(project: Project) -> None:
    (line,) = (line for line in run(project).stdout.splitlines() if line.startswith("AIRFLOW__CORE__FERNET_KEY"))
    assert "<set at start>" in line


def test_command_shows_everything_with_all(project: Project) -> None:
    assert "AWS_EXECUTION_ENV" in run(project, "--all", "--component", "worker").stdout


def test_command_prints_json(project: Project) -> None:
    plain = json.loads(run(project, "--json").stdout)
    by_name = {item["name"]: item for item in plain["variables"]}
    assert by_name["AIRFLOW__APP__GREETING"] == {
        "name": "AIRFLOW__APP__GREETING",
        "option": "app.greeting",
        "value": "hello",
        "source": "option",
        "secret": False,
    }
    assert [item["name"] for item in plain["overruled"]] == ["AIRFLOW__CORE__EXECUTOR"]


def test_command_explains_who_won(project: Project) -> None:
    lines = run(project, "--explain", "core.executor").stdout.splitlines()
    assert lines[0] == "AIRFLOW__CORE__EXECUTOR  (core.executor)"
    assert lines[2].split() == ["option", "LocalExecutor", "loses"]
    assert lines[3].split() == ["essential", "CeleryExecutor", "wins"]
    assert lines[4] == Layer.ESSENTIAL.rule
    plain = json.loads(run(project, "--explain", "core.executor", "--json").stdout)
    assert [step["won"] for step in plain["steps"]] == [False, True]


@pytest.mark.parametrize("name", ["executor", "core.executer", "AIRFLOW__CORE__EXECUTER"])
def test_command_suggests_what_may_be_meant(project: Project, name: str) -> None:
    outcome = run(project, "--explain", name)
    assert "No layer sets it" in outcome.stdout
    assert "did you mean core.executor" in outcome.stderr


def test_command_refuses_an_unknown_component(project: Project) -> None:
    error = run(project, "--component", "schedular").exception
    assert isinstance(error, ComponentUnknown)
    assert error.hint == "did you mean --component scheduler?"


def test_command_refuses_to_explain_what_is_no_option(project: Project) -> None:
    assert isinstance(run(project, "--explain", "a.b.c").exception, ConfigOptionInvalid)


def test_command_says_when_exports_are_not_known_yet(project: Project) -> None:
    project.startup_dir.mkdir()
    project.startup_script_path.write_text("export GREETING=hi\n")
    assert "known only after `mwaa-local up`" in run(project).stderr
    assert "known only after" not in run(project, "--component", "migrate-db").stderr


def test_command_shows_what_the_startup_script_exported(project: Project) -> None:
    write_exports(project, json.dumps({"scheduler": {"GREETING": "hi"}, "seen": "0123"}))
    for component in ("scheduler", "triggerer"):
        assert "\nGREETING " in run(project, "--component", component).stdout
    assert "\nGREETING " not in run(project, "--component", "worker").stdout


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"scheduler": 1}', '{"scheduler": {"A": 1}}', "\udcff"])
def test_corrupted_exports_are_an_error_with_a_fix(project: Project, text: str) -> None:
    write_exports(project, text)
    error = run(project).exception
    assert isinstance(error, StateCorrupted)
    assert shown.STARTUP_EXPORTS_FILE in error.what and "rm " in error.hint and error.why


def test_unreadable_exports_are_an_error_with_a_fix(project: Project) -> None:
    (project.run_dir / shown.STARTUP_EXPORTS_FILE).mkdir(parents=True)
    assert isinstance(run(project).exception, StateCorrupted)


def test_broken_option_in_the_file_is_an_error_without_traceback(project: Project) -> None:
    project.environment_path.write_text("AirflowConfigurationOptions: {executor: x}\n")
    assert isinstance(run(project).exception, MwaaLocalError)


def test_preview_fills_every_placeholder(project: Project) -> None:
    values = shown.preview_values(Environment.load(project))
    known = {"web_is_secure": "False"}
    for item in fields(LocalValues):
        assert getattr(values, item.name) == known.get(item.name, shown.SET_AT_START)


def write_exports(project: Project, text: str) -> None:
    project.run_dir.mkdir(parents=True)
    path = project.run_dir / shown.STARTUP_EXPORTS_FILE
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
