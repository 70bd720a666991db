"""Which changes of the Airflow version MWAA takes in place (UpdateEnvironment, member AirflowVersion). Pure.

Sources: MWAA user guide, "Upgrading the Apache Airflow version" (content of September 2026) and "Apache Airflow
versions on Amazon MWAA". Where the two contradict each other the newer one holds: docs/differences.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mwaa_local.errors import MoveRefused
from mwaa_local.release import Release

ARROW = " → "
REFUSED_CODE = 1  # what was looked at is wrong, as of a check


class Direction(StrEnum):
    """What a move does to the Airflow version."""

    UPGRADE = "upgrade"
    DOWNGRADE = "downgrade"
    NONE = "none"


@dataclass(frozen=True)
class Move:
    """A change of an environment from one release to another.

    `why` says why MWAA refuses it, and is "" where MWAA takes it. `hops` are the releases to go through, one update
    each, the target last; there are none where there is nothing to do, and where no way leads there in place.
    """

    source: Release
    target: Release
    hops: tuple[Release, ...] = ()
    why: str = ""

    @property
    def direction(self) -> Direction:
        if self.source.airflow_version == self.target.airflow_version:
            return Direction.NONE
        return Direction.UPGRADE if self.target.is_newer_than(self.source) else Direction.DOWNGRADE

    @property
    def is_nothing(self) -> bool:
        """Whether the environment has that release already."""
        return self.direction is Direction.NONE

    @property
    def is_allowed(self) -> bool:
        """Whether one update does it."""
        return bool(self.hops) and not self.why

    @property
    def route(self) -> str:
        """The way that MWAA takes, as `2.7.2 → 2.11.2 → 3.3.1`; "" where there is none."""
        return ARROW.join(release.airflow_version for release in (self.source, *self.hops)) if self.hops else ""

    @property
    def what(self) -> str:
        """What MWAA would say of it, in one line of ours."""
        from_to = f"from Airflow {self.source.airflow_version} to {self.target.airflow_version}"
        if self.is_nothing:
            return f"the environment has Airflow {self.target.airflow_version} already"
        return f"MWAA takes the update {from_to}" if self.is_allowed else f"MWAA refuses the update {from_to}"

    @property
    def hint(self) -> str:
        """What to do where MWAA refuses it; "" where it does not."""
        if not self.why:
            return ""
        if self.hops:
            return f"go step by step: {self.route}"
        nearest = nearest_offered(self.target)
        if not self.target.is_offered and (onwards := move(self.source, nearest)).hops:
            return f"choose Airflow {nearest.airflow_version}: {onwards.route}"
        return f"create a new environment with Airflow {nearest.airflow_version}"

    def refusal(self) -> MoveRefused:
        """Return the error for whoever asked for it, with the exit code of a rehearsal that finds it.

        Only of a move that MWAA refuses.
        """
        refused = MoveRefused(self.what, self.why, self.hint)
        refused.exit_code = REFUSED_CODE
        return refused


def move(source: Release, target: Release) -> Move:
    """Return the move between two releases, with the way that MWAA takes."""
    if source.airflow_version == target.airflow_version:
        return Move(source, target)
    if why := _why_never(source, target):
        return Move(source, target, why=why)
    hops = (*_between(source, target), target)
    return Move(source, target, hops, _why_not_at_once(source, target, hops))


def checked_move(source: Release, target: Release) -> Move:
    """Return the move where one update does it, or where there is nothing to do. Raises MoveRefused for any other."""
    wanted = move(source, target)
    if wanted.why:
        raise wanted.refusal()
    return wanted


def nearest_offered(release: Release) -> Release:
    """Return the offered release nearest to one: itself, else the oldest newer one."""
    return next((other for other in Release.all() if other.is_offered and not release.is_newer_than(other)), release)


def _why_never(source: Release, target: Release) -> str:
    """Return why no way leads from one to the other in place; "" where one does."""
    if not target.is_offered:
        return (
            f"MWAA ended Airflow {target.airflow_version} on {target.end_of_support}: no environment can be created "
            "with it, upgraded or downgraded to it."
        )
    if source.major != target.major and _border(source, target) == "":
        return f"MWAA has no in-place change between Airflow {source.major} and Airflow {target.major}."
    return ""


def _border(source: Release, target: Release) -> str:
    """Return the minor version through which the border between two major versions is crossed; "" for no way."""
    newer = target if target.is_newer_than(source) else source
    older = source if newer is target else target
    through = newer.previous_major_through
    # One border alone is known: there is no way from 1 to 3 either.
    return through if through and any(other.is_of(through) for other in _releases_of(older.major)) else ""


def _between(source: Release, target: Release) -> tuple[Release, ...]:
    """Return the releases between the two, one or none: where the border to another major version is crossed."""
    if source.major == target.major:
        return ()
    through = _border(source, target)
    newest = [release for release in Release.all() if release.is_of(through) and release.is_offered][-1]
    if target.is_newer_than(source):  # only from the newest
        return () if source == newest else (newest,)
    return () if target.is_of(through) else (newest,)


def _why_not_at_once(source: Release, target: Release, hops: tuple[Release, ...]) -> str:
    if len(hops) == 1:
        return ""
    through = hops[0].airflow_version
    if target.is_newer_than(source):
        return f"MWAA upgrades to Airflow {target.major} only from the newest {_minor(hops[0])}.x, which is {through}."
    return f"From Airflow {source.major}, MWAA downgrades only to {_minor(hops[0])}.x."


def _minor(release: Release) -> str:
    return release.airflow_version.rpartition(".")[0]


def _releases_of(major: int) -> tuple[Release, ...]:
    return tuple(release for release in Release.all() if release.major == major)
