"""DAG files and plugins are imported where the startup script has run: with its variables, files and packages."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.conftest import ProjectRunner

pytestmark = pytest.mark.network

SCRIPT = """\
mkdir certs
echo pem >/usr/local/airflow/certs/ca.pem
export CA=/usr/local/airflow/certs/ca.pem
echo 'HOME_OF = "script"' >"$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/from_script.py"
if [[ $MWAA_AIRFLOW_COMPONENT == worker ]]; then
    echo x >worker_only
fi
ls /no-such-folder
export PIP_USER=true
aws s3 cp s3://bucket/rates.json rates.json
"""
DAG = """\
import os
from datetime import datetime
from airflow.sdk import DAG
import from_script
assert os.environ["STAGE"] == "of_settings"  # by the plugin
with DAG({name!r}, schedule=None, start_date=datetime(2024, 1, 1)):
    open({path})
"""
PLUGIN = """\
import os
from airflow.plugins_manager import AirflowPlugin
from airflow.sdk import BaseHook, Variable
import from_script
os.environ["STAGE"] = Variable.get("stage")
os.environ["REGION"] = Variable.get("region")
open(os.environ["CA"])
BaseHook.get_connection("ledger")
class Own(AirflowPlugin):
    name = Variable.get("stage")
"""
SETTINGS = "airflow:\n  variables:\n    - variable_name: stage\n      variable_value: of_settings\n"


def test_imports_find_what_the_startup_script_made(project: Callable[..., ProjectRunner]) -> None:
    runner = project(
        {
            "mwaa.yaml": "AirflowVersion: 3.3.1\nAirflowConfigurationOptions: {core.lazy_load_plugins: 'False'}\n",
            "startup/startup.sh": SCRIPT,
            "dags/right.py": DAG.format(name="right", path="os.environ['CA']"),
            "dags/wrong.py": DAG.format(name="wrong", path="'/usr/local/airflow/worker_only'"),
            "dags/fetched.py": DAG.format(name="fetched", path="'/usr/local/airflow/rates.json'"),
            "plugins/own.py": PLUGIN,
            "airflow_settings.yaml": SETTINGS,
        }
    )
    outcome = runner.run("check", "--json", timeout_s=300)
    parts = {part["name"]: part for part in json.loads(outcome.stdout)["parts"]}
    [fetched, error] = parts["dags"]["findings"]
    assert (fetched["rule"], fetched["severity"], fetched["path"]) == ("dag-import-error", "warning", "dags/fetched.py")
    assert "startup/startup.sh:10 did not run to its end on this machine (`aws s3 cp" in fetched["hint"]
    assert (error["rule"], error["severity"], error["path"]) == ("dag-import-error", "error", "dags/wrong.py")
    assert "/usr/local/airflow/worker_only in the worker only" in error["why"]
    assert [(item["rule"], item["severity"], item["line"]) for item in parts["plugins"]["findings"]] == [
        ("missing-variable", "note", 6),
        ("missing-connection", "note", 8),
    ]
    assert "of_settings" in parts["plugins"]["summary"]
    of_script = [(item["rule"], item["line"]) for item in parts["startup script"]["findings"]]
    # What is said of the last line differs: there may be an `aws` here, without credentials.
    assert [item for item in of_script if item[1] in (8, 9)] == [
        ("startup-command-failed", 8),
        ("startup-variable-reaches-pip", 9),
    ]
