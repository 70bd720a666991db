"""Is an installed package set exactly the release's? Asked of the interpreter itself, so in both runtimes alike.

    python -m tests.exactness 2.8.1 /path/to/bin/python
    python -m tests.exactness 2.8.1 docker run --rm --entrypoint /opt/mwaa/base/bin/python IMAGE

The words after the release start an interpreter of the set; each line that is printed is one difference, and the exit
code is 1 if there is any. Nothing of the environment need run.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name
from uv import find_uv_bin

from mwaa_local.network import build_env
from mwaa_local.packages import SUPPORT_DIR, wanted_packages
from mwaa_local.release import Release

LISTING_TIMEOUT_S = 300.0
# What a virtual environment is made with. MWAA's image has them too, though its bill of materials passes over them.
VENV_PACKAGES = frozenset({"pip", "setuptools", "wheel"})
# Files of the virtual environment itself: uv's and setuptools' for interpreters that they start, and bytecode.
VENV_FILES = frozenset(
    {"__pycache__", "_virtualenv.py", "_virtualenv.pth", "_distutils_hack", "distutils-precedence.pth"}
)
LOCAL_SETTINGS = "airflow_local_settings.py"  # in images of releases that have it apart from `plugins/`
# Runs in the set's own interpreter, from Python 3.7 on: reads the folders themselves and asks how Python sees them.
LISTING = Path(__file__).with_name("exactness_listing.py")


@dataclass(frozen=True)
class Listing:
    """What one interpreter's `site-packages` holds."""

    python: str  # minor, as in "3.12"
    on_disk: Sequence[tuple[str, str]]  # name and version of each `.dist-info` or `.egg-info`
    seen: Sequence[tuple[str, str]]  # the same as `importlib.metadata` tells it, or `pkg_resources` in Python 3.7
    unowned: Mapping[str, str]  # name at the top that has files which no RECORD claims -> digest of their Python files
    missing: Sequence[str]  # files that a RECORD claims


def listing_of(argv: Sequence[str]) -> Listing:
    """Return what the interpreter that these words start finds in its own `site-packages`."""
    done = subprocess.run(
        [*argv, "-I", "-c", LISTING.read_text(encoding="utf-8")],
        capture_output=True,
        text=True,
        timeout=LISTING_TIMEOUT_S,
        check=False,
        cwd="/",
    )
    if done.returncode:
        raise AssertionError(f"{' '.join(argv)} could not list its packages: {done.stderr}")
    found = json.loads(done.stdout.splitlines()[-1])

    def pairs(key: str) -> list[tuple[str, str]]:
        return [(canonicalize_name(name), version) for name, version in found[key]]

    return Listing(found["python"], pairs("on_disk"), pairs("seen"), found["unowned"], found["missing"])


def wanted_versions(release: Release) -> dict[str, str]:
    """Return the catalogue's packages, with what stands in for those that cannot be installed: name -> version."""
    pins = (line.partition("==") for line in wanted_packages(release))
    return {canonicalize_name(name.partition("[")[0]): version for name, _, version in pins}


def differences(release: Release, listing: Listing) -> list[str]:
    """Return each way in which a set is not the release's, as a line; none if it is exact."""
    wanted = wanted_versions(release)
    found = [f"Python {listing.python} instead of {release.python_version}"] * (
        listing.python != release.python_version
    )
    for view, pairs in (("on disk", listing.on_disk), ("importlib.metadata", listing.seen)):
        found += _package_differences(wanted, pairs, view)
    known = {*VENV_FILES, LOCAL_SETTINGS, *(path.name for path in SUPPORT_DIR.iterdir())}
    for name, version in release.packages.added.items():
        files = _files_of_hidden(name, version, release.python_version)
        known.update(files)
        found += [
            f"hidden: {top} is not that of {name} {version}"
            for top, digest in files.items()
            if listing.unowned.get(top) != digest
        ]
    found += [f"files: {path} is missing" for path in listing.missing]
    return found + [f"files: {name} has files of no package" for name in listing.unowned if name not in known]


@functools.cache
def _files_of_hidden(name: str, version: str, python: str) -> Mapping[str, str]:
    """Return what that version has at the top -> digest: nothing in a set tells the version of what is hidden in it."""
    with tempfile.TemporaryDirectory() as folder:
        argv = [find_uv_bin(), "pip", "install", "--quiet", "--no-config", "--no-deps", "--only-binary", ":all:"]
        argv += ["--python-version", python, "--target", folder, f"{name}=={version}"]
        subprocess.run(argv, env=build_env(os.environ), timeout=LISTING_TIMEOUT_S, check=True, cwd="/")
        words = [sys.executable, "-I", "-c", LISTING.read_text(encoding="utf-8"), folder]
        listed = subprocess.run(words, capture_output=True, text=True, timeout=LISTING_TIMEOUT_S, check=True)
    tops: dict[str, str] = json.loads(listed.stdout)["owned"]
    return tops


def _package_differences(wanted: Mapping[str, str], pairs: Sequence[tuple[str, str]], view: str) -> list[str]:
    counted = Counter(name for name, _ in pairs)
    versions = dict(pairs)
    found = [f"{view}: {name} is there {count} times" for name, count in counted.items() if count > 1]
    for name in sorted({*wanted, *versions}):
        if name not in wanted and name in VENV_PACKAGES:
            continue
        if versions.get(name) != wanted.get(name):
            found.append(f"{view}: {name} {versions.get(name)} instead of {wanted.get(name)}")
    return found


def main(argv: Sequence[str]) -> int:
    if len(argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    release = Release.load(argv[0])
    found = differences(release, listing_of(argv[1:]))
    print("\n".join(found) or f"exact: {len(wanted_versions(release))} packages of Airflow {argv[0]}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
