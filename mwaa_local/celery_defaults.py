"""Celery's settings that a broker on this machine makes necessary, and that a user may set otherwise. Pure.

What the environment's queue needs is `options.celery_config`, which nobody may change.
"""

from __future__ import annotations

from typing import Any

from packaging.version import Version

from mwaa_local.release import Release

# After it has lost the broker, a worker fetches fewer tasks at a time, to give each slot back as a running task ends.
# It counts slots by processes, of which an idle worker that scales from 0 has none: it goes on with one slot for ever.
# Since Celery 5.3.1 (celery/worker/consumer/consumer.py, `on_connection_error_after_connected`), and since 5.4 with a
# setting to switch it off.
REDUCES_PREFETCH = Version("5.3.1")
CAN_SWITCH_IT_OFF = Version("5.4")
WITHOUT_REDUCTION = {"worker_enable_prefetch_count_reduction": False}
CONSUMER_WITHOUT_REDUCTION = {"worker_consumer": "mwaa_support.celery_consumer:Consumer"}


def celery_defaults(release: Release) -> dict[str, Any]:
    """Return the settings with which the release's worker has all its slots again after the broker was restarted."""
    celery = Version(release.packages.base["celery"])
    if celery < REDUCES_PREFETCH:
        return {}
    return dict(WITHOUT_REDUCTION if celery >= CAN_SWITCH_IT_OFF else CONSUMER_WITHOUT_REDUCTION)
