"""CreateEnvironment, carried out: files from the source bucket, then everything started, then looked at.

Each phase can be begun again, by another worker too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mwaa_local.api.environments import record as records
from mwaa_local.api.environments.bucket import Bucket, VersionMissing
from mwaa_local.api.environments.delivered import Delivered, fetch
from mwaa_local.api.environments.endpoints import ENDPOINTS_TIMEOUT_S, missing_endpoints
from mwaa_local.api.environments.faults import CREATE_FAILS
from mwaa_local.api.environments.job import Failure, Job
from mwaa_local.api.environments.prerequisites import check_network, is_told_by_mwaa
from mwaa_local.api.environments.record import Record, last_update
from mwaa_local.api.prerequisites.bucket import bucket_name
from mwaa_local.api.prerequisites.checks import ERROR_CODE, ERROR_MESSAGE
from mwaa_local.configuration.base import region_of
from mwaa_local.errors import MwaaLocalError
from mwaa_local.local_aws import endpoint_for
from mwaa_local.sync.of_environment import EnvironmentSync, remarks_on
from mwaa_local.sync.state import Source, SyncState

COPYING, STARTING, STOPPING = "copying the source bucket", "starting", "stopping"
NO_AWS = "No AWS of this machine runs for it, and no variable AWS_ENDPOINT_URL names one."
MAX_MESSAGE = 1024  # of ErrorMessage, in MWAA's model


class EndpointsMissing(MwaaLocalError):
    """VPC endpoints were not made in the time that MWAA waits for them."""


def create(job: Job) -> None:
    """Make the environment. Raises what keeps it from coming up; `fail_create` ends it then."""
    if not has_endpoints(job):
        return
    check_network(job)
    copy_files(job)
    job.faults.fail(CREATE_FAILS, "CreateEnvironment")
    job.phase(STARTING)
    job.start(job.environment(job.record.members, job.local()))
    Delivered(job.project).forget_kept()
    began = job.operation.began
    job.settle(records.AVAILABLE, lambda record: _made(record, began))


def _made(record: Record, began: float) -> Record:
    done = replace(record, last_update=last_update(records.SUCCESS, at=began))
    return done.with_event("created: all components are ready and the health page answers")


def has_endpoints(job: Job) -> bool:
    """Say whether the environment has what its owner must make; if not, it waits, and no worker does."""
    record = job.record
    missing = missing_endpoints(job.project, record, job.env)
    if not missing:
        return True
    assert record.operation is not None
    if job.has_waited(ENDPOINTS_TIMEOUT_S):
        raise EndpointsMissing(
            f"no VPC endpoints for {', '.join(missing)} within {ENDPOINTS_TIMEOUT_S // 3600} hours",
            "EndpointManagement is CUSTOMER, so their owner makes them.",
            "aws ec2 create-vpc-endpoint --vpc-endpoint-type Interface --service-name …",
        )
    if record.operation.phase != records.PENDING:
        hint = f"aws ec2 create-vpc-endpoint --vpc-endpoint-type Interface --service-name {missing[0]} …"
        job.tell(f"waiting for VPC endpoints: {', '.join(missing)}", "EndpointManagement is CUSTOMER.", hint)
        job.phase(records.PENDING)
    return False


def copy_files(job: Job) -> None:
    """Copy what the members name from the source bucket into the project's folders, once."""
    operation = job.operation
    members = operation.wanted or job.record.members
    arn = members.get("SourceBucketArn")
    url = endpoint_for(job.project, job.env)
    job.phase(COPYING)
    if not arn or url is None:
        hint = f"put files into the folders below {job.project.root_dir}, or use `Local: {{Aws: local}}`"
        job.tell("nothing was copied from the source bucket", NO_AWS, hint)
        return
    delivered = Delivered(job.project)
    delivered.keep(operation.id)
    folder = fetch(Bucket(arn, url, region_of(job.env)), members, job.project, job.tell)
    source = source_of(members)
    SyncState(job.project).comes_from(source)
    sync_dags(job, source, url)
    for what in delivered.apply(folder):
        job.tell(what, is_failure=True)


def source_of(members: Mapping[str, Any]) -> Source:
    """Return where the DAGs of an environment with these members come from."""
    return Source(bucket_name(str(members["SourceBucketArn"])), str(members.get("DagS3Path", "")))


def sync_dags(job: Job, source: Source, url: str) -> None:
    """Bring the DAGs into their folder, and tell what there is to tell. Raises BucketUnreadable."""
    synced = EnvironmentSync(job.project, source, url).run()
    assert synced is not None  # the first time, nothing is as it was
    count = len(synced.plan.kept) + len(synced.written)
    job.tell(f"synced {count} {'file' if count == 1 else 'files'} from {source.place}")
    if not count:
        job.tell(f"{source.place} holds no file, so the environment has no DAGs")
    for remark in remarks_on(synced, source):
        job.tell(remark.what, remark.why, remark.hint, is_failure=True)


def fail_create(job: Job, failure: Failure) -> None:
    """Stop what came up, and say why there is no environment. Its folder and logs stay until it is deleted."""
    job.phase(STOPPING)
    job.stop(now=True)
    began = job.operation.began
    update = last_update(records.FAILED, at=began, error=error_of(failure))
    job.settle(records.CREATE_FAILED, lambda record: replace(record, last_update=update))


def error_of(failure: Failure) -> tuple[str, str]:
    """Return code and message of LastUpdate.Error: MWAA's where they are known; the others say that they are ours."""
    if is_told_by_mwaa(failure):
        return ERROR_CODE, ERROR_MESSAGE
    if failure.code == VersionMissing.__name__:  # the message is the service's; its code is not documented
        return f"mwaa-local.{failure.code}", failure.what[:MAX_MESSAGE]
    return f"mwaa-local.{failure.code}", f"mwaa-local: {failure.what}"[:MAX_MESSAGE]
