"""Questions about runs and task instances, on a real PostgreSQL with the columns of old and of newer releases."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg2
import pytest

from mwaa_local.database.health import Health
from mwaa_local.database.metadata import Metadata
from tests.unit.docker.test_health import database

__all__ = ["database"]

DATE = datetime(2026, 3, 1, 22, 30, 15, 120_000, tzinfo=UTC)  # in PostgreSQL's JSON without the last zeros
OTHER_DATE = DATE + timedelta(hours=1)
FAR_ZONE = "Asia/Kolkata"
# Up to Airflow 2.1 a task instance has the date of its run, and what is now `last_parsed_time` has another name.
COLUMNS = {
    "2.0.2": ("execution_date timestamptz", "execution_date", "last_scheduler_run"),
    "2.2.2": ("run_id text", "execution_date", "last_parsed_time"),
    "3.3.1": ("run_id text", "logical_date", "last_parsed_time"),
}


@pytest.fixture(params=COLUMNS)
def metadata(request: pytest.FixtureRequest, database: str) -> Iterator[Metadata]:
    """Two runs of one DAG, which Airflow of that release has, on a server in another time zone."""
    link, date, parsed = COLUMNS[request.param]
    url = database.replace("+psycopg2", "")
    value = "run_id" if link.startswith("run_id") else date
    with contextlib.closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(f"""
            DROP SCHEMA public CASCADE; CREATE SCHEMA public;
            ALTER DATABASE airflow SET timezone = '{FAR_ZONE}';
            CREATE TABLE dag (dag_id text, fileloc text, is_paused boolean, {parsed} timestamptz);
            CREATE TABLE dag_tag (dag_id text, name text);
            CREATE TABLE serialized_dag (dag_id text);
            CREATE TABLE dag_run (dag_id text, run_id text, state text, {date} timestamptz, end_date timestamptz,
                start_date timestamptz);
            CREATE TABLE task_instance (
                dag_id text, task_id text, {link}, state text, try_number int, max_tries int, operator text, pool text,
                queue text, hostname text, start_date timestamptz, end_date timestamptz
            );
            INSERT INTO dag VALUES ('etl', '/home/dags/etl.py', false, to_timestamp(1000));
            INSERT INTO serialized_dag VALUES ('etl');
        """)
        for run_id, when in (("mine", DATE), ("other", OTHER_DATE)):
            cursor.execute("INSERT INTO dag_run VALUES ('etl', %s, 'running', %s)", (run_id, when))
            for task, state in (("load", "success"), ("store", None)):
                cursor.execute(
                    f"INSERT INTO task_instance (dag_id, task_id, {value}, state) VALUES ('etl', %s, %s, %s)",
                    (task, run_id if value == "run_id" else when, state),
                )
    health = Health(url, "")
    yield Metadata(health, ["/home/dags"])
    health.close()


def states(metadata: Metadata, run_id: str) -> list[tuple[str, str]]:
    return [(row.task_id, row.state) for row in metadata.task_instances([run_id]) or []]


def test_task_instances_are_those_of_the_run(metadata: Metadata) -> None:
    assert states(metadata, "mine") == [("load", "success"), ("store", "none")]
    assert [row.run_id for row in metadata.task_instances(["mine", "other"]) or []].count("other") == 2


def test_states_of_a_run_are_reported_without_the_rest(metadata: Metadata) -> None:
    assert metadata._health.task_states("etl", "mine") == [("load", "success"), ("store", "none")]


def test_given_up_run_ends_its_own_tasks_alone(metadata: Metadata) -> None:
    metadata.give_up(["mine"])
    assert states(metadata, "mine") == [("load", "success"), ("store", "failed")]
    assert states(metadata, "other") == [("load", "success"), ("store", "none")]


def test_date_of_a_run_is_as_airflow_writes_it(metadata: Metadata) -> None:
    (run,) = metadata.runs(["mine"]) or []
    assert run.logical_date == DATE.isoformat()


def test_dag_says_when_it_was_parsed(metadata: Metadata) -> None:
    (dag,) = metadata.dags() or []
    assert (dag.file, dag.parsed) == ("etl.py", 1000.0)


def test_no_answer_is_not_an_old_release(metadata: Metadata) -> None:
    silent = Metadata(Health("postgresql://nobody@127.0.0.1:1/none", ""), [])
    assert silent.task_instances(["mine"]) is None
    assert silent._health.run_of_task.endswith("t.run_id = r.run_id")
