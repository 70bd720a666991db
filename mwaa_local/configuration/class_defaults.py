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
    values = {
        "worker_autoscale": facts.worker_autoscale,
        "parallelism": int(slots / environment.schedulers * PARALLELISM_FACTOR),
        "parsing_processes": 2 * facts.scheduler.vcpus - 1,  # the documented limit, and default
        "triggerer_capacity": facts.triggerer_capacity,
    }
    return {option: template.format_map(values) for option, template in release.class_options.items()}
