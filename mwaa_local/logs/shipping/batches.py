"""Events as PutLogEvents takes them. Pure.

Source of the limits: CloudWatch Logs API reference, PutLogEvents.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from mwaa_local.logs.events import MILLISECONDS, LogEvent

MAX_EVENTS = 10_000  # in one batch
MAX_BYTES = 1_048_576  # in one batch: of messages in UTF-8, and EVENT_BYTES for each
EVENT_BYTES = 26
MAX_SPAN_MS = 24 * 3600 * MILLISECONDS  # from the first event of a batch to its last
MAX_AGE_MS = 14 * 24 * 3600 * MILLISECONDS  # older ones are refused
MAX_MESSAGE_BYTES = MAX_BYTES - EVENT_BYTES


def batches(events: Iterable[LogEvent], now_ms: int) -> Iterator[list[LogEvent]]:
    """Yield the events of one stream in batches, each in the order of time.

    A message that is too long comes in parts. What the service takes in no batch is left out: messages without any
    character, and events older than 14 days. A time ahead of now, as of a clock that was set back, becomes now.
    """
    batch: list[LogEvent] = []
    size = 0
    ready = (
        replace(event, time_ms=min(event.time_ms, now_ms)) if event.time_ms > now_ms else event for event in events
    )
    for event in sorted(_parts(ready), key=lambda event: event.time_ms):
        if event.time_ms <= now_ms - MAX_AGE_MS:
            continue
        more = len(event.message.encode()) + EVENT_BYTES
        is_full = len(batch) == MAX_EVENTS or size + more > MAX_BYTES
        if batch and (is_full or event.time_ms - batch[0].time_ms >= MAX_SPAN_MS):
            yield batch
            batch, size = [], 0
        batch.append(event)
        size += more
    if batch:
        yield batch


def _parts(events: Iterable[LogEvent]) -> Iterator[LogEvent]:
    for event in events:
        if len(event.message) * 4 <= MAX_MESSAGE_BYTES:
            if event.message:
                yield event
            continue
        data = event.message.encode()
        while data:
            part = data[:MAX_MESSAGE_BYTES].decode("utf-8", "ignore")  # whole characters
            yield replace(event, message=part)
            data = data[len(part.encode()) :]
