from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import pytest
import yaml
from botocore.loaders import Loader
from hypothesis import given
from hypothesis import strategies as st

from mwaa_local.environment.classes import DEFAULT_MAX_WORKERS, DEFAULT_MIN_WORKERS, ENVIRONMENT_CLASSES
from mwaa_local.environment.environment import Environment, name_from_folder
from mwaa_local.environment.kinds import AwsMode, Intervals, RuntimeKind
from mwaa_local.environment.local import LocalSettings
from mwaa_local.environment.rules import INPUT_SHAPE, OPTIONS, _with_option_fix
from mwaa_local.environment.service_model import Check, ServiceModel, Violation, matches
from mwaa_local.errors import EnvironmentFileInvalid
from mwaa_local.project import Project
from mwaa_local.release import DEFAULT_AIRFLOW_VERSION, Release

REPOSITORY_DIR = Path(__file__).parents[3]
MODEL = ServiceModel.load()

# The form of what `aws mwaa get-environment` prints, with invented names.
ANSWER: dict[str, Any] = {
    "Environment": {
        "AirflowConfigurationOptions": {"core.parallelism": "40"},
        "AirflowVersion": "2.10.3",
        "Arn": "arn:aws:airflow:eu-west-1:111122223333:environment/Orders",
        "CeleryExecutorQueue": "arn:aws:sqs:eu-west-1:444455556666:airflow-celery-0a1b2c3d",
        "CreatedAt": "2026-01-02T03:04:05.678000+00:00",
        "DagS3Path": "dags",
        "DatabaseVpcEndpointService": "com.amazonaws.vpce.eu-west-1.vpce-svc-0123456789abcdef0",
        "EndpointManagement": "SERVICE",
        "EnvironmentClass": "mw1.medium",
        "ExecutionRoleArn": "arn:aws:iam::111122223333:role/service-role/Orders",
        "LastUpdate": {"CreatedAt": 1767323045.678, "Status": "SUCCESS", "WorkerReplacementStrategy": "FORCED"},
        "LoggingConfiguration": {
            "SchedulerLogs": {
                "CloudWatchLogGroupArn": "arn:aws:logs:eu-west-1:111122223333:log-group:airflow-Orders-Scheduler:*",
                "Enabled": True,
                "LogLevel": "WARNING",
            },
            "TaskLogs": {"Enabled": True, "LogLevel": "DEBUG"},
        },
        "MaxWebservers": 3,
        "MaxWorkers": 7,
        "MinWebservers": 2,
        "MinWorkers": 2,
        "Name": "Orders",
        "NetworkConfiguration": {"SecurityGroupIds": ["sg-01"], "SubnetIds": ["subnet-01", "subnet-02"]},
        "RequirementsS3Path": "requirements.txt",
        "Schedulers": 3,
        "ServiceRoleArn": "arn:aws:iam::111122223333:role/aws-service-role/airflow.amazonaws.com/AWSServiceRole",
        "SourceBucketArn": "arn:aws:s3:::orders-airflow",
        "Status": "AVAILABLE",
        "Tags": {},
        "WebserverAccessMode": "PUBLIC_ONLY",
        "WebserverUrl": "0a1b2c3d.c13.eu-west-1.airflow.amazonaws.com",
        "WebserverVpcEndpointService": "com.amazonaws.vpce.eu-west-1.vpce-svc-0123456789abcdef1",
        "WeeklyMaintenanceWindowStart": "SUN:03:30",
    }
}


class Load(Protocol):
    """Write an environment file, or none, and load it."""

    def __call__(self, content: str | bytes | None, model: ServiceModel | None = None) -> Environment: ...


Refuse = Callable[[str | bytes], EnvironmentFileInvalid]


def project_with(folder: Path, content: str | bytes | None = None) -> Project:
    if content is not None:
        (folder / "mwaa.yaml").write_bytes(content.encode() if isinstance(content, str) else content)
    return Project(folder)


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def load_text(content: str | bytes | None, model: ServiceModel | None = None) -> Environment:
        return Environment.load(project_with(tmp_path, content), model)

    return load_text


@pytest.fixture
def refuse(load: Load) -> Refuse:
    def refused(content: str | bytes) -> EnvironmentFileInvalid:
        with pytest.raises(EnvironmentFileInvalid) as caught:
            load(content)
        return caught.value

    return refused


