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
from mwaa_local.finding import ERROR, NOTE, WARNING, Finding
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


def findings(
    tmp_path: Path, options: dict[str, str], version: str = "3.3.1", known: KnownOptions = KNOWN, script: str = ""
) -> list[Finding]:
    lines = [f"  {option}: '{value}'" for option, value in options.items()]
    text = [f"AirflowVersion: {version}", "AirflowConfigurationOptions:", *lines]
    (tmp_path / "mwaa.yaml").write_text("\n".join(text))
    project = Project(tmp_path)
    environment, release = Environment.load(project), Release.load(version)
    packages = PythonEnvironment(tmp_path, "3.12.1", "digest")
    configuration = Configuration(project, environment, release, PREVIEW, str(tmp_path), {})
    merged = configuration.merged_for("scheduler", packages, {})
    case = OptionsCase("mwaa.yaml", options, release, known, merged, option_lines(project), script=script)
    return list(options_findings(case))


@pytest.mark.parametrize(
    ("option", "rule", "severity", "hint"),
    [
        ("core.default_task_retrys", "option-unknown-key", WARNING, "core.default_task_retries"),
        ("core.worker_concurrency", "option-unknown-key", WARNING, "celery.worker_concurrency"),
        ("core.dag_concurency", "option-unknown-key", WARNING, "core.dag_concurrency"),
        ("celry.x", "option-unknown-section", WARNING, "celery"),
        ("scheduler.dag_dir_list_interval", "option-moved", WARNING, "write dag_processor.refresh_interval"),
        ("core.dag_concurrency", "option-moved", WARNING, "write core.max_active_tasks_per_dag"),
        ("core.donot_pickle", "option-removed", WARNING, "remove it"),
        ("webserver.enable_proxy_fix", "option-removed", WARNING, "write fab.enable_proxy_fix"),
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


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            {"triggerer.default_capacity": "200"},
            [("triggerer.default_capacity has no effect", 'write triggerer.capacity: "200"')],
        ),
        (
            {"triggerer.default_capacity": "200", "triggerer.capacity": "100"},
            [("triggerer.default_capacity has no effect", "remove it")],
        ),
        (
            {"scheduler.dag_dir_list_interval": "30", "dag_processor.refresh_interval": "60"},
            [("scheduler.dag_dir_list_interval has no effect", "remove it")],
        ),
        (
            {"core.dag_concurrency": "30", "core.max_active_tasks_per_dag": "60"},
            [("core.dag_concurrency is now core.max_active_tasks_per_dag", "remove it")],
        ),
    ],
)
def test_older_name_is_to_be_replaced_unless_the_newer_is_set_too(
    tmp_path: Path, options: dict[str, str], told: list[tuple[str, str]]
) -> None:
    sections = {**KNOWN.sections, "triggerer": frozenset({"capacity"}), "core": frozenset({"max_active_tasks_per_dag"})}
    found = findings(tmp_path, options, "3.2.1", KnownOptions(sections, KNOWN.moved))
    assert [(item.what, item.hint) for item in found] == told
    if told[0][1].startswith("write"):
        assert "Airflow reads triggerer.capacity first, and that is 60. MWAA derives this default" in found[0].why


def test_number_of_slots_is_set_by_worker_autoscale_alone(tmp_path: Path) -> None:
    [finding] = findings(tmp_path, {"celery.worker_concurrency": "4"})
    assert (finding.rule, finding.severity, finding.line) == ("option-without-effect", WARNING, 3)
    assert "celery.worker_autoscale, which is 5,0" in finding.why
    assert finding.hint == "set celery.worker_autoscale instead, as in 4,4"


@pytest.mark.parametrize(
    ("value", "rules"),
    [
        ("5,0", []),
        ("5", []),
        ("3, 5", []),
        ("6,1", ["option-beyond-class"]),
        ("1,10", ["option-beyond-class"]),  # Celery takes the larger one for the most
        ("5;1", ["option-value"]),
        ("5,1,1", ["option-value"]),
    ],
)
def test_slots_of_a_worker_are_compared_with_the_environment_class(
    tmp_path: Path, value: str, rules: list[str]
) -> None:
    known = KnownOptions({"celery": frozenset({"worker_autoscale"})})
    found = findings(tmp_path, {"celery.worker_autoscale": value}, known=known)
    assert [finding.rule for finding in found] == rules
    assert [finding.severity for finding in found] == [ERROR if "option-value" in rules else WARNING] * len(rules)


