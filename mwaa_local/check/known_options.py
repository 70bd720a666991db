"""Which configuration options a release's Airflow and providers have; asked once, then cached.

Not for judging what a user sets: that is `options`.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mwaa_local.cache import locks
from mwaa_local.cache.kept import DIGEST, RANDOM, RELEASE, CacheKind, begins_as_json
from mwaa_local.command import Request, run
from mwaa_local.errors import PackagesUnavailable
from mwaa_local.packages import KEPT as PACKAGES
from mwaa_local.packages import PythonEnvironment
from mwaa_local.scratch import scratch_folder

PROBE_PATH = Path(__file__).parents[1] / "guest" / "options_probe.py"
ASK_TIMEOUT_S = 120.0  # Airflow's own import takes up to 10 s on a small machine
MEMBERS = {"sections", "moved", "deprecated", "types", "choices", "defaults"}  # of an answer; an older one has fewer
LAST_CHARACTERS = 2000  # of what was said where there is no answer
# Like a package set, which it is about; beside it what an interrupted command was writing.
KEPT = CacheKind(
    "option list",
    "known-options",
    rf"(?P<item>{RELEASE}-{DIGEST})\.json|tmp{RANDOM}",
    begins_as_json,
    goes_with=PACKAGES.kind,
)


@dataclass(frozen=True)
class KnownOptions:
    """Options by name, lower case. `moved` leads from an old `section.key` to the new one."""

    sections: Mapping[str, frozenset[str]] = field(default_factory=dict)
    moved: Mapping[str, str] = field(default_factory=dict)
    deprecated: Mapping[str, str] = field(default_factory=dict)  # `section.key` -> why, or since when
    types: Mapping[str, str] = field(default_factory=dict)  # `section.key` -> "integer", "float" or "boolean"
    choices: Mapping[str, Sequence[str]] = field(default_factory=dict)  # `section.key` -> all values it can have
    defaults: Mapping[str, str] = field(default_factory=dict)  # `section.key` -> as Airflow describes it; "" for none


def known_options(packages: PythonEnvironment, env: Mapping[str, str], cache_dir: Path) -> KnownOptions:
    """Return the options that a release's own packages know; the name of their folder identifies the set.

    `env` is a component's complete environment. Raises PackagesUnavailable where Airflow does not answer.
    """
    kept_path = KEPT.path(cache_dir, f"{packages.dir.name}.json")
    plain = _read(kept_path)
    locks.stamp(kept_path)
    if plain is None:
        plain = _ask(packages, env)
        _keep(kept_path, plain)
    sections = {section: frozenset(keys) for section, keys in plain["sections"].items()}
    names = ("moved", "deprecated", "types", "choices", "defaults")
    return KnownOptions(sections, *(plain[name] for name in names))


def _ask(packages: PythonEnvironment, env: Mapping[str, str]) -> dict[str, Any]:
    with scratch_folder("mwaa-local-options-") as folder:
        answer_path = folder / "answer.json"
        home = {"AIRFLOW_HOME": str(folder), "HOME": str(folder)}  # Airflow writes its configuration file there
        # -I: this file's folder is no place to import from.
        argv = [str(packages.python_path), "-I", "-B", str(PROBE_PATH), str(answer_path)]
        completed = run(Request(argv, {**env, **home}, folder, ASK_TIMEOUT_S))
        plain = _read(answer_path)
        if plain is None:
            raise PackagesUnavailable(
                "cannot get the list of options from Airflow",
                completed.output.strip()[-LAST_CHARACTERS:],
                f"remove {packages.dir} to install the packages again",
            )
        return plain


def _read(path: Path) -> dict[str, Any] | None:
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return plain if isinstance(plain, dict) and plain.keys() >= MEMBERS else None


def _keep(path: Path, plain: Mapping[str, Any]) -> None:
    """Write the file whole: another command may look for it at the same moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
        json.dump(plain, file)
    os.replace(file.name, path)  # noqa: PTH105