@pytest.mark.parametrize(
    "content", [None, "", "\n", "# nothing yet\n", "---\n", "{}", "Local:\n", "Environment:\n", "\ufeff"]
)
def test_no_file_and_an_empty_file_give_mwaas_defaults(load: Load, content: str | bytes | None) -> None:
    environment = load(content)
    assert environment.airflow_version == "3.3.1"
    assert environment.environment_class == "mw1.small"
    assert (environment.min_workers, environment.max_workers, environment.schedulers) == (1, 10, 2)
    assert (environment.min_webservers, environment.max_webservers) == (2, 2)
    assert environment.logging_configuration.task_logs.enabled
    assert environment.logging_configuration.task_logs.log_level == "INFO"
    assert not environment.logging_configuration.scheduler_logs.enabled
    assert environment.local == LocalSettings()
    assert environment.ignored_members == ()


@pytest.mark.parametrize("wrapped", [True, False])
@pytest.mark.parametrize("dump", [json.dumps, lambda answer: json.dumps(answer, indent=4), yaml.safe_dump])
def test_output_of_get_environment_pastes_in(load: Load, wrapped: bool, dump: Callable[[object], str]) -> None:
    environment = load(dump(ANSWER if wrapped else ANSWER["Environment"]))
    assert environment.name == "Orders"
    assert environment.airflow_version == "2.10.3"
    assert environment.airflow_configuration_options == {"core.parallelism": "40"}
    assert (environment.min_workers, environment.max_workers, environment.schedulers) == (2, 7, 3)
    assert environment.logging_configuration.scheduler_logs.log_level == "WARNING"
    assert environment.logging_configuration.task_logs.log_level == "DEBUG"
    assert environment.source_bucket_arn == "arn:aws:s3:::orders-airflow"
    assert environment.other_members["NetworkConfiguration"]["SubnetIds"] == ["subnet-01", "subnet-02"]


def test_members_that_only_mwaa_answers_are_named_as_ignored(load: Load) -> None:
    ignored = load(json.dumps(ANSWER)).ignored_members
    assert {"Arn", "Status", "CreatedAt", "LastUpdate", "WebserverUrl", "ServiceRoleArn"} <= set(ignored)
    assert {"CeleryExecutorQueue", "WebserverVpcEndpointService", "DatabaseVpcEndpointService"} <= set(ignored)
    assert "LoggingConfiguration.SchedulerLogs.CloudWatchLogGroupArn" in ignored
    assert "Name" not in ignored


def test_boto3_answer_with_response_metadata_pastes_in(load: Load) -> None:
    assert load(json.dumps({**ANSWER, "ResponseMetadata": {"HTTPStatusCode": 200}})).name == "Orders"


@pytest.mark.parametrize("inside", [True, False])
def test_local_section_may_stand_inside_or_beside_a_pasted_answer(load: Load, inside: bool) -> None:
    answer = copy.deepcopy(ANSWER)
    (answer["Environment"] if inside else answer)["Local"] = {"WebserverPort": 0}
    assert load(json.dumps(answer)).local.webserver_port == 0


def test_local_settings_are_read(load: Load) -> None:
    local = load(
        "Local: {Runtime: process, WebserverPort: 8081, PostgresPort: 5433, BrokerPort: 6380,"
        " AwsPort: 5000, Workers: 2, Aws: host, Intervals: mwaa}"
    ).local
    assert local == LocalSettings(
        runtime=RuntimeKind.PROCESS,
        webserver_port=8081,
        postgres_port=5433,
        broker_port=6380,
        aws_port=5000,
        workers=2,
        aws=AwsMode.HOST,
        intervals=Intervals.MWAA,
    )


def test_micro_class_has_one_of_each_component(load: Load) -> None:
    environment = load("EnvironmentClass: mw1.micro\n")
    assert (environment.schedulers, environment.max_workers, environment.max_webservers) == (1, 1, 1)
    assert environment.environment_class_facts.worker_autoscale == "3,0"


def test_airflow_1_has_one_scheduler(load: Load) -> None:
    assert load("AirflowVersion: 1.10.12\n").schedulers == 1
    assert load("AirflowVersion: 1.10.12\nSchedulers: 1\n").schedulers == 1


def test_min_workers_without_a_file_value_stays_below_the_default_maximum(load: Load) -> None:
    assert load("MinWorkers: 10\n").max_workers == 10


def test_log_levels_left_out_keep_their_defaults(load: Load) -> None:
    logging = load("LoggingConfiguration: {WorkerLogs: {Enabled: yes, LogLevel: ERROR}}\n").logging_configuration
    assert logging.worker_logs.enabled
    assert logging.task_logs.enabled


