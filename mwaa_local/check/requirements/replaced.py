"""What to say of a file that makes pip replace the release's Airflow, and which lines would leave it alone.

No way out is named that was not resolved. Source of the backport packages: Airflow's documentation, "Backport
Providers": those for Airflow 2 were published for 1.10 under another name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mwaa_local.check.requirements.changes import REPLACES_AIRFLOW
from mwaa_local.check.requirements.lines import Line
from mwaa_local.check.requirements.resolver import Resolved, Resolver
from mwaa_local.check.requirements.rule import AIRFLOW_PACKAGES, admits, exact_version
from mwaa_local.check.requirements.source import Pin, Source
from mwaa_local.check.requirements.verdict import PackageChange
from mwaa_local.finding import ERROR, Finding
from mwaa_local.release import PinFile

AIRFLOW = "apache-airflow"
PROVIDER, BACKPORT = "apache-airflow-providers-", "apache-airflow-backport-providers-"
FIRST_WITH_PROVIDERS = "2.0"
MAX_WANTED_BY = 3
# Rules whose point is only a consequence of another Airflow, or the same once more.
COVERED = ("missing-constraint", "overrides-base", "requests-airflow", "unpinned")


@dataclass(frozen=True)
class Replaced:
    """One file with which Airflow does not stay. `changes` are all that pip would make."""

    change: PackageChange
    changes: Sequence[PackageChange]
    source: Source
    resolver: Resolver

    def told(self) -> Finding:
        """Return what pip would do, at the line that asks for it, and what to write instead."""
        release, line = self.resolver.release, self._line()
        others = len(self.change.reasons) - MAX_WANTED_BY
        wanted = ", ".join(self.change.reasons[:MAX_WANTED_BY]) + (f" and {others} more" if others > 0 else "")
        return Finding(
            REPLACES_AIRFLOW,
            ERROR,
            line.path if line else self.source.path,
            line.number if line else 0,
            f"pip would replace Airflow {self.change.base_version} by {self._other()}",
            f"Wanted by: {wanted}. The environment's database and configuration are those of Airflow "
            f"{release.airflow_version}; its components would fail or misbehave.",
            self._hint(line),
        )

    def _other(self) -> str:
        """Return the version that pip takes; only whether it is newer, where pip may take one for which more changes.

        uv keeps the image as far as it can. pip begins with the newest: that is what the lines allow by themselves.
        """
        version, leading = self.change.version, self._line()
        names = {AIRFLOW, leading.name if leading else "", *self.change.reasons}
        lines = [line for line in self.source.packages if line.name in names]
        newest = self._resolved([AIRFLOW, *lines], self.source.pins, "newest", {})
        if newest is not None and newest.packages[AIRFLOW].version == version:
            return version
        return "an older one" if self.change.is_downgrade else "a newer one"

    def _line(self) -> Line | None:
        """Return the line that asks for Airflow itself, else the first that leads there."""
        asks = [line for line in self.source.packages if line.name in AIRFLOW_PACKAGES]
        release = self.resolver.release.airflow_version
        for line in asks:
            if line.requirement is not None and not admits(line.requirement, release):
                return line
        names, seen = [*self.change.reasons], set[str]()
        by_name = {change.name: change for change in self.changes}
        while names:
            name = names.pop(0)
            if leading := next((line for line in self.source.packages if line.name == name), None):
                return leading
            seen.add(name)
            names += [reason for reason in (by_name[name].reasons if name in by_name else ()) if reason not in seen]
        return None

    def _hint(self, line: Line | None) -> str:
        release = self.resolver.release
        if line is not None and line.name in AIRFLOW_PACKAGES:
            return "remove the line; the version of Airflow is the environment's AirflowVersion"
        ways = [*self._constraints(), *self._pins()] or [*self._backports()] or [*self._other_version(line)]
        if ways:
            return ", or ".join(ways)
        return f"no version of {line.name if line else 'it'} goes with Airflow {release.airflow_version}: leave it out"

    def _constraints(self) -> Iterator[str]:
        """Yield the line of Airflow's own constraints, if the file can be met under them."""
        release = self.resolver.release
        pins = [Pin(name, f"{name}=={version}", "") for name, version in PinFile(release.constraints_path).items()]
        if self._resolved(self.source.packages, [*self.source.pins, *pins], "constrained") is not None:
            yield f"add `--constraint {release.constraints_urls[0]}`"

    def _pins(self) -> Iterator[str]:
        """Yield versions of what wants another Airflow with which this one stays."""
        version = self.resolver.release.airflow_version
        held = self._resolved(self.source.packages, [*self.source.pins, self._airflow()], "held")
        if held is None:
            return
        fixed = {item.name for item in self.source.packages if exact_version(item.requirement)}
        names = [name for name in self.change.reasons if name in held.packages and name not in fixed]
        names += [item.name for item in self.source.packages if item.name in held.packages and item.name not in fixed]
        base = self.resolver.release.packages.base
        moved = [name for name in dict.fromkeys(names) if held.packages[name].version not in ("", base.get(name))]
        texts = [f"{name}=={held.packages[name].version}" for name in moved]
        kept = self._resolved([*self.source.packages, *texts], self.source.pins, "pinned") if texts else None
        if kept is not None and (AIRFLOW not in kept.packages or kept.packages[AIRFLOW].version == version):
            yield f"ask for what goes with Airflow {version}: {', '.join(texts)}"

    def _other_version(self, line: Line | None) -> Iterator[str]:
        """Yield another version for the line, with which Airflow stays."""
        if line is None or line.requirement is None or line.url or line.local_paths:
            return
        others = [item for item in self.source.packages if item is not line]
        held = self._resolved([*others, line.requirement.name], [*self.source.pins, self._airflow()], "other")
        if held is not None and (item := held.packages.get(line.name)):
            version = self.resolver.release.airflow_version
            yield f"write {item.name}=={item.version}, which goes with Airflow {version}"

    def _backports(self) -> Iterator[str]:
        """Yield the packages that Airflow 1.10 has in the place of providers."""
        if self.resolver.release.is_at_least(FIRST_WITH_PROVIDERS):
            return
        for line in self.source.packages:
            name = line.name.replace(PROVIDER, BACKPORT)
            if line.name.startswith(PROVIDER) and (found := self._resolved([name], [self._airflow()], name)):
                yield f"write {name}=={found.packages[name].version} instead; {line.name} is for Airflow 2"

    def _airflow(self) -> Pin:
        return Pin(AIRFLOW, f"{AIRFLOW}=={self.resolver.release.airflow_version}", "")

    def _resolved(
        self, lines: Sequence[Line | str], pins: Sequence[Pin], name: str, installed: Mapping[str, str] | None = None
    ) -> Resolved | None:
        there = self.resolver.release.packages.base if installed is None else installed
        question = self.source.question(lines, pins, there, f"way-{name}")
        answer = self.resolver.resolve(question)
        return answer if isinstance(answer, Resolved) else None


def replaced_airflow(changes: Sequence[PackageChange], source: Source, resolver: Resolver) -> Finding | None:
    """Return the finding on a replaced Airflow; None where it stays."""
    change = next((change for change in changes if change.name == AIRFLOW and change.base_version), None)
    return Replaced(change, changes, source, resolver).told() if change else None
