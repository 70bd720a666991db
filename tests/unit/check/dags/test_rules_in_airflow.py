"""What the rules say, compared with real releases of Airflow and their own examples."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from mwaa_local.check.dags.air import KEPT
from mwaa_local.check.dags.rule import findings
from mwaa_local.check.dags.rules import RULES, dag_argument_in_default_args, ecs_argument_in_camel_case
from mwaa_local.check.dags.rules.sensor_holds_slot import DEFAULT_TIMEOUT_S
from mwaa_local.check.dags.source import Source
from mwaa_local.finding import ERROR
from mwaa_local.packages import PackageStore
from mwaa_local.release import Release
from tests.conftest import cache_dir, make_clean_env
from tests.environments import EACH_GENERATION, LATEST

# What Airflow's examples do that fails on MWAA in truth: a task for the queue of a Kubernetes executor.
TRUE_ERRORS = {("example_local_kubernetes_executor.py", "queue-not-of-mwaa")}
SOFT_RULES = {"sensor-holds-slot", "start-date-at-parse-time"}  # which Airflow's examples break on purpose
FACTS_SCRIPT = """
import importlib, inspect, json, logging, sys, warnings
warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
from datetime import datetime
try:
    from airflow.sdk import DAG, BaseOperator, BaseSensorOperator
except ImportError:
    from airflow import DAG
    from airflow.models.baseoperator import BaseOperator
    from airflow.sensors.base import BaseSensorOperator
import airflow.providers.amazon.aws.operators.ecs as ecs

operator = getattr(ecs, "EcsRunTaskOperator", None) or ecs.ECSOperator
known = set(inspect.signature(BaseOperator.__init__).parameters)
with DAG("plain", start_date=datetime(2024, 1, 1)) as plain:
    sensor = BaseSensorOperator(task_id="wait")
names = json.loads(sys.argv[1])
refused = []
for name in names:
    try:
        operator(task_id=name, cluster="c", task_definition="t", overrides={}, dag=plain, **{name: "x"})
    except Exception as error:
        refused.append(name)
with DAG("given", start_date=datetime(2024, 1, 1), default_args={
    "schedule": "@weekly", "schedule_interval": "@weekly", "catchup": not plain.catchup, "max_active_runs": 3
}) as given:
    sensor_of_given = BaseSensorOperator(task_id="wait")


def can_import(name):
    module, _, member = name.rpartition(".")
    try:
        return hasattr(importlib.import_module(module), member)
    except ImportError:
        return False


def schedule(dag):
    return type(dag.timetable).__name__ + str(getattr(dag.timetable, "_delta", ""))


print("FACTS" + json.dumps({
    "parameters": sorted(known),
    "timeout": sensor.timeout if isinstance(sensor.timeout, (int, float)) else sensor.timeout.total_seconds(),
    "mode": sensor.mode,
    "refused": refused,
    "kept": [name for name in json.loads(sys.argv[2]) if can_import(name)],
    "same": [schedule(plain) == schedule(given), plain.catchup == given.catchup,
             plain.max_active_runs == given.max_active_runs],
    "schedule": schedule(plain),
    "catchup": plain.catchup,
}))
"""


@pytest.fixture
def store(tmp_path: Path) -> PackageStore:
    return PackageStore(cache_dir(), make_clean_env(tmp_path))


@pytest.mark.network
@pytest.mark.parametrize("version", EACH_GENERATION)
def test_airflows_own_examples_have_no_error_that_is_none(version: str, store: PackageStore) -> None:
    """The examples of Airflow and of its providers, as far as the release's package set has them."""
    release = Release.load(version)
    airflow_dir = store.base(release, lambda _: None).site_packages_dir / "airflow"
    paths = [path for path in sorted(airflow_dir.rglob("*.py")) if "example_dags" in path.parts]
    assert len(paths) > 50
    sources = [Source.read(path, f"dags/{path.name}", release) for path in paths]
    items = [item for source in sources if source is not None for item in findings(source, RULES)]
    errors = {(Path(item.path).name, item.rule) for item in items if item.severity == ERROR}
    assert errors <= TRUE_ERRORS
    assert {item.rule for item in items if item.severity != ERROR} <= SOFT_RULES


@pytest.mark.network
@pytest.mark.parametrize("version", EACH_GENERATION)
def test_airflow_does_what_the_rules_say_of_it(version: str, store: PackageStore, tmp_path: Path) -> None:
    environment = store.base(Release.load(version), lambda _: None)
    env = {**make_clean_env(tmp_path), "AIRFLOW_HOME": str(tmp_path / "airflow"), "PYTHONPATH": ""}
    camel = json.dumps([*ecs_argument_in_camel_case._TOP, *ecs_argument_in_camel_case._ABSENT])
    argv = [str(environment.python_path), "-c", FACTS_SCRIPT, camel, json.dumps(sorted(KEPT))]
    completed = subprocess.run(argv, env=env, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=120)
    assert "FACTS" in completed.stdout, completed.stderr
    facts = json.loads(completed.stdout.partition("FACTS")[2])
    is_new = version == LATEST
    assert not set(facts["parameters"]) & dag_argument_in_default_args._ARGUMENTS
    assert facts["same"] == [True, True, True]  # what default_args say of the DAG is ignored
    assert facts["catchup"] is not is_new
    assert facts["schedule"] == ("NullTimetable" if is_new else "DeltaDataIntervalTimetable1 day, 0:00:00")
    assert (facts["timeout"], facts["mode"]) == (DEFAULT_TIMEOUT_S, "poke")
    assert facts["refused"] == json.loads(camel)
    assert not is_new or facts["kept"] == sorted(KEPT)