def test_aliases_are_followed(load: Load) -> None:
    text = "LoggingConfiguration:\n  TaskLogs: &on {Enabled: true, LogLevel: ERROR}\n  WorkerLogs: *on\n"
    assert load(text).logging_configuration.worker_logs.log_level == "ERROR"


def test_keyword_arguments_in_python_names_make_an_environment() -> None:
    environment = Environment(environment_class="mw1.large", max_workers=4)
    assert environment.environment_class_facts.worker_slots == 20


def test_option_values_stay_out_of_repr() -> None:
    assert "hunter2" not in repr(Environment(airflow_configuration_options={"smtp.smtp_password": "hunter2"}))


@pytest.mark.parametrize(
    ("folder", "name"),
    [("orders", "orders"), ("3. My DAGs!", "My-DAGs"), ("проект", "local"), ("-_9", "local"), ("a" * 300, "a" * 64)],
)
def test_name_comes_from_the_folder(folder: str, name: str) -> None:
    assert name_from_folder(folder) == name


@given(st.text())
def test_name_from_any_folder_is_valid_on_mwaa(folder: str) -> None:
    assert list(Check(MODEL).violations("EnvironmentName", name_from_folder(folder), ())) == []


@pytest.mark.parametrize(
    "text", ["True", "no", "5", "1e3", "010", "0x1F", "1:30", "2026-01-02", "1_000", ".5", "-.inf", "=", "<<", "off"]
)
def test_option_value_keeps_its_written_text(load: Load, text: str) -> None:
    assert load(f"{OPTIONS}:\n  core.x: {text}\n").airflow_configuration_options == {"core.x": text}


@given(value=st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1))
@pytest.mark.parametrize("dump", [json.dumps, yaml.safe_dump])
def test_any_printable_option_value_survives(
    tmp_path_factory: pytest.TempPathFactory, dump: Callable[[object], str], value: str
) -> None:
    project = project_with(tmp_path_factory.mktemp("p"), dump({OPTIONS: {"app.value": value}}))
    assert Environment.load(project).airflow_configuration_options == {"app.value": value}


@given(value=st.one_of(st.integers(-(10**9), 10**9), st.floats(allow_nan=False), st.booleans()))
def test_json_numbers_and_booleans_arrive_as_their_text(
    tmp_path_factory: pytest.TempPathFactory, value: int | float | bool
) -> None:
    project = project_with(tmp_path_factory.mktemp("p"), json.dumps({OPTIONS: {"app.value": value}}))
    assert Environment.load(project).airflow_configuration_options == {"app.value": json.dumps(value)}


@pytest.mark.parametrize(
    ("line", "rule", "hint"),
    [
        ("core.x:", "has no value", "quotes"),
        ("core.x: ~", "has no value", "remove the line"),
        ("core.x: [1]", "must be text, not a list", "quotes"),
        ("core.x: {a: 1}", "must be text, not a mapping", "quotes"),
        ("core: {x: 1}", "must be text, not a mapping", "core.option"),
        ("core.x: ''", "at least 1 character", ""),
        (f"core.x: {'a' * 65537}", "must have at most 65536 characters, not 65537", "at most 65536"),
        ("core.x: 'é'", "must match [ -~]+", "printable ASCII"),
        ("core.x: |\n    {}", "must match [ -~]+", "one line"),
        ("parallelism: 4", "has no section", "core.parallelism"),
        ("a.b.c: 4", "has 2 dots", "dot"),
        ("AIRFLOW__CORE__PARALLELISM: 4", "the key must match", "write core.parallelism"),
        ("Core.Parallelism: 4", "the key must match", "write core.parallelism"),
        ("core.my-option: 4", "the key must match", "write core.my_option"),
        ("core.: 4", "the key must match", "section.option"),
        (f"core.{'x' * 60}: 4", "the key must have at most 64 characters", "at most 64"),
    ],
)
def test_wrong_option_is_refused_with_its_fix(refuse: Refuse, line: str, rule: str, hint: str) -> None:
    error = refuse(f"{OPTIONS}:\n  {line}\n")
    assert error.why.startswith(f"mwaa.yaml:2: {OPTIONS}.")
    assert rule in error.why
    assert hint in error.hint
    assert len(error.why.splitlines()) == 1


