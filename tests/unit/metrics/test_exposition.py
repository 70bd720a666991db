"""The page for Prometheus, read by Prometheus's own parser."""

from __future__ import annotations

from pathlib import Path

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from mwaa_local.database.tasks import TaskCounts
from mwaa_local.guest.statsd.keeping import Files
from mwaa_local.guest.statsd.samples import samples
from mwaa_local.guest.statsd.summing import Collected
from mwaa_local.metrics.exposition import FRESH_S, Exposition
from mwaa_local.metrics.figures import ComponentFigures, Figures, append_figures

NOON = 1_796_040_000
SENT = b"""
airflow.scheduler_heartbeat:3|c
airflow.job_start:1|c
airflow.ti.finish.orders.load.success:2|c
airflow.ti.finish:2|c
airflow.ti.start.orders.load:1|c
airflow.ti.start.orders.store:1|c
airflow.dag_processing.processes:-2|c
airflow.executor.open_slots:5|g
airflow.pool.open_slots.default_pool:128|g
airflow.pool.open_slots:128|g
airflow.dag.orders.load.duration:1500|ms
airflow.dag.orders.load.duration:500|ms
airflow.dag_processing.last_duration.orders:0.25|ms
airflow.dag_processing.last_duration:0.25|ms
airflow.my.own-timer:10|ms
"""


def exposed(folder: Path, sent: bytes = SENT, now: float = NOON + 1) -> dict[str, Metric]:
    collected = Collected(NOON)
    collected.add(samples(sent, "airflow."), NOON)
    Files(folder).write_now(collected.now(NOON))
    exposition = Exposition()
    exposition.add("mine", folder, now=now)
    return families(exposition)


def families(exposition: Exposition) -> dict[str, Metric]:
    found = list(text_string_to_metric_families(exposition.text()))
    assert len({family.name for family in found}) == len(found)
    return {family.name: family for family in found}


def values(family: Metric) -> list[tuple[str, dict[str, str], float]]:
    assert {sample.labels.pop("environment") for sample in family.samples} == {"mine"}
    return [(sample.name, sample.labels, sample.value) for sample in family.samples]


def test_counters_gauges_and_timers_are_families_of_their_kinds(tmp_path: Path) -> None:
    found = exposed(tmp_path)
    assert {name: family.type for name, family in found.items()} == {
        "airflow_scheduler_heartbeat": "counter",
        "airflow_job_start": "counter",
        "airflow_ti_finish": "counter",
        "airflow_ti_start": "counter",
        "airflow_dag_processing_processes": "gauge",  # it falls, which a counter must not
        "airflow_executor_open_slots": "gauge",
        "airflow_pool_open_slots": "gauge",
        "airflow_dag_duration_milliseconds": "summary",
        "airflow_dag_processing_last_duration_seconds": "summary",
        "airflow_my_own_timer_milliseconds": "summary",
    }
    assert values(found["airflow_scheduler_heartbeat"]) == [("airflow_scheduler_heartbeat_total", {}, 3)]
    assert values(found["airflow_job_start"]) == [("airflow_job_start_total", {"job": "job"}, 1)]


def test_parts_of_names_are_labels_and_what_was_sent_twice_is_told_once(tmp_path: Path) -> None:
    found = exposed(tmp_path)
    labels = {"dag": "orders", "task": "load", "state": "success"}
    assert values(found["airflow_ti_finish"]) == [("airflow_ti_finish_total", labels, 2)]
    assert values(found["airflow_pool_open_slots"]) == [("airflow_pool_open_slots", {"pool": "default_pool"}, 128)]
    assert values(found["airflow_ti_start"]) == [("airflow_ti_start_total", {}, 2)]
    assert values(found["airflow_dag_duration_milliseconds"]) == [
        ("airflow_dag_duration_milliseconds_count", {"dag": "orders", "task": "load"}, 2),
        ("airflow_dag_duration_milliseconds_sum", {"dag": "orders", "task": "load"}, 2000),
    ]
    [_, (_, labels, total)] = values(found["airflow_dag_processing_last_duration_seconds"])
    assert (labels, total) == ({"dag_filename": "orders"}, 0.25)
    assert "ti.finish.{DAG}.{Task}.{State}" in found["airflow_ti_finish"].documentation


def test_what_components_use_is_that_of_the_newest_minute(tmp_path: Path) -> None:
    for minute, cpu in ((NOON - 60, 1.5), (NOON, 2.5)):
        components = {"worker.1": ComponentFigures(cpu, 1000)}
        append_figures(tmp_path, minute, Figures(components, TaskCounts(3, 4, 12.5), {"scheduler": 0.5}))
    exposition = Exposition()
    exposition.add("mine", tmp_path, now=NOON + 70)
    found = {name: values(family) for name, family in families(exposition).items()}
    assert found == {
        "mwaa_local_component_cpu_percent": [("mwaa_local_component_cpu_percent", {"component": "worker.1"}, 2.5)],
        "mwaa_local_component_memory_bytes": [("mwaa_local_component_memory_bytes", {"component": "worker.1"}, 1000)],
        "mwaa_local_heartbeat_age_seconds": [("mwaa_local_heartbeat_age_seconds", {"component": "scheduler"}, 0.5)],
        "mwaa_local_oldest_queued_task_seconds": [("mwaa_local_oldest_queued_task_seconds", {}, 12.5)],
        "mwaa_local_tasks_queued": [("mwaa_local_tasks_queued", {}, 4)],
        "mwaa_local_tasks_running": [("mwaa_local_tasks_running", {}, 3)],
    }


def test_labels_of_any_text_are_read_back_as_they_were(tmp_path: Path) -> None:
    odd = 'a "pool" \\ of\\n mine, {é}'
    found = exposed(tmp_path, f"airflow.pool.open_slots.{odd.replace(',', ';')}:1|g".encode())
    [(_, labels, _)] = values(found["airflow_pool_open_slots"])
    assert labels == {"pool": odd.replace(",", ";")}


def test_environment_that_does_not_run_tells_nothing(tmp_path: Path) -> None:
    append_figures(tmp_path, NOON, Figures({"a": ComponentFigures(1, 1)}, None))
    assert exposed(tmp_path, now=NOON + FRESH_S + 61) == {}
    exposition = Exposition()
    exposition.add("mine", tmp_path / "not there", now=NOON)
    assert exposition.text() == ""


def test_several_environments_stand_in_one_family(tmp_path: Path) -> None:
    exposition = Exposition()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        collected = Collected(NOON)
        collected.add(samples(b"scheduler_heartbeat:1|c", ""), NOON)
        Files(tmp_path / name).write_now(collected.now(NOON))
        exposition.add(name, tmp_path / name, now=NOON)
    [family] = families(exposition).values()
    assert [sample.labels for sample in family.samples] == [{"environment": "one"}, {"environment": "two"}]
