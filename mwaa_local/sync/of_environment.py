"""The sync of an environment that has its files from a bucket: its bucket, and what its user is told."""

from __future__ import annotations

import time

from mwaa_local.errors import MwaaLocalError
from mwaa_local.project import Project
from mwaa_local.remarks import WARNING, Remark
from mwaa_local.sync.applying import Synced
from mwaa_local.sync.other_aws import OtherAwsBucket
from mwaa_local.sync.own_aws import OwnAwsBucket, is_own_aws
from mwaa_local.sync.plan import CLOSED, SyncPlan
from mwaa_local.sync.reading import BucketUnreadable, Listing, ReadableBucket
from mwaa_local.sync.state import LastChange, Source, SyncState
from mwaa_local.sync.syncing import DagsSync

SUBJECT = "sync"  # of remarks
SHOWN = 5  # names in a remark
READABLE = "let the user that runs the environment read the folder"
BLOCK = (
    "aws s3api put-public-access-block --bucket {name} --public-access-block-configuration"
    " BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true"
)
VERSION = "aws s3api put-bucket-versioning --bucket {name} --versioning-configuration Status=Enabled"


class BucketOpen(BucketUnreadable):
    """The source bucket is not closed to the public."""


def bucket_at(url: str, name: str) -> ReadableBucket:
    """Return a bucket of the AWS at an address, which is asked what it is."""
    return OwnAwsBucket(url, name) if is_own_aws(url) else OtherAwsBucket(url, name)


class EnvironmentSync:
    """The sync of one environment with one bucket; what there is to tell of it is kept for `status`."""

    def __init__(self, project: Project, source: Source, url: str) -> None:
        self._state = SyncState(project)
        self._source = source
        self._is_versioned = True
        self._sync = DagsSync(project, source, bucket_at(url, source.bucket))

    def plan(self) -> SyncPlan:
        """Return what `run` would do. Raises what `DagsSync.plan` raises, and BucketOpen."""
        return self._sync.plan(self._check)

    def run(self) -> Synced | None:
        """Sync; return what was done, None where nothing has changed. Raises what `DagsSync.run` raises."""
        synced = self._sync.run(self._check)
        if synced is not None:
            if not synced.is_nothing:
                self._state.changed(LastChange(time.time(), len(synced.written), len(synced.deleted)))
            self._state.tell(remarks_on(synced, self._source, is_versioned=self._is_versioned))
        return synced

    def _check(self, listing: Listing) -> None:
        """Refuse a bucket as MWAA does. Raises BucketOpen."""
        self._is_versioned = listing.is_versioned
        if not listing.is_closed:
            why = "Its public access is not blocked, and MWAA does not sync from such a bucket."
            raise BucketOpen(
                f"s3://{self._source.bucket} is open to the public", why, BLOCK.format(name=self._source.bucket)
            )


def tell_failure(project: Project, error: MwaaLocalError) -> bool:
    """Keep for `status` why the DAGs are not synced; return whether that is new."""
    return SyncState(project).tell(
        [Remark(WARNING, SUBJECT, f"DAGs are not synced: {error.what}", error.why, error.hint)]
    )


def remarks_on(synced: Synced, source: Source, *, is_versioned: bool = True) -> list[Remark]:
    """Return what there is to tell after a sync: what of the bucket is not in the folder, and why."""
    found = []
    if not is_versioned:
        what = f"versioning of the source bucket {source.bucket} is not enabled"
        found.append(Remark(WARNING, SUBJECT, what, "MWAA requires it.", VERSION.format(name=source.bucket)))
    by_reason: dict[str, list[str]] = {}
    for left in synced.left:
        by_reason.setdefault(left.why, []).append(f"dags/{left.name}")
    for why, names in by_reason.items():
        hint = READABLE if why == CLOSED else f"remove {'it' if len(names) == 1 else 'them'} to have the bucket's"
        what = (
            f"{_listed(names)} {'stays' if len(names) == 1 else 'stay'} as {'it is' if len(names) == 1 else 'they are'}"
        )
        found.append(Remark(WARNING, SUBJECT, what, f"{why[0].upper()}{why[1:]}.", hint))
    for one in synced.plan.skipped[:SHOWN]:
        what = f"s3://{source.bucket}/{ascii(one.key)[1:-1]} is not in the DAGs folder"
        found.append(
            Remark(WARNING, SUBJECT, what, f"{one.why[0].upper()}{one.why[1:]}.", "give the object another key")
        )
    if len(synced.plan.skipped) > SHOWN:
        more = len(synced.plan.skipped) - SHOWN
        found.append(Remark(WARNING, SUBJECT, f"{more} more objects cannot be files of the DAGs folder"))
    return found


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{', '.join(names[:SHOWN])}{more}"