@pytest.mark.parametrize("rule", ["must have at most 64 characters", "has no section", "must match x", "perdu"])
@pytest.mark.parametrize("about_key", [True, False])
def test_which_fix_is_shown_does_not_depend_on_words(rule: str, about_key: bool) -> None:
    violation = Violation((OPTIONS, "a.b"), rule, "its own", about_key=about_key)
    assert _with_option_fix(violation, {"a.b": 1}).fix != "its own"
    assert _with_option_fix(replace(violation, fix_is_exact=True), {"a.b": 1}).fix == "its own"


@pytest.mark.parametrize(
    "text",
    [
        f"{OPTIONS}: 'smtp.pw:hunter2'",
        f"{OPTIONS}: [hunter2]",
        f"{OPTIONS}:\n  smtp.pw: 'hünter2 hunter2'",
        f"{OPTIONS}:\n  smtp.pw: [hunter2]",
        f"{OPTIONS}:\n  smtp.pw: {{hunter2}}",
        f"{OPTIONS}:\n  smtp.pw: *hunter2",
        f"{OPTIONS}:\n  smtp.pw: !hunter2",
        f"{OPTIONS}:\n  smtp.pw: !hunter2!x y",
        f"{OPTIONS}:\n  smtp.pw: @hunter2",
        f"{OPTIONS}:\n  smtp.pw: 'hunter2",
        f'{OPTIONS}:\n  smtp.pw: "hunter2\\q"',
        f"{OPTIONS}:\n  smtp.pw: a: hunter2",
        f"{OPTIONS}: {{smtp.pw=hunter2}}",
        f"{OPTIONS}: {{'smtp.pw:hunter2': 1}}",
        f"{OPTIONS}:\n  SMTP.PW: hunter2",
        f"{OPTIONS}:\n  smtp: {{pw: hunter2}}",
        f"{OPTIONS}: {{'smtp.pw=hunter2': {{a: 1}}}}",
        f"{OPTIONS}: {{'smtp.pw hunter2': []}}",
        "smtp.pw: hunter2",
        "AirflowConfigurationOption: {smtp.pw: hunter2}",
        f"{OPTIONS}:\n  smtp.pw: hunter2\n  smtp.pw: hunter2",
    ],
)
def test_no_error_repeats_an_option_value(refuse: Refuse, text: str) -> None:
    assert "hunter2" not in str(refuse(text))


