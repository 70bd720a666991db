"""What a move brings: what is found with the new release and not today, what changes, and what to write."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mwaa_local.check.dags.ignore_file import RULE as IGNORE_RULE
from mwaa_local.check.environment import path_of
from mwaa_local.check.part import Part
from mwaa_local.check.project import DAGS
from mwaa_local.check.report.fix import text_diff
from mwaa_local.environment.environment import Environment
from mwaa_local.finding import ERROR, NOT_CHECKED, NOTE, SEVERITIES, Finding, counted, in_order
from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.upgrade.changes import BEHAVIOUR, ChangesCase, change_findings
from mwaa_local.upgrade.defaults import ChangedDefault, changed_defaults
from mwaa_local.upgrade.environment_edits import MEMBER, with_options
from mwaa_local.upgrade.image_changes import IMAGE, image_findings
from mwaa_local.upgrade.option_moves import option_moves
from mwaa_local.upgrade.rehearsed import Rehearsed, Wanted
from mwaa_local.upgrade.sources import ProjectSources
from mwaa_local.upgrade.stop import PARTS, Seen, text_of
from mwaa_local.upgrade.wanted_runs import with_runs

PATH, CHANGES = "path", "changes"  # parts beside those of a check
REFUSED = "upgrade-path"
RULES = {REFUSED: "MWAA does not change an environment from the one Airflow version to the other in one update"}

# What other parts find at the same place says the same, and more exactly.
_TOLD_ELSEWHERE = frozenset({BEHAVIOUR, IMAGE})
_Key = tuple[str, str, int, str]


def brought(
    there: Sequence[Finding], today: Sequence[Finding], target: Release, source: Release
) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """Return the findings for the target that today's release does not have, and those that it has.

    One that is worse there than today is brought by the move.
    """
    known: dict[_Key, int] = {}
    for finding in today:
        key, rank = _key(finding, source), SEVERITIES.index(finding.severity)
        known[key] = min(rank, known.get(key, rank))
    same = [item for item in there if known.get(_key(item, target), len(SEVERITIES)) <= SEVERITIES.index(item.severity)]
    return tuple(item for item in there if item not in same), tuple(same)


def _key(finding: Finding, release: Release) -> _Key:
    """Return what stays the same of a finding when only the release is another."""
    what = finding.what.replace(release.airflow_version, "{airflow}")
    return finding.rule, finding.path, finding.line, what.replace(f"Python {release.python_version}", "{python}")


def _not_told(found: Sequence[Finding], others: Sequence[Finding]) -> list[Finding]:
    """Return the changes without those of a line, or a file of ignored ones, that other parts warn of already."""
    places = {(item.path, item.line) for item in others if item.severity != NOTE}
    files = {item.path for item in others if item.rule == IGNORE_RULE}
    return [
        item
        for item in found
        if item.path not in files
        and not (item.line and item.rule in _TOLD_ELSEWHERE and (item.path, item.line) in places)
    ]


@dataclass(frozen=True)
class Comparison:
    """Makes of what was seen what a move brings. `today` is None where there is nothing to compare with.

    `problem` says why, where there should be. `runs` are the ids of DAGs that are to run in the new release.
    """

    project: Project
    environment: Environment
    source: Release
    today: Seen | None
    problem: Finding | None = None
    runs: tuple[str, ...] = ()

    def of(self, wanted: Wanted, seen: Seen | None) -> Rehearsed:
        """Return the move; all parts but the path are skipped where nothing was seen."""
        path = self._path_part(wanted)
        if seen is None:
            skipped = (Part(name, skipped=wanted.leave_out) for name in (*PARTS, CHANGES))
            return Rehearsed(wanted.move, (path, *skipped), on_the_way_to=wanted.on_the_way_to)
        new, already = [path], list[Finding]()
        for part in seen.parts.values():
            of_today = self.today.parts[part.name].findings if self.today and part.name in self.today.parts else ()
            news, same = brought(part.findings, of_today, wanted.move.target, self.source)
            unchecked = [item for item in same if item.rule == NOT_CHECKED]  # of which the move says nothing
            brings = replace(part, findings=in_order([*news, *unchecked]))
            new.append(with_runs(brings, self.runs, wanted.move.target) if part.name == DAGS else brings)
            already += [item for item in same if item.rule != NOT_CHECKED]
        defaults = self._defaults(wanted, seen)
        new.append(self._changes(wanted, seen, defaults, new))
        diff = self._diff(wanted.move.target, seen)
        return Rehearsed(wanted.move, tuple(new), in_order(already), defaults, diff, wanted.on_the_way_to)

    def _path_part(self, wanted: Wanted) -> Part:
        asked, path = wanted.move, path_of(self.project)
        found = [self.problem] if self.problem else []
        if asked.why:
            found.append(Finding(REFUSED, ERROR, path, self._version_line(), asked.what, asked.why, asked.hint))
        return Part(PATH, tuple(found), summary=f"{asked.route}, {asked.direction}" if asked.route else asked.what)

    def _version_line(self) -> int:
        lines = text_of(self.project.environment_path).splitlines()
        return next((number for number, line in enumerate(lines, 1) if MEMBER in line.partition("#")[0]), 0)

    def _defaults(self, wanted: Wanted, seen: Seen) -> tuple[ChangedDefault, ...]:
        if self.today is None or not seen.known.defaults:  # there, it could not be asked
            return ()
        return changed_defaults(self.source, self.today.known, wanted.move.target, seen.known)

    def _changes(self, wanted: Wanted, seen: Seen, defaults: tuple[ChangedDefault, ...], parts: Sequence[Part]) -> Part:
        members, sources = self.environment.members(), self._sources
        place = (wanted.move, path_of(self.project), self._options, sources, defaults, members)
        case = ChangesCase(*place, seen.installed)
        of_move = [*change_findings(case), *image_findings(case)]
        found = in_order(_not_told(of_move, [item for part in parts for item in part.findings]))
        number = sum(item.is_of_both for item in defaults)
        return Part(
            CHANGES, found, summary=f"{counted(number, 'default')} of Airflow's options differ" if number else ""
        )

    @functools.cached_property
    def _sources(self) -> ProjectSources:
        """What the project's files say, read once for all targets."""
        return ProjectSources(self.project, self.source, self._options)

    @functools.cached_property
    def _options(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.environment.airflow_configuration_options.items()}

    def _diff(self, release: Release, seen: Seen) -> str:
        """Return what the files would have to say, as a diff. AirflowVersion is not in it: the upgrade writes that."""
        path = self.project.environment_path
        source = (self.source, self.today.known) if self.today and self.source.is_newer_than(release) else None
        moved = option_moves(self.environment.airflow_configuration_options, release, seen.known, source)
        texts = {path_of(self.project): with_options(text_of(path), moved)}
        texts |= seen.texts
        return "".join(text_diff(name, text_of(self.project.root_dir / name), texts[name]) for name in sorted(texts))
