"""Heartbeats as the metadata database of a real server has them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import psycopg2
import pytest

from mwaa_local.airflow import AirflowClient
from mwaa_local.database.health import Health
from mwaa_local.plan import Component, HeartbeatReady, Plan
from tests.fakes import FakeRuntime
from tests.unit.docker.test_health import database

__all__ = ["database"]

KIND = "SchedulerJob"
LAUNCHED = time.time()
JOBS = """
    DROP TABLE IF EXISTS job;
    CREATE TABLE job (job_type text, state text, hostname text, start_date timestamptz, latest_heartbeat timestamptz)
"""
ROW = "INSERT INTO job VALUES (%s, 'running', 'one', to_timestamp(%s), to_timestamp(%s))"


@pytest.fixture
def url(database: str) -> str:
    return database.replace("+psycopg2", "")


@pytest.fixture
def health(url: str) -> Iterator[Health]:
    with contextlib.closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(JOBS)
    with contextlib.closing(Health(url, "")) as health:
        yield health


def beat(url: str, began_s: float, beat_s: float, of: float = LAUNCHED) -> None:
    """Write a row: when its job began and last sent a heartbeat, after the launch that is asked about."""
    with contextlib.closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(ROW, (KIND, of + began_s, of + beat_s))


def are_ready(health: Health) -> tuple[bool, bool]:
    """Say of the first and of the second of two whether they are ready."""
    return health.heartbeat_since(KIND, LAUNCHED), health.heartbeat_since(KIND, LAUNCHED, 2)


def test_second_of_two_is_not_ready_by_the_heartbeat_of_the_first(health: Health, url: str) -> None:
    beat(url, -60.0, -10.0)  # of an earlier start, which was killed
    assert are_ready(health) == (False, False)
    beat(url, 1.0, 20.0)
    assert are_ready(health) == (True, False)
    beat(url, 1.5, 2.0)
    assert are_ready(health) == (True, True)


def test_second_of_two_that_is_started_again_is_ready_beside_a_first_that_goes_on(health: Health, url: str) -> None:
    beat(url, -60.0, 20.0)
    assert are_ready(health) == (False, False), "the one that goes on has not begun since"
    beat(url, 1.0, 1.0)
    assert are_ready(health) == (True, True)


def test_silent_one_of_two_is_seen(health: Health, url: str) -> None:
    ready = (HeartbeatReady(KIND), HeartbeatReady(KIND, count=2))
    names = ("scheduler", "scheduler.2")
    schedulers = tuple(Component(name, ("a",), {}, each) for name, each in zip(names, ready, strict=True))
    plan = Plan(schedulers, "3.3.1", {}, url, "redis://127.0.0.1:1/0", "q", "/")
    now = time.time()
    for beat_s in (-600.0, -300.0, 0.0):
        beat(url, -900.0, beat_s, of=now)
    client = AirflowClient(FakeRuntime(plan), plan)
    ages_s = client.figures().heartbeat_ages_s
    client.close()
    assert ages_s["scheduler"] < 300.0 <= ages_s["scheduler.2"] < 600.0