@pytest.mark.parametrize(
    ("text", "why", "hint"),
    [
        ("MinWorkers: 0", "mwaa.yaml:1: MinWorkers: must be at least 1, not 0", "at least 1"),
        ("Schedulers: 6", "mwaa.yaml:1: Schedulers: must be at most 5, not 6", "at most 5"),
        ("Schedulers: 1", "mwaa.yaml:1: Schedulers: must be at least 2", "write Schedulers: 2"),
        ("MinWorkers: '2'", 'must be a whole number, not the text "2"', "take the quotes away: MinWorkers: 2"),
        ("MinWorkers: 1.5", "must be a whole number, not 1.5", "whole number"),
        ("MinWorkers: true", "must be a whole number, not true", "whole number"),
        ("MinWorkers:", "has no value", "remove the line"),
        ("MinWorkers: [1]", "must be a whole number, not a list", ""),
        ("# two lines\n\nMinWorkers: 0", "mwaa.yaml:3: MinWorkers", ""),
        ("Name: 9lives", "must match [a-zA-Z][0-9a-zA-Z-_]*", "pattern"),
        (f"Name: {'a' * 81}", "must have at most 80 characters, not 81", ""),
        (
            "AirflowVersion: 2.10",
            "mwaa.yaml:1: AirflowVersion: must be text, not 2.10",
            'quotes: AirflowVersion: "2.10"',
        ),
        ("AirflowVersion: 9.9.9", "mwaa.yaml:1: AirflowVersion: ", "mwaa-local releases"),
        ("EnvironmentClass: mw1.smal", "must be one of mw1.micro, mw1.small", "write mw1.small"),
        ("WebserverAccessMode: PUBLIC", "must be one of PRIVATE_ONLY, PUBLIC_ONLY", "PUBLIC_ONLY"),
        (
            "MinWorkers: 5\nMaxWorkers: 4",
            "mwaa.yaml:1: MinWorkers: must not be more than MaxWorkers (4)",
            "MaxWorkers: 5",
        ),
        ("MinWorkers: 11", "MaxWorkers (10, MWAA's default), but is 11", "MaxWorkers: 11"),
        ("MaxWebservers: 2\nMinWebservers: 3", "mwaa.yaml:2: MinWebservers: must not be more", "MaxWebservers: 3"),
        ("EnvironmentClass: mw1.micro\nMaxWorkers: 2", "mwaa.yaml:2: MaxWorkers: must be 1 in mw1.micro", "mw1.small"),
        ("EnvironmentClass: mw1.micro\nSchedulers: 2", "mwaa.yaml:2: Schedulers: must be 1 in mw1.micro", "mw1.small"),
        ("AirflowVersion: 1.10.12\nSchedulers: 2", "must be 1 under Airflow 1", "Schedulers: 1"),
        (
            "AirflowVersion: 3.0.6\nWebserverAccessMode: PUBLIC_AND_PRIVATE",
            "mwaa.yaml:2: WebserverAccessMode: PUBLIC_AND_PRIVATE needs Airflow 3.2.1 or later, not 3.0.6",
            "PUBLIC_ONLY",
        ),
        (
            "NetworkConfiguration:\n  SubnetIds: [subnet-1]",
            "mwaa.yaml:2: NetworkConfiguration.SubnetIds: must have at",
            "",
        ),
        (
            "NetworkConfiguration:\n  SubnetIds:\n    - subnet-1\n    - sub\n",
            "mwaa.yaml:4: NetworkConfiguration.SubnetIds[1]: must match subnet-",
            "",
        ),
        (
            "LoggingConfiguration:\n  TaskLogs: {Enabled: true}",
            "mwaa.yaml:2: LoggingConfiguration.TaskLogs: must have",
            "add",
        ),
        (
            "LoggingConfiguration:\n  TaskLogs: {Enabled: true, LogLevel: info}",
            "must be one of CRITICAL",
            "LogLevel: INFO",
        ),
        (
            "LoggingConfiguration:\n  TaskLogs: {Enabled: true, LogLevel: WARN}",
            "must be one of CRITICAL",
            "write LogLevel: WARNING",
        ),
        ("Name: a\nMinWorkers: 1\nName: b", "mwaa.yaml:3: Name: given twice; first on line 1", "keep one Name"),
        ("Environment:\n  MinWorkers: 0", "mwaa.yaml:2: MinWorkers: must be at least 1", ""),
        ("Environment: {Name: a}\nMinWorkers: 2", "mwaa.yaml:2: MinWorkers: is outside of Environment", "indent"),
        ("Environment: {Local: {Workers: 1}}\nLocal: {}", "mwaa.yaml:2: Local: is given inside", "keep one Local"),
        ("Tags: {'a$': b}", "Tags.a$: the key must match", ""),
        ("Name: !Ref x", "starts with ! is a YAML tag", "quotes"),
        ("<<: {Name: a}", "merge keys", ""),
        ("[a]: b", "a name must be text", ""),
    ],
)
def test_wrong_member_is_refused_with_line_rule_and_fix(refuse: Refuse, text: str, why: str, hint: str) -> None:
    error = refuse(text)
    assert why in error.why
    assert hint in error.hint
    assert error.hint
    assert "mwaa.yaml has 1 problem" in error.what


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("min_workers", "write MinWorkers instead"),
        ("minWorkers", "write MinWorkers instead"),
        ("min-workers", "write MinWorkers instead"),
        ("MinWorker", "write MinWorkers instead"),
        ("airflow_configuration_options", "write AirflowConfigurationOptions instead"),
        ("DagsS3Path", "write DagS3Path instead"),
        ("local", "write Local instead"),
        ("WebserverPort", "move it into the Local section, as WebserverPort"),
        ("webserver_port", "move it into the Local section, as WebserverPort"),
        ("core.parallelism", "inside AirflowConfigurationOptions"),
        ("Colour", "remove Colour"),
    ],
)
def test_unknown_member_gets_the_name_that_was_meant(refuse: Refuse, key: str, hint: str) -> None:
    error = refuse(f"{key}: 1\n")
    assert f"mwaa.yaml:1: {key}: is not a member of MWAA's CreateEnvironment" in error.why
    assert hint in error.hint


def test_all_problems_are_listed_at_once_in_order_of_lines(refuse: Refuse) -> None:
    error = refuse("Local: {Workers: 0}\nSchedulers: 9\nfoo: 1\nMinWorkers: x\nEnvironmentClass: big\n")
    assert [line.split(":")[1] for line in error.why.splitlines()] == ["1", "2", "3", "4", "5"]
    assert [line.split(":")[0] for line in error.hint.splitlines()] == [f"line {number}" for number in range(1, 6)]
    assert error.what.endswith("mwaa.yaml has 5 problems")


