"""Celery's settings that a broker on this machine makes necessary, and that a user may set otherwise. Pure.

What the environment's queue needs is `merge.celery_config`, which nobody may change.
"""

from __future__ import annotations

from typing import Any

from packaging.version import Version

from mwaa_local.release import Release

# After it has lost the broker, a worker fetches fewer tasks at a time, to give each slot back as a running task ends.
# It counts slots by processes, of which an idle worker that scales from 0 has none: it goes on with one slot for ever.
# Since Celery 5.3.1 (celery/worker/consumer/consumer.py, `on_connection_error_after_connected`), and since 5.4 with a
# setting to switch it off.
CAN_SWITCH_REDUCTION_OFF = Version("5.4")
WITHOUT_REDUCTION = {"worker_enable_prefetch_count_reduction": False}
# And these versions of Kombu do not listen to Redis any more: the end of the lost connection takes the new one out of
# the event loop (kombu/transport/redis.py, `_on_disconnect`). No release of MWAA has 5.2.2 or 5.2.3.
STOPS_LISTENING, LISTENS_AGAIN = Version("5.2.4"), Version("5.4")
OWN_CONSUMER = {"worker_consumer": "mwaa_support.celery_consumer:Consumer"}  # without either fault
# Where tasks report to the web server, a worker that is faster than it would take tasks that then fail unrun.
REPORTS_TO = "core.execution_api_server_url"
PATIENT_CONSUMER = {"worker_consumer": "mwaa_support.celery_consumer:PatientConsumer"}
# With these versions of the Celery provider, `celery worker` asks the broker first whether a worker of that name runs.
# On Redis, its processes inherit what it asked by, hang, and run no task (issue 59707 of apache/airflow).
ASKS_FOR_NAMESAKES, ASKS_APART = Version("3.14.0"), Version("3.19.0")
CONSUMER_WITHOUT_CONNECTIONS = {"worker_consumer": "mwaa_support.celery_consumer:ConsumerWithoutConnections"}
PATIENT_CONSUMER_WITHOUT_CONNECTIONS = {
    "worker_consumer": "mwaa_support.celery_consumer:PatientConsumerWithoutConnections"
}


def celery_defaults(release: Release) -> dict[str, Any]:
    """Return the settings with which the release's worker loses no task and no slot to servers that come and go."""
    celery, kombu = (Version(release.packages.base[name]) for name in ("celery", "kombu"))
    provider = Version(release.providers.get("celery", "0"))
    return {
        **(WITHOUT_REDUCTION if celery >= CAN_SWITCH_REDUCTION_OFF else {}),
        **(OWN_CONSUMER if STOPS_LISTENING <= kombu < LISTENS_AGAIN else {}),
        **_consumer(REPORTS_TO in release.forced_options, ASKS_FOR_NAMESAKES <= provider < ASKS_APART),
    }


def _consumer(is_patient: bool, drops_connections: bool) -> dict[str, str]:
    if drops_connections:
        return PATIENT_CONSUMER_WITHOUT_CONNECTIONS if is_patient else CONSUMER_WITHOUT_CONNECTIONS
    return PATIENT_CONSUMER if is_patient else {}
