"""Defaults of MWAA's environment class and of ours, folders, and the names of the web server."""

from __future__ import annotations

import pytest

from mwaa_local.configuration.class_defaults import class_defaults
from mwaa_local.configuration.layers import Layer
from mwaa_local.configuration.merge import (
    user_notes,
)
from mwaa_local.configuration.option_names import translate, variable_name
from mwaa_local.environment.environment import Environment
from mwaa_local.environment.kinds import Intervals
from mwaa_local.environment.local import LocalSettings
from mwaa_local.release import Release
from tests.unit.configuration.merging import AIRFLOW_3, VALUES, make_environment, make_release, merged

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
    ("schedulers", "here", "expected"),
    [(None, 1, "6"), (None, 2, "3"), (None, 3, "2"), (2, 1, "6"), (3, 1, "6"), (5, 1, "5"), (2, 5, "1")],
)
def test_default_parallelism_fits_the_schedulers_of_this_machine(
    schedulers: int | None, here: int, expected: str
) -> None:
    """mw1.small with one worker: 1 * 5 / 2 * 1.5 = 3 for each of MWAA's two, so one alone must have 6 for 5 slots."""
    environment = make_environment(max_workers=1, schedulers=schedulers or 2, local=LocalSettings(schedulers=here))
    found = merged(environment=environment, release=Release.load("3.3.1")).get("core.parallelism")
    assert found is not None
    assert found.value == expected
    assert found.source is (Layer.CLASS_DEFAULT if here == (schedulers or 2) else Layer.LOCAL_DEFAULT)


def test_parallelism_of_the_user_is_the_users() -> None:
    found = merged({"core.parallelism": "3"}, release=Release.load("3.3.1")).get("core.parallelism")
    assert found is not None
    assert (found.value, found.source) == ("3", Layer.OPTION)


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


@pytest.mark.parametrize("by_option", [True, False])
@pytest.mark.parametrize("version", ["3.0.6", "3.3.1"])
def test_neither_option_nor_startup_script_takes_the_web_servers_users_away(version: str, by_option: bool) -> None:
    options = {"core.auth_manager": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"}
    layers = (options, {}) if by_option else ({}, translate(options))
    env = merged(*layers, release=Release.load(version), component="webserver").as_env()
    assert env[variable_name("core.auth_manager")].endswith(".FabAuthManager")


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


STATSD_OPTIONS = ("statsd_on", "statsd_host", "statsd_port", "statsd_prefix")


@pytest.mark.parametrize("release", Release.all(), ids=lambda release: release.airflow_version)
def test_metrics_are_sent_to_the_collector_unless_the_user_wants_none(release: Release) -> None:
    """Source: amazon-mwaa-docker-images, essential Airflow config with CloudWatch metrics."""
    section = "scheduler" if release.airflow_version.startswith("1.") else "metrics"
    found = [merged(release=release).get(f"{section}.{name}") for name in STATSD_OPTIONS]
    assert [variable.value for variable in found if variable] == ["True", VALUES.statsd_host, "8125", "airflow"]
    own = {
        f"{section}.statsd_on": "False",
        f"{section}.statsd_host": "elsewhere",
        "metrics.metrics_allow_list": "scheduler,executor",
        "metrics.metrics_block_list": "pool",
    }
    result = merged(own, release=release)
    values = {name: variable.value for name in own if (variable := result.get(name))}
    assert values == {**own, f"{section}.statsd_host": VALUES.statsd_host}
    assert [note.name for note in user_notes(result)] == [variable_name(f"{section}.statsd_host")]
