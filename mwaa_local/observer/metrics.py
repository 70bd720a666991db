"""The duties for metrics: take the figures of each minute, and put all that is new into CloudWatch."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from mwaa_local.configuration.base import region_of
from mwaa_local.database.health import Health
from mwaa_local.metrics.cloudwatch import Batch, Refused, put
from mwaa_local.metrics.figures import Look, append_figures, figures, look
from mwaa_local.metrics.minutes import MINUTE_S, minute_of
from mwaa_local.metrics.putting import LATE_S, put_all
from mwaa_local.observer.duty import Observed
from mwaa_local.services.metrics import metrics_dir

PUT_AT_S = LATE_S + 1.0  # after the beginning of a minute
PASSED_OVER = "metrics of %s are passed over, and the next like these without a word: %s"
log = logging.getLogger("mwaa_local.observer")


class TakeFigures:
    """At the end of each minute: what every component used in it, and what holds then."""

    name = "figures"
    interval_s = 0.0  # a round waits for its minute

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._before: Look | None = None
        self._due: int | None = None  # the minute that is over, until its figures are written
        self._health: Health | None = None

    def round(self, observed: Observed) -> None:
        """Wait for the end of the minute and write it. One that could not be written is tried again within the next."""
        if self._due is not None and minute_of(self._clock()) != self._due + MINUTE_S:
            self._due = self._before = None  # it did not work for a minute, of which nobody can tell any more
        if self._before is None:
            self._before = look(observed.runtime.usage())
        if self._due is None:
            minute = minute_of(self._clock())
            if not self._has_ended(observed, minute):
                return
            self._due = minute
        self._take(observed, self._before, self._due)
        self._due = None

    def _has_ended(self, observed: Observed, minute: int) -> bool:
        """Wait until the minute is over; return False where the observer is to end.

        A wait goes by another clock than the time of day, so that it may end a moment too early: then this minute would
        be taken twice, the second time out of a few milliseconds.
        """
        while minute_of(self._clock()) == minute:
            if observed.ended.wait(minute + MINUTE_S - self._clock()):
                return False
        return not observed.ended.is_set()

    def finish(self, observed: Observed) -> None:
        if self._health is not None:
            self._health.close()

    def _take(self, observed: Observed, before: Look, minute: int) -> None:
        plan = observed.plan
        if self._health is None or self._health.database_url != plan.database_url:
            self._health = Health(plan.database_url, plan.broker_url)
        now = look(observed.runtime.usage())
        append_figures(metrics_dir(observed.workspace.project), minute, figures(plan, self._health, before, now))
        self._before = now


class PutMetrics:
    """Some seconds after the end of each minute: put it, and what an AWS that was away has missed."""

    name = "CloudWatch"
    interval_s = 0.0  # a round waits for its minute

    def __init__(self) -> None:
        self._told: set[str] = set()  # namespaces of which something was refused

    def round(self, observed: Observed) -> None:
        now = time.time()
        next_s = (minute_of(now - PUT_AT_S) + MINUTE_S + PUT_AT_S) - now
        if not observed.ended.wait(next_s) and observed.aws_url:
            self._put(observed)

    def finish(self, observed: Observed) -> None:
        """What is left is put by the next observer."""

    def _put(self, observed: Observed) -> None:
        region = region_of(observed.workspace.env)

        def put_one(batch: Batch) -> None:
            try:
                put(observed.aws_url, region, batch)
            except Refused as error:  # the same data again would hold up all that follow
                self._pass_over(batch.data[0].namespace, error)

        folder = metrics_dir(observed.workspace.project)
        put_all(folder, observed.environment, time.time(), put_one, observed.ended.is_set)

    def _pass_over(self, namespace: str, error: Refused) -> None:
        if namespace not in self._told:
            log.warning(PASSED_OVER, namespace, error)
        self._told.add(namespace)
