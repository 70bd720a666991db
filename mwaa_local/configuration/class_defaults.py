"""What MWAA derives from the environment class."""

from __future__ import annotations

from collections.abc import Mapping

from mwaa_local.environment.classes import EnvironmentClass
from mwaa_local.release import Release

# core.parallelism = maxWorkers * slots / schedulers * 1.5 (MWAA user guide, "Performance tuning for Apache Airflow").
PARALLELISM_FACTOR = 1.5
PARALLELISM = "core.parallelism"


def class_defaults(
    release: Release, environment_class: EnvironmentClass, max_workers: int, schedulers: int
) -> dict[str, str]:
    """Return the options that MWAA derives from the environment class, by option name, under this release's names.

    Source: MWAA user guide, "Amazon MWAA environment class" and "Performance tuning for Apache Airflow".
    `core.parallelism` holds per scheduler, as in Airflow.
    """
    slots = max_workers * environment_class.worker_slots
    values = {
        "worker_autoscale": environment_class.worker_autoscale,
        "parallelism": int(slots / schedulers * PARALLELISM_FACTOR),
        "parsing_processes": 2 * environment_class.scheduler.vcpus - 1,  # the documented limit, and default
        "triggerer_capacity": environment_class.triggerer_capacity,
    }
    return {option: template.format_map(values) for option, template in release.class_options.items()}


def parallelism_here(of_class: Mapping[str, str], schedulers: int, schedulers_here: int) -> dict[str, str]:
    """Return MWAA's default of `core.parallelism` for as many schedulers as run on this machine, if it differs.

    It holds per scheduler: one alone, with the number of two, would leave slots of workers empty.
    """
    if PARALLELISM not in of_class or schedulers == schedulers_here:
        return {}
    return {PARALLELISM: str(max(1, int(of_class[PARALLELISM]) * schedulers // schedulers_here))}
