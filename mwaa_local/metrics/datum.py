"""Datum: one metric of CloudWatch in one minute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mwaa_local.metrics.minutes import Spread

AIRFLOW_NAMESPACE = "AmazonMWAA"
SERVICE_NAMESPACE = "AWS/MWAA"
COUNT, SECONDS, MILLISECONDS, PERCENT = "Count", "Seconds", "Milliseconds", "Percent"
BYTES_PER_SECOND = "Bytes/Second"


@dataclass(frozen=True)
class Datum:
    """A metric's values in one minute, of which `minute` is the first second."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]  # by name
    unit: str
    minute: int
    values: Spread

    @classmethod
    def of(
        cls, namespace: str, name: str, dimensions: Mapping[str, str], unit: str, minute: int, values: Spread
    ) -> Datum:
        return cls(namespace, name, tuple(sorted(dimensions.items())), unit, minute, values)

    def plain(self) -> dict[str, Any]:
        """Return it as PutMetricData takes it in JSON."""
        return {
            "MetricName": self.name,
            "Dimensions": [{"Name": name, "Value": value} for name, value in self.dimensions],
            "Timestamp": self.minute,
            "Unit": self.unit,
            "StatisticValues": {
                "SampleCount": self.values.count,
                "Sum": self.values.total,
                "Minimum": self.values.least,
                "Maximum": self.values.greatest,
            },
        }
