"""Ask the release's own pip what it would install: a dry run in the release's packages, with MWAA's arguments.

Its answer is kept for a day, since a container that starts tomorrow asks the index anew. Not for when pip has to be
asked, nor for what its answer means: that is `pip_choice`.

Source of pip's arguments: `mwaa_local.requirements.prepare`. Its version is data of the release.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from mwaa_local.cache import locks
from mwaa_local.cache.kept import RANDOM, CacheKind, begins_as_json, is_folder
from mwaa_local.check.requirements.lines import Line
from mwaa_local.check.requirements.source import Source
from mwaa_local.command import Completed, Request, run
from mwaa_local.errors import MwaaLocalError
from mwaa_local.network import NETWORK_VARIABLES, build_env
from mwaa_local.packages import PackageStore, PythonEnvironment
from mwaa_local.release import Release
from mwaa_local.requirements.install import OWN_VARIABLES, REQUIREMENTS_INSTALL_TIMEOUT_S
from mwaa_local.requirements.pip_settings import is_of_builds

# All of them are one item; a `.new` is what an interrupted command was writing.
KEPT = CacheKind(
    "pip's answers", "pip-answers", rf"[0-9a-f]{{24}}\.json|tmp{RANDOM}\.new", begins_as_json, item="pip-answers"
)


def _is_whole(path: Path) -> bool:
    return (path / "pip" / "__main__.py").is_file()


KEPT_PIPS = CacheKind("pip", "pips", r"(?P<item>pip-\d[\w.]*)", is_folder, _is_whole)
# Raised when what is kept of an answer changes.
FORMAT = 1
FRESH_S = 24 * 3600.0
# How long pip may take while somebody waits for the check. MWAA's own limit is that of `requirements.install`.
TRY_LIMIT_S = 60.0
DOWNLOAD_TIMEOUT_S = 120.0
OWN_SETTINGS = {**OWN_VARIABLES, "PIP_CONFIG_FILE": os.devnull}
GUEST_PATH = Path(__file__).parents[2] / "guest" / "pip_plan.py"
# `Downloading NAME-VERSION…` or `Using cached …`; of newer pips also the metadata alone, `NAME-VERSION….metadata`.
_FILE = r"(?P<name>[A-Za-z0-9][\w.]*?(?:-[A-Za-z][\w.]*)*)-(?P<version>\d[^-\s]*)"
_LOOKED_AT = re.compile(rf"^\s*(?:Downloading|Using cached) (?:\S*/)?{_FILE}")
_SUFFIXES = re.compile(r"(?:\.(?:tar\.gz|tar\.bz2|zip|tgz|metadata))+$")
_STEPS_BACK = re.compile(r"pip is (?:still )?looking at multiple versions of")
_NOT_REACHED = re.compile(
    r"Failed to establish a new connection|Max retries exceeded|Temporary failure in name resolution|ProxyError"
    r"|NewConnectionError|NameResolutionError|Read timed out|Connection aborted|5\d\d Server Error"
)
_NO_SET = re.compile(r"ResolutionImpossible|No matching distribution found|resolution-too-deep|ResolutionTooDeep")


@dataclass(frozen=True)
class Chosen:
    """One package that pip would install. `url` is its address in the file, "" for one of an index."""

    name: str
    version: str
    url: str = ""
    requires: tuple[str, ...] = ()  # Requires-Dist
    extras: tuple[str, ...] = ()
    is_yanked: bool = False


@dataclass(frozen=True)
class Planned:
    """pip found versions; `packages` are those that the image does not have like that."""

    packages: tuple[Chosen, ...]
    elapsed_s: float


@dataclass(frozen=True)
class PipRefused:
    """pip found no versions; `said` are its own lines."""

    said: str


@dataclass(frozen=True)
class PipStopped:
    """pip had no answer in time. `tried` are packages of which it looked at several versions, and how many."""

    limit_s: float
    tried: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class NotAsked:
    """pip could not be asked here, or failed for reasons of this machine."""

    why: str


Plan = Planned | PipRefused | PipStopped | NotAsked


@dataclass(frozen=True)
class Pips:
    """The pips of all releases, each in its own packages. `env` is the caller's environment."""

    cache_dir: Path
    env: Mapping[str, str] = field(repr=False)
    on_step: Callable[[str], None] = lambda _: None
    limit_s: float = TRY_LIMIT_S

    def plan(
        self, source: Source, release: Release, variables: Mapping[str, str], root_dir: Path, extra: Sequence[str] = ()
    ) -> Plan:
        """Return what pip would do with the file, `extra` lines added; an answer of the last day is taken as it is."""
        try:
            packages = PackageStore(self.cache_dir, self.env).base(release, self.on_step)
        except MwaaLocalError as error:
            return NotAsked(error.what)
        if packages.note:
            return NotAsked(packages.note)
        path = KEPT.path(self.cache_dir, f"{self._key(source, release, packages, variables, extra)}.json")
        # The second command that asks the same waits for the first one's answer.
        with locks.taken(locks.lock_path(path)) if path.parent.is_dir() else contextlib.nullcontext():
            known = read(path)
            if known is not None and not (isinstance(known, PipStopped) and known.limit_s < self.limit_s):
                return known
            answer = self._ask(source, release, packages, variables, root_dir, extra)
            if not isinstance(answer, NotAsked):
                write(path, answer)
            return answer

    def _ask(
        self,
        source: Source,
        release: Release,
        packages: PythonEnvironment,
        variables: Mapping[str, str],
        root_dir: Path,
        extra: Sequence[str],
    ) -> Plan:
        env = {**self._network(), **variables, **OWN_SETTINGS}
        pip_dir = self._pip_dir(release, packages)
        if isinstance(pip_dir, NotAsked):
            return pip_dir
        env["PYTHONPATH"] = str(pip_dir)
        with tempfile.TemporaryDirectory(prefix="mwaa-local-pip-") as folder:
            report_path, extra_path = Path(folder) / "plan.json", Path(folder) / "extra.txt"
            extra_path.write_text("".join(f"{line}\n" for line in extra), encoding="utf-8")
            words = [*source.settings_argv, *source.prepared.argv_tail, *(("-r", str(extra_path)) if extra else ())]
            argv = [str(packages.python_path), str(GUEST_PATH), str(report_path), *words]
            self.on_step(f"asking pip {release.pip_version}, as MWAA does; it has {self.limit_s:g} s")
            completed = run(Request(argv, env, root_dir, self.limit_s))
            return _judged(replace(completed, output=source.mask.text(completed.output)), report_path, self.limit_s)

    def _pip_dir(self, release: Release, packages: PythonEnvironment) -> Path | NotAsked:
        """Return the folder with the release's pip, fetched when it is not there yet."""
        from uv import find_uv_bin

        target_dir = KEPT_PIPS.path(self.cache_dir, f"pip-{release.pip_version}")
        if _is_whole(target_dir):
            return target_dir
        target_dir.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f"{target_dir.name}.", dir=target_dir.parent) as folder:
            argv = [find_uv_bin(), "pip", "install", "--quiet", "--no-deps", "--target", f"{folder}/pip"]
            argv += ["--python", str(packages.python_path), f"pip=={release.pip_version}"]
            completed = run(Request(argv, build_env(self.env), Path(folder), DOWNLOAD_TIMEOUT_S))
            if not completed.ok:
                return NotAsked(f"pip {release.pip_version}, which MWAA has, could not be fetched")
            with contextlib.suppress(OSError):  # somebody else was faster
                (Path(folder) / "pip").rename(target_dir)
        return target_dir

    def _network(self) -> dict[str, str]:
        """Return how the index is reached from here, and nothing else of the caller's settings."""
        kept = {name: value for name, value in self.env.items() if name.upper() in NETWORK_VARIABLES}
        named = ("PIP_INDEX_URL", "PIP_CERT", "PIP_CACHE_DIR", "HOME", "PATH")
        return {**kept, **{name: self.env[name] for name in named if self.env.get(name)}}

    def _key(
        self,
        source: Source,
        release: Release,
        packages: PythonEnvironment,
        variables: Mapping[str, str],
        extra: Sequence[str],
    ) -> str:
        index, prepared = self.env.get("PIP_INDEX_URL", ""), source.prepared
        heard = {name: value for name, value in variables.items() if _is_heard(name, source)}
        parts = [FORMAT, prepared.digest, packages.digest, release.pip_version, sorted(heard.items()), index]
        return hashlib.sha256(json.dumps([*parts, source.settings_digest, list(extra)]).encode()).hexdigest()[:24]


