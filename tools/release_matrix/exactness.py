"""Whether Python and packages are those of the catalogue, each in its version, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping

from packaging.utils import canonicalize_name

from mwaa_local.packages import wanted_packages
from mwaa_local.release import Release

# Run by the release's own interpreter; Python 3.7 has no importlib.metadata.
LIST_PACKAGES = (
    "import json, platform\n"
    "try:\n"
    "    from importlib.metadata import distributions\n"
    "    found = {d.metadata['Name']: d.version for d in distributions()}\n"
    "except ImportError:\n"
    "    import pkg_resources\n"
    "    found = {d.project_name: d.version for d in pkg_resources.working_set}\n"
    "print(json.dumps({'python': platform.python_version(), 'packages': found}))\n"
)
VENV_PACKAGES = frozenset({"pip", "setuptools", "wheel"})  # come with the virtual environment or the base image
SHOWN = 5


def differences(release: Release, installed: Mapping[str, str]) -> list[str]:
    """Return a line for each package that is missing, too much or of another version, sorted by name."""
    wanted = {}
    for line in wanted_packages(release):
        name, _, version = line.partition("==")
        wanted[str(canonicalize_name(name.partition("[")[0]))] = version
    found = {str(canonicalize_name(name)): version for name, version in installed.items()}
    lines = []
    for name in sorted({*wanted, *found}):
        if name in VENV_PACKAGES and name not in wanted:
            continue
        if found.get(name) != wanted.get(name):
            lines.append(f"{name} {found.get(name, 'missing')}, in the catalogue {wanted.get(name, 'not')}")
    return lines


def summary(lines: list[str]) -> str:
    more = f" and {len(lines) - SHOWN} more" if len(lines) > SHOWN else ""
    return f"{len(lines)} packages differ: {'; '.join(lines[:SHOWN])}{more}"
