"""Options that `mwaa.yaml` sets under a name that the new release no longer reads, and where they go. Pure."""

from __future__ import annotations

from collections.abc import Collection

from mwaa_local.check.known_options import KnownOptions
from mwaa_local.check.options import OF_FAB, RENAMED
from mwaa_local.release import Release

Source = tuple[Release, KnownOptions]  # the release that the environment has today, and its options


def option_moves(
    options: Collection[str], release: Release, known: KnownOptions, source: Source | None = None
) -> dict[str, str]:
    """Return option -> its new name, or "" for one that has to go: without successor, or its successor is set, too.

    With a `source`, one that the release does not have yet gets the older name, where it has that.
    """
    given = {name.lower() for name in options}
    found: dict[str, str] = {}
    for name in options:
        new = _successor(name.lower(), release, known)
        if new is None and source is not None:
            new = _predecessor(name.lower(), source, known)
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


def _predecessor(option: str, source: Source, known: KnownOptions) -> str | None:
    """Return the older name of an option that the release does not have; None where it has it, or neither."""
    if not known.sections or _has(known, option):
        return None
    release, of_source = source
    renamed = [old for old, became in release.removed_options.items() if became == f"{RENAMED}{option}"]
    older = (*renamed, *(old for old, new in of_source.moved.items() if new == option))
    return next((old for old in older if _has(known, old)), None)


def _has(known: KnownOptions, option: str) -> bool:
    section, _, key = option.partition(".")
    return key in known.sections.get(section, ())
