"""What MWAA derives from the environment class."""

from __future__ import annotations

from mwaa_local.environment.environment import Environment
from mwaa_local.release import Release

# core.parallelism = maxWorkers * slots / schedulers * 1.5 (MWAA user guide, "Performance tuning for Apache Airflow").
PARALLELISM_FACTOR = 1.5


def class_defaults(release: Release, environment: Environment) -> dict[str, str]:
    """Return the options that MWAA derives from the environment class, by option name, under this release's names.

    Source: MWAA user guide, "Amazon MWAA environment class" and "Performance tuning for Apache Airflow".
    `core.parallelism` holds per scheduler, as in Airflow.
    """
    facts = environment.environment_class_facts
    slots = environment.max_workers * facts.worker_slots
    defaults = {
        "celery.worker_autoscale": facts.worker_autoscale,
        "core.parallelism": str(int(slots / environment.schedulers * PARALLELISM_FACTOR)),
        # The documented limit, and default, is 2 * vCPU - 1.
        _parsing_option(release): str(2 * facts.scheduler.vcpus - 1),
    }
    if release.triggerer_argv is not None:
        key = "triggerer.capacity" if release.generation == "3.x" else "triggerer.default_capacity"
        defaults[key] = str(facts.triggerer_capacity)
    return defaults


def _parsing_option(release: Release) -> str:
    if release.generation == "3.x":
        return "dag_processor.parsing_processes"
    # Renamed in Airflow 1.10.14, so only MWAA's 1.10.12 has the old name.
    return "scheduler.parsing_processes" if release.is_at_least("2.0.0") else "scheduler.max_threads"
