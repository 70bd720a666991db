"""Parts of a check, all at once in threads: timed, told as each is done, and ended together."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from threading import Event

from mwaa_local.check.part import Part, not_checked
from mwaa_local.command import interrupt_all
from mwaa_local.errors import MwaaLocalError
from mwaa_local.finding import Finding

Action = Callable[[], Part]


def _as_it_is(finding: Finding) -> Finding:
    return finding


@dataclass(frozen=True)
class AtOnce:
    """Does parts. `on_part` is told of each; none is told once `ended`: what is cut short has no outcome.

    `told_as` makes of a finding what is said of it.
    """

    on_part: Callable[[Part], None]
    ended: Event
    told_as: Callable[[Finding], Finding] = _as_it_is

    @contextlib.contextmanager
    def threads(self, count: int) -> Iterator[ThreadPoolExecutor]:
        """Give so many threads; if one of them fails, or on an interrupt, end what all of them wait for."""
        pool = ThreadPoolExecutor(count)
        try:
            yield pool
        except BaseException:
            self.ended.set()
            interrupt_all()
            raise
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def done(self, name: str, action: Action) -> Part:
        """Return the part, with the time that it took; one that a user can mend was not checked."""
        began = time.monotonic()
        try:
            part = action()
        except MwaaLocalError as error:
            part = Part(name, (not_checked(name, error.what, error.why, error.hint),))
        findings = tuple(map(self.told_as, part.findings))
        part = replace(part, findings=findings, elapsed_s=time.monotonic() - began)
        if not self.ended.is_set():
            self.on_part(part)
        return part
