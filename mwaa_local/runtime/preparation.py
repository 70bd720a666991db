"""What both runtimes prepare alike: the project's own folders, and what of it changes a plan."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.configuration.merge import MergedVariables, user_notes
from mwaa_local.environment.environment import Environment
from mwaa_local.environment.kinds import AwsMode
from mwaa_local.errors import SettingsFileInvalid
from mwaa_local.plan import Plan
from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.remarks import NOTE, WARNING, Remark
from mwaa_local.runtime.ports import WEBSERVER, free_port, ports_asked
from mwaa_local.seeding.airflow_settings import SETTINGS_FILE, AirflowSettings
from mwaa_local.seeding.aws_fixtures import FOLDER, Fixtures
from mwaa_local.seeding.file import combine
from mwaa_local.services.aws import AWS, old_boto3_remarks

AWS_FILE = "aws.json"


@dataclass(frozen=True)
class Seeds:
    """What is there from the start."""

    settings: AirflowSettings  # in the metadata database
    fixtures: Fixtures | None  # in the local AWS, where the environment file asks for one
    remarks: tuple[Remark, ...]

    @classmethod
    def load(cls, project: Project, environment: Environment, release: Release) -> Seeds:
        """Read the project's files. Raises SettingsFileInvalid, with the mistakes of all of them together."""
        errors: list[SettingsFileInvalid] = []
        settings = AirflowSettings()
        fixtures: Fixtures | None = None
        try:
            settings = AirflowSettings.load(project)
        except SettingsFileInvalid as error:
            errors.append(error)
        try:
            fixtures = Fixtures.load(project) if environment.local.aws is AwsMode.LOCAL else None
        except SettingsFileInvalid as error:
            errors.append(error)
        if errors:
            raise combine(f"{SETTINGS_FILE} with {FOLDER}/", errors)
        of_aws = () if fixtures is None else (*fixtures.remarks, *old_boto3_remarks(release))
        return cls(settings, fixtures, (*settings.remarks, *of_aws))


@dataclass(frozen=True)
class Ports:
    """The ports of one start: which the environment file asks for, and from them those to use."""

    asked: Mapping[str, int]
    webserver_port: int | None
    running: Plan | None
    kept: Callable[[str], int]  # at which port that component listens now; 0 when it does not

    @classmethod
    def of(
        cls, environment: Environment, webserver_port: int | None, running: Plan | None, kept: Callable[[str], int]
    ) -> Ports:
        local = environment.local
        asked = ports_asked(local, without=() if local.aws is AwsMode.LOCAL else (AWS,))
        return cls(asked, webserver_port, running, kept)

    def choose(self) -> dict[str, int]:
        """Return those in use while the environment file asks for the same as then, else new ones."""
        ports = {}
        for name, port in self.asked.items():
            same = self.running is not None and self.running.ports_asked.get(name) == port
            ports[name] = (self.kept(name) if same else 0) or port
        if self.webserver_port is not None:
            ports[WEBSERVER] = self.webserver_port or self.kept(WEBSERVER)
        for name, port in ports.items():
            ports[name] = port or free_port(ports.values())
        return ports


def planned_port(running: Plan | None, name: str) -> int:
    """Return the port that the running plan gives that component; 0 when it gives none."""
    return running.ports.get(name, 0) if running else 0


def member_remarks(environment: Environment) -> list[Remark]:
    """Return which members of the environment file mean nothing on one machine."""
    ignored = [*environment.ignored_members, *environment.other_members]
    return [Remark(NOTE, "environment file", f"without effect here: {', '.join(ignored)}")] if ignored else []


def option_remarks(merged: Mapping[str, MergedVariables]) -> list[Remark]:
    """Return, once each, which of the user's values lost or mean nothing to this Airflow."""
    remarks = []
    for lost in dict.fromkeys(lost for variables in merged.values() for lost in user_notes(variables)):
        explain = f"mwaa-local options --explain {lost.name}"
        remarks.append(Remark(WARNING, "options", f"{lost.name} = {lost.masked()} has no effect", lost.reason, explain))
    for name, remark in merged["scheduler"].remarks.items():
        remarks.append(Remark(WARNING, "options", f"{name}: {remark}"))
    return remarks


def make_state_dirs(project: Project) -> None:
    """Make `.mwaa-local/`, private and ignored by git, with the folders that steps expect."""
    project.make_state_dir()
    for folder in (project.logs_dir, project.airflow_home_dir, project.airflow_home_dir / "logs"):
        folder.mkdir(parents=True, exist_ok=True)
    for name in project.mwaa_folders:
        folder = project.airflow_home_dir / name
        if not folder.is_symlink():
            folder.mkdir(exist_ok=True)
    project.run_dir.mkdir(exist_ok=True, mode=0o700)


def folder_identities(project: Project) -> dict[str, str]:
    """Return which folder stands for each of MWAA's: one that was made anew is another, and must be shown anew."""
    found = {}
    for name, folder in project.mwaa_folders.items():
        if folder.is_dir():
            about = folder.stat()
            found[name] = f"{about.st_dev}:{about.st_ino}"
    return found


def tree_version(folder: Path) -> str:
    """Return what changes when a file below the folder is added, removed or written; bytecode does not count."""
    parts = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            about = path.stat()
            parts.append(f"{path.relative_to(folder)}:{about.st_size}:{about.st_mtime_ns}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12] if parts else ""
