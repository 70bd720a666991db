"""The layers of a component's environment: who may set what, and who is told that a value had no effect.

Golden files: `golden/options_<release>.json` hold the whole result for one environment per generation. After a wanted
change write them anew and read the difference: `python -m tests.unit.configuration.test_merge` in the repository.
"""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from mwaa_local.cli import options as command
from mwaa_local.configuration.celery_defaults import OWN_CONSUMER, PATIENT_CONSUMER, WITHOUT_REDUCTION
from mwaa_local.configuration.class_defaults import class_defaults
from mwaa_local.configuration.explain import explain
from mwaa_local.configuration.layers import Layer
from mwaa_local.configuration.local_values import LocalValues
from mwaa_local.configuration.merge import (
    CELERY_CONFIG_VARIABLE,
    COMPONENTS,
    EXTRA_CELERY_CONFIG,
    PLACEHOLDERS,
    WEBSERVER_NAMES_VARIABLE,
    MergedVariables,
    celery_config,
    merge,
    startup_view,
    user_notes,
    webserver_names,
    worker_queues,
)
from mwaa_local.configuration.option_names import option_name, translate, variable_name
from mwaa_local.configuration.spellings import OLDER_SPELLINGS
from mwaa_local.environment.environment import Environment
from mwaa_local.environment.kinds import Intervals
from mwaa_local.environment.local import LocalSettings
from mwaa_local.errors import ComponentUnknown, ConfigOptionInvalid, MwaaLocalError, StateCorrupted
from mwaa_local.project import Project
from mwaa_local.release import Packages, Release

GOLDEN_DIR = Path(__file__).parents[1] / "golden"
GOLDEN_RELEASES = ("3.3.1", "2.10.3", "2.2.2")

VALUES = LocalValues(
    database_url="postgresql+psycopg2://airflow:db-pass@127.0.0.1:5432/airflow",
    result_backend="db+postgresql+psycopg2://airflow:db-pass@127.0.0.1:5432/airflow",
    broker_url="redis://:broker-pass@127.0.0.1:6379/0",
    default_queue="celery-queue",
    fernet_key="a-fernet-key",
    secret_key="a-secret-key",
    jwt_secret="a-jwt-secret",
    web_url="http://localhost:8080",
    execution_api_url="http://127.0.0.1:8080/execution/",
    airflow_home="/usr/local/airflow",
)
CONTAINER = {"PATH": "/bin", "AIRFLOW_HOME": "/usr/local/airflow", "MWAA__CORE__AUTH_TYPE": "none", "TZ": "UTC"}


def make_release(**changes: Any) -> Release:
    """Return a release with one value per table, so that every test says what it is about."""
    plain: dict[str, Any] = {
        "airflow_version": "2.10.3",
        "python_version": "3.11",
        "python_full_version": "3.11.9",
        "supported_pythons": ("3.11",),
        "state": "offered",
        "available_since": "2024-12-18",
        "end_of_support": "",
        "operating_system": "Amazon Linux 2023",
        "aws_cli_version": "1.45.56",
        "pip_version": "26.2.1",
        "providers": {},
        "packages": Packages(base={"celery": "5.2.0", "kombu": "5.2.1"}),
        "essential_constraints": {},
        "constraints_injected": True,
        "constraints_urls": (),
        "startup_script": True,
        "generation": "2.x",
        "python_argv": ("-m", "airflow"),
        "migrate_argv": (),
        "webserver_argv": (),
        "scheduler_argv": (),
        "dag_processor_argv": (),
        "triggerer_argv": (),
        "worker_argv": (),
        "create_user_argv": None,
        "list_dags_argv": (),
        "runs_without_date": True,
        "test_dag_argv": None,
        "failed_deps_argv": (),
        "login": "",
        "health_path": "/health",
        "rest_base": "/api/v1",
        "preload": (),
        "forced_options": {"core.executor": "CeleryExecutor"},
        "default_options": {"scheduler.task_queued_timeout": "1800.0"},
        "local_forced_options": {"database.sql_alchemy_conn": "{database_url}"},
        "local_default_options": {"scheduler.dag_dir_list_interval": "2"},
        "default_variables": {"AIRFLOW_CONN_AWS_DEFAULT": "aws://"},
        "class_options": {
            "celery.worker_autoscale": "{worker_autoscale}",
            "core.parallelism": "{parallelism}",
            "scheduler.parsing_processes": "{parsing_processes}",
            "triggerer.default_capacity": "{triggerer_capacity}",
        },
        "protected_variables": ("AIRFLOW_HOME", "AIRFLOW__WEBSERVER__BASE_URL"),
    }
    return Release(**{**plain, **changes})


AIRFLOW_3 = {"airflow_version": "3.3.1", "generation": "3.x", "queue_aliases": ("default",)}


def make_environment(options: dict[str, str] | None = None, **members: Any) -> Environment:
    return Environment(airflow_configuration_options=options or {}, **members)


