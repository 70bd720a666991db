"""What this interpreter's `site-packages` holds, as one line of JSON. Runs in the set itself: Python 3.7 and later.

`argv[1]` names another folder to list.
"""

from __future__ import annotations

import csv
import email.parser
import hashlib
import importlib
import json
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path
from typing import Any

SITE_DIR = Path(sys.argv[1] if len(sys.argv) > 1 else sysconfig.get_paths()["purelib"])
BYTECODE = ".pyc"


def metadata_of(name: str) -> list[str]:
    """Return name and version that a `.dist-info` or `.egg-info` tells; the latter may be a file."""
    for path in (SITE_DIR / name / "METADATA", SITE_DIR / name / "PKG-INFO", SITE_DIR / name):
        if path.is_file():
            head = email.parser.HeaderParser().parsestr(path.read_text(encoding="utf-8"))
            return [head["Name"], head["Version"]]
    return [name, "without metadata"]


def files_of(name: str) -> set[str]:
    """Return the paths below `site-packages` that a package's RECORD claims; those of scripts lie elsewhere."""
    record = SITE_DIR / name / "RECORD"
    rows = csv.reader(record.read_text(encoding="utf-8").splitlines()) if record.is_file() else ()
    paths = {Path(row[0]) for row in rows if row}
    return {str(path) for path in paths if path.parts[0] not in ("..", "/") and path.suffix != BYTECODE}


def all_files() -> set[str]:
    """Return the paths of all files below `site-packages` but for bytecode."""
    found = (path for path in SITE_DIR.rglob("*") if path.suffix != BYTECODE and path.is_file())
    return {str(path.relative_to(SITE_DIR)) for path in found}


def seen_by_python() -> list[list[str]]:
    try:
        from importlib.metadata import distributions
    except ImportError:
        pkg_resources = importlib.import_module("pkg_resources")  # in all sets for Python 3.7

        return [[each.project_name, each.version] for each in pkg_resources.WorkingSet([str(SITE_DIR)])]
    return [[each.metadata["Name"], each.version] for each in distributions(path=[str(SITE_DIR)])]


def digests(paths: Iterable[str]) -> dict[str, str]:
    """Return {name at the top: digest of the Python files}, of all that have a file among these paths."""
    found: dict[str, Any] = {}
    for path in sorted(paths):
        digest = found.setdefault(path.split("/")[0], hashlib.sha256())
        if path.endswith(".py"):
            digest.update(path.encode() + hashlib.sha256((SITE_DIR / path).read_bytes()).digest())
    return {top: digest.hexdigest() for top, digest in found.items()}


def main() -> None:
    names = sorted(path.name for path in SITE_DIR.iterdir())
    metadata = [name for name in names if name.endswith((".dist-info", ".egg-info"))]
    there = all_files()
    owned: set[str] = set()
    for name in metadata:
        owned |= files_of(name)
    found: dict[str, Any] = {
        "python": f"{sys.version_info[0]}.{sys.version_info[1]}",
        "on_disk": [metadata_of(name) for name in metadata],
        "seen": seen_by_python(),
        "unowned": digests(path for path in there - owned if path.split("/")[0] not in metadata),
        "missing": sorted(owned - there),
    }
    if len(sys.argv) > 1:
        found["owned"] = digests(path for path in owned & there if path.split("/")[0] not in metadata)
    print(json.dumps(found))


main()