TYPED = KnownOptions(
    {
        "core": frozenset({"logging_level", "parallelism"}),
        "logging": frozenset({"logging_level"}),
        "secrets": frozenset({"backend", "backend_kwargs"}),
        "scheduler": frozenset({"scheduler_heartbeat_sec"}),
        "smtp": frozenset({"smtp_port", "smtp_starttls"}),
    },
    {"core.logging_level": "logging.logging_level"},
    types={
        "scheduler.scheduler_heartbeat_sec": "integer",
        "smtp.smtp_port": "integer",
        "smtp.smtp_starttls": "boolean",
    },
    choices={"logging.logging_level": ["CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG", ""]},
)


@pytest.mark.parametrize(
    ("option", "value", "said", "hint"),
    [
        ("logging.logging_level", "DEBUGG", "cannot be 'DEBUGG'", "write DEBUG"),
        ("logging.logging_level", "info", "cannot be 'info'", "write INFO"),
        ("logging.logging_level", "WARN", "cannot be 'WARN'", "write WARNING"),
        ("core.logging_level", "loud", "cannot be 'loud'", "write one of CRITICAL, ERROR, WARNING, INFO, DEBUG"),
        ("logging.logging_level", "INFO", "", ""),
        ("smtp.smtp_port", "five-eight-seven", "is no number", "write a whole number, in digits"),
        ("smtp.smtp_port", "587", "", ""),
        ("smtp.smtp_port", "$PORT", "", ""),
        ("scheduler.scheduler_heartbeat_sec", "0.5", "", ""),
        ("smtp.smtp_starttls", "yes", "is neither true nor false to Airflow", "write True or False"),
        ("smtp.smtp_starttls", "T", "", ""),
        ("smtp.smtp_starttls", "False  # for the relay", "", ""),
    ],
)
def test_value_of_a_wrong_kind_is_an_error_by_airflows_own_tables(
    tmp_path: Path, option: str, value: str, said: str, hint: str
) -> None:
    found = [item for item in findings(tmp_path, {option: value}, "2.10.3", TYPED) if item.rule == "option-value"]
    assert [(item.what, item.severity, item.line) for item in found] == (
        [(f"{option} {said}", ERROR, 3)] if said else []
    )
    assert [item.hint for item in found] == ([hint] if hint else [])


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ('{"connections_prefix": "airflow/connections"', "is not valid JSON (Expecting ',' delimiter, character 45)"),
        ('["airflow/connections"]', "is JSON, but not an object"),
        ('{"connections_prefix": "airflow/connections"}', ""),
    ],
)
def test_arguments_of_a_secrets_backend_are_a_json_object(tmp_path: Path, value: str, said: str) -> None:
    found = findings(tmp_path, {"secrets.backend": "a.B", "secrets.backend_kwargs": value}, "2.10.3", TYPED)
    assert [(item.rule, item.severity, item.what) for item in found] == (
        [("option-value", WARNING, f"secrets.backend_kwargs {said}")] if said else []
    )


def test_class_with_so_many_slots_is_named(tmp_path: Path) -> None:
    known = KnownOptions({"celery": frozenset({"worker_autoscale"})})
    [within] = findings(tmp_path, {"celery.worker_autoscale": "12,0"}, known=known)
    [beyond_all] = findings(tmp_path, {"celery.worker_autoscale": "100,0"}, known=known)
    assert "12 tasks at a time; mw1.small is made for 5" in within.what
    assert "1 vCPU and 2 GB" in within.why
    assert (within.hint.split(",")[0], beyond_all.hint) == ("use EnvironmentClass: mw1.large", "lower it")


EXTRA = "celery.extra_celery_config"


@pytest.mark.parametrize(
    ("value", "what", "hint"),
    [
        ('{"worker_max_tasks_per_child": 50}', "", ""),
        (
            '{"worker_max_tasks_per_child": 50, "broker_transport_options": {}}',
            f"broker_transport_options in {EXTRA} has no effect",
            "remove broker_transport_options from it",
        ),
        ('{"broker_transport_options": {}}', f"{EXTRA} has no effect", "remove it"),
        ("{worker_max_tasks_per_child: 50}", f"{EXTRA} has no effect", "write a JSON object"),
    ],
)
def test_value_that_is_merged_loses_only_what_mwaa_sets(tmp_path: Path, value: str, what: str, hint: str) -> None:
    known = KnownOptions({"celery": frozenset({"extra_celery_config"})})
    found = findings(tmp_path, {EXTRA: value}, known=known)
    assert [(item.what, item.hint) for item in found] == ([(what, hint)] if what else [])
    if hint.startswith("remove broker"):
        assert "your other keys are kept" in found[0].why