def test_broken_member_does_not_cause_a_second_error_elsewhere(refuse: Refuse) -> None:
    error = refuse("MinWorkers: 20\nMaxWorkers: '30'\nEnvironmentClass: mw1.micr\nSchedulers: 1\n")
    assert len(error.why.splitlines()) == 2


@pytest.mark.parametrize(
    ("line", "rule", "hint"),
    [
        ("Runtime: dcker", "must be one of auto, process, docker", "write Runtime: docker"),
        ("Aws: true", "must be one of none, host, local, profile, the URL of an emulator, not true", "write Aws: "),
        ("Aws: lokal", "must be one of none, host, local, profile, the URL of an emulator", "write Aws: local"),
        ("Aws: ftp://localhost", 'cannot be "ftp://localhost"', "http://localhost:4566"),
        ("Aws: http://localhost:4566/path", 'cannot be "http://localhost:4566/path"', "without path and user"),
        ("Aws: http://me:pw@localhost", "cannot be ", "without path and user"),
        ("Intervals: [1]", "must be one of fast, mwaa", "write Intervals: fast"),
        ("WebserverPort: 65536", "must be at most 65535, not 65536", "at most 65535"),
        ("PostgresPort: -1", "must be at least 0, not -1", "at least 0"),
        ("BrokerPort: '80'", 'must be a whole number, not the text "80"', "take the quotes away: BrokerPort: 80"),
        ("BrokerPort: yes", "must be a whole number, not yes", "whole number"),
        ("AwsPort: '5000'", 'must be a whole number, not the text "5000"', "take the quotes away: AwsPort: 5000"),
        ("Workers: 0", "must be at least 1, not 0", "at least 1"),
        ("webserver_port: 1", "is not a member of the Local section", "write WebserverPort instead"),
        ("WebserverNames: a.example", "must be a list, not", "write WebserverNames: [my-machine.example.com]"),
        ("WebserverNames: ['http://a.example']", "cannot hold", "without http://, port and path"),
        ("WebserverNames: ['a.example:8080']", "cannot hold", "without http://, port and path"),
        ("WebserverNames: ['*.example']", "cannot hold", "without http://, port and path"),
        ("WebserverNames: ['a,b']", "cannot hold", "without http://, port and path"),
        ("Https: 'yes'", 'must be true or false, not "yes"', "write Https: true"),
        ("Https: 1", "must be true or false, not 1", "write Https: true"),
        ("SystemPackages: jq", "must be a list, not", "write SystemPackages: [default-jre-headless]"),
        ("Speed: 1", "is not a member of the Local section", "known here: ApiPort, Aws, AwsPort, AwsProfile, Base"),
    ],
)
def test_wrong_local_setting_is_refused_with_line_rule_and_fix(refuse: Refuse, line: str, rule: str, hint: str) -> None:
    error = refuse(f"Local:\n  {line}\n")
    assert error.why.startswith(f"mwaa.yaml:2: Local.{line.split(':')[0]}: ")
    assert rule in error.why
    assert hint in error.hint


def test_enforcement_needs_a_local_aws_and_a_role(load: Load, refuse: Refuse) -> None:
    error = refuse("ExecutionRoleArn: arn:aws:iam::123456789012:role/r\nLocal:\n  EnforceIam: true\n")
    assert error.why.count("mwaa.yaml:3: Local.EnforceIam: has an effect with Aws: local alone") == 1
    assert "EnforceIam" not in refuse("Local:\n  Aws: locale\n  EnforceIam: true\n").why  # the typo is the cause
    error = refuse("Local:\n  Aws: local\n  EnforceIam: true\n")
    assert "mwaa.yaml:3: Local.EnforceIam: needs ExecutionRoleArn" in error.why
    assert "ExecutionRoleArn: arn:aws:iam::123456789012:role/NAME" in error.hint
    text = "ExecutionRoleArn: arn:aws:iam::123456789012:role/r\nLocal: {Aws: local, EnforceIam: true}\n"
    assert load(text).local.enforce_iam


def test_name_of_a_profile_is_one_that_aws_takes(load: Load, refuse: Refuse) -> None:
    assert "AwsProfile" in refuse("Local: {Aws: profile, AwsProfile: '[prod]'}\n").why
    assert load("Local: {Aws: profile, AwsProfile: my prod}\n").local.aws_profile == "my prod"


