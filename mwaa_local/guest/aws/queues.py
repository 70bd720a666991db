"""SQS: a receiver that waits for a message must not keep the sender out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moto.sqs.models import Queue  # type: ignore[import-not-found]

if TYPE_CHECKING:
    from .moto_services import MotoServices


def prepare(services: MotoServices) -> None:
    Queue.wait_for_messages = services.waiting(Queue.wait_for_messages)
