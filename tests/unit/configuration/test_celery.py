"""Celery's settings: queues, what of the user's is kept, what a worker fetches."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mwaa_local.configuration.celery_defaults import (
    CONSUMER_WITHOUT_CONNECTIONS,
    OWN_CONSUMER,
    PATIENT_CONSUMER,
    PATIENT_CONSUMER_WITHOUT_CONNECTIONS,
    WITHOUT_REDUCTION,
)
from mwaa_local.configuration.layers import Layer
from mwaa_local.configuration.local_values import LocalValues
from mwaa_local.configuration.merge import (
    CELERY_CONFIG_VARIABLE,
    EXTRA_CELERY_CONFIG,
    celery_config,
    user_notes,
    worker_queues,
)
from mwaa_local.release import Release
from tests.unit.configuration.merging import AIRFLOW_3, EXTRA, VALUES, make_release, merged


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
        ("2.11.0", WITHOUT_REDUCTION),
        ("2.11.2", {**WITHOUT_REDUCTION, **CONSUMER_WITHOUT_CONNECTIONS}),
        ("3.0.6", {**WITHOUT_REDUCTION, **PATIENT_CONSUMER}),
        ("3.2.1", {**WITHOUT_REDUCTION, **PATIENT_CONSUMER_WITHOUT_CONNECTIONS}),
        ("3.3.1", {**WITHOUT_REDUCTION, **PATIENT_CONSUMER}),
    ],
)
def test_worker_loses_no_slot_and_no_task_to_servers_that_come_and_go(version: str, settings: dict[str, Any]) -> None:
    release = Release.load(version)
    env = merged(release=release).as_env()
    text = env.get(EXTRA_CELERY_CONFIG) or env[CELERY_CONFIG_VARIABLE]
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
