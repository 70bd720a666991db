"""Bucket, role, key and network of an environment, held to what MWAA needs of them, where this machine has an AWS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mwaa_local.api.environments.members import NAME
from mwaa_local.api.prerequisites import checks
from mwaa_local.configuration.base import region_of
from mwaa_local.errors import MwaaLocalError
from mwaa_local.local_aws import endpoint_for
from mwaa_local.project import Project

if TYPE_CHECKING:  # the API asks here, too, and pays for no lifecycle
    from mwaa_local.api.environments.job import Failure, Job

JUDGED_AT_CALL = ("DagS3Path", "ExecutionRoleArn", "SourceBucketArn")


class PrerequisitesMissing(MwaaLocalError):
    """The network or the role is not as MWAA needs it. Which of them is in the environment's events, as it is not told
    by MWAA.
    """


def refuse_unfit(
    project: Project, env: Mapping[str, str], members: Mapping[str, Any], changes: Mapping[str, Any] | None = None
) -> None:
    """Raise ServiceError where MWAA would refuse a call for the bucket, the role or the key in these members.

    Of an update with `changes` that name nothing of `JUDGED_AT_CALL`, only the settings of the bucket are judged:
    those may have changed since, and an update reads the bucket.
    """
    url = endpoint_for(project, env)
    if url is None:
        return
    judge = checks.refuse if changes is None or not changes.keys().isdisjoint(JUDGED_AT_CALL) else checks.refuse_bucket
    judge(members, url, region_of(env))


def check_network(job: Job) -> None:
    """Tell what the network lacks. Raises PrerequisitesMissing if it is anything."""
    url = endpoint_for(job.project, job.env)
    if url is None:
        return
    record = job.record
    looked = checks.look({NAME: record.name, **record.members}, url, region_of(job.env))
    if looked.not_checked:
        job.tell(looked.not_checked)
    for remark in looked.remarks:
        job.tell(remark.what, hint=remark.hint)
    for fault in looked.faults:
        job.tell(fault.what, hint=fault.hint, is_failure=True)
    if looked.faults:
        raise PrerequisitesMissing("; ".join(fault.what for fault in looked.faults))


def is_told_by_mwaa(failure: Failure) -> bool:
    """Return whether MWAA has words of its own for the failure."""
    return failure.code == PrerequisitesMissing.__name__
