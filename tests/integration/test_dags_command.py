"""`mwaa-local dags test`: one DAG in one process, with a database that is there for it alone."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable

import psutil
import pytest

from tests.conftest import ProjectRunner
from tests.environments import EACH_GENERATION, GENERATIONS, LATEST, RunningEnvironment, start
from tests.fakes import wait_until
from tests.integration.test_errors import assert_failed

MakeProject = Callable[..., ProjectRunner]
SOURCE = """
import json
from datetime import datetime
from airflow import DAG
try:
    from airflow.providers.standard.operators.python import PythonOperator
except ImportError:
    from airflow.operators.python import PythonOperator


try:
    from airflow.sdk import Variable
    DAILY = {"schedule": "@daily"}
except ImportError:
    from airflow.models import Variable
    DAILY = {"schedule_interval": "@daily"}

STAGE = Variable.get("stage", "none")


def work(**context):
    conf = context["dag_run"].conf or {}
    print("worked on", json.dumps(conf))
    print("in", STAGE, "for", context["ds"], context["data_interval_start"])
    if conf.get("fail"):
        raise ValueError("asked to fail")


with DAG("quick", start_date=datetime(2026, 1, 1), end_date=datetime(2026, 3, 1), catchup=False, **DAILY) as dag:
    PythonOperator(task_id="only", python_callable=work, retries=0)
"""

SETTINGS = """airflow:
  variables:
    - variable_name: stage
      variable_value: testing
"""


def left_running(runner: ProjectRunner) -> list[str]:
    found = (one.info["cmdline"] or [] for one in psutil.process_iter(["cmdline"]))
    return [" ".join(words) for words in found if any(str(runner.root_dir) in word for word in words)]


@pytest.mark.network
@pytest.mark.parametrize("version", EACH_GENERATION)
def test_dag_runs_without_an_environment_and_leaves_nothing_running(project: MakeProject, version: str) -> None:
    files = {"dags/quick.py": SOURCE, "airflow_settings.yaml": SETTINGS}
    runner = project({"mwaa.yaml": f'AirflowVersion: "{version}"\n', **files})
    outcome = runner.run("dags", "test", "quick")
    assert outcome.exit_code == 0, outcome.stdout + outcome.stderr
    assert "worked on {}" in outcome.stdout + outcome.stderr
    assert "in testing for 2026-03-01 2026-03-01" in outcome.stdout + outcome.stderr, "seeded; the schedule's last run"
    assert left_running(runner) == []
    assert "nothing is running" in runner.run("down").stderr


def test_release_that_cannot_do_it_says_so_and_what_can(project: MakeProject) -> None:
    runner = project({"mwaa.yaml": 'AirflowVersion: "1.10.12"\n', "dags/quick.py": SOURCE})
    outcome = runner.run("dags", "test", "quick")
    assert_failed(outcome, "Airflow 1.10.12 cannot run a DAG in a single process", "mwaa-local up --run quick")


@pytest.mark.full
@pytest.mark.network
def test_dag_that_fails_is_exit_code_1(project: MakeProject) -> None:
    runner = project({"mwaa.yaml": 'AirflowVersion: "3.3.1"\n', "dags/quick.py": SOURCE})
    outcome = runner.run("dags", "test", "quick", "2026-02-03", "--conf", '{"fail": true}')
    assert outcome.exit_code == 1, outcome.stdout + outcome.stderr
    assert 'worked on {"fail": true}' in outcome.stdout + outcome.stderr
    assert left_running(runner) == []


@pytest.mark.network
@pytest.mark.parametrize("version", [LATEST, pytest.param("2.2.2", marks=pytest.mark.full)])
def test_dag_that_does_not_exist_is_reported_without_a_traceback(project: MakeProject, version: str) -> None:
    files = {"dags/quick.py": SOURCE, "dags/broken.py": "import nowhere  # airflow, dag\n"}
    runner = project({"mwaa.yaml": f'AirflowVersion: "{version}"\n', **files})
    outcome = runner.run("dags", "test", "quikc")
    assert outcome.exit_code == 2, outcome.stdout + outcome.stderr
    told = outcome.stderr.partition("error: no DAG 'quikc'\n")[2]
    assert "DAGs that exist: quick." in told
    assert "dags/broken.py cannot be imported: ModuleNotFoundError: No module named 'nowhere'" in told
    assert "did you mean 'quick'?" in told
    assert "AirflowException" not in outcome.stdout + outcome.stderr
    assert left_running(runner) == []


ON_DATES = """
from datetime import datetime
from airflow import DAG
try:
    from airflow.providers.standard.operators.bash import BashOperator
    from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
    DAILY, BY_HAND = {"schedule": "5 0 * * *"}, {"schedule": None}
except ImportError:
    from airflow.operators.bash import BashOperator
    from airflow.operators.trigger_dagrun import TriggerDagRunOperator
    DAILY, BY_HAND = {"schedule_interval": "5 0 * * *"}, {"schedule_interval": None}

with DAG("other", start_date=datetime(2026, 1, 1), **BY_HAND) as other:
    BashOperator(task_id="only", bash_command="true")
with DAG("dated", start_date=datetime(2026, 1, 1), end_date=datetime(2026, 3, 1), catchup=True, **DAILY) as dag:
    TEXT = "echo on {{ ts }} from {{ data_interval_start }} to {{ data_interval_end }}"
    BashOperator(task_id="only", bash_command=TEXT) >> TriggerDagRunOperator(task_id="go", trigger_dag_id="other")