def _is_heard(name: str, source: Source) -> bool:
    """Whether pip's answer can depend on a variable: the file names it, or it is pip's, a build's or the network's."""
    is_known = name.startswith("PIP_") or is_of_builds(name) or name.upper() in NETWORK_VARIABLES
    return is_known or any(f"${{{name}}}" in entry.text for entry in source.entries if isinstance(entry, Line))


def settled(pips: Pips) -> Pips:
    """Return the same pips with MWAA's own limit: what takes longer fails there."""
    return replace(pips, limit_s=REQUIREMENTS_INSTALL_TIMEOUT_S)


def tried(output: str) -> dict[str, int]:
    """Return the packages of which pip looked at several versions, with how many, most first."""
    seen = {
        (canonicalize_name(match["name"]), _SUFFIXES.sub("", match["version"]))
        for line in output.splitlines()
        if (match := _LOOKED_AT.match(line))
    }
    counts = Counter(name for name, _ in seen)
    return {name: number for name, number in counts.most_common() if number > 1}


def _judged(completed: Completed, report_path: Path, limit_s: float) -> Plan:
    output = completed.output
    if completed.timed_out:
        found = tried(output)
        # Slow is not the same as never: a machine that is busy, or an index far away, says nothing of MWAA.
        return (
            PipStopped(limit_s, found) if _STEPS_BACK.search(output) else NotAsked(f"pip took more than {limit_s:g} s")
        )
    if completed.ok:
        chosen = json.loads(report_path.read_text(encoding="utf-8")) if report_path.exists() else []
        return Planned(tuple(_chosen(item) for item in chosen), completed.elapsed_s)
    if _NO_SET.search(output) and not _NOT_REACHED.search(output):
        lines = [line.removeprefix("ERROR: ").strip() for line in output.splitlines() if line.startswith("ERROR: ")]
        return PipRefused("\n".join(dict.fromkeys(line for line in lines if "https://pip.pypa.io" not in line)))
    return NotAsked("pip failed here: " + " ".join(output.strip().splitlines()[-1:]))


