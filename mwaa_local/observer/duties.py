"""All duties of an observer."""

from __future__ import annotations

from mwaa_local.observer import sync
from mwaa_local.observer.duty import Duty, Observed
from mwaa_local.observer.log_shipping import LogShipping
from mwaa_local.observer.metrics import PutMetrics, TakeFigures
from mwaa_local.observer.scaling import Scaling


def duties_for(observed: Observed) -> list[Duty]:
    """Return what is to be done for this environment."""
    return [LogShipping(), TakeFigures(), PutMetrics(), Scaling(), *sync.duties(observed)]
