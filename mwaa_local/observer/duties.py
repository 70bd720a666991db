"""All duties of an observer."""

from __future__ import annotations

from mwaa_local.observer import sync
from mwaa_local.observer.duty import Duty, Observed
from mwaa_local.observer.log_shipping import LogShipping
from mwaa_local.observer.metrics import PutMetrics, TakeFigures


def duties_for(observed: Observed) -> list[Duty]:
    """Return what is to be done for this environment."""
    return [LogShipping(), TakeFigures(), PutMetrics(), *sync.duties(observed)]