def test_names_of_the_web_server_are_compared_in_small_letters(load: Load) -> None:
    names = load("Local:\n  WebserverNames: [My-Machine.local, 'FD00::A']\n").local.webserver_names
    assert names == ("my-machine.local", "fd00::a")


def test_local_section_that_is_no_mapping_is_refused(refuse: Refuse) -> None:
    assert "mwaa.yaml:1: Local: must be a mapping" in refuse("Local: 8080\n").why


@pytest.mark.parametrize(
    ("text", "why", "hint"),
    [
        ("Name: a\nMinWorkers: b: c\n", "mwaa.yaml:2: not valid YAML at column 14", "quotes"),
        ("Name: a\n\tMinWorkers: 1\n", "mwaa.yaml:2: not valid YAML at column 1", "spaces, not tabs"),
        ("Name: @a\n", "mwaa.yaml:1: not valid YAML at column 7", "quotes"),
        ("Name: [a\n", "not valid YAML", ""),
        ("Name: a\n---\nName: b\n", "mwaa.yaml:2: not valid YAML", "one document"),
        ("- Name\n", "mwaa.yaml:1: must be a mapping of names to values, not a list", "Name: value"),
        ("MinWorkers 1\n", "mwaa.yaml:1: must be a mapping of names to values", "Name: value"),
        ("Environment: [1]\n", "mwaa.yaml:1: Environment: must be a mapping", ""),
        ("Name: a\nTags: {a: \x07}\n", "mwaa.yaml:2: the character U+0007 is not allowed", "remove"),
        ("Name: a\n".encode("utf-16"), "not UTF-8 text", "save the file as UTF-8"),
        (b"Name: a\nTags: {a: \xe9}\n", "mwaa.yaml:2: not UTF-8 text", "UTF-8"),
        ("[" * 100_000, "mwaa.yaml:1: nested deeper", ""),
        ("- " * 100_000, "mwaa.yaml:1: nested deeper", ""),
        ("Tags: &a [*a]\n", "nested deeper", ""),
    ],
)
def test_unreadable_content_is_refused_with_its_place(refuse: Refuse, text: str, why: str, hint: str) -> None:
    error = refuse(text)
    assert why in error.why
    assert hint in error.hint
    assert error.hint


def test_aliases_of_aliases_do_not_grow_without_end(refuse: Refuse) -> None:
    lines = ["Tags:", "  a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"  a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, 12)]
    assert "nested deeper" in refuse("\n".join(lines)).why


def test_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mwaa.yaml").mkdir()
    with pytest.raises(EnvironmentFileInvalid, match="is a folder"):
        Environment.load(Project(tmp_path))


def test_link_to_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mwaa.yaml").symlink_to("gone.yaml")
    with pytest.raises(EnvironmentFileInvalid, match="does not exist") as caught:
        Environment.load(Project(tmp_path))
    assert "gone.yaml" in caught.value.why


def test_unreadable_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mwaa.yaml").symlink_to("mwaa.yaml")
    with pytest.raises(EnvironmentFileInvalid, match="cannot read"):
        Environment.load(Project(tmp_path))


@given(st.text())
def test_any_text_loads_or_is_refused_in_words(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    project = project_with(tmp_path_factory.mktemp("p"), text.encode(errors="replace"))
    try:
        Environment.load(project)
    except EnvironmentFileInvalid as error:
        assert error.why and error.hint


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*MODEL.members(INPUT_SHAPE), "Local", "Environment"]), _VALUES, max_size=4))
def test_any_value_of_any_member_loads_or_is_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, members: dict[str, object]
) -> None:
    project = project_with(tmp_path_factory.mktemp("p"), yaml.safe_dump(members))
    try:
        Environment.load(project)
    except EnvironmentFileInvalid as error:
        assert error.why and error.hint


def test_model_is_the_one_that_botocores_own_loader_gives() -> None:
    assert MODEL.shapes == Loader().load_service_model("mwaa", "service-2")["shapes"]


def test_reading_the_file_does_not_import_botocore(tmp_path: Path) -> None:
    (tmp_path / "mwaa.yaml").write_text("MinWorkers: 2\n")
    code = (
        "import sys; from pathlib import Path; from mwaa_local.environment.environment import Environment;"
        "from mwaa_local.project import Project; Environment.load(Project(Path(sys.argv[1])));"
        "print('botocore' in sys.modules)"
    )
    argv = [sys.executable, "-c", code, str(tmp_path)]
    assert subprocess.run(argv, cwd=REPOSITORY_DIR, capture_output=True, text=True, check=True).stdout == "False\n"


