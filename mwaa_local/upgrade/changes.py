"""What Airflow or MWAA does in another way after a move, although nothing fails: defaults, behaviour. Pure.

A short list: only what the move crosses, and what the project's files have to do with.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mwaa_local.finding import WARNING, Cause, Finding, in_order
from mwaa_local.upgrade.defaults import ChangedDefault
from mwaa_local.upgrade.paths import Direction, Move
from mwaa_local.upgrade.sources import ProjectSources

MAJOR_WITHOUT_DEFAULT_SCHEDULE = 3  # before, a DAG that names no schedule runs daily
CHANGES_PATH = Path(__file__).parent / "changes.toml"
DEFAULT, BEHAVIOUR, MEMBER = "upgrade-default", "upgrade-behaviour", "upgrade-member"
RULES = {
    MEMBER: "the environment file has a member that the new release does not have",
    DEFAULT: "a default that the project relies on is another one in the new release",
    BEHAVIOUR: "Airflow, or MWAA, does something in another way from the new release on",
}


@dataclass(frozen=True)
class ChangesCase:
    """What is compared. `path` is the environment file, `options` those that it sets, lower case, `members` its own.

    `installed` are the packages that the requirements bring along with the new release; None: that is not known.
    """

    move: Move
    path: str
    options: Mapping[str, str]
    sources: ProjectSources
    defaults: tuple[ChangedDefault, ...]
    members: Mapping[str, Any] = field(default_factory=dict)
    installed: frozenset[str] | None = frozenset()


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
            what = f"{name} is {after} by default; it was {before}"
            if entry.get("of_ignore_files", False):
                yield from _of_ignore_files(case, entry, what, before, after)
            else:
                yield from _told(case, DEFAULT, entry, what)


def _of_ignore_files(
    case: ChangesCase, entry: Mapping[str, Any], what: str, before: str, after: str
) -> Iterator[Finding]:
    """Yield the `.airflowignore` files below which another file of DAGs is left out, or none is any more."""
    move = case.move
    for path, differing in case.sources.ignored_otherwise((move.source, before), (move.target, after)):
        which = f"{entry['why']} It makes a difference for {differing[0]}"
        more = f" and {len(differing) - 1} more." if len(differing) > 1 else "."
        yield Finding(DEFAULT, entry["severity"], path, 0, what, which + more, entry["hint"])


def _of_behaviours(case: ChangesCase) -> Iterator[Finding]:
    for entry in _data()["behaviour"]:
        is_downwards = entry.get("downwards", False)
        direction = Direction.DOWNGRADE if is_downwards else Direction.UPGRADE
        if case.move.direction is direction and crosses(case.move, entry["since"]) and _applies(case, entry):
            what = entry["what"] if is_downwards else f"from Airflow {entry['since']} on, {entry['what']}"
            yield from _told(case, BEHAVIOUR, entry, what)


def _applies(case: ChangesCase, entry: Mapping[str, Any]) -> bool:
    """Whether what is lost was there before, and the environment has the member or option that it is about."""
    if (was_since := entry.get("was_since")) and not case.move.source.is_at_least(was_since):
        return False
    if (member := entry.get("with_member")) and case.members.get(member["name"]) != member["value"]:
        return False
    option = entry.get("with_option")
    return not option or bool(re.search(option["value"], case.options.get(option["name"], "")))


def crosses(move: Move, since: str) -> bool:
    """Whether what holds from that release on holds at one end of the move, and not at the other."""
    return move.source.is_at_least(since) != move.target.is_at_least(since)


def _told(case: ChangesCase, rule: str, entry: Mapping[str, Any], what: str) -> Iterator[Finding]:
    """Yield one finding for each place where the project has to do with it; for what concerns everybody, one."""
    texts = (entry["why"], entry.get("hint", ""))
    ends = (case.move.source, case.move.target)
    is_daily = all(release.major < MAJOR_WITHOUT_DEFAULT_SCHEDULE for release in ends)
    if kind := entry.get("of_dags"):
        for path, line in case.sources.dags(kind, is_daily_by_default=is_daily):
            yield Finding(rule, entry["severity"], path, line, what, *texts, cause=Cause(what))
    elif kind := entry.get("of_uses"):
        for path, line in case.sources.uses(kind):
            yield Finding(rule, entry["severity"], path, line, what, *texts, cause=Cause(what))
    elif pattern := entry.get("in_files"):
        for path, line in case.sources.places(pattern):
            yield Finding(rule, entry["severity"], path, line, what, *texts, cause=Cause(what))
    else:
        yield Finding(rule, entry["severity"], case.path, 0, what, *texts)


@functools.cache
def _data() -> dict[str, list[dict[str, Any]]]:
    return tomllib.loads(CHANGES_PATH.read_text(encoding="utf-8"))
