"""What a rehearsal ends with: for each release the parts of the project, and the changes that are proposed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mwaa_local.check.part import FAILS_CODE, UNKNOWN_CODE, WORKS_CODE, Part, exit_code
from mwaa_local.finding import Finding
from mwaa_local.upgrade.defaults import ChangedDefault
from mwaa_local.upgrade.paths import Move


@dataclass(frozen=True)
class Wanted:
    """A move that is to be rehearsed; `on_the_way_to` is the version that was asked for, where this is a hop to it."""

    move: Move
    on_the_way_to: str = ""

    @property
    def leave_out(self) -> str:
        """Why nothing is looked at; "" where it is. For a new environment all of it matters, too."""
        if self.move.is_nothing:
            return "nothing to do"
        return "" if self.move.target.is_offered else "MWAA takes no environment to an ended release"


@dataclass(frozen=True)
class Rehearsed:
    """One move, rehearsed. `parts` have only findings that the move brings; `already` are those that today has too.

    `move` begins at the release that the environment has then: for a hop, the one before it.
    """

    move: Move
    parts: tuple[Part, ...]
    already: tuple[Finding, ...] = ()
    defaults: tuple[ChangedDefault, ...] = ()  # all options with another default, whether or not they matter
    diff: str = ""
    on_the_way_to: str = ""  # the Airflow version that was asked for, where this is only a hop to it

    @property
    def airflow_version(self) -> str:
        return self.move.target.airflow_version

    @property
    def exit_code(self) -> int:
        """0, 1 or 3, as of a check."""
        return exit_code(self.parts)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All that the move brings."""
        return tuple(finding for part in self.parts for finding in part.findings)


def worst_exit_code(rehearsed: Sequence[Rehearsed]) -> int:
    """Return 1 if anything breaks, 3 if nothing is known to and not all could be checked, else 0."""
    codes = {item.exit_code for item in rehearsed}
    return next((code for code in (FAILS_CODE, UNKNOWN_CODE) if code in codes), WORKS_CODE)
