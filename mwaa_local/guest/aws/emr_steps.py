"""EMR: steps take their time and end, though nothing of them runs, so that a sensor that waits for them succeeds.

moto leaves the first step of a cluster running for ever, and the others pending. Here each takes STEP_S seconds, one
after the other as where `StepConcurrencyLevel` is 1, and whatever is asked of the clusters finds them as they are by
then. A cluster without `KeepJobFlowAliveWhenNoSteps` ends with its last step.
Source: EMR management guide, "Understanding the cluster lifecycle"; EMR API, StepStatus and ClusterStatus.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from moto.core.utils import utcnow  # type: ignore[import-not-found]
from moto.emr.models import ElasticMapReduceBackend  # type: ignore[import-not-found]

if TYPE_CHECKING:
    from .moto_services import MotoServices

STEP_S = 2.0  # ours; long enough that a sensor in the mode `reschedule` has to come a second time
PENDING, RUNNING, COMPLETED, CANCELLED = "PENDING", "RUNNING", "COMPLETED", "CANCELLED"
ENDED = ("TERMINATING", "TERMINATED", "TERMINATED_WITH_ERRORS")
ASKING = (
    "add_job_flow_steps",
    "describe_cluster",
    "describe_job_flows",
    "describe_step",
    "list_clusters",
    "list_steps",
    "terminate_job_flows",
)


def prepare(_services: MotoServices) -> None:
    for name in ASKING:
        setattr(ElasticMapReduceBackend, name, _up_to_now(getattr(ElasticMapReduceBackend, name)))


def _up_to_now(ask: Callable[..., Any]) -> Callable[..., Any]:
    """Let time go on in all clusters before, and again after what was asked has changed them."""

    @functools.wraps(ask)
    def asked(backend: Any, *args: Any, **kwargs: Any) -> Any:
        for cluster in backend.clusters.values():
            go_on(cluster, utcnow())
        answer = ask(backend, *args, **kwargs)
        for cluster in backend.clusters.values():
            go_on(cluster, utcnow())
        return answer

    return asked


def go_on(cluster: Any, now: Any) -> None:
    """Bring the cluster and its steps to where they are at `now`."""
    unfinished = [step for step in cluster.steps if step.state in (PENDING, RUNNING)]
    if not unfinished:
        return
    if cluster.state in ENDED:
        for step in unfinished:
            step.state, step.end_date_time = CANCELLED, now
        return
    begins = now
    for step in unfinished:
        if step.start_date_time is None:
            step.start_date_time = max(begins, step.creation_date_time)
        ends = step.start_date_time + timedelta(seconds=STEP_S)
        step.state = COMPLETED if ends <= now else RUNNING
        cluster.state = RUNNING
        if step.state == RUNNING:
            return
        step.end_date_time = begins = ends
    cluster.state = "WAITING"
    if not cluster.keep_job_flow_alive_when_no_steps:
        cluster.terminate()
