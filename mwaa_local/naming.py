"""Names as people give them: `worker` for all of `worker.1`, `worker.2`; a DAG's, nearly as it is called. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable

SHOWN_NAMES = 20
SIMILARITY = 0.6  # difflib's own default


def meant(name: str, known: Iterable[str]) -> list[str]:
    """Return which of the known names a person means by one: itself, then `name.1`, `name.2` and so on."""
    alone, numbered = [], {}
    for each in known:
        if each == name:
            alone.append(each)
        elif each.startswith(f"{name}.") and each.removeprefix(f"{name}.").isdecimal():
            numbered[int(each.removeprefix(f"{name}."))] = each
    return [*alone, *(numbered[number] for number in sorted(numbered))]


def next_names(name: str, count: int, taken: Collection[str]) -> list[str]:
    """Return so many more numbered names, counted on from the highest that is taken, as Compose counts."""
    highest = max((number_of(each) for each in meant(name, taken)), default=0)
    return [f"{name}.{highest + number}" for number in range(1, count + 1)]


def kind_of(name: str) -> str:
    """Return a name without its number: what all of its kind are called."""
    return name.rpartition(".")[0] if number_of(name) else name


def number_of(name: str) -> int:
    """Return the number of a numbered name; 0 for one without."""
    kind, _, number = name.rpartition(".")
    return int(number) if kind and number.isdecimal() else 0


def listed(wanted: str, known: Iterable[str]) -> str:
    """Return the names that there are in one line, those most like the wanted one first, the others by name."""
    names = sorted(set(known))
    near = difflib.get_close_matches(wanted, names, n=SHOWN_NAMES, cutoff=SIMILARITY)
    ordered = [*near, *(name for name in names if name not in near)]
    more = f" and {len(ordered) - SHOWN_NAMES} more" if len(ordered) > SHOWN_NAMES else ""
    return ", ".join(ordered[:SHOWN_NAMES]) + more if ordered else "none"


def suggestion(wanted: str, known: Iterable[str]) -> str:
    """Return a question for the name that may be meant; "" where none is like the wanted one."""
    near = difflib.get_close_matches(wanted, sorted(set(known)), n=1, cutoff=SIMILARITY)
    return f"did you mean {near[0]!r}?" if near else ""
