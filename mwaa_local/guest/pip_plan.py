"""Run `pip install` up to the point where it would change something, and write down what it would install.

Run by the interpreter of a release's package set: `pip_plan.py REPORT_PATH PIP_ARGUMENT…`. pip does that itself since
22.2 (`--dry-run --report`); an older one is stopped before its last step, when it has chosen and built everything.

The report is a JSON list of objects: `name`, `version`, `url` (of a package that the file names by its address, else
""), `requires` (Requires-Dist lines), `extras`, `is_yanked`. Exit code and output are pip's.
"""

from __future__ import annotations

import email
import email.message
import json
import re
import sys
import zipfile
from pathlib import Path
from typing import Any

FIRST_WITH_DRY_RUN = (22, 2)


def main(report_path: Path, argv: list[str]) -> int:
    import pip

    version = tuple(int(part) for part in pip.__version__.split(".")[:2] if part.isdigit())
    return _dry_run(report_path, argv) if version >= FIRST_WITH_DRY_RUN else _stopped(report_path, argv)


def _dry_run(report_path: Path, argv: list[str]) -> int:
    from pip._internal.cli.main import main as run_pip

    raw_path = report_path.with_name("pip-" + report_path.name)
    code = run_pip(["install", "--dry-run", "--report", str(raw_path), *argv])
    if code == 0:
        # pip writes no report when there is nothing to do.
        whole = json.loads(raw_path.read_text(encoding="utf-8")) if raw_path.exists() else {}
        report_path.write_text(json.dumps([_of_report(item) for item in whole.get("install", [])]), encoding="utf-8")
    return code


def _of_report(item: dict[str, Any]) -> dict[str, Any]:
    metadata = item["metadata"]
    return {
        "name": metadata["name"],
        "version": metadata["version"],
        "url": item["download_info"]["url"] if item["is_direct"] else "",
        "requires": metadata.get("requires_dist", []),
        "extras": item.get("requested_extras", []),
        "is_yanked": bool(item.get("is_yanked")),
    }


def _stopped(report_path: Path, argv: list[str]) -> int:
    from pip._internal.cli.main import main as run_pip
    from pip._internal.commands import install

    found: list[dict[str, Any]] = []

    def take(requirements: list[Any], *_: object, **__: object) -> list[Any]:
        found.extend(_of_requirement(item) for item in requirements)
        return []  # nothing was installed

    setattr(install, "install_given_reqs", take)  # noqa: B010 -- mypy knows only pips that do not export it
    code = run_pip(["install", *argv])
    if code == 0:
        report_path.write_text(json.dumps(found), encoding="utf-8")
    return code


def _of_requirement(item: Any) -> dict[str, Any]:
    metadata = _metadata_of(str(item.local_file_path or ""), str(item.metadata_directory or ""))
    return {
        "name": metadata["Name"],
        "version": metadata["Version"],
        "url": item.original_link.url if item.original_link else "",
        "requires": metadata.get_all("Requires-Dist") or [],
        "extras": sorted(item.extras),
        "is_yanked": bool(item.link and item.link.is_yanked),
    }


def _metadata_of(path: str, folder: str) -> email.message.Message:
    """Return the metadata of a wheel, as everything is by then, or of a folder that is installed as it lies."""
    if path.endswith(".whl"):
        with zipfile.ZipFile(path) as wheel:
            name = next(name for name in wheel.namelist() if re.match(r"[^/]+\.dist-info/METADATA$", name))
            text = wheel.read(name).decode("utf-8", "replace")
    else:
        found = next(file for file in (Path(folder) / "METADATA", Path(folder) / "PKG-INFO") if file.is_file())
        text = found.read_text(encoding="utf-8", errors="replace")
    return email.message_from_string(text)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
