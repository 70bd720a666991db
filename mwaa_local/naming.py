"""Names of components: `worker.1` is one worker, `worker` is what people call all of them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable


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
