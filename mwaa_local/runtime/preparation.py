"""What both runtimes prepare alike: the project's own folders, and what of it changes a plan."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.configuration.merge import MergedVariables, user_notes
from mwaa_local.environment.environment import Environment
from mwaa_local.errors import SettingsFileInvalid
from mwaa_local.event import Event
from mwaa_local.files import make_private
from mwaa_local.place import Place
from mwaa_local.plan import Component, Plan
from mwaa_local.project import Project
from mwaa_local.remarks import NOTE, WARNING, Remark
from mwaa_local.runtime.ports import free_port, ports_asked
from mwaa_local.scaling.bounds import WorkersOfStart, bounds_of, bounds_remarks
from mwaa_local.secrets import Secrets
from mwaa_local.seeding.airflow_settings import SETTINGS_FILE, AirflowSettings
from mwaa_local.seeding.aws_fixtures import FOLDER
from mwaa_local.seeding.file import combine
from mwaa_local.services.all import SERVICES
from mwaa_local.services.service import Service
from mwaa_local.wanted import Wanted
from mwaa_local.web_address import DOOR


@dataclass(frozen=True)
class Seeds:
    """What is there from the start."""

    settings: AirflowSettings  # in the metadata database
    services: tuple[Service, ...]  # all there are

    @classmethod
    def load(cls, wanted: Wanted) -> Seeds:
        """Read the project's files. Raises SettingsFileInvalid, with the mistakes of all of them together."""
        errors: list[SettingsFileInvalid] = []
        settings = AirflowSettings()
        services: list[Service] = []
        try:
            settings = AirflowSettings.load(wanted.project)
        except SettingsFileInvalid as error:
            errors.append(error)
        for kind in SERVICES:
            try:
                services.append(kind.load(wanted))
            except SettingsFileInvalid as error:
                errors.append(error)
        if errors:
            raise combine(f"{SETTINGS_FILE} with {FOLDER}/", errors)
        return cls(settings, tuple(services))

    @property
    def wanted_services(self) -> tuple[Service, ...]:
        """Those that the environment file asks for."""
        return tuple(service for service in self.services if service.is_wanted)

    def components(self, place: Place, secrets: Secrets) -> list[Component]:
        """Make ready what the wanted services start from; return them as components."""
        return [service.component(place, secrets) for service in self.wanted_services]

    def variables(self, place: Place) -> dict[str, Mapping[str, str]]:
        """Return the variables by which Airflow finds each of them."""
        found = {service.name: service.variables(place) for service in self.services}
        return {name: variables for name, variables in found.items() if variables}

    def local_names(self, place: Place) -> tuple[str, ...]:
        """Return the host names by which Airflow finds them, where those must be made known to it."""
        return tuple(name for service in self.services for name in service.local_names(place))

    def told(self, place: Place) -> tuple[Event, ...]:
        """Return what the user is told of them when they run."""
        return tuple(filter(None, (service.told(place) for service in self.services)))

    @property
    def remarks(self) -> tuple[Remark, ...]:
        return (*self.settings.remarks, *(remark for service in self.wanted_services for remark in service.remarks))


@dataclass(frozen=True)
class Ports:
    """The ports of one start: which the environment file asks for, and from them those to use."""

    asked: Mapping[str, int]
    webserver_port: int | None
    running: Plan | None
    kept: Callable[[str], int]  # at which port that component listens now; 0 when it does not

    @classmethod
    def of(
        cls,
        wanted: Wanted,
        seeds: Seeds,
        running: Plan | None,
        kept: Callable[[str], int],
        inner: Collection[str] = (),
    ) -> Ports:
        """Return them for what the environment file asks for; it cannot choose the ports of the components `inner`."""
        absent = {service.name for service in seeds.services if not service.is_wanted}
        asked = {**ports_asked(wanted.environment.local, without=absent), **dict.fromkeys(inner, 0)}
        return cls(asked, wanted.webserver_port, running, kept)

    def choose(self) -> dict[str, int]:
        """Return those in use while the environment file asks for the same as then, else new ones."""
        ports = {}
        for name, port in self.asked.items():
            same = self.running is not None and self.running.ports_asked.get(name) == port
            ports[name] = (self.kept(name) if same else 0) or port
        if self.webserver_port is not None:
            ports[DOOR] = self.webserver_port or self.kept(DOOR)
        for name, port in ports.items():
            ports[name] = port or free_port(ports.values())
        return ports


def planned_port(running: Plan | None, name: str) -> int:
    """Return the port that the running plan gives that component; 0 when it gives none."""
    return running.ports.get(name, 0) if running else 0


def member_remarks(environment: Environment, memory_bytes: int | None) -> list[Remark]:
    """Return which members of the environment file mean nothing, or less, on one machine with so much memory."""
    ignored = [*environment.ignored_members, *environment.other_members]
    what = f"without effect here: {', '.join(ignored)}"
    return [*([Remark(NOTE, "environment file", what)] if ignored else []), *bounds_remarks(environment, memory_bytes)]


def workers_of_start(wanted: Wanted, running: Plan | None, memory_bytes: int | None) -> WorkersOfStart:
    """Return the workers that a start has on a machine with so much memory."""
    bounds = bounds_of(wanted.environment, memory_bytes)
    return WorkersOfStart.of(bounds, running, time.time() if wanted.graceful else None)


def option_remarks(merged: Mapping[str, MergedVariables]) -> list[Remark]:
    """Return, once each, which of the user's values lost or mean nothing to this Airflow."""
    remarks = []
    for lost in dict.fromkeys(lost for variables in merged.values() for lost in user_notes(variables)):
        explain = f"mwaa-local options --explain {lost.name}"
        what = lost.said(lost.name if lost.part else f"{lost.name} = {lost.masked()}")
        remarks.append(Remark(WARNING, "options", f"{what} has no effect", lost.reason, explain))
    for name, remark in merged["scheduler"].remarks.items():
        remarks.append(Remark(WARNING, "options", f"{name}: {remark}"))
    return remarks


def make_state_dirs(project: Project) -> None:
    """Make `.mwaa-local/`, private and ignored by git, with the folders that steps expect."""
    project.make_state_dir()
    for folder in (project.logs_dir, project.airflow_home_dir, project.airflow_home_dir / "logs"):
        folder.mkdir(parents=True, exist_ok=True)
    project.delivery.stage()
    for name in project.delivery.folders:
        folder = project.airflow_home_dir / name
        if not folder.is_symlink():
            folder.mkdir(exist_ok=True)
    make_private(project.run_dir)


def tree_version(folder: Path) -> str:
    """Return what changes when a file below the folder is added, removed or written; bytecode does not count."""
    parts = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            about = path.stat()
            parts.append(f"{path.relative_to(folder)}:{about.st_size}:{about.st_mtime_ns}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12] if parts else ""