def merged(
    options: dict[str, str] | None = None,
    exports: dict[str, str] | None = None,
    *,
    release: Release | None = None,
    environment: Environment | None = None,
    component: str = "scheduler",
    container: dict[str, str] | None = None,
) -> MergedVariables:
    return merge(
        release or make_release(),
        environment or make_environment(options),
        VALUES,
        component=component,
        container=CONTAINER if container is None else container,
        startup_exports=exports or {},
    )


# Names and values that MWAA takes (botocore's `mwaa` model: ConfigKey, ConfigValue), in the usual section.key form.
words = st.lists(st.text("abcxyz", min_size=1, max_size=6), min_size=1, max_size=3).map("_".join)
option_names = st.builds("{}.{}".format, words, words)
option_values = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1)
option_maps = st.dictionaries(option_names, option_values, max_size=5)
export_maps = st.dictionaries(st.sampled_from(["A", "PATH", "TZ"]), option_values)


# Names.


def test_option_becomes_airflow_variable() -> None:
    assert variable_name("core.default_task_retries") == "AIRFLOW__CORE__DEFAULT_TASK_RETRIES"


def test_any_section_is_allowed() -> None:
    # MWAA user guide, "Using Apache Airflow configuration options": custom options, foo.user
    assert translate({"app.env": "dev"}) == {"AIRFLOW__APP__ENV": "dev"}


@pytest.mark.parametrize("option", ["executor", "", "core.", ".executor", ".", "core.a.b"])
def test_option_that_is_not_section_and_key_is_refused(option: str) -> None:
    with pytest.raises(ConfigOptionInvalid) as caught:
        translate({option: "x"})
    assert repr(option) in caught.value.what
    assert caught.value.why and caught.value.hint


def test_two_options_for_one_variable_are_refused() -> None:
    with pytest.raises(ConfigOptionInvalid, match="are the same"):
        translate({"a.b__c": "1", "a__b.c": "2"})


@pytest.mark.parametrize(
    "name", ["PATH", "AIRFLOW_HOME", "AIRFLOW__CORE", "AIRFLOW__CORE__", "AIRFLOW____X", "X__A__B"]
)
def test_variable_that_sets_no_option_has_no_option_name(name: str) -> None:
    assert option_name(name) is None


@given(option_maps)
def test_translate_keeps_values_and_order_and_can_be_undone(options: dict[str, str]) -> None:
    variables = translate(options)
    assert list(variables.values()) == list(options.values())
    assert [option_name(name) for name in variables] == list(options)


# One layer against another: (what is set, who wins).


