"""How many tasks a worker runs at a time, as its variables say."""

from __future__ import annotations

from collections.abc import Mapping

AUTOSCALE = "AIRFLOW__CELERY__WORKER_AUTOSCALE"  # "most,least"
CONCURRENCY = "AIRFLOW__CELERY__WORKER_CONCURRENCY"  # counts where there is no autoscale
DEFAULT_CONCURRENCY = 16  # Airflow's own


def autoscale_most(variables: Mapping[str, str]) -> int:
    """Return the first number of `celery.worker_autoscale`; 0 for none that can be."""
    return _positive(variables.get(AUTOSCALE, "").partition(",")[0])


def slots_of(variables: Mapping[str, str]) -> int:
    """Return the slots of a worker with these variables."""
    return autoscale_most(variables) or _positive(variables.get(CONCURRENCY, "")) or DEFAULT_CONCURRENCY


def _positive(text: str) -> int:
    return int(text) if text.strip().isdecimal() else 0
