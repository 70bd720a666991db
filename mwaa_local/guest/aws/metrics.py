"""Metrics of environments in CloudWatch: for as long as a local AWS has memory for them. moto keeps each for ever.

Other metrics, those that DAGs put, stay as long as moto keeps them.
"""

from __future__ import annotations

import datetime
import functools
import sys
from typing import TYPE_CHECKING, Any

from moto.cloudwatch.models import CloudWatchBackend, Dimension  # type: ignore[import-not-found]

if TYPE_CHECKING:
    from .moto_services import MotoServices

NAMESPACES = ("AmazonMWAA", "AWS/MWAA")
UTC = datetime.timezone.utc  # Python 3.10 has no other name for it
KEPT = datetime.timedelta(hours=3)  # mwaa_local/metrics/putting.py puts no older ones


def prepare(_moto: MotoServices) -> None:
    """Keep memory small, and mend what moto does with metrics of several dimensions."""
    original = CloudWatchBackend.put_metric_data

    @functools.wraps(original)
    def put_metric_data(self: Any, namespace: str, metric_data: list[dict[str, Any]]) -> None:
        before = len(self.metric_data)
        original(self, namespace, metric_data)
        if namespace in NAMESPACES:
            _share(self.metric_data, before)
            self.metric_data[:] = _kept(self.metric_data, datetime.datetime.now(UTC))

    CloudWatchBackend.put_metric_data = put_metric_data
    CloudWatchBackend.get_filtered_metrics = _each_metric_once
    # moto sorts dimensions to compare them, but has them in an order that is none: three could be found one way alone.
    Dimension.__lt__ = _is_before


def _is_before(self: Any, other: Any) -> bool:
    return bool((self.name, self.value or "") < (other.name, other.value or ""))


def _each_metric_once(self: Any, metric_name: str, namespace: str, dimensions: list[dict[str, str]]) -> list[Any]:
    """Return one datum of each metric asked for. moto takes two of two dimensions for two metrics."""
    found: dict[Any, Any] = {}
    for datum in self.get_all_metrics():
        key = (datum.namespace, datum.name, tuple(sorted((each.name, each.value or "") for each in datum.dimensions)))
        if key not in found and datum.filter(namespace=namespace, name=metric_name, dimensions=dimensions):
            found[key] = datum
    return list(found.values())


def _share(data: list[Any], begin: int) -> None:
    """Let new data have the names and dimensions of older ones: each has a copy of its own out of its request."""
    known: dict[tuple[tuple[str, str], ...], Any] = {}
    for place, datum in enumerate(data):
        key = tuple((each.name, each.value) for each in datum.dimensions)
        shared = known.setdefault(key, datum.dimensions)
        if place >= begin:
            datum.dimensions = shared
            datum.namespace, datum.name, datum.unit = map(_interned, (datum.namespace, datum.name, datum.unit))


def _interned(text: Any) -> Any:
    return sys.intern(text) if isinstance(text, str) else text


def _kept(data: list[Any], now: datetime.datetime) -> list[Any]:
    return [datum for datum in data if datum.namespace not in NAMESPACES or now - _in_utc(datum.timestamp) <= KEPT]


def _in_utc(when: datetime.datetime) -> datetime.datetime:
    """Return the time as moto means it, which has it with a zone or without, as its client's protocol had it."""
    return when if when.tzinfo else when.replace(tzinfo=UTC)