def test_member_of_a_newer_model_is_checked_and_kept(load: Load) -> None:
    shapes = copy.deepcopy(dict(MODEL.shapes))
    shapes[INPUT_SHAPE]["members"]["Retries"] = {"shape": "Retries"}
    shapes["Retries"] = {"type": "integer", "max": 3}
    newer = ServiceModel(shapes)
    assert load("Retries: 2\n", newer).other_members == {"Retries": 2}
    with pytest.raises(EnvironmentFileInvalid, match="has 1 problem") as caught:
        load("Retries: 4\n", newer)
    assert caught.value.why == "mwaa.yaml:1: Retries: must be at most 3, not 4"


def test_limits_come_from_the_model(load: Load) -> None:
    shapes: dict[str, Any] = copy.deepcopy(dict(MODEL.shapes))
    shapes["Schedulers"]["max"] = 8
    assert load("Schedulers: 8\n", ServiceModel(shapes)).schedulers == 8


def test_every_declared_member_is_one_of_mwaas() -> None:
    declared = {field.alias for field in Environment.model_fields.values()}
    assert declared - set(MODEL.members(INPUT_SHAPE)) == {"Local", "OtherMembers", "IgnoredMembers"}


def test_every_pattern_of_the_model_can_be_checked() -> None:
    unanswerable = "\N{SNOWMAN}\n"
    patterns = {shape["pattern"] for shape in MODEL.shapes.values() if "pattern" in shape}
    assert {pattern for pattern in patterns if matches(pattern, unanswerable)} == set()


@pytest.mark.parametrize(
    ("text", "fits"), [("Käse 1", True), ("Ⅷ", True), ("a\u00a0b", True), ("", True), ("a$", False), ("☃", False)]
)
def test_unicode_categories_in_patterns(text: str, fits: bool) -> None:
    assert matches(r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)", text) is fits


def test_pattern_that_python_cannot_read_refuses_nothing() -> None:
    assert matches(r"\p{L}+[", "anything")


def test_classes_match_the_user_guide() -> None:
    # MWAA user guide, "Configuring the Amazon MWAA environment class".
    rows = [
        (row.name, row.dag_capacity, row.worker_autoscale, row.triggerer_capacity)
        for row in ENVIRONMENT_CLASSES.values()
    ]
    assert rows[1:] == [
        ("mw1.small", 50, "5,0", 60),
        ("mw1.medium", 250, "10,0", 125),
        ("mw1.large", 1000, "20,0", 250),
        ("mw1.xlarge", 2000, "40,0", 500),
        ("mw1.2xlarge", 4000, "80,0", 1000),
    ]
    assert rows[0][:3] == ("mw1.micro", 25, "3,0")


def test_worker_slots_are_the_first_number_of_worker_autoscale() -> None:
    for row in ENVIRONMENT_CLASSES.values():
        assert row.worker_autoscale.split(",") == [str(row.worker_slots), "0"]


def test_sample_file_is_valid_and_shows_an_option_for_dags() -> None:
    environment = Environment.load(Project(REPOSITORY_DIR))
    assert environment.airflow_version == "3.3.1"
    assert environment.environment_class == "mw1.small"
    assert environment.airflow_configuration_options["app.greeting"] == "Hello from mwaa.yaml"
    assert environment.local == LocalSettings()


def test_sample_files_commented_local_settings_are_the_defaults(load: Load) -> None:
    lines = (REPOSITORY_DIR / "mwaa.yaml").read_text().splitlines()
    shown = [line.replace("  # ", "  ", 1) for line in lines if line.startswith("  # ")]
    settings = load("\n".join(["Local:", *shown])).local
    # These follow from other members and the machine; the sample shows what then comes out.
    assert settings.base_image == Release.load(DEFAULT_AIRFLOW_VERSION).base_image
    assert (settings.workers, settings.max_workers) == (DEFAULT_MIN_WORKERS, DEFAULT_MAX_WORKERS)
    following = {"workers": None, "max_workers": None, "base_image": None, "aws_profile": None}
    assert settings.model_copy(update=following) == LocalSettings()
    assert settings.model_fields_set == set(LocalSettings.model_fields)
