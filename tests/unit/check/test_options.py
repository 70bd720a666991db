"""Configuration options before they are uploaded: what Airflow would ignore, what moved, what is a secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from mwaa_local.check.environment import ignored_findings, option_lines, refused_findings
from mwaa_local.check.known_options import KnownOptions
from mwaa_local.check.options import OptionsCase, options_findings
from mwaa_local.configuration.configuration import Configuration
from mwaa_local.configuration.local_values import PREVIEW
from mwaa_local.environment.environment import Environment
from mwaa_local.errors import EnvironmentFileInvalid
from mwaa_local.finding import NOTE, WARNING, Finding
from mwaa_local.packages import PythonEnvironment
from mwaa_local.project import Project
from mwaa_local.release import Release

KNOWN = KnownOptions(
    {
        "core": frozenset({"default_task_retries", "parallelism", "executor", "sql_alchemy_conn"}),
        "dag_processor": frozenset({"refresh_interval"}),
        "celery": frozenset({"worker_concurrency"}),
        "smtp": frozenset({"smtp_password"}),
        "webserver": frozenset({"base_url", "page_size"}),
    },
    {"scheduler.dag_dir_list_interval": "dag_processor.refresh_interval"},
    {"webserver.page_size": "pages have one size now"},
)


def findings(tmp_path: Path, options: dict[str, str], version: str = "3.3.1") -> list[Finding]:
    lines = [f"  {option}: '{value}'" for option, value in options.items()]
    text = [f"AirflowVersion: {version}", "AirflowConfigurationOptions:", *lines]
    (tmp_path / "mwaa.yaml").write_text("\n".join(text))
    project = Project(tmp_path)
    environment, release = Environment.load(project), Release.load(version)
    packages = PythonEnvironment(tmp_path, "3.12.1", "digest")
    configuration = Configuration(project, environment, release, PREVIEW, str(tmp_path), {})
    merged = configuration.merged_for("scheduler", packages, {})
    case = OptionsCase("mwaa.yaml", options, release, KNOWN, merged, option_lines(project))
    return list(options_findings(case))


@pytest.mark.parametrize(
    ("option", "rule", "severity", "hint"),
    [
        ("core.default_task_retrys", "option-unknown-key", WARNING, "core.default_task_retries"),
        ("core.worker_concurrency", "option-unknown-key", WARNING, "celery.worker_concurrency"),
        ("core.dag_concurency", "option-unknown-key", WARNING, "core.dag_concurrency"),
        ("celry.x", "option-unknown-section", WARNING, "celery"),
        ("scheduler.dag_dir_list_interval", "option-moved", WARNING, "write dag_processor.refresh_interval"),
        ("core.dag_concurrency", "option-removed", WARNING, ""),
        ("core.executor", "option-without-effect", WARNING, "remove it"),
        ("webserver.base_url", "option-without-effect", NOTE, ""),
    ],
)
def test_option_that_does_not_do_what_it_says_is_reported(
    tmp_path: Path, option: str, rule: str, severity: str, hint: str
) -> None:
    [finding] = findings(tmp_path, {option: "5"})
    assert (finding.rule, finding.severity, finding.path, finding.line) == (rule, severity, "mwaa.yaml", 3)
    assert option in finding.what
    assert hint in finding.hint


@pytest.mark.parametrize(
    "option",
    [
        "core.default_task_retries",
        "celery_broker_transport_options.region",
        "app.greeting",
        "mwaa.triggerer_enabled",
        "smtp.smtp_password_cmd",
    ],
)
def test_option_that_airflow_has_is_nothing_to_tell(tmp_path: Path, option: str) -> None:
    assert findings(tmp_path, {option: "5"}) == []


def test_secret_in_plain_text_is_reported_without_being_shown(tmp_path: Path) -> None:
    found = findings(tmp_path, {"app.api_token": "hunter2-hunter2"})
    assert [item.rule for item in found] == ["option-secret"]
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize(
    ("option", "value", "is_told"),
    [
        ("secrets.backend", "airflow.providers.amazon.aws.secrets.secrets_manager.SecretsManagerBackend", False),
        ("secrets.backend_kwargs", '{"connections_prefix": "airflow/connections"}', False),
        ("secrets.backend_kwargs", '{"aws_secret_access_key": "hunter2-hunter2"}', True),
    ],
)
def test_secrets_backend_is_no_secret_unless_one_of_its_arguments_is(
    tmp_path: Path, option: str, value: str, is_told: bool
) -> None:
    rules = [item.rule for item in findings(tmp_path, {option: value})]
    assert ("option-secret" in rules) is is_told


def test_command_that_yields_a_secret_is_no_secret(tmp_path: Path) -> None:
    assert [item.rule for item in findings(tmp_path, {"smtp.smtp_password_cmd": "cat /run/x"}, "2.10.3")] == []


def test_deprecated_option_is_reported_with_airflows_own_reason(tmp_path: Path) -> None:
    found = findings(tmp_path, {"webserver.page_size": "5"})
    assert [(item.rule, item.why) for item in found] == [("option-deprecated", "pages have one size now")]


def test_two_options_that_mean_the_same_are_refused(tmp_path: Path) -> None:
    (tmp_path / "mwaa.yaml").write_text("AirflowVersion: 3.3.1\n")
    project = Project(tmp_path)
    environment, release = Environment.load(project), Release.load("3.3.1")
    configuration = Configuration(project, environment, release, PREVIEW, str(tmp_path), {})
    merged = configuration.merged_for("scheduler", PythonEnvironment(tmp_path, "3.12.1", "digest"), {})
    options = {"core.parallelism": "1", "CORE.PARALLELISM": "2"}
    [finding] = options_findings(OptionsCase("mwaa.yaml", options, release, KNOWN, merged, lambda _: 0))
    assert (finding.rule, finding.severity) == ("option-invalid", "error")


def test_every_problem_of_an_environment_file_is_a_finding_at_its_line(tmp_path: Path) -> None:
    (tmp_path / "mwaa.yaml").write_text("MinWorkers: many\nAirflowVersion: 3.3.1\nMaxWorkers: -1\n")
    project = Project(tmp_path)
    with pytest.raises(EnvironmentFileInvalid) as caught:
        Environment.load(project)
    found = refused_findings(project, caught.value)
    assert [(item.rule, item.severity, item.line) for item in found] == [
        ("environment-invalid", "error", 1),
        ("environment-invalid", "error", 3),
    ]
    assert all(item.what and item.hint for item in found)


def test_file_that_is_no_yaml_is_a_finding_too(tmp_path: Path) -> None:
    (tmp_path / "mwaa.yaml").write_text("a: [1\nb: 2\n")
    project = Project(tmp_path)
    with pytest.raises(EnvironmentFileInvalid) as caught:
        Environment.load(project)
    [finding] = refused_findings(project, caught.value)
    assert finding.line in (1, 2)
    assert "not valid YAML" in finding.what


def test_member_without_effect_is_a_note_at_its_line(tmp_path: Path) -> None:
    (tmp_path / "mwaa.yaml").write_text("AirflowVersion: 3.3.1\nKmsKey: alias/abc\n")
    project = Project(tmp_path)
    [finding] = ignored_findings(project, Environment.load(project))
    assert (finding.rule, finding.severity, finding.line) == ("environment-member-ignored", "note", 2)
    assert "KmsKey" in finding.what
