"""DAGs in the words of later releases, on a release that does not know them: a real Airflow fails, and has the hint."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import ProjectRunner, make_clean_env

pytestmark = [pytest.mark.network, pytest.mark.full]
HEAD = "from datetime import datetime\n\nfrom airflow import DAG\nfrom airflow.decorators import dag, task\n\n"
WITH = "with DAG('a', start_date=datetime(2024, 1, 1)):\n    "
BASH = "from airflow.operators.bash import BashOperator\n\n"
# By release: code, and what the hint says.
CODE = {
    "2.2.2": {
        "empty": ("from airflow.operators.empty import EmptyOperator", "from airflow.operators.dummy import"),
        "dataset": ("from airflow import Dataset", "airflow.Dataset came with Airflow 2.4"),
        "schedule": (
            "DAG(\n    'a',\n    schedule=None,\n    start_date=datetime(2024, 1, 1),\n)",
            "schedule_interval",
        ),
        "decorated": ("@dag(schedule=None)\ndef a():\n    pass\n\n\na()", "write schedule_interval"),
        "expand": (f"{WITH}task(lambda x: x).expand(x=[1])", ".expand() came with Airflow 2.3"),
        "partial": (f"{BASH}BashOperator.partial(task_id='a')", ".partial() came with Airflow 2.3"),
        "branch": ("@task.branch\ndef a():\n    pass", "@task.branch came with Airflow 2.3"),
        "virtualenv": (
            "from airflow.operators.python import PythonVirtualenvOperator\n\n\ndef run():\n    pass\n\n\n"
            f"{WITH}PythonVirtualenvOperator(task_id='a', python_callable=run)",
            "add virtualenv to requirements/requirements.txt",
        ),
        "walrus": (
            "if (n := 3) > 2:\n    pass",
            "`:=` came with Python 3.8, and MWAA runs Airflow 2.2.2 on Python 3.7",
        ),
        "generic": ("def a(b: list[str]):\n    pass", "came with Python 3.9"),
        "union": ("def a(b: str | None):\n    pass", "came with Python 3.10"),
        "zone": ("from zoneinfo import ZoneInfo", "pendulum.timezone"),
        "plugin": ("from airflow.hooks.acme import AcmeHook", "write `from hooks.acme import …`"),
    },
    "2.4.3": {
        "setup": ("from airflow.decorators import setup", "came with Airflow 2.7"),
        "as_setup": (f"{BASH}{WITH}BashOperator(task_id='a', bash_command='a').as_setup()", "came with Airflow 2.7"),
        "deferrable": (
            "from airflow.providers.amazon.aws.sensors.s3 import S3KeySensor\n\n"
            f"{WITH}S3KeySensor(task_id='a', bucket_key='s3://a/b', deferrable=True)",
            "this version of S3KeySensor cannot be deferred",
        ),
        "rule": (f"{BASH}{WITH}BashOperator(task_id='a', bash_command='a', trigger_rule='one_done')", "Airflow 2.5"),
        "typo": (f"{BASH}{WITH}BashOperator(task_id='a', bash_command='a', trigger_rule='all_dne')", '="all_done"'),
    },
}


@pytest.mark.parametrize("version", CODE)
def test_what_a_later_release_brought_is_told_with_what_to_write(tmp_path: Path, version: str) -> None:
    runner = ProjectRunner(tmp_path / "project", make_clean_env(tmp_path))
    runner.root_dir.mkdir()
    files = {f"dags/{name}.py": f"{HEAD}{code}\n" for name, (code, _) in CODE[version].items()}
    hook = {"plugins/hooks/__init__.py": "", "plugins/hooks/acme.py": "class AcmeHook:\n    pass\n"}
    runner.write({"mwaa.yaml": f'AirflowVersion: "{version}"\n', **files, **hook})
    found = json.loads(runner.run("check", "dags", "--json").stdout)["findings"]
    hints = {item["path"]: item["hint"] for item in found if item["rule"] == "dag-import-error"}
    missing = {
        name: hints.get(f"dags/{name}.py")
        for name, (_, hint) in CODE[version].items()
        if hint not in hints.get(f"dags/{name}.py", "")
    }
    assert not missing
    assert all(len(item["what"]) < 300 for item in found)
