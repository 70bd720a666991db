"""Options that `mwaa.yaml` sets under a name that the new release no longer reads, and where they go. Pure."""

from __future__ import annotations

from collections.abc import Collection

from mwaa_local.check.known_options import KnownOptions
from mwaa_local.check.options import OF_FAB, RENAMED
from mwaa_local.release import Release


def option_moves(options: Collection[str], release: Release, known: KnownOptions) -> dict[str, str]:
    """Return option -> its new name, or "" for one that has to go: without successor, or its successor is set, too."""
    given = {name.lower() for name in options}
    found: dict[str, str] = {}
    for name in options:
        new = _successor(name.lower(), release, known)
        if new is not None:
            found[name] = "" if new in given or new in found.values() else new
    return found


def _successor(option: str, release: Release, known: KnownOptions) -> str | None:
    """Return the option's name in that release, "" where there is none, None where it keeps its own."""
    became = release.removed_options.get(option)
    if became is None:
        return known.moved.get(option)
    if became.startswith(RENAMED):
        return became.removeprefix(RENAMED)
    of_fab = OF_FAB.search(became)
    return of_fab[0] if of_fab else ""
