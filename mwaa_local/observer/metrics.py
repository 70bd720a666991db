"""The duties for metrics: take the figures of each minute, and put all that is new into CloudWatch."""

from __future__ import annotations

import time

from mwaa_local.configuration.base import region_of
from mwaa_local.database.health import Health
from mwaa_local.metrics.cloudwatch import Batch, put
from mwaa_local.metrics.figures import Look, append_figures, figures, look
from mwaa_local.metrics.minutes import MINUTE_S, minute_of
from mwaa_local.metrics.putting import LATE_S, put_all
from mwaa_local.observer.duty import Observed
from mwaa_local.services.metrics import metrics_dir

PUT_AT_S = LATE_S + 1.0  # after the beginning of a minute


class TakeFigures:
    """At the end of each minute: what every component used in it, and what holds then."""

    name = "figures"
    interval_s = 0.0  # a round waits for its minute

    def __init__(self) -> None:
        self._before: Look | None = None
        self._health: Health | None = None

    def round(self, observed: Observed) -> None:
        if self._before is None:
            self._before = look(observed.runtime.usage())
        minute = minute_of(time.time())
        if not observed.ended.wait(minute + MINUTE_S - time.time()):
            self._take(observed, minute)

    def finish(self, observed: Observed) -> None:
        if self._health is not None:
            self._health.close()

    def _take(self, observed: Observed, minute: int) -> None:
        plan, before = observed.plan, self._before
        if self._health is None or self._health.database_url != plan.database_url:
            self._health = Health(plan.database_url, plan.broker_url)
        self._before = now = look(observed.runtime.usage())
        assert before is not None
        append_figures(metrics_dir(observed.workspace.project), minute, figures(plan, self._health, before, now))


class PutMetrics:
    """Some seconds after the end of each minute: put it, and what an AWS that was away has missed."""

    name = "CloudWatch"
    interval_s = 0.0  # a round waits for its minute

    def round(self, observed: Observed) -> None:
        now = time.time()
        next_s = (minute_of(now - PUT_AT_S) + MINUTE_S + PUT_AT_S) - now
        if not observed.ended.wait(next_s) and observed.aws_url:
            self._put(observed)

    def finish(self, observed: Observed) -> None:
        """What is left is put by the next observer."""

    @staticmethod
    def _put(observed: Observed) -> None:
        region = region_of(observed.workspace.env)

        def put_one(batch: Batch) -> None:
            put(observed.aws_url, region, batch)

        folder = metrics_dir(observed.workspace.project)
        put_all(folder, observed.environment, time.time(), put_one, observed.ended.is_set)