@pytest.mark.parametrize(
    ("options", "script", "told"),
    [
        ({}, "", True),
        ({"secrets.backend": "a.B"}, "", False),
        ({}, "export AIRFLOW__SECRETS__BACKEND=a.B\n", False),
    ],
)
def test_arguments_of_a_secrets_backend_need_the_backend(
    tmp_path: Path, options: dict[str, str], script: str, told: bool
) -> None:
    known = KnownOptions({"secrets": frozenset({"backend", "backend_kwargs"})})
    found = findings(tmp_path, {**options, "secrets.backend_kwargs": "{}"}, "2.10.3", known, script)
    assert [item.what for item in found] == (["secrets.backend_kwargs has no effect"] if told else [])
    if told:
        assert found[0].hint == "set secrets.backend too, or remove it"


@pytest.mark.parametrize(
    ("option", "version", "releases"),
    [
        ("webserver.rbac", "3.3.1", "up to 3.0.6"),
        ("admin.hide_sensitive_variable_fields", "2.10.3", "up to 2.0.2"),
        ("kubernetes.namespace", "2.10.3", "up to 2.4.3"),
        ("smart_sensor.shards", "1.10.12", "from 2.0.2 to 2.2.2"),
        ("dag_processor.refresh_interval", "2.10.3", "from 3.0.6 on"),
        ("webserver.rbac", "3.0.6", ""),
        ("webserver.log_request_clock_grace", "3.3.1", ""),
        ("dag_processor.refresh_interval", "3.0.6", ""),
        ("openlineage.transport", "2.10.3", ""),
    ],
)
def test_section_of_another_release_is_reported_with_the_releases_that_have_it(
    tmp_path: Path, option: str, version: str, releases: str
) -> None:
    found = findings(tmp_path, {option: "5"}, version, KnownOptions({"core": frozenset({"parallelism"})}))
    told = [item for item in found if item.rule == "option-unknown-section"]
    assert len(told) == bool(releases)
    assert all(item.severity == WARNING and f"those {releases} have" in item.why for item in told)


def test_option_of_another_section_is_named_where_this_release_has_it(tmp_path: Path) -> None:
    known = KnownOptions({"scheduler": frozenset({"parsing_processes"})})
    [finding] = findings(tmp_path, {"dag_processor.parsing_processes": "2"}, "2.10.3", known)
    assert finding.hint == "did you mean scheduler.parsing_processes?"


@pytest.mark.parametrize(
    ("option", "value", "version", "instead"),
    [
        ("api.auth_backends", "airflow.api.auth.backend.basic_auth", "2.10.3", "use airflow.api.auth.backend.session"),
        (
            "api.auth_backends",
            "airflow.api.auth.backend.session, airflow.api.auth.backend.basic_auth",
            "2.10.3",
            "use airflow.api.auth.backend.session",
        ),
        (
            "fab.auth_backends",
            "airflow.providers.fab.auth_manager.api.auth.backend.basic_auth",
            "3.2.1",
            "use airflow.providers.fab.auth_manager.api.auth.backend.session",
        ),
        ("api.auth_backend", "airflow.api.auth.backend.basic_auth", "2.2.2", "remove it"),
        ("api.auth_backends", "airflow.api.auth.backend.session", "2.10.3", ""),
    ],
)
def test_password_of_the_rest_api_is_nobodys_on_mwaa(
    tmp_path: Path, option: str, value: str, version: str, instead: str
) -> None:
    names = frozenset({"auth_backend", "auth_backends"})
    found = findings(tmp_path, {option: value}, version, KnownOptions({"api": names, "fab": names}))
    assert [(item.rule, item.severity) for item in found] == ([("option-without-users", WARNING)] if instead else [])
    assert [item.hint.split(", and")[0] for item in found] == ([instead] if instead else [])


def test_option_that_is_gone_is_told_once_whatever_its_value(tmp_path: Path) -> None:
    [finding] = findings(tmp_path, {"api.auth_backends": "airflow.api.auth.backend.basic_auth"}, "3.2.1")
    assert (finding.rule, finding.hint) == ("option-removed", "write fab.auth_backends")


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
    (tmp_path / "mwaa.yaml").write_text("AirflowVersion: 3.3.1\nWeeklyMaintenanceWindowStart: MON:02:00\n")
    project = Project(tmp_path)
    [finding] = ignored_findings(project, Environment.load(project))
    assert (finding.rule, finding.severity, finding.line) == ("environment-member-ignored", "note", 2)
    assert "WeeklyMaintenanceWindowStart" in finding.what