"""


@pytest.mark.full
@pytest.mark.network
@pytest.mark.parametrize("version", GENERATIONS)
def test_tests_of_one_date_have_its_interval_and_leave_it_to_the_scheduler(project: MakeProject, version: str) -> None:
    """Airflow makes no run for a date that has one, and none before the last backfill."""
    runner = project({"mwaa.yaml": f'AirflowVersion: "{version}"\n', "dags/dated.py": ON_DATES})
    try:
        environment = start(runner, version)
        column = "logical_date" if environment.release.is_at_least("3.0") else "execution_date"
        for _ in range(2):
            outcome = runner.run("dags", "test", "dated", "2026-01-01T00:05:00")
            said = outcome.stdout + outcome.stderr
            assert outcome.exit_code == 0, said
            end = "2026-01-01T00:05:00+00:00" if environment.release.is_at_least("3.0") else "2026-01-02T00:05:00+00:00"
            assert f" from 2026-01-01T00:05:00+00:00 to {end}" in re.sub(r"(-0\d) (\d\d:)", r"\1T\2", said)
            if environment.release.is_at_least("2.5"):
                assert "on 2026-01-01T00:05:00+00:00" in said, "moved away when it was over"
            else:
                assert "after the schedule's own run" in said or "is another run's date" in said
        others = environment.query(f"SELECT coalesce({column}::date::text, '') FROM dag_run WHERE dag_id = 'other'")
        assert len(others) == 2
        assert ("2026-01-01",) not in others, "what a task triggers has dates of its own"
        runner.run("airflow", "dags", "unpause", "dated")
        query = f"SELECT 1 FROM dag_run WHERE run_type = 'scheduled' AND {column} = '2026-01-01 00:05+00'"
        wait_until(lambda: environment.query(query), "the scheduler's own run of the date", 60)
    finally:
        runner.run("down", "--now")


# A task whose child has a session of its own, which no signal to the command reaches, and one that follows a failure.
LONG_SOURCE = """
import subprocess
from datetime import datetime
from airflow import DAG
try:
    from airflow.providers.standard.operators.python import PythonOperator
except ImportError:
    from airflow.operators.python import PythonOperator


def wait():
    child = subprocess.Popen(["sleep", "%s"], start_new_session=True)
    try:
        print("child", "started", flush=True)
        child.wait()
    finally:
        print("tidied", "up", flush=True)


def follow():
    print("followed", "on", flush=True)


with DAG("long", start_date=datetime(2026, 1, 1), catchup=False) as dag:
    first = PythonOperator(task_id="wait", python_callable=wait, retries=0)
    first >> PythonOperator(task_id="follow", python_callable=follow, trigger_rule="all_done")
"""


def interrupt_long(runner: ProjectRunner, number: int, child_s: str) -> tuple[int, str]:
    """Run the DAG above until its child runs, then send a signal; return exit code and output."""
    process = runner.begin("dags", "test", "long")
    with process:
        assert process.stdout is not None
        seen = ""
        while "child started" not in seen and (line := process.stdout.readline()):
            seen += line
        # A process has no command line for a moment after its parent goes on.
        wait_until(lambda: children_with(child_s), f"the child of the task, after: {seen}")
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    return process.returncode, seen + out + err


def children_with(word: str) -> list[str]:
    found = (one.info["cmdline"] or [] for one in psutil.process_iter(["cmdline"]))
    return [" ".join(words) for words in found if word in words]


@pytest.mark.network
@pytest.mark.parametrize(
    ("version", "number", "exit_code"),
    [
        (LATEST, signal.SIGINT, 130),
        pytest.param(LATEST, signal.SIGTERM, 143, marks=pytest.mark.full),
        pytest.param(LATEST, signal.SIGHUP, 129, marks=pytest.mark.full),
        pytest.param("2.10.3", signal.SIGINT, 130, marks=pytest.mark.full),
        pytest.param("2.2.2", signal.SIGINT, 130, marks=pytest.mark.full),
    ],
)
def test_signal_ends_a_dag_and_all_it_started(project: MakeProject, version: str, number: int, exit_code: int) -> None:
    """Airflow would take it for the failure of one task."""
    child_s = f"{600 + number}.{version.replace('.', '')}"
    runner = project({"mwaa.yaml": f'AirflowVersion: "{version}"\n', "dags/long.py": LONG_SOURCE % child_s})
    code, output = interrupt_long(runner, number, child_s)
    assert (code, output.splitlines()[-1]) == (exit_code, "interrupted" if exit_code == 130 else "terminated"), output
    assert "tidied up" in output
    assert "followed on" not in output
    assert children_with(child_s) == []
    assert left_running(runner) == []


def test_signal_ends_a_dag_in_a_running_environment_too(latest_environment: RunningEnvironment) -> None:
    """Where no end of a database takes everything along."""
    child_s = "600.25"
    runner = latest_environment.runner
    runner.write({"dags/long.py": LONG_SOURCE % child_s})
    try:
        code, output = interrupt_long(runner, signal.SIGINT, child_s)
    finally:
        (runner.root_dir / "dags" / "long.py").unlink()
        # It would be known for a minute more, and others count what is known.
        assert runner.run("airflow", "dags", "delete", "--yes", "long").exit_code == 0
    assert code == 130, output
    assert "followed on" not in output
    assert children_with(child_s) == []
    assert runner.run("status").exit_code == 0
