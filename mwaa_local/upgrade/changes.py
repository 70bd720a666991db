"""What Airflow or MWAA does in another way after a move, although nothing fails: defaults, behaviour. Pure.

A short list: only what the move crosses, and what the project's files have to do with.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mwaa_local.finding import WARNING, Cause, Finding, in_order
from mwaa_local.upgrade.defaults import ChangedDefault
from mwaa_local.upgrade.paths import Direction, Move
from mwaa_local.upgrade.sources import ProjectSources

CHANGES_PATH = Path(__file__).parent / "changes.toml"
DEFAULT, BEHAVIOUR, MEMBER = "upgrade-default", "upgrade-behaviour", "upgrade-member"
RULES = {
    MEMBER: "the environment file has a member that the new release does not have",
    DEFAULT: "a default that the project relies on is another one in the new release",
    BEHAVIOUR: "Airflow, or MWAA, does something in another way from the new release on",
}


@dataclass(frozen=True)
class ChangesCase:
    """What is compared. `path` is the environment file, `options` those that it sets, lower case, `members` its own."""

    move: Move
    path: str
    options: frozenset[str]
    sources: ProjectSources
    defaults: tuple[ChangedDefault, ...]
    members: frozenset[str] = frozenset()


def change_findings(case: ChangesCase) -> tuple[Finding, ...]:
    """Return the findings: warnings where the project does what changes, notes where anybody may."""
    return in_order([*_of_members(case), *_of_defaults(case), *_of_behaviours(case)])


def _of_members(case: ChangesCase) -> Iterator[Finding]:
    target = case.move.target
    for entry in _data()["member"]:
        name, since = entry["name"], entry["since"]
        if name in case.members and not target.is_at_least(since):
            what = f"Airflow {target.airflow_version} has no {name}: MWAA has it since Airflow {since}"
            yield Finding(
                MEMBER, WARNING, case.path, 0, what, "MWAA refuses it, or it has no effect.", f"remove {name}"
            )


def _of_defaults(case: ChangesCase) -> Iterator[Finding]:
    changed = {item.option: item for item in case.defaults}
    for entry in _data()["option"]:
        name, otherwise = entry["name"], entry.get("when_absent")
        item = changed.get(name)
        if item is None or name in case.options:
            continue
        before = otherwise if item.before is None else item.before
        after = otherwise if item.after is None else item.after
        if before is not None and after is not None and before != after:
            yield from _told(case, DEFAULT, entry, f"{name} is {after} by default; it was {before}")


def _of_behaviours(case: ChangesCase) -> Iterator[Finding]:
    for entry in _data()["behaviour"]:
        is_downwards = entry.get("downwards", False)
        direction = Direction.DOWNGRADE if is_downwards else Direction.UPGRADE
        if case.move.direction is direction and crosses(case.move, entry["since"]):
            what = entry["what"] if is_downwards else f"from Airflow {entry['since']} on, {entry['what']}"
            yield from _told(case, BEHAVIOUR, entry, what)


def crosses(move: Move, since: str) -> bool:
    """Whether what holds from that release on holds at one end of the move, and not at the other."""
    return move.source.is_at_least(since) != move.target.is_at_least(since)


def _told(case: ChangesCase, rule: str, entry: Mapping[str, Any], what: str) -> Iterator[Finding]:
    """Yield one finding for each place where the project has to do with it; for what concerns everybody, one."""
    texts = (entry["why"], entry.get("hint", ""))
    if pattern := entry.get("in_files"):
        for path, line in case.sources.places(pattern, entry.get("unless", "")):
            yield Finding(rule, entry["severity"], path, line, what, *texts, cause=Cause(what))
    elif name := entry.get("with_file"):
        yield from (Finding(rule, entry["severity"], path, 0, what, *texts) for path in case.sources.named(name))
    else:
        yield Finding(rule, entry["severity"], case.path, 0, what, *texts)


@functools.cache
def _data() -> dict[str, list[dict[str, Any]]]:
    return tomllib.loads(CHANGES_PATH.read_text(encoding="utf-8"))
