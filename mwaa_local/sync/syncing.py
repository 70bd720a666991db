"""One sync of the DAGs folder: look at both sides, fetch what differs, then change the folder."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from mwaa_local.project import Project
from mwaa_local.sync.applying import Synced, apply
from mwaa_local.sync.folder import DagsFolder
from mwaa_local.sync.names import as_files, below
from mwaa_local.sync.plan import Known, Seen, SyncPlan, make_plan
from mwaa_local.sync.reading import Listing, ReadableBucket
from mwaa_local.sync.state import Source, SyncState

SETTLED_S = 2.0  # what was not written for so long before a look did not change within the last tick of its clock


@dataclass
class LastLook:
    """What a sync that found everything equal saw: while it stays so, nothing need be compared."""

    mark: str = ""
    seen: Seen | None = None


class DagsSync:
    """Syncs the DAGs folder of one project. Keep one for several syncs: then one without changes costs a look."""

    def __init__(self, project: Project, source: Source, bucket: ReadableBucket) -> None:
        self._state = SyncState(project)
        self._source = source
        self._bucket = bucket
        self._last = LastLook()

    def plan(self, check: Callable[[Listing], None] = lambda _: None) -> SyncPlan:
        """Return what a sync would do. Raises BucketUnreadable, FolderUnusable, StateCorrupted and DiskFull.

        `check` may refuse the bucket by an exception.
        """
        with self._state.locked(), DagsFolder(self._state.dags_dir) as folder:
            seen, listing = folder.look(), self._listed("")
            assert listing is not None
            check(listing)
            return self._planned(listing, seen, folder, self._state.load())

    def run(self, check: Callable[[Listing], None] = lambda _: None) -> Synced | None:
        """Sync; return what was done, None where nothing has changed on either side since the last time.

        `check` may refuse the bucket by an exception. Raises what `plan` raises.
        """
        began = time.monotonic()
        with self._state.locked(), DagsFolder(self._state.dags_dir) as folder:
            seen = folder.look()
            listing = self._listed(self._last.mark if seen == self._last.seen else "")
            if listing is None:
                return None
            check(listing)
            known = self._state.load()
            plan = self._planned(listing, seen, folder, known)
            done = apply(plan, known, self._state, folder, self._bucket)
            self._last = _last_look(listing, seen) if plan.is_nothing else LastLook()
        return replace(done, seconds=time.monotonic() - began)

    def _listed(self, mark: str) -> Listing | None:
        return self._bucket.listing(below(self._source.path), mark)

    def _planned(self, listing: Listing, seen: Seen, folder: DagsFolder, known: dict[str, Known]) -> SyncPlan:
        files, skipped = as_files(listing.items, below(self._source.path))
        return make_plan(files, tuple(skipped), known, seen, folder.digest)


def _last_look(listing: Listing, seen: Seen) -> LastLook:
    """Return what need not be compared again, unless something changed so lately that it may have done so twice."""
    now = time.time_ns()
    lately = range(now - int(SETTLED_S * 1e9), now + 1)
    if any(stamp.mtime_ns in lately for stamp in (*seen.folders.values(), *seen.files.values())):
        return LastLook()
    return LastLook(listing.mark, seen)
