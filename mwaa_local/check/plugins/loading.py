"""Load plugins with the release's own Airflow, and report what registered and what could not be loaded.

The plugins run: their modules are imported, in a process of their own, with an Airflow home that is thrown away and
without database and broker. Requirements are not installed for it; the startup script has run. Variables and
Connections come from where those of DAG files come from. A zip is unpacked; links in it are left out. Only plugins that
the static check (`check`) found no error in should come here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from mwaa_local import isolation
from mwaa_local.check.asked import WHEN_LOADED, AskedValue, asked_finding
from mwaa_local.check.context import CheckContext
from mwaa_local.check.failures.refused_options import RefusedOption, refused_option
from mwaa_local.check.plugins.files import FILE, EntryUnreadable, Plugins, PluginsUnreadable, open_plugins
from mwaa_local.check.plugins.load_failures import NOT_LOADED, LoadFailures
from mwaa_local.command import Completed, Request, run
from mwaa_local.files import write_private
from mwaa_local.finding import ERROR, Finding, in_order
from mwaa_local.masking import Mask
from mwaa_local.project import TEMPORARY_NAME
from mwaa_local.sandbox import Shown, end_processes_of, finish_home, import_env, secrets_in
from mwaa_local.scratch import scratch_folder
from mwaa_local.seeding.airflow_settings import KnownValues
from mwaa_local.startup.state import ContainerState

PROBE_PATH = Path(__file__).parents[2] / "guest" / "plugins_probe.py"
LOAD_TIMEOUT_S = 120.0  # Airflow's own import takes up to 10 s on a small machine
# MWAA advises 1 GB for the zip; this is what is unpacked of one here, at most.
MAX_UNPACKED_BYTES = 2_000_000_000
LAST_LINES = 8  # of what was said before Python ended


@dataclass(frozen=True)
class Registered:
    """A plugin that Airflow knows: its class's `name`, the file, and the names of what it brings by kind."""

    name: str
    source: str  # below plugins/; "" where this Airflow does not tell
    members: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Loaded:
    """How loading ended."""

    findings: tuple[Finding, ...]
    registered: tuple[Registered, ...]
    refused_option: RefusedOption | None = None  # the option with which Airflow does not start


class NotUnpacked(Exception):
    """The zip cannot be unpacked; the text says why."""


