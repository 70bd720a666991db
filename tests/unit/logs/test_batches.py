"""Batches within the limits of PutLogEvents."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mwaa_local.logs.events import LogEvent
from mwaa_local.logs.shipping import batches as limits
from mwaa_local.logs.shipping.batches import batches

NOW_MS = 1764504056000
DAY_MS = 24 * 3600 * 1000


def event(message: str, ago_ms: int = 0) -> LogEvent:
    return LogEvent("s", NOW_MS - ago_ms, message)


def messages(events: list[LogEvent]) -> list[list[str]]:
    return [[each.message for each in batch] for batch in batches(events, NOW_MS)]


@given(
    st.lists(st.tuples(st.text(max_size=8), st.integers(-10_000, 13 * DAY_MS), st.sampled_from([1, 1000, 30_000]))),
    st.integers(1, 5),
)
def test_batches_keep_every_event_in_order_and_the_limits(events: list[tuple[str, int, int]], most: int) -> None:
    given_events = [event(text * times, ago) for text, ago, times in events]
    limits.MAX_EVENTS, before = most, limits.MAX_EVENTS
    try:
        made = list(batches(given_events, NOW_MS))
    finally:
        limits.MAX_EVENTS = before
    assert sorted(each.message for batch in made for each in batch) == sorted(
        e.message for e in given_events if e.message
    )
    for batch in made:
        times = [each.time_ms for each in batch]
        assert times == sorted(times)
        assert times[-1] <= NOW_MS
        assert times[-1] - times[0] < DAY_MS
        assert len(batch) <= most
        assert sum(len(each.message.encode()) + 26 for each in batch) <= 1_048_576


def test_a_batch_has_ten_thousand_events_at_most() -> None:
    assert [len(batch) for batch in batches([event("x")] * 25_000, NOW_MS)] == [10_000, 10_000, 5_000]


def test_a_batch_has_a_mebibyte_at_most() -> None:
    assert [len(batch) for batch in messages([event("x" * 262_118)] * 9)] == [4, 4, 1]  # a quarter each, with its 26


def test_a_message_that_is_too_long_comes_in_parts() -> None:
    long = "ä" * 1_200_000
    made = [text for batch in messages([event(long)]) for text in batch]
    assert "".join(made) == long
    assert len(made) == 3
    assert all(len(text.encode()) <= 1_048_550 for text in made)


def test_what_the_service_refuses_is_left_out() -> None:
    assert messages([event("old", 14 * DAY_MS), event(""), event("new", 14 * DAY_MS - 1)]) == [["new"]]


def test_events_of_one_time_stay_in_their_order() -> None:
    assert messages([event("b"), event("a"), event("c")]) == [["b", "a", "c"]]
