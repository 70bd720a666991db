"""Packages that MWAA has to build, as they are told: who asks for them, why no wheel fits, which version has one.

Not for building (`builds`), nor for which packages these are (`changes`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mwaa_local.check.requirements import index_files
from mwaa_local.check.requirements.builds import Builds
from mwaa_local.check.requirements.index_files import IndexFiles
from mwaa_local.check.requirements.lines import Line
from mwaa_local.check.requirements.resolver import Package, Resolver
from mwaa_local.check.requirements.source import Pin, Source
from mwaa_local.check.requirements.successors import successor_hint
from mwaa_local.check.requirements.verdict import SourceOnly
from mwaa_local.requirements.build_judgement import Build, Outcome


@dataclass(frozen=True)
class Told:
    """Puts into words what is known of packages without a wheel. `packages` is the whole resolution."""

    source: Source
    resolver: Resolver
    packages: Mapping[str, Package]

    def of(self, package: Package, build: Build) -> SourceOnly:
        """Return a package and what its build means, with the line that asks for it."""
        release = self.resolver.release
        line, wanted_by = asked_by(package.name, self.packages, self.source.packages)
        files = self._files(package.name)
        newest = files.newest_with_wheel(release) if files else ""
        no_wheel = files.why_no_wheel(package.version, release) if files else ""
        if files and not newest:
            no_wheel = f"no version of it has a wheel for Python {release.python_version} on Linux x86-64"
        return SourceOnly(
            package.name,
            package.version,
            build.why,
            outcome=build.outcome.name.lower(),
            path=line.path if line else self.source.path,
            line=line.number if line else 0,
            wanted_by=wanted_by,
            no_wheel=no_wheel,
            newest_with_wheel=newest,
            hint=self._hint(package, build, newest),
        )

    def _files(self, name: str) -> IndexFiles | None:
        """Return what the index has of a package; None where the file has pip ask none, or it does not say."""
        if self.source.values("no-index"):
            return None
        return index_files.read(self.resolver.index_url, name, self.resolver.env)

    def _hint(self, package: Package, build: Build, newest: str) -> str:
        if build.outcome in (Outcome.BUILDS, Outcome.UNTRIED):
            return ""
        hints = [successor_hint(package.name) or self._version_hint(package, newest), build.hint]
        return "; or ".join(filter(None, hints))

    def _version_hint(self, package: Package, newest: str) -> str:
        if not newest or newest == package.version:
            return ""
        pin = f"{package.name}=={newest}"
        held = _held(package.name, self.source.pins)
        if held is not None and held.text != pin:
            return f"{newest} is the newest version with a wheel, but {held.origin} hold {held.text}"
        return f"ask for {pin}, the newest version with a wheel"


def tell(
    source: Source, builds: Builds, packages: Mapping[str, Package], wanted: Iterable[Package]
) -> tuple[tuple[SourceOnly, ...], tuple[SourceOnly, ...]]:
    """Try to build the `wanted` packages; return those that certainly fail on MWAA, and the others."""
    told = Told(source, builds.resolver, packages)
    tried = [(item, builds.try_one(item.name, item.version)) for item in wanted]
    fails = [told.of(item, build) for item, build in tried if build.outcome is Outcome.FAILS]
    others = [told.of(item, build) for item, build in tried if build.outcome is not Outcome.FAILS]
    return tuple(fails), tuple(others)


def asked_by(name: str, packages: Mapping[str, Package], lines: Sequence[Line]) -> tuple[Line | None, tuple[str, ...]]:
    """Return the line that wants a package, and the packages from that line's to the one that needs it in turn.

    The shortest way, nothing between for a line that names the package itself.
    """
    of_name = {line.name: line for line in reversed(lines)}
    ways: list[tuple[str, ...]] = [(name,)]
    seen = {name}
    for way in ways:
        if way[0] in of_name:
            return of_name[way[0]], way[:-1]
        for via in packages[way[0]].via if way[0] in packages else ():
            if via not in seen and not via.startswith(("-r ", "-c ")):
                seen.add(via)
                ways.append((via, *way))
    return None, ()


def _held(name: str, pins: Iterable[Pin]) -> Pin | None:
    return next((pin for pin in pins if pin.name == name), None)
