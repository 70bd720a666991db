"""Find a smallest part of a list that still fails, with few questions. Pure.

Source of the method: U. Junker, "QuickXplain: Preferred Explanations and Relaxations for Over-Constrained Problems",
2004.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def minimal(items: Sequence[T], fails: Callable[[Sequence[T]], bool]) -> list[T]:
    """Return items, in their order, that fail together while none of them can be left out.

    `fails` must hold for all items, and for more items wherever it holds for fewer. It is asked about
    `k * log2(n / k)` times for k items out of n.
    """
    if fails([]):
        return []
    kept = _minimal([], list(range(len(items))), lambda numbers: fails([items[i] for i in sorted(numbers)]), False)
    return [items[number] for number in sorted(kept)]


def _minimal(
    background: list[int], numbers: list[int], fails: Callable[[Sequence[int]], bool], has_grown: bool
) -> list[int]:
    if has_grown and fails(background):
        return []
    if len(numbers) == 1:
        return numbers
    middle = len(numbers) // 2
    first, second = numbers[:middle], numbers[middle:]
    of_second = _minimal([*background, *first], second, fails, bool(first))
    of_first = _minimal([*background, *of_second], first, fails, bool(of_second))
    return [*of_first, *of_second]
