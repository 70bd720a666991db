"""The DAGs of a source bucket are brought into the DAGs folder, every 30 s as on MWAA."""

from __future__ import annotations

import logging

from mwaa_local.errors import MwaaLocalError
from mwaa_local.local_aws import endpoint_for
from mwaa_local.observer.duty import Duty, Observed
from mwaa_local.sync.of_environment import EnvironmentSync, tell_failure
from mwaa_local.sync.reading import BucketUnreadable
from mwaa_local.sync.state import Source, SyncState

NO_AWS = "no AWS of this machine runs for it, and no variable AWS_ENDPOINT_URL names one"
NO_AWS_HINT = "mwaa-local up, in the project that has `Local: {Aws: local}`"
log = logging.getLogger(__name__)


def duties(observed: Observed) -> list[Duty]:
    """Return the duty for an environment that has its files from a bucket; none for one that shows its own folder."""
    return [SyncDags(observed)] if SyncState(observed.workspace.project).source else []


class SyncDags:
    """Syncs, and asks for the address of the bucket's AWS only when that does not answer."""

    name = "sync"

    def __init__(self, observed: Observed) -> None:
        self.interval_s = float(observed.environment.local.sync_seconds)
        self._with: tuple[Source, EnvironmentSync] | None = None

    def round(self, observed: Observed) -> None:
        project = observed.workspace.project
        source = SyncState(project).source
        if source is None:
            return
        try:
            done = self._sync_with(source, observed).run()
        except MwaaLocalError as error:  # told where its user looks, instead of by a traceback in the log
            self._with = None
            if tell_failure(project, error):
                log.warning("%s", error)
            return
        if done is not None and not done.is_nothing:
            log.info("%d written, %d deleted in %.2f s", len(done.written), len(done.deleted), done.seconds)

    def finish(self, observed: Observed) -> None:
        pass

    def _sync_with(self, source: Source, observed: Observed) -> EnvironmentSync:
        if self._with is None or self._with[0] != source:
            url = endpoint_for(observed.workspace.project, observed.workspace.env)
            if url is None:
                raise BucketUnreadable(f"cannot read {source.place}: {NO_AWS}", "", NO_AWS_HINT)
            self._with = source, EnvironmentSync(observed.workspace.project, source, url)
        return self._with[1]
