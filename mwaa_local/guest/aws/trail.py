"""CloudTrail: an answer to who looks for events, as aws-cdk does again and again after a failed deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.cloudtrail.responses import CloudTrailResponse  # type: ignore[import-not-found]

if TYPE_CHECKING:
    from .moto_services import MotoServices


def prepare(_services: MotoServices) -> None:
    CloudTrailResponse.lookup_events = _nothing_recorded


def _nothing_recorded(_response: Any) -> str:
    return '{"Events": []}'