@pytest.mark.parametrize(
    ("name", "options", "exports", "value", "source"),
    [
        ("TZ", {}, {}, "UTC", Layer.CONTAINER),
        ("PATH", {}, {"PATH": "/x"}, "/x", Layer.STARTUP_SCRIPT),
        ("AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT", {}, {}, "1800.0", Layer.IMAGE_DEFAULT),
        (
            "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT",
            {},
            {"AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "5"},
            "5",
            Layer.STARTUP_SCRIPT,
        ),
        (
            "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT",
            {"scheduler.task_queued_timeout": "6"},
            {"AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "5"},
            "6",
            Layer.OPTION,
        ),
        ("AIRFLOW_CONN_AWS_DEFAULT", {}, {"AIRFLOW_CONN_AWS_DEFAULT": "aws://x"}, "aws://x", Layer.STARTUP_SCRIPT),
        ("AIRFLOW__CELERY__WORKER_AUTOSCALE", {}, {}, "5,0", Layer.CLASS_DEFAULT),
        ("AIRFLOW__CELERY__WORKER_AUTOSCALE", {"celery.worker_autoscale": "2,2"}, {}, "2,2", Layer.OPTION),
        # Reserved: MWAA user guide, "Using a startup script".
        (
            "AIRFLOW__CELERY__WORKER_AUTOSCALE",
            {},
            {"AIRFLOW__CELERY__WORKER_AUTOSCALE": "9,9"},
            "5,0",
            Layer.CLASS_DEFAULT,
        ),
        (
            "AIRFLOW__TRIGGERER__DEFAULT_CAPACITY",
            {},
            {"AIRFLOW__TRIGGERER__DEFAULT_CAPACITY": "9"},
            "9",
            Layer.STARTUP_SCRIPT,
        ),
        ("AIRFLOW__SCHEDULER__DAG_DIR_LIST_INTERVAL", {}, {}, "2", Layer.LOCAL_DEFAULT),
        ("AIRFLOW__SCHEDULER__DAG_DIR_LIST_INTERVAL", {"scheduler.dag_dir_list_interval": "9"}, {}, "9", Layer.OPTION),
        ("AIRFLOW_HOME", {}, {"AIRFLOW_HOME": "/tmp"}, "/usr/local/airflow", Layer.PROTECTED),
        ("MWAA__CORE__AUTH_TYPE", {}, {"MWAA__CORE__AUTH_TYPE": "x"}, "none", Layer.PROTECTED),
        # Protected means restored: what the container never had is not blocked (amazon-mwaa-docker-images).
        ("MWAA__NEW", {}, {"MWAA__NEW": "x"}, "x", Layer.STARTUP_SCRIPT),
        ("AIRFLOW__WEBSERVER__BASE_URL", {"webserver.base_url": "http://a"}, {}, "http://a", Layer.OPTION),
        ("AIRFLOW__CORE__EXECUTOR", {"core.executor": "LocalExecutor"}, {}, "CeleryExecutor", Layer.ESSENTIAL),
        ("AIRFLOW__CORE__EXECUTOR", {}, {"AIRFLOW__CORE__EXECUTOR": "X"}, "CeleryExecutor", Layer.ESSENTIAL),
        ("MWAA_AIRFLOW_COMPONENT", {}, {"MWAA_AIRFLOW_COMPONENT": "x"}, "scheduler", Layer.ESSENTIAL),
        (
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
            {"database.sql_alchemy_conn": "sqlite://"},
            {},
            VALUES.database_url,
            Layer.LOCAL_ESSENTIAL,
        ),
    ],
)
def test_stronger_layer_wins(
    name: str, options: dict[str, str], exports: dict[str, str], value: str, source: Layer
) -> None:
    variable = merged(options, exports).variables[name]
    assert (variable.value, variable.source) == (value, source)


def test_layers_stand_in_the_order_in_which_mwaa_merges_them() -> None:
    # amazon-mwaa-docker-images, setup_environment.py; class and local layers are placed by us
    mwaa = [Layer.CONTAINER, Layer.IMAGE_DEFAULT, Layer.STARTUP_SCRIPT, Layer.OPTION, Layer.PROTECTED, Layer.ESSENTIAL]
    assert [layer for layer in Layer if layer in mwaa] == mwaa


def test_protected_variable_beats_option_when_the_container_has_it() -> None:
    container = {"AIRFLOW__WEBSERVER__BASE_URL": "http://real"}
    result = merged({"webserver.base_url": "http://mine"}, container=container)
    assert result.get("webserver.base_url") == result.variables["AIRFLOW__WEBSERVER__BASE_URL"]
    assert result.as_env()["AIRFLOW__WEBSERVER__BASE_URL"] == "http://real"
    assert [note.value for note in user_notes(result)] == ["http://mine"]


@given(option_maps, export_maps)
def test_forced_option_always_wins_and_an_unset_one_never_appears(
    options: dict[str, str], exports: dict[str, str]
) -> None:
    options = {**options, "core.executor": "LocalExecutor"}
    env = merged(options, exports).as_env()
    ours = merged(container={}).as_env()
    assert env["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"
    assert set(env) == {*CONTAINER, *ours, *translate(options), *exports}
    assert all(env[name] == value for name, value in translate(options).items() if name not in ours)


@given(option_maps)
def test_every_value_of_the_user_holds_or_is_noted(options: dict[str, str]) -> None:
    result = merged(options)
    noted = {note.name for note in user_notes(result)}
    for name, value in translate(options).items():
        assert result.as_env()[name] == value or name in noted


# Placeholders.


def test_placeholders_of_the_tables_are_filled_and_json_is_left_alone() -> None:
    json_value = '{"connections_lookup_pattern": "^(?!aws_default$).*$"}'
    result = merged(release=make_release(default_options={"secrets.backend_kwargs": json_value}))
    assert result.as_env()["AIRFLOW__SECRETS__BACKEND_KWARGS"] == json_value
    assert result.as_env()["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == VALUES.database_url


def test_placeholders_in_the_users_values_are_not_filled() -> None:
    result = merged({"app.a": "{fernet_key}"}, {"B": "{fernet_key}"}, container={"C": "{fernet_key}"})
    assert [result.as_env()[name] for name in ("AIRFLOW__APP__A", "B", "C")] == ["{fernet_key}"] * 3


def test_filled_value_is_not_filled_again() -> None:
    values = LocalValues(**{**vars(VALUES), "fernet_key": "{secret_key}"})
    release = make_release(forced_options={"core.fernet_key": "{fernet_key}"})
    result = merge(release, make_environment(), values, component="worker", container={})
    assert result.as_env()["AIRFLOW__CORE__FERNET_KEY"] == "{secret_key}"


# Components.


@pytest.mark.parametrize(
    ("component", "told"),
    [
        ("scheduler", "scheduler"),
        ("dag-processor", "scheduler"),
        ("triggerer", "scheduler"),
        ("worker", "worker"),
        ("webserver", "webserver"),
        ("migrate-db", "migrate-db"),
    ],
)
def test_component_is_named_as_mwaas_container_is(component: str, told: str) -> None:
    env = merged(component=component).as_env()
    assert (env["MWAA_AIRFLOW_COMPONENT"], env["MWAA_COMMAND"]) == (told, told)
    assert env["AWS_EXECUTION_ENV"] == "Amazon_MWAA_2103"


def test_migration_gets_one_option_of_the_users_and_no_export() -> None:
    # amazon-mwaa-docker-images, setup_environment.py: AIRFLOW__CORE__DEFAULT_POOL_TASK_SLOT_COUNT only
    options = {"core.default_pool_task_slot_count": "7", "core.parallelism": "3"}
    result = merged(options, {"X": "1"}, component="migrate-db")
    assert result.as_env()["AIRFLOW__CORE__DEFAULT_POOL_TASK_SLOT_COUNT"] == "7"
    assert result.as_env()["AIRFLOW__CORE__PARALLELISM"] != "3"
    assert "X" not in result.as_env()
    assert user_notes(result) == []


def test_startup_script_sees_options_and_essentials_but_protected_names_not_restored() -> None:
    container = {**CONTAINER, "AIRFLOW__WEBSERVER__BASE_URL": "http://real"}
    options = {"webserver.base_url": "http://mine", "core.executor": "LocalExecutor", "app.x": "1"}
    env = startup_view(make_release(), make_environment(options), VALUES, component="worker", container=container)
    assert env["AIRFLOW__WEBSERVER__BASE_URL"] == "http://mine"
    assert env["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"
    assert env["AIRFLOW__APP__X"] == "1"
    assert env["AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT"] == "1800.0"
    assert env["MWAA_AIRFLOW_COMPONENT"] == "worker"


# Class defaults. Source of the numbers: MWAA user guide, "Amazon MWAA environment class".


def defaults_of(release: Release, environment: Environment) -> dict[str, str]:
    environment_class = environment.environment_class_facts
    return class_defaults(release, environment_class, environment.max_workers, environment.schedulers)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mw1.micro", ("3,0", "4", "1")),
        ("mw1.small", ("5,0", "37", "1")),
        ("mw1.medium", ("10,0", "75", "3")),
        ("mw1.large", ("20,0", "150", "7")),
    ],
)
def test_class_decides_slots_parallelism_and_parsing_processes(name: str, expected: tuple[str, str, str]) -> None:
    defaults = defaults_of(make_release(), make_environment(environment_class=name))
    assert (
        defaults["celery.worker_autoscale"],
        defaults["core.parallelism"],
        defaults["scheduler.parsing_processes"],
    ) == expected


def test_parallelism_follows_workers_and_schedulers() -> None:
    environment = make_environment(max_workers=4, schedulers=3)
    assert defaults_of(make_release(), environment)["core.parallelism"] == "10"  # 4 * 5 / 3 * 1.5


@pytest.mark.parametrize(
    ("version", "names"),
    [
        ("3.3.1", {"dag_processor.parsing_processes", "triggerer.capacity"}),
        ("2.10.3", {"scheduler.parsing_processes", "triggerer.default_capacity"}),
        ("2.2.2", {"scheduler.parsing_processes", "triggerer.default_capacity"}),
        ("2.0.2", {"scheduler.parsing_processes"}),
        ("1.10.12", {"scheduler.max_threads"}),
    ],
)
def test_class_defaults_have_the_names_of_the_release(version: str, names: set[str]) -> None:
    defaults = defaults_of(Release.load(version), make_environment())
    assert set(defaults) - {"celery.worker_autoscale", "core.parallelism"} == names
    assert all(value and "{" not in value for value in defaults.values())


# Our own defaults.


def test_mwaas_intervals_drop_our_intervals_only() -> None:
    release = make_release(local_default_options={"scheduler.dag_dir_list_interval": "2", "api.server_type": "uvicorn"})
    environment = make_environment(local=LocalSettings(intervals=Intervals.MWAA))
    env = merged(release=release, environment=environment).as_env()
    assert "AIRFLOW__SCHEDULER__DAG_DIR_LIST_INTERVAL" not in env
    assert env["AIRFLOW__API__SERVER_TYPE"] == "uvicorn"


@pytest.mark.parametrize("by_option", [True, False])
def test_our_default_gives_way_to_an_older_spelling_of_the_users(by_option: bool) -> None:
    release = make_release(**AIRFLOW_3, local_default_options={"dag_processor.refresh_interval": "2"})
    options = {"scheduler.dag_dir_list_interval": "300"} if by_option else {}
    exports = {} if by_option else {"AIRFLOW__SCHEDULER__DAG_DIR_LIST_INTERVAL": "300"}
    result = merged(options, exports, release=release)
    assert result.get("dag_processor.refresh_interval") is None
    assert user_notes(result) == []


HEARTBEATS_OF_3 = {"workers.min_heartbeat_interval": "1", "workers.max_failed_heartbeats": "5"}
HEARTBEATS = {
    "3.3.1": HEARTBEATS_OF_3,
    "3.2.1": HEARTBEATS_OF_3,
    "3.0.6": HEARTBEATS_OF_3,
    "1.10.12": {"scheduler.job_heartbeat_sec": "1"},
}
HEARTBEAT_OPTIONS = sorted({option for options in HEARTBEATS.values() for option in options})


@pytest.mark.parametrize("version", Release.versions())
def test_end_of_a_task_is_looked_for_every_second_where_airflow_waits_for_a_heartbeat(version: str) -> None:
    """Airflow 2 waits for the task's process itself (airflow/jobs/local_task_job*.py), so nothing is set there."""
    release, mwaas = Release.load(version), make_environment(local=LocalSettings(intervals=Intervals.MWAA))
    fast = merged(release=release, component="worker")
    slow = merged(release=release, environment=mwaas, component="worker")
    found = {option: variable.value for option in HEARTBEAT_OPTIONS if (variable := fast.get(option))}
    assert found == HEARTBEATS.get(version, {})
    assert [option for option in HEARTBEAT_OPTIONS if slow.get(option)] == []


@pytest.mark.parametrize("version", HEARTBEATS)
@pytest.mark.parametrize("by_option", [True, False])
def test_heartbeat_of_the_users_wins(version: str, by_option: bool) -> None:
    own = dict.fromkeys(HEARTBEATS[version], "7")
    layers = (own, {}) if by_option else ({}, translate(own))
    result = merged(*layers, release=Release.load(version), component="worker")
    winners = {(variable.value, variable.source) for option in own if (variable := result.get(option))}
    assert winners == {("7", Layer.OPTION if by_option else Layer.STARTUP_SCRIPT)}


# The names to which a web server without a login answers.


@pytest.mark.parametrize("version", Release.versions())
def test_web_server_without_a_login_answers_to_this_machine_and_to_its_tasks_only(version: str) -> None:
    release = Release.load(version)
    names = {
        component: merged(release=release, component=component).as_env().get(WEBSERVER_NAMES_VARIABLE)
        for component in COMPONENTS
    }
    ours = None if release.login else "localhost,127.0.0.1,::1"
    # The web server's alone, so that new names start no other component again.
    assert names == {**dict.fromkeys(COMPONENTS), "webserver": ours}


def test_web_server_answers_to_the_name_by_which_containers_reach_it_and_to_the_users_names() -> None:
    values = replace(VALUES, execution_api_url="http://webserver:8080/execution/")
    environment = make_environment(local=LocalSettings(webserver_names=("A.example", "localhost", "fe80::1")))
    names = webserver_names(values, environment)
    assert names == ("localhost", "127.0.0.1", "::1", "webserver", "a.example", "fe80::1")


def test_preview_says_that_more_names_are_known_at_start() -> None:
    names = webserver_names(command.preview_values(), make_environment())
    assert names == ("localhost", "127.0.0.1", "::1", command.SET_AT_START)


@pytest.mark.parametrize("by_option", [True, False])
def test_neither_option_nor_startup_script_opens_the_web_server_to_other_names(by_option: bool) -> None:
    options = {"core.auth_manager": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"}
    exports = {**translate(options), WEBSERVER_NAMES_VARIABLE: "evil.example"}
    layers = (options, {}) if by_option else ({}, exports)
    env = merged(*layers, release=Release.load("3.3.1"), component="webserver").as_env()
    assert env[WEBSERVER_NAMES_VARIABLE] == "localhost,127.0.0.1,::1"
    assert env[variable_name("core.auth_manager")] == "mwaa_support.auth_manager.LocalAuthManager"


# What the user is told.


def test_user_is_told_about_a_forced_option() -> None:
    (note,) = user_notes(merged({"core.executor": "LocalExecutor"}))
    assert (note.name, note.value, note.source) == ("AIRFLOW__CORE__EXECUTOR", "LocalExecutor", Layer.OPTION)
    assert note.winner.source is Layer.ESSENTIAL
    assert "MWAA forces this value" in note.reason


def test_user_is_not_told_when_the_forced_value_is_the_same() -> None:
    assert user_notes(merged({"core.executor": "CeleryExecutor"})) == []


def test_user_is_told_about_an_export_that_an_option_beats() -> None:
    (note,) = user_notes(merged({"app.x": "1"}, {"AIRFLOW__APP__X": "2"}))
    assert (note.source, note.winner.source) == (Layer.STARTUP_SCRIPT, Layer.OPTION)


def test_user_is_told_about_an_export_that_mwaa_reserves() -> None:
    (note,) = user_notes(merged({}, {"AIRFLOW__CORE__PARALLELISM": "1"}))
    assert "reserves" in note.reason


@pytest.mark.parametrize(
    "option", ["core.sql_alchemy_conn", "database.sql_alchemy_conn_cmd", "database.sql_alchemy_conn_secret"]
)
def test_user_is_told_about_another_spelling_of_a_forced_option(option: str) -> None:
    (note,) = user_notes(merged({option: "sqlite://"}))
    assert note.winner.name == "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
    assert "Airflow reads database.sql_alchemy_conn first" in note.reason


def test_spelling_of_an_option_that_the_release_lacks_is_no_older_one() -> None:
    # 2.10.3 knows scheduler.dag_dir_list_interval only; the Airflow 3 name beside it changes nothing.
    options = {"dag_processor.refresh_interval": "9", "scheduler.dag_dir_list_interval": "9"}
    assert user_notes(merged(options, release=make_release(local_default_options={}))) == []


def test_option_that_airflow_removed_has_a_remark() -> None:
    release = make_release(removed_options={"core.check_slas": "there are no SLAs any more"})
    result = merged({"core.check_slas": "True"}, release=release)
    assert result.remarks == {
        "AIRFLOW__CORE__CHECK_SLAS": "Airflow 2.10.3 has no core.check_slas: there are no SLAs any more"
    }
    assert merged(release=release).remarks == {}


# Celery.


EXTRA = make_release(**AIRFLOW_3, forced_options={"celery.extra_celery_config": "{celery_config_json}"})


def extra(options: dict[str, str]) -> tuple[dict[str, Any], list[str]]:
    result = merged(options, release=EXTRA)
    variable = result.variables["AIRFLOW__CELERY__EXTRA_CELERY_CONFIG"]
    return json.loads(variable.value), [note.reason for note in user_notes(result)]


def test_only_the_environments_queue_exists() -> None:
    config = celery_config(make_release(), VALUES)
    assert config["task_create_missing_queues"] is False
    assert list(config["task_queues"]) == ["celery-queue"]


def test_airflow_3_also_knows_the_queue_called_default() -> None:
    # amazon-mwaa-docker-images 3.x: `default` is mapped to the same SQS queue, so the worker serves both
    release = make_release(**AIRFLOW_3)
    assert list(celery_config(release, VALUES)["task_queues"]) == ["celery-queue", "default"]
    assert worker_queues(release, VALUES) == ("celery-queue", "default")
    values = LocalValues(**{**vars(VALUES), "default_queue": "default"})
    assert worker_queues(release, values) == ("default",)


def test_no_two_queues_share_an_exchange() -> None:
    queues = celery_config(make_release(**AIRFLOW_3), VALUES)["task_queues"].values()
    assert len({queue["exchange"] for queue in queues}) == len(queues)


def test_users_celery_settings_are_kept_under_mwaas() -> None:
    config, reasons = extra({"celery.extra_celery_config": '{"worker_max_tasks_per_child": 10}'})
    assert config == {"worker_max_tasks_per_child": 10, **celery_config(EXTRA, VALUES)}
    assert reasons == []


def test_users_broker_settings_are_lost_and_named() -> None:
    text = '{"broker_transport_options": {"visibility_timeout": 60}, "task_queues": {}, "x": 1}'
    config, (reason,) = extra({"celery.extra_celery_config": text})
    assert config == {"x": 1, **celery_config(EXTRA, VALUES)}
    assert "broker_transport_options, task_queues" in reason


@pytest.mark.parametrize(
    ("version", "settings"),
    [
        ("2.0.2", {}),
        ("2.2.2", {}),
        ("2.5.1", OWN_CONSUMER),
        ("2.8.1", OWN_CONSUMER),
        ("2.9.2", {**WITHOUT_REDUCTION, **OWN_CONSUMER}),
        ("2.10.1", WITHOUT_REDUCTION),
        ("3.0.6", {**WITHOUT_REDUCTION, **PATIENT_CONSUMER}),
        ("3.3.1", {**WITHOUT_REDUCTION, **PATIENT_CONSUMER}),
    ],
)
def test_worker_loses_no_slot_and_no_task_to_servers_that_come_and_go(version: str, settings: dict[str, Any]) -> None:
    release = Release.load(version)
    env = merged(release=release).as_env()
    text = env[EXTRA_CELERY_CONFIG if version == "3.3.1" else CELERY_CONFIG_VARIABLE]
    assert json.loads(text) == {**settings, **celery_config(release, VALUES)}


def test_user_may_have_celery_reduce_what_a_worker_fetches() -> None:
    release = Release.load("3.3.1")
    text = '{"worker_enable_prefetch_count_reduction": true}'
    result = merged({"celery.extra_celery_config": text}, release=release)
    config = json.loads(result.as_env()[EXTRA_CELERY_CONFIG])
    assert config["worker_enable_prefetch_count_reduction"] is True
    assert user_notes(result) == []


@pytest.mark.parametrize("text", ["{", "nonsense", "[1]", "null", "1" * 5000, "[" * 30000, '{"password": '])
def test_celery_json_that_cannot_be_used_is_ignored_and_noted(text: str) -> None:
    config, (reason,) = extra({"celery.extra_celery_config": text})
    assert config == celery_config(EXTRA, VALUES)
    assert "MWAA ignores it" in reason


def test_celery_json_of_the_option_stands_for_that_of_the_startup_script() -> None:
    name = "AIRFLOW__CELERY__EXTRA_CELERY_CONFIG"
    result = merged({"celery.extra_celery_config": '{"a": 1}'}, {name: '{"b": 1}'}, release=EXTRA)
    assert json.loads(result.as_env()[name]) == {"a": 1, **celery_config(EXTRA, VALUES)}
    assert [note.source for note in user_notes(result)] == [Layer.STARTUP_SCRIPT]


def test_older_releases_get_the_queues_in_a_variable_of_ours() -> None:
    assert json.loads(merged().as_env()[CELERY_CONFIG_VARIABLE]) == celery_config(make_release(), VALUES)
    assert CELERY_CONFIG_VARIABLE not in merged(release=EXTRA).as_env()


# Explanations.


def test_explanation_names_every_layers_value_and_the_rule() -> None:
    explanation = explain(merged({"core.executor": "A"}, {"AIRFLOW__CORE__EXECUTOR": "B"}), "core.executor")
    assert [(step.variable.value, step.variable.source, step.won) for step in explanation.steps] == [
        ("B", Layer.STARTUP_SCRIPT, False),
        ("A", Layer.OPTION, False),
        ("CeleryExecutor", Layer.ESSENTIAL, True),
    ]
    assert explanation.winner is not None and explanation.winner.value == "CeleryExecutor"
    assert explanation.documentation == Layer.ESSENTIAL.rule


def test_explanation_takes_option_and_variable_names() -> None:
    result = merged()
    assert explain(result, "core.executor") == explain(result, "AIRFLOW__CORE__EXECUTOR")
    assert explain(result, "TZ").option is None


def test_explanation_of_what_nobody_sets_says_so() -> None:
    explanation = explain(merged(), "core.no_such_option")
    assert (explanation.winner, explanation.steps) == (None, ())
    assert "No layer sets it" in explanation.documentation


def test_explanation_of_an_older_spelling_names_the_option_that_airflow_reads() -> None:
    result = merged({"core.sql_alchemy_conn": "sqlite://"})
    assert "reads database.sql_alchemy_conn first" in explain(result, "core.sql_alchemy_conn").documentation
    assert "AIRFLOW__CORE__SQL_ALCHEMY_CONN" in explain(result, "database.sql_alchemy_conn").documentation


def test_explanation_of_merged_celery_settings_does_not_call_them_lost() -> None:
    result = merged({"celery.extra_celery_config": '{"a": 1}'}, release=EXTRA)
    first = explain(result, "celery.extra_celery_config").steps[0]
    assert (first.variable.source, first.outcome) == (Layer.OPTION, "taken into the winner's value")


# Every release.


@pytest.mark.parametrize("version", Release.versions())
@pytest.mark.parametrize("component", COMPONENTS)
def test_every_release_merges_without_an_unknown_placeholder(version: str, component: str) -> None:
    release = Release.load(version)
    environment = make_environment(airflow_version=version)
    env = merge(release, environment, VALUES, component=component, container=CONTAINER).as_env()
    for name, value in env.items():
        inner = value[1:-1] if name == "AIRFLOW__CELERY__EXTRA_CELERY_CONFIG" else value
        assert not any(f"{{{placeholder}}}" in inner for placeholder in PLACEHOLDERS), name
        if value.startswith("{"):
            json.loads(value)


@pytest.mark.parametrize("version", Release.versions())
def test_older_spellings_are_not_set_by_the_release_itself(version: str) -> None:
    release = Release.load(version)
    tables = (release.forced_options, release.local_forced_options, release.default_options)
    ours = {option for table in tables for option in table}
    for option in ours & set(OLDER_SPELLINGS):
        assert not ours & set(OLDER_SPELLINGS[option]), option


# Golden results: one environment, three generations.


def golden(version: str) -> str:
    options = {
        "app.greeting": "hello",
        "core.executor": "LocalExecutor",
        "core.default_task_retries": "1",
        "core.sql_alchemy_conn": "sqlite:////tmp/mine.db",
        "scheduler.dag_dir_list_interval": "60",
    }
    exports = {"GREETING": "hi", "AIRFLOW_HOME": "/tmp", "AIRFLOW__CORE__PARALLELISM": "1"}
    environment = make_environment(options, airflow_version=version, environment_class="mw1.medium")
    result = merge(
        Release.load(version),
        environment,
        VALUES,
        component="worker",
        container=CONTAINER,
        startup_exports=exports,
    )
    variables = sorted(result.variables.values(), key=lambda variable: variable.name)
    plain = {
        "variables": {variable.name: f"{variable.source}: {variable.value}" for variable in variables},
        "secret": [variable.name for variable in variables if variable.secret],
        "user_notes": [f"{note.name} ({note.source}): {note.reason}" for note in user_notes(result)],
    }
    return json.dumps(plain, indent=2) + "\n"


@pytest.mark.parametrize("version", GOLDEN_RELEASES)
def test_result_is_the_golden_one(version: str) -> None:
    expected = (GOLDEN_DIR / f"options_{version}.json").read_text()
    assert golden(version) == expected, "if this is wanted: python -m tests.unit.configuration.test_merge"


# The command.


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
    assert command.STARTUP_EXPORTS_FILE in error.what and "rm " in error.hint and error.why


def test_unreadable_exports_are_an_error_with_a_fix(project: Project) -> None:
    (project.run_dir / command.STARTUP_EXPORTS_FILE).mkdir(parents=True)
    assert isinstance(run(project).exception, StateCorrupted)


def test_broken_option_in_the_file_is_an_error_without_traceback(project: Project) -> None:
    project.environment_path.write_text("AirflowConfigurationOptions: {executor: x}\n")
    assert isinstance(run(project).exception, MwaaLocalError)


def test_preview_fills_every_placeholder() -> None:
    assert {getattr(command.preview_values(), item.name) for item in fields(LocalValues)} == {command.SET_AT_START}


def write_exports(project: Project, text: str) -> None:
    project.run_dir.mkdir(parents=True)
    path = project.run_dir / command.STARTUP_EXPORTS_FILE
    path.write_bytes(text.encode("utf-8", "surrogateescape"))


if __name__ == "__main__":
    for golden_version in GOLDEN_RELEASES:
        (GOLDEN_DIR / f"options_{golden_version}.json").write_text(golden(golden_version))


def test_slots_of_a_worker_are_explained_by_the_option_that_is_followed() -> None:
    result = merged({"celery.worker_concurrency": "4"})
    [lost] = user_notes(result)
    assert (lost.name, lost.winner.name) == ("AIRFLOW__CELERY__WORKER_CONCURRENCY", "AIRFLOW__CELERY__WORKER_AUTOSCALE")
    assert "celery.worker_autoscale, which is 5,0" in explain(result, "celery.worker_concurrency").documentation


def test_arguments_without_a_secrets_backend_have_a_remark_until_there_is_one() -> None:
    kwargs = {"secrets.backend_kwargs": "{}"}
    assert "secrets.backend is not set" in merged(kwargs).remarks["AIRFLOW__SECRETS__BACKEND_KWARGS"]
    assert merged(kwargs, {"AIRFLOW__SECRETS__BACKEND": "a.B"}).remarks == {}
    assert merged({}).remarks == {}  # MWAA's own arguments, without a backend


FOLDERS = ("AIRFLOW__CORE__DAGS_FOLDER", "AIRFLOW__CORE__PLUGINS_FOLDER", "AIRFLOW__LOGGING__BASE_LOG_FOLDER")


@pytest.mark.parametrize("release", Release.all(), ids=lambda release: release.airflow_version)
def test_folders_that_follow_the_home_have_no_variable(release: Release) -> None:
    # amazon-mwaa-docker-images sets none: a DAG that reads one is a KeyError there
    variables = merged({}, release=release).variables
    assert not variables.keys() & {*FOLDERS, "AIRFLOW__CORE__BASE_LOG_FOLDER"}


@pytest.mark.parametrize(
    ("options", "exports", "forced"),
    [
        ({"core.dags_folder": "/tmp/x"}, {}, "AIRFLOW__CORE__DAGS_FOLDER"),
        ({}, {"AIRFLOW__CORE__PLUGINS_FOLDER": "/tmp/x"}, "AIRFLOW__CORE__PLUGINS_FOLDER"),
        ({"core.base_log_folder": "/tmp/x"}, {}, "AIRFLOW__LOGGING__BASE_LOG_FOLDER"),  # its older spelling
    ],
)
def test_folder_of_the_users_own_is_overruled_and_told(
    options: dict[str, str], exports: dict[str, str], forced: str
) -> None:
    result = merged(options, exports, release=Release.load("2.10.3"))
    assert result.variables[forced].value.startswith(VALUES.airflow_home)
    assert [name for name in FOLDERS if name in result.variables] == [forced]
    assert [note.winner.name for note in user_notes(result)] == [forced]


BACKEND = {"secrets.backend": "airflow.providers.amazon.aws.secrets.secrets_manager.SecretsManagerBackend"}
KWARGS = "AIRFLOW__SECRETS__BACKEND_KWARGS"
AT_ENDPOINT = {"AWS_ENDPOINT_URL": "http://127.0.0.1:5000"}


def test_secrets_backend_of_a_release_whose_boto3_reads_no_endpoint_gets_it_as_an_argument() -> None:
    old = Release.load("2.2.2")
    options = {**BACKEND, "secrets.backend_kwargs": '{"variables_prefix": "v"}'}
    result = merged(options, release=old, container=AT_ENDPOINT)
    assert json.loads(result.variables[KWARGS].value) == {
        "variables_prefix": "v",
        "endpoint_url": "http://127.0.0.1:5000",
    }
    assert user_notes(result) == []
    bare = merged(BACKEND, release=old, container=AT_ENDPOINT)
    assert json.loads(bare.variables[KWARGS].value) == {"endpoint_url": "http://127.0.0.1:5000"}


@pytest.mark.parametrize(
    ("options", "exports", "container", "version"),
    [
        (BACKEND, {}, {}, "2.2.2"),  # no local AWS
        (BACKEND, {}, AT_ENDPOINT, "2.10.3"),  # its boto3 reads the variable
        ({"secrets.backend": "team.Vault"}, {}, AT_ENDPOINT, "2.2.2"),
        ({**BACKEND, "secrets.backend_kwargs": "not JSON"}, {}, AT_ENDPOINT, "2.2.2"),
        ({**BACKEND, "secrets.backend_kwargs": "[1]"}, {}, AT_ENDPOINT, "2.2.2"),
        ({**BACKEND, "secrets.backend_kwargs": '{"endpoint_url": "http://mine"}'}, {}, AT_ENDPOINT, "2.2.2"),
        (BACKEND, {KWARGS: "{}"}, AT_ENDPOINT, "2.2.2"),  # the startup script's own arguments
    ],
)
def test_arguments_of_a_secrets_backend_stay_as_they_are(
    options: dict[str, str], exports: dict[str, str], container: dict[str, str], version: str
) -> None:
    variables = merged(options, exports, release=Release.load(version), container=container).variables
    given = {**exports, **translate(options)}.get(KWARGS)
    assert KWARGS not in variables or variables[KWARGS].source is not Layer.LOCAL_ESSENTIAL
    assert given is None or variables[KWARGS].value == given
