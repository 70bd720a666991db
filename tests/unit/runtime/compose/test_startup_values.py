"""The entry point's own merge against `configuration.merge`: whatever a script exports, the two must not differ."""

from __future__ import annotations

import importlib.util
import json
import sys
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mwaa_local.configuration.local_values import LocalValues
from mwaa_local.configuration.merge import CELERY_CONFIG_VARIABLE, CLASS_RESERVED_VARIABLES, EXTRA_CELERY_CONFIG, merge
from mwaa_local.configuration.option_names import translate, variable_name
from mwaa_local.configuration.spellings import OLDER_SPELLINGS
from mwaa_local.environment.environment import Environment
from mwaa_local.environment.kinds import Intervals
from mwaa_local.environment.local import LocalSettings
from mwaa_local.release import Release
from mwaa_local.runtime.compose.startup_values import startup_values
from tests.container import ENTRYPOINT_DIR

GENERATIONS = ("3.3.1", "2.10.3", "2.2.2")
COMPONENTS = ("scheduler", "worker", "webserver")
VALUES = LocalValues(
    database_url="postgresql+psycopg2://airflow:db-pass@postgres:5432/airflow",
    result_backend="db+postgresql+psycopg2://airflow:db-pass@postgres:5432/airflow",
    broker_url="redis://:broker-pass@redis:6379/0",
    default_queue="celery-queue",
    fernet_key="a-fernet-key",
    secret_key="a-secret-key",
    jwt_secret="a-jwt-secret",
    web_url="http://localhost:8080",
    web_is_secure="False",
    execution_api_url="http://webserver:8080/execution/",
    statsd_host="127.0.0.1",
    statsd_port="8125",
    airflow_home="/usr/local/airflow",
)
# What the launcher gives a container, and what the image and the engine add to that.
CONTAINER = {
    "AIRFLOW_HOME": "/usr/local/airflow",
    "MWAA__CORE__AUTH_TYPE": "none",
    "PYTHONPATH": "/python",
    "AWS_REGION": "us-east-1",
    "TZ": "UTC",
}
ENGINE = {
    "PATH": "/usr/bin",
    "HOSTNAME": "0123456789ab",
    "JWT_PUBLIC_KEY": "protected, and not the launcher's",
    "MWAA__ENGINE": "protected by its prefix",
    "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "reserved, and on 2.x nobody else's",
    "AIRFLOW__SCHEDULER__MAX_THREADS": "an older spelling",
}
# One key that a startup script may set, and two that MWAA sets itself.
CELERY_CONFIG = {"task_acks_late": True, "task_queues": [], "broker_transport": "own"}
SPELLINGS = [variable_name(spelling) for spellings in OLDER_SPELLINGS.values() for spelling in spellings]


def load_entrypoint() -> ModuleType:
    spec = importlib.util.spec_from_file_location("mwaa_entrypoint", ENTRYPOINT_DIR / "startup.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


ENTRYPOINT = load_entrypoint()

json_texts = st.one_of(
    st.sampled_from(["", "{", "[]", "null", "NaN", '{"a": NaN}', '"text"', "{}", "1" * 5000, "[" * 100_000]),
    st.dictionaries(
        st.sampled_from(
            [
                "task_queues",
                "broker_transport",
                "broker_transport_options",
                "own",
                "task_acks_late",
                "worker_enable_prefetch_count_reduction",
            ]
        )
        | st.text(max_size=3),
        st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), st.lists, max_leaves=5),
        max_size=4,
    ).map(json.dumps),
)
texts = st.one_of(
    st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=8),
    st.sampled_from(["{database_url}", "{celery_config_json}", "True", "\udcff"]),
)
own_names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,12}", fullmatch=True)
options = st.dictionaries(
    st.sampled_from(
        [
            "core.parallelism",
            "celery.extra_celery_config",
            "celery.worker_autoscale",
            "scheduler.dag_dir_list_interval",
            "scheduler.scheduler_heartbeat_sec",
            "dag_processor.refresh_interval",
            "operators.default_queue",
            "core.fernet_key",
            "webserver.base_url",
            "made.up",
        ]
    ),
    st.text("abc{}", min_size=1, max_size=8) | json_texts.filter(bool),
    max_size=4,
)


def known_names(release: Release) -> list[str]:
    """Return all names about which some rule may say something."""
    tables = (
        release.forced_options,
        release.default_options,
        release.local_forced_options,
        release.local_default_options,
    )
    names = {name for table in tables for name in translate(table)} | {*SPELLINGS, *CLASS_RESERVED_VARIABLES}
    names |= {*release.default_variables, *release.protected_variables, *CONTAINER, *ENGINE}
    return sorted(names | {EXTRA_CELERY_CONFIG, CELERY_CONFIG_VARIABLE, "MWAA__NEW", "MWAA_AIRFLOW_COMPONENT"})


