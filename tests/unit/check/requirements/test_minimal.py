"""The smallest failing part of a list."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from mwaa_local.check.requirements.minimal import minimal


@given(st.integers(1, 60).flatmap(lambda size: st.tuples(st.just(size), st.sets(st.integers(0, size - 1), min_size=1))))
def test_finds_exactly_what_is_needed_to_fail(case: tuple[int, set[int]]) -> None:
    size, culprits = case
    assert minimal(range(size), lambda items: culprits <= set(items)) == sorted(culprits)


@given(st.lists(st.sets(st.integers(0, 19), min_size=1, max_size=4), min_size=1, max_size=4))
def test_of_several_causes_one_is_found_whole(causes: list[set[int]]) -> None:
    def fails(items: Sequence[int]) -> bool:
        return any(cause <= set(items) for cause in causes)

    found = minimal(range(20), fails)
    assert fails(found)
    assert not any(fails([other for other in found if other != item]) for item in found)


def test_what_fails_without_anything_needs_nothing() -> None:
    assert minimal(["a", "b"], lambda items: True) == []


def test_one_culprit_of_a_thousand_takes_few_questions() -> None:
    asked = 0

    def fails(items: Sequence[int]) -> bool:
        nonlocal asked
        asked += 1
        return 700 in items

    assert minimal(range(1000), fails) == [700]
    assert asked < 30
