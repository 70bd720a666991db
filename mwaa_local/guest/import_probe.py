"""Run by a release's interpreter: says what is installed there, or imports modules one after another.

Needs nothing but that interpreter's standard library, and runs on Python 3.7 too. Every answer is a line of JSON in a
file, written at once: what a module prints is no answer, and one that ends the interpreter leaves the earlier answers.

    python -I import_probe.py list ANSWERS
    python -I import_probe.py import ANSWERS MODULES

Not for judging what it finds: that is `install_trial`.
"""

from __future__ import annotations

import importlib
import json
import sys
import traceback
from collections.abc import Iterator
from typing import Any

PROVIDER_GROUP = "apache_airflow_provider"
MODULE_SUFFIXES = (".py", ".so")
# What a package installs beside itself by mistake, or for its own developers: nothing imports it.
STRAY_NAMES = ("test", "tests", "docs", "doc", "example", "examples", "benchmarks", "scripts", "setup", "conftest")
PLACE_FRAMES = 1  # of a traceback: where the import broke


def main() -> None:
    wish, answers_path = sys.argv[1:3]
    with open(answers_path, "a", encoding="utf-8") as answers:  # noqa: PTH123 - a script that starts often and small

        def answer(**members: Any) -> None:
            answers.write(json.dumps(members) + "\n")
            answers.flush()

        if wish == "list":
            for distribution in _distributions():
                answer(**distribution)
            return
        with open(sys.argv[3], encoding="utf-8") as modules:  # noqa: PTH123
            names = modules.read().split()
        for name in names:
            answer(module=name)
            failure = _import(name)
            answer(module=name, **failure)


def _import(name: str) -> dict[str, str]:
    """Import a module; return `kind`, `said`, `missing` and `place` of what went wrong, `kind` is "" for nothing."""
    try:
        importlib.import_module(name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - SystemExit too: a module may do anything
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "importlib" not in frame.filename]
        places = [f"{frame.filename}:{frame.lineno}" for frame in frames[-PLACE_FRAMES:]]
        missing = error.name if isinstance(error, ModuleNotFoundError) else ""
        return {"kind": type(error).__name__, "said": str(error), "missing": missing or "", "place": "".join(places)}
    return {"kind": "", "said": "", "missing": "", "place": ""}


def _distributions() -> Iterator[dict[str, Any]]:
    try:
        metadata: Any = importlib.import_module("importlib.metadata")
    except ImportError:  # Python 3.7, where Airflow itself brings it
        metadata = importlib.import_module("importlib_metadata")
    for distribution in metadata.distributions():
        name = distribution.metadata["Name"]
        if name:
            yield {
                "name": name,
                "version": str(distribution.version),
                "modules": _top_modules([str(file) for file in distribution.files or []]),
                "provided": sorted(_provided(distribution)),
            }


def _top_modules(files: list[str]) -> list[str]:
    """Return the modules at the top of what was installed; for namespace packages the first real package in each."""
    packages = {file[: -len("/__init__.py")] for file in files if file.endswith("/__init__.py")}
    found = set()
    for file in files:
        folders, _, base = file.rpartition("/")
        stem, suffix = base.partition(".")[0], "." + base.rpartition(".")[2]
        if not folders and suffix in MODULE_SUFFIXES:
            found.add(stem)
        elif folders in packages:
            parts = folders.split("/")
            above = ("/".join(parts[:length]) for length in range(1, len(parts)))
            if not any(folder in packages for folder in above):
                found.add(".".join(parts))
    return sorted(name for name in found if _is_of_interest(name))


def _is_of_interest(name: str) -> bool:
    parts = name.split(".")
    return all(part.isidentifier() for part in parts) and parts[0] not in STRAY_NAMES and not name.startswith("__")


def _provided(distribution: Any) -> Iterator[str]:
    """Yield the modules that a provider names to Airflow: its hooks, operators, sensors and transfers."""
    for point in distribution.entry_points:
        if point.group != PROVIDER_GROUP:
            continue
        try:
            info = point.load()()
        except Exception:  # noqa: BLE001 - importing that module says what is wrong
            yield point.value.partition(":")[0]
            continue
        for key in ("hooks", "operators", "sensors"):
            for entry in info.get(key, []):
                yield from entry.get("python-modules", [])
        for entry in info.get("transfers", []):
            if "python-module" in entry:
                yield entry["python-module"]


if __name__ == "__main__":
    main()