@dataclass(frozen=True)
class PluginsLoad:
    """Loads one folder or zip, with the release's own packages.

    `state` is what the startup script left in the scheduler; `known` are Variables and Connections that exist.
    """

    context: CheckContext
    path: Path
    state: ContainerState = field(default_factory=ContainerState)
    known: KnownValues = field(default_factory=KnownValues, repr=False)
    shown: str = ""  # how findings name the folder or zip; "" as `path` does

    def run(self) -> Loaded:
        """Return what registered, and a finding for each file that cannot be loaded or asks for what is not here."""
        with scratch_folder("mwaa-local-plugins-") as folder:
            work_dir = folder.resolve()
            home_dir = self.state.home_dir or work_dir / "airflow"
            (home_dir / TEMPORARY_NAME).mkdir(parents=True, exist_ok=True)
            try:
                folders = {**self.context.folders, "plugins": self._plugins_dir(work_dir)}
            except (NotUnpacked, PluginsUnreadable) as error:
                return Loaded((self._nothing_loaded(str(error)),), ())
            try:
                return self._load(Shown(home_dir, folders, work_dir))
            finally:
                end_processes_of(work_dir)

    def _plugins_dir(self, work_dir: Path) -> Path:
        if self.path.is_dir():
            return self.path.resolve()
        with open_plugins(self.path) as plugins:
            unpack(plugins, work_dir / "plugins")
        return work_dir / "plugins"

    def _load(self, shown: Shown) -> Loaded:
        context, work_dir, homes = self.context, shown.work_dir, (isolation.MWAA_HOME_DIR, shown.home_dir)
        packages = self.state.packages(context.store, context.base, work_dir / "packages")
        finish_home(shown.home_dir, packages, context.release)
        answer_path = work_dir / "answer.json"
        envs = {home: import_env(context, packages, home, self.state.exports, work_dir) for home in homes}
        for env in envs.values():
            # Airflow writes one where there is none, and DAG files may be imported in the same home meanwhile.
            env["AIRFLOW_CONFIG"] = str(work_dir / "airflow.cfg")
        # -I: this file's folder is no place to import from; -B: no bytecode into the user's own folder.
        argv = [str(packages.python_path), "-I", "-B", str(PROBE_PATH), str(answer_path), self._request(shown)]
        request = Request(shown.argv(argv, envs), envs[shown.home_dir], shown.home_dir, LOAD_TIMEOUT_S, alone=True)
        completed = run(request)
        mask = Mask(secrets_in(envs[shown.home_dir], self.known))
        if not answer_path.exists():
            said = mask(_why_ended(completed))
            return Loaded((self._nothing_loaded(said),), (), refused_option(said))
        answer = mask(json.loads(answer_path.read_text(encoding="utf-8")))
        home_dir = shown.home_dir if shown.problem else isolation.MWAA_HOME_DIR
        asked = tuple(AskedValue(**item) for item in answer["asked"])
        failures = LoadFailures(self.context, self._named, shown.folders["plugins"], self.state, shown.problem)
        findings = [
            *failures.findings(answer["errors"], asked, answer["touches"], home_dir),
            *(asked_finding(item, WHEN_LOADED) for item in asked),
        ]
        return Loaded(in_order(findings), tuple(_registered(answer["plugins"], home_dir)))

    def _request(self, shown: Shown) -> str:
        """Write what the probe is to know; return the file's path."""
        homes = (isolation.MWAA_HOME_DIR, shown.home_dir)
        names = {name: folder for name, folder in shown.folders.items() if name in ("dags", "plugins")}
        names_of = {"dags": "dags", "plugins": self._named}
        roots = [(f"{home}/{name}", names_of[name]) for home in homes for name in names]
        roots += [(str(folder), names_of[name]) for name, folder in names.items()]
        known = {"variables": dict(self.known.variables), "connections": dict(self.known.connections)}
        path = shown.work_dir / "plugins.json"
        write_private(path, json.dumps({"roots": roots, "known": known}))
        return str(path)

    @property
    def _named(self) -> str:
        return self.shown or self.path.as_posix()

    def _nothing_loaded(self, said: str) -> Finding:
        release = f"Airflow {self.context.release.airflow_version}"
        if option := refused_option(said):
            what = f"{release} does not start with this value of {option.name}"
            return Finding(NOT_LOADED, ERROR, self._named, 0, what, option.said, option.hint)
        what = f"{release} cannot load the plugins"
        return Finding(NOT_LOADED, ERROR, self._named, 0, what, said)


def unpack(plugins: Plugins, target_dir: Path, limit_bytes: int = MAX_UNPACKED_BYTES) -> None:
    """Write the files of a zip below the folder, and nothing anywhere else; links are left out.

    Raises NotUnpacked for a name that leads out of the folder, a file that cannot be read, and for too much.
    """
    target_dir.mkdir()
    left_bytes = limit_bytes
    for entry in (entry for entry in plugins.entries if entry.kind == FILE):
        name = PurePosixPath(entry.name)
        if name.is_absolute() or ".." in name.parts or "\\" in entry.name or "\0" in entry.name:
            raise NotUnpacked(f"{entry.name!r} leads out of the folder")
        try:
            content = entry.read(left_bytes + 1)
            left_bytes -= len(content)
            if left_bytes < 0:
                raise NotUnpacked(f"it holds more than {limit_bytes} bytes")
            path = target_dir.joinpath(*entry.parts)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except (EntryUnreadable, OSError) as error:
            raise NotUnpacked(f"{entry.name}: {error}") from error


def _why_ended(completed: Completed) -> str:
    if completed.timed_out:
        return f"It did not end within {LOAD_TIMEOUT_S:g} s."
    said = "\n".join(completed.output.strip().splitlines()[-LAST_LINES:])
    return f"Python ended with exit code {completed.exit_code}.\n{said}".rstrip()


def _registered(plugins: list[dict[str, Any]], home_dir: Path) -> Iterator[Registered]:
    # Airflow 1.10 names modules by the whole path of their file.
    place = re.sub("[/.]", "__", f"{home_dir}/plugins")
    for plugin in sorted(plugins, key=lambda plugin: (plugin["source"], plugin["name"])):
        members = {
            kind: tuple(name.removeprefix(place).lstrip("_") if name.startswith(place) else name for name in names)
            for kind, names in plugin["members"].items()
        }
        yield Registered(plugin["name"], plugin["source"], members)
