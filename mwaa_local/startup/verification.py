"""What MWAA looks at when the startup script has ended: whether Airflow and Watchtower are still those of its image.

MWAA prints a line for each that is not, and starts. It looks at Python, too, which no script changes here. It expects
what its image has; only that of 3.3.1 expected Airflow 3.3.0 until 2026-09-08, and so always complained.

Source: amazon-mwaa-docker-images, bin/airflow-user/post-startup-script-verification.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from packaging.version import InvalidVersion, Version

from mwaa_local.release import Release

VERIFIED = ("apache-airflow", "watchtower")
SUFFIX = ".dist-info"


def changed_notes(site_packages_dir: Path, release: Release) -> Iterator[str]:
    """Yield a line on each of these packages that is another one than the image's, for people."""
    for name in VERIFIED:
        expected, found = release.packages.base.get(name), _version(site_packages_dir, name)
        if expected is not None and found is not None and not _is_same(found, expected):
            done = f"replaces {name} {expected} of MWAA's image by {found}" if found else f"removes {name}"
            printed = f"“Validation Error: {name} version {expected} expected”"
            yield f"the startup script {done}: MWAA prints {printed}, and starts all the same"


def _version(site_packages_dir: Path, name: str) -> str | None:
    """Return the installed version, "" for none; None where the folder cannot tell, as it has no metadata at all."""
    stems = [path.name.removesuffix(SUFFIX) for path in site_packages_dir.glob(f"*{SUFFIX}")]
    versions = (version for stem, _, version in (each.partition("-") for each in stems) if _plain(stem) == name)
    return next(versions, "") if stems else None


def _plain(stem: str) -> str:
    return stem.lower().replace("_", "-").replace(".", "-")


def _is_same(found: str, expected: str) -> bool:
    try:
        return Version(found) == Version(expected)
    except InvalidVersion:
        return found == expected
