"""A move to another Airflow version, rehearsed: what MWAA's in-place change would bring, without changing anything.

Each release on the way is looked at in a copy of the project. What is wrong there is compared with today's release:
only what is new comes from the move.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from threading import Event

from mwaa_local.check.environment import path_of
from mwaa_local.check.known_options import KnownOptions
from mwaa_local.check.part import Part, not_checked
from mwaa_local.environment.environment import Environment
from mwaa_local.errors import MwaaLocalError, PackagesUnavailable, PythonUnavailable
from mwaa_local.finding import WARNING, Finding
from mwaa_local.release import Release
from mwaa_local.steps import Steps
from mwaa_local.upgrade.comparison import Comparison
from mwaa_local.upgrade.paths import move
from mwaa_local.upgrade.rehearsed import Rehearsed, Wanted
from mwaa_local.upgrade.stop import PARTS, Seen, Stop
from mwaa_local.workspace import Workspace

NOT_COMPARED = "upgrade-not-compared"
RULES = {NOT_COMPARED: "today's release could not be looked at, so that nothing says what is new"}

OnPart = Callable[[str, Part], None]


@dataclass(frozen=True)
class Rehearsal:
    """Rehearses moves of one project. `on_part` is told the Airflow version and each part, as it is done.

    `runs` are the ids of DAGs that are to run in the new release.
    """

    workspace: Workspace
    steps: Steps
    on_part: OnPart
    runs: tuple[str, ...] = ()
    ended: Event = field(default_factory=Event)  # by an interrupt: what is cut short has no outcome

    def run(self, targets: Sequence[Release]) -> tuple[Rehearsed, ...]:
        """Return each move that was asked for, and before it the hops that lead to it, each release once.

        Of a release whose packages or Python cannot be had, no part is checked. Raises EnvironmentFileInvalid and
        ReleaseUnknown.
        """
        environment = self.workspace.environment()
        source = self.workspace.release(environment)
        wanted = list(moves(source, targets))
        seen = [(item, self._seen(environment, item)) for item in wanted]
        names = {part.name for _, outcome in seen if outcome for part in outcome.parts.values() if part.findings}
        is_needed = any(outcome for _, outcome in seen)
        today = self._today(environment, source, [name for name in PARTS if name in names]) if is_needed else _Today()
        comparison = Comparison(self.workspace.project, environment, source, today.seen, today.problem, self.runs)
        return tuple(comparison.of(item, outcome) for item, outcome in seen)

    def _seen(self, environment: Environment, wanted: Wanted) -> Seen | None:
        if wanted.leave_out:
            return None
        release = wanted.move.target
        on_part = partial(self.on_part, release.airflow_version)
        try:
            return Stop(self.workspace, environment, release, self.steps, on_part, self.ended).run(PARTS)
        except (PackagesUnavailable, PythonUnavailable) as error:  # the other releases are looked at all the same
            parts = [Part(name, (not_checked(name, error.what, error.why, error.hint),)) for name in PARTS]
            for part in parts:
                on_part(part)
            return Seen({part.name: part for part in parts}, KnownOptions())

    def _today(self, environment: Environment, source: Release, names: Sequence[str]) -> _Today:
        on_part = lambda part: self.on_part(source.airflow_version, part)  # noqa: E731
        stop = Stop(self.workspace, environment, source, self.steps, on_part, self.ended, is_today=True)
        try:
            return _Today(stop.run(names))
        except MwaaLocalError as error:
            what = f"cannot compare with Airflow {source.airflow_version}, so all findings count as new: {error.what}"
            path = path_of(self.workspace.project)
            return _Today(None, Finding(NOT_COMPARED, WARNING, path, 0, what, error.why, error.hint))


@dataclass(frozen=True)
class _Today:
    """How the project fares with its own release; or why that is not known."""

    seen: Seen | None = None
    problem: Finding | None = None


def moves(source: Release, targets: Sequence[Release]) -> Iterator[Wanted]:
    """Yield each target once, as it was asked for, and before it the hops to it that are no target themselves."""
    asked, told = {target.airflow_version for target in targets}, set[str]()
    for target in targets:
        whole = move(source, target)
        stops = (source, *whole.hops)
        for before, hop in pairwise(stops[:-1]):
            if hop.airflow_version not in asked | told:
                told.add(hop.airflow_version)
                yield Wanted(move(before, hop), target.airflow_version)
        yield Wanted(whole)
