"""Names of components: `worker.1` is one worker, `worker` is what people call all of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable


def meant(name: str, known: Iterable[str]) -> list[str]:
    """Return which of the known names a person means by one: itself, then `name.1`, `name.2` and so on."""
    alone, numbered = [], {}
    for each in known:
        if each == name:
            alone.append(each)
        elif each.startswith(f"{name}.") and each.removeprefix(f"{name}.").isdecimal():
            numbered[int(each.removeprefix(f"{name}."))] = each
    return [*alone, *(numbered[number] for number in sorted(numbered))]
