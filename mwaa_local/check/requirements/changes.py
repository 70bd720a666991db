"""What a resolution changes in MWAA's image: packages added, upgraded or downgraded, and wheels that do not exist."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from mwaa_local.check.binaries import glibc_minor, python_minor, wheel_tags
from mwaa_local.check.requirements.lines import Line
from mwaa_local.check.requirements.resolver import Package
from mwaa_local.check.requirements.uv_words import Reasons
from mwaa_local.check.requirements.verdict import Broken, PackageChange
from mwaa_local.release import Release

# What pip takes for a package and for what it downloads, unpacking included: 26 small packages (2.5 MB) took 4.6 s and
# 10 large ones (171 MB) 13 s, with pip 23.2, Python 3.12, 2 cores and an index nearby.
PACKAGE_INSTALL_S = 0.17
INSTALLED_BYTES_PER_S = 15_000_000
REPLACES_AIRFLOW = "replaces-airflow"  # the rule


def changed(packages: Mapping[str, Package], release: Release) -> dict[str, Package]:
    """Return the packages that the image does not have in exactly that version.

    pip leaves an installed package alone, even if the file gives the address of that version's wheel.
    """
    there = installed(release)
    return {name: item for name, item in packages.items() if there.get(name) != (item.version or _named(item.url))}


def installed(release: Release) -> dict[str, str]:
    """Return all packages of the image, name -> version, those included that MWAA's own list skips."""
    return {**release.packages.unlisted, **release.packages.base}


def package_changes(
    packages: Mapping[str, Package],
    release: Release,
    metadata: Mapping[str, Mapping[str, Any]],
    lines: Sequence[Line],
) -> tuple[PackageChange, ...]:
    """Return the changes by name. `metadata` is `Resolver.metadata`'s, `lines` are those that ask for packages."""
    tags = wheel_tags(python_minor(release), glibc_minor(release))
    asked: dict[str, list[tuple[str, int]]] = {}
    for line in lines:
        asked.setdefault(line.name, []).append((line.path.rpartition("/")[2], line.number))
    found = []
    there = installed(release)
    for name, item in sorted(packages.items()):
        base_version = there.get(name, "")
        entry, places = metadata.get(name, {}), tuple(asked.get(name, ()))
        found.append(
            PackageChange(
                name=name,
                version=item.version or item.url,
                base_version=base_version,
                is_downgrade=bool(base_version) and _older(item.version, base_version),
                reasons=(*(f"{file}:{number}" for file, number in places), *_wanted_by(item)),
                size_bytes=_size(wheel(entry, tags) or entry.get("sdist")),
                places=places,
            )
        )
    return tuple(found)


def install_estimate_s(changes: Sequence[PackageChange]) -> float | None:
    """Return about how long pip takes in a container, in seconds; None where the index does not tell sizes."""
    sizes = [change.size_bytes for change in changes]
    if None in sizes:
        return None
    return len(sizes) * PACKAGE_INSTALL_S + sum(size or 0 for size in sizes) / INSTALLED_BYTES_PER_S


def without_wheel(
    packages: Mapping[str, Package], metadata: Mapping[str, Mapping[str, Any]], release: Release
) -> tuple[Package, ...]:
    """Return the packages that an index has, but not as a wheel for MWAA's platform and Python.

    Without those that the image has in a version that nothing tells: pip leaves them alone, if that version will do.
    """
    tags = wheel_tags(python_minor(release), glibc_minor(release))
    judged = packages.keys() & metadata.keys() - {*release.packages.of_unknown_version}
    return tuple(item for name, item in packages.items() if name in judged and wheel(metadata[name], tags) is None)


def wheel(entry: Mapping[str, Any], tags: frozenset[Tag]) -> Mapping[str, Any] | None:
    """Return the first wheel of a package's entry that fits."""
    for item in entry.get("wheels", ()):
        name = unquote(urlsplit(str(item.get("url") or item.get("path") or "")).path).rpartition("/")[2]
        try:
            fits = not tags.isdisjoint(parse_wheel_filename(name)[3])
        except (InvalidWheelFilename, InvalidVersion):
            fits = False
        if fits:
            return item  # type: ignore[no-any-return]
    return None


def broken_by(changes: Mapping[str, Package], reasons: Reasons, base: Mapping[str, str]) -> list[str]:
    """Return the image's packages that uv's explanation names, without those that change."""
    return [name for name in reasons.packages(base) if name not in changes]


def describe_broken(name: str, version: str, changes: Iterable[PackageChange], reasons: Reasons) -> Broken:
    """Return what is broken in words: the part of uv's explanation that is about that package."""
    wants = reasons.wanted_by(name, version) or "another version"
    others = ", ".join(f"{change.name} {change.version}" for change in changes if reasons.mentions(change.name))
    return Broken(name, f"{name} {version} wants {wants}, not {others}")


def _named(url: str) -> str:
    """Return the version that the name of a wheel tells; "" for what is no wheel."""
    try:
        return str(parse_wheel_filename(unquote(urlsplit(url).path).rpartition("/")[2])[1])
    except (InvalidWheelFilename, InvalidVersion):
        return ""


def _wanted_by(package: Package) -> tuple[str, ...]:
    return tuple(via for via in package.via if not via.startswith(("-r ", "-c ")))


def _older(version: str, other: str) -> bool:
    try:
        return Version(version) < Version(other)
    except InvalidVersion:
        return False


def _size(file: Mapping[str, Any] | None) -> int | None:
    size = file.get("size") if file else None
    return int(size) if size is not None else None
