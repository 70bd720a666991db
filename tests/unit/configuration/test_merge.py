"""The layers of a component's environment: who may set what, and who is told that a value had no effect.

Golden files: `golden/options_<release>.json` hold the whole result for one environment per generation. After a wanted
change write them anew and read the difference: `python -m tests.unit.configuration.test_merge` in the repository.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given

from mwaa_local.configuration.layers import Layer
from mwaa_local.configuration.local_values import LocalValues
from mwaa_local.configuration.merge import (
    COMPONENTS,
    PLACEHOLDERS,
    merge,
    startup_view,
    user_notes,
)
from mwaa_local.configuration.option_names import option_name, translate, variable_name
from mwaa_local.configuration.spellings import OLDER_SPELLINGS
from mwaa_local.errors import ConfigOptionInvalid
from mwaa_local.release import Release
from tests.unit.configuration.merging import (
    CONTAINER,
    VALUES,
    export_maps,
    make_environment,
    make_release,
    merged,
    option_maps,
)

GOLDEN_DIR = Path(__file__).parents[1] / "golden"
GOLDEN_RELEASES = ("3.3.1", "2.10.3", "2.2.2")


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


if __name__ == "__main__":
    for golden_version in GOLDEN_RELEASES:
        (GOLDEN_DIR / f"options_{golden_version}.json").write_text(golden(golden_version))
