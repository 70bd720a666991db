"""`airflow_settings.yaml` in a real environment: what tasks find, what stays as it is, what is said.

Not in the shared environment: only a first start shows that settings are put in before any DAG file is read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.environments import LATEST, TEST_DAGS_DIR, RunningEnvironment, start, stopped_at_the_end

pytestmark = [pytest.mark.full, pytest.mark.network]
PASSWORD = "tell-nobody"
SETTINGS = f"""
airflow:
  connections:
    - conn_id: my_db
      conn_type: postgres
      conn_host: db.example
      conn_port: 5432
      conn_password: {PASSWORD}
      conn_extra: {{timeout: 3, deep: {{on: true}}}}
    - conn_id: my_api
      conn_uri: https://user:{PASSWORD}@api.example/path?x=1
  pools:
    - {{pool_name: narrow, pool_slot: 2, pool_description: at most two}}
  variables:
    - {{variable_name: greeting, variable_value: hello}}
"""
SAID = "put in 2 connections, 1 pool, 1 variable, from airflow_settings.yaml"


@pytest.fixture(scope="module", params=[LATEST, "2.10.3"])
def seeded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEnvironment]:
    """An environment with settings, its DAG run; tests change the settings and leave it able to run."""
    with stopped_at_the_end(tmp_path_factory.mktemp("seeded")) as runner:
        runner.write(
            {
                "mwaa.yaml": json.dumps({"AirflowVersion": request.param}),
                "airflow_settings.yaml": SETTINGS,
                "dags/seeded.py": (TEST_DAGS_DIR / "seeded.py").read_text(),
            }
        )
        yield start(runner, request.param, "--run", "seeded")


def variable(environment: RunningEnvironment, name: str) -> str:
    outcome = environment.run("airflow", "variables", "get", name)
    assert outcome.exit_code == 0, outcome.stderr
    return outcome.stdout.strip()


def pools(environment: RunningEnvironment) -> dict[str, int]:
    return {str(name): int(slots) for name, slots in environment.query("SELECT pool, slots FROM slot_pool")}


def test_file_and_task_find_what_was_seeded(seeded: RunningEnvironment) -> None:
    assert json.loads(seeded.read("logs/seeded.json")) == {
        "greeting": "hello",
        "host": "db.example",
        "password": PASSWORD,
        "port": 5432,
        "extra": {"timeout": 3, "deep": {"on": True}},
    }
    assert pools(seeded)["narrow"] == 2


def test_up_says_what_was_seeded_and_nothing_failed_to_import(seeded: RunningEnvironment) -> None:
    assert SAID in seeded.started.stderr
    assert "cannot be imported" not in seeded.started.stderr


def test_values_are_encrypted_and_in_no_log(seeded: RunningEnvironment) -> None:
    rows = seeded.query("SELECT password, is_encrypted, is_extra_encrypted FROM connection WHERE conn_id = 'my_db'")
    assert rows[0][1:] == (True, True)
    assert PASSWORD not in rows[0][0]
    logs = "".join(path.read_text() for path in seeded.project.logs_dir.glob("*"))
    assert PASSWORD not in logs + seeded.started.stderr + seeded.started.stdout


def test_uri_is_taken_apart_by_airflow(seeded: RunningEnvironment) -> None:
    columns = "conn_type, host, login, schema"
    rows = seeded.query(f"SELECT {columns} FROM connection WHERE conn_id = 'my_api'")
    assert rows == [("https", "api.example", "user", "path")]


def test_unchanged_file_is_not_put_in_again(seeded: RunningEnvironment) -> None:
    assert seeded.run("airflow", "variables", "set", "greeting", "by hand").exit_code == 0
    for words in (("up",), ("down",), ("up", "--port", "0")):
        outcome = seeded.run(*words)
        assert outcome.exit_code == 0, outcome.stderr
        assert "put in" not in outcome.stderr
    assert variable(seeded, "greeting") == "by hand"


def test_changed_file_updates_its_own_entries_and_restarts_nothing(seeded: RunningEnvironment) -> None:
    assert seeded.run("airflow", "variables", "set", "other", "mine").exit_code == 0
    before = seeded.pids()
    seeded.runner.write(
        {"airflow_settings.yaml": SETTINGS.replace("hello", "changed").replace("pool_slot: 2", "pool_slot: 3")}
    )
    outcome = seeded.run("up")
    assert SAID in outcome.stderr
    assert (variable(seeded, "greeting"), variable(seeded, "other")) == ("changed", "mine")
    assert pools(seeded)["narrow"] == 3
    after = seeded.pids()
    assert {name: pid for name, pid in after.items() if name != "seed"} == {
        name: pid for name, pid in before.items() if name != "seed"
    }


def test_entry_that_the_database_refuses_is_named_and_none_is_put_in(seeded: RunningEnvironment) -> None:
    too_long = "x" * 501  # Airflow's column has 500
    text = SETTINGS.replace("conn_type: postgres", f"conn_type: {too_long}").replace("pool_slot: 2", "pool_slot: 7")
    seeded.runner.write({"airflow_settings.yaml": text})
    outcome = seeded.run("up")
    assert outcome.exit_code == 3
    assert "settings.yaml:4: the connection my_db could not be loaded into the metadata database" in outcome.stderr
    assert "value too long" in outcome.stderr
    assert PASSWORD not in outcome.stderr
    assert pools(seeded)["narrow"] != 7


def test_bad_file_is_reported_before_anything_starts(seeded: RunningEnvironment) -> None:
    seeded.runner.write({"airflow_settings.yaml": SETTINGS.replace("pool_slot", "pool_slots")})
    outcome = seeded.run("up")
    assert outcome.exit_code == 3
    assert "airflow_settings.yaml:13: airflow.pools[0].pool_slots" in outcome.stderr
    assert "write pool_slot instead of pool_slots" in outcome.stderr