def _chosen(item: Mapping[str, Any]) -> Chosen:
    return Chosen(
        canonicalize_name(item["name"]),
        "" if item["url"] else str(item["version"]),
        str(item["url"]),
        tuple(item["requires"]),
        tuple(item["extras"]),
        bool(item["is_yanked"]),
    )


def read(path: Path) -> Plan | None:
    """Return a kept answer; None for one that is older than a day or cannot be understood."""
    try:
        if time.time() - path.stat().st_mtime > FRESH_S:
            return None
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["outcome"] == "planned":
            items = tuple(map(_chosen, kept["packages"]))
            return Planned(items, float(kept["elapsed_s"]))
        if kept["outcome"] == "refused":
            return PipRefused(str(kept["said"]))
        return PipStopped(float(kept["limit_s"]), {str(name): int(number) for name, number in kept["tried"].items()})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write(path: Path, answer: Planned | PipRefused | PipStopped) -> None:
    """Keep an answer; a disk that is full costs only time."""
    if isinstance(answer, Planned):
        packages = [vars(item) for item in answer.packages]
        kept: dict[str, Any] = {"outcome": "planned", "packages": packages, "elapsed_s": answer.elapsed_s}
    elif isinstance(answer, PipRefused):
        kept = {"outcome": "refused", "said": answer.said}
    else:
        kept = {"outcome": "stopped", "limit_s": answer.limit_s, "tried": dict(answer.tried)}
    with contextlib.suppress(OSError):  # only time is lost
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".new", delete=False) as file:
            json.dump(kept, file)
        Path(file.name).replace(path)  # whole or not at all, whoever else writes it