def in_container(
    release: Release, environment: Environment, component: str, engine: dict[str, str], exports: dict[str, str]
) -> Any:
    """Return the component's variables as the entry point makes them, values having gone through a file as JSON."""
    values = startup_values(release, environment, VALUES, component=component, container=CONTAINER)
    without = merge(release, environment, VALUES, component=component, container=CONTAINER).as_env()
    return ENTRYPOINT.merge({**engine, **without}, exports, json.loads(json.dumps(values)))


def on_the_host(
    release: Release, environment: Environment, component: str, engine: dict[str, str], exports: dict[str, str]
) -> dict[str, str]:
    container = {**engine, **CONTAINER}
    return merge(
        release, environment, VALUES, component=component, container=container, startup_exports=exports
    ).as_env()


@settings(max_examples=400, deadline=None)
@given(data=st.data(), version=st.sampled_from(GENERATIONS), component=st.sampled_from(COMPONENTS))
def test_merge_in_a_container_equals_merge_on_the_host(data: st.DataObject, version: str, component: str) -> None:
    release = Release.load(version)
    names = st.sampled_from(known_names(release)) | st.sampled_from([*SPELLINGS, EXTRA_CELERY_CONFIG]) | own_names
    exports = data.draw(st.dictionaries(names, texts, max_size=8), "exports")
    if EXTRA_CELERY_CONFIG in exports:
        exports[EXTRA_CELERY_CONFIG] = data.draw(json_texts, "extra_celery_config")
    environment = Environment(
        airflow_configuration_options=data.draw(options, "options"),
        local=LocalSettings(intervals=data.draw(st.sampled_from(list(Intervals)))),
    )
    before = merge(release, environment, VALUES, component=component, container=CONTAINER).as_env()
    engine = data.draw(st.sets(st.sampled_from(sorted(ENGINE.keys() - before.keys()))), "engine")
    case = (release, environment, component, {name: ENGINE[name] for name in engine}, exports)
    assert in_container(*case) == on_the_host(*case)


@pytest.mark.parametrize("release", Release.all(), ids=lambda release: release.airflow_version)
def test_every_name_that_a_rule_knows_is_treated_alike_in_every_release(release: Release) -> None:
    environment = Environment(airflow_configuration_options={"core.parallelism": "7"})
    for name in known_names(release):
        value = json.dumps(CELERY_CONFIG) if name == EXTRA_CELERY_CONFIG else "exported"
        exports = {name: value}
        in_both = [make(release, environment, "worker", {}, exports) for make in (in_container, on_the_host)]
        assert in_both[0] == in_both[1], name
    everything = dict.fromkeys(known_names(release), "exported")
    in_both = [make(release, environment, "worker", {}, everything) for make in (in_container, on_the_host)]
    assert in_both[0] == in_both[1]


def test_rules_are_met_at_all() -> None:
    """Guards the two tests above against comparing nothing with nothing."""
    release, environment = Release.load("3.3.1"), Environment()
    values = startup_values(release, environment, VALUES, component="worker", container=CONTAINER)
    assert {"AIRFLOW__CORE__EXECUTOR", "PYTHONPATH", "MWAA__CORE__AUTH_TYPE"} <= set(values["locked"])
    assert "AIRFLOW__CORE__PARALLELISM" in values["locked"]
    assert "TZ" not in values["locked"]
    assert values["yields"]["AIRFLOW__SCHEDULER__DAG_DIR_LIST_INTERVAL"] == {
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": None
    }
    assert values["celery"]["variables"] == [EXTRA_CELERY_CONFIG]
    older = startup_values(Release.load("2.10.3"), environment, VALUES, component="worker", container=CONTAINER)
    assert older["celery"]["variables"] == [CELERY_CONFIG_VARIABLE]


def test_option_of_the_user_silences_an_exported_celery_configuration() -> None:
    environment = Environment(airflow_configuration_options={"celery.extra_celery_config": "{}"})
    values = startup_values(Release.load("3.3.1"), environment, VALUES, component="worker", container=CONTAINER)
    assert values["celery"] is None


def test_script_sees_options_over_protected_names_which_are_restored_later() -> None:
    environment = Environment(airflow_configuration_options={"webserver.base_url": "http://mine"})
    container = {**CONTAINER, "AIRFLOW__WEBSERVER__BASE_URL": "http://container"}
    values = startup_values(Release.load("3.3.1"), environment, VALUES, component="scheduler", container=container)
    assert values["view"]["AIRFLOW__WEBSERVER__BASE_URL"] == "http://mine"
    assert "AIRFLOW__WEBSERVER__BASE_URL" in values["locked"]


def test_migrate_db_has_no_startup_script() -> None:
    with pytest.raises(ValueError, match="migrate-db"):
        startup_values(Release.load("3.3.1"), Environment(), VALUES, component="migrate-db", container=CONTAINER)
