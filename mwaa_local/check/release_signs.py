"""Which Airflow version a project was made for, if its environment file does not say: signs in its other files.

Without `AirflowVersion` everything is about MWAA's newest release, and every finding about another one is a false one.
So what else names a version is reported before them. Nothing is chosen by these signs: they can be out of date.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mwaa_local.check.environment import path_of
from mwaa_local.environment.environment import Environment
from mwaa_local.finding import RELEASE_ASSUMED, WARNING, Finding
from mwaa_local.project import ENVIRONMENT_FILE, Project
from mwaa_local.release import DEFAULT_AIRFLOW_VERSION, Release

RULES = {RELEASE_ASSUMED: "the environment file names no AirflowVersion, and another file of the project names one"}
# Rules on constraints that compare them with a release that nobody named.
ABOUT_CONSTRAINTS = ("other-release-constraints", "other-python-constraints")
MAX_OTHERS = 3  # signs of yet other versions that are shown
MAX_FILES = 2000  # that are looked at for infrastructure as code, and levels of folders in which
MAX_LEVELS = 3
MAX_FILE_BYTES = 200_000
NUMBER = r"(\d+[._]\d+(?:[._]\d+)?)"
ACTIVE = r"^(?![ \t]*(?:#|//|\*))[^\n]*?"  # a line that is no comment, up to where something is named
# aws-mwaa-local-runner calls its image amazon/mwaa-local:2_8_1; AWS's newer images have the other name.
IMAGE = rf"{ACTIVE}(?:mwaa-local|mwaa-docker-images/airflow|apache/airflow):(?:slim-)?v?{NUMBER}"
BY_FILE = {
    "mwaa-local-env": rf"^\s*(?:export\s+)?AIRFLOW_VERSION=[\"']?{NUMBER}",
    "docker/Dockerfile": rf"^\s*(?:ARG|ENV)\s+AIRFLOW_VERSION[=\s][\"']?{NUMBER}|{IMAGE}",
    "Dockerfile": rf"^\s*(?:ARG|ENV)\s+AIRFLOW_VERSION[=\s][\"']?{NUMBER}|{IMAGE}",
    **dict.fromkeys(("docker/docker-compose-local.yml", "docker-compose.yml", "docker-compose.yaml"), IMAGE),
}
REQUIREMENTS = re.compile(
    rf"{ACTIVE}constraints-(\d+\.\d+\.\d+)/constraints-"
    r"|^[ \t]*apache-airflow(?:\[[^\]\n]*\])?[ \t]*==[ \t]*(\d+\.\d+\.\d+)",
    re.MULTILINE,
)
REQUIREMENTS_ELSEWHERE = ("dags/requirements.txt", "requirements.txt")
# CloudFormation, CDK in either language, Terraform, Terragrunt.
INFRASTRUCTURE = re.compile(
    rf"{ACTIVE}\bairflow_?version[\"']?\s*(?:[:=]|\{{[^}}]*?\bdefault\s*=)\s*[\"']?(\d+\.\d+\.\d+)\b",
    re.IGNORECASE | re.MULTILINE,
)
INFRASTRUCTURE_SUFFIXES = (".tf", ".tfvars", ".hcl", ".yaml", ".yml", ".json", ".template", ".ts", ".js", ".py")
OTHER_FOLDERS = ("dags", "plugins", "requirements", "startup", "startup_script", "tests", "node_modules", "cdk.out")
FOLDER_NAME = re.compile(r"(?:.*[^\d.])?(\d+\.\d+\.\d+)")


@dataclass(frozen=True)
class ReleaseSign:
    """A place that names an Airflow version, as "2.8.1" or "2.8". `line` is 0 for a folder's name."""

    path: str
    line: int
    version: str

    @property
    def release_version(self) -> str:
        """The release of MWAA that is meant: that version, or the only one of the same minor version, or ""."""
        known = Release.versions()
        if self.version in known:
            return self.version
        alike = [item for item in known if item.split(".")[:2] == self.version.split(".")[:2]]
        return alike[0] if len(alike) == 1 else ""

    def __str__(self) -> str:
        return f"{self.path}:{self.line} names {self.version}" if self.line else f"{self.path} names {self.version}"


def release_assumed(project: Project, environment: Environment) -> Finding | None:
    """Return the finding that another release was probably meant; None if one was named, or nothing says otherwise."""
    if environment.names_release:
        return None
    signs = release_signs(project)
    if not signs or signs[0].release_version == DEFAULT_AIRFLOW_VERSION:
        return None
    first = signs[0]
    why = f"Everything here is about Airflow {DEFAULT_AIRFLOW_VERSION}, which may not be your environment's."
    others = [str(sign) for sign in signs if sign.release_version != first.release_version]
    if others:
        why += f" Your files do not agree: {', '.join(others[:MAX_OTHERS])}."
    version = first.release_version
    hint = f'write into {path_of(project)}: AirflowVersion: "{version}"'
    if not version:
        hint = f"MWAA has no Airflow {first.version}: write your environment's AirflowVersion into {path_of(project)}"
    what = f"{assumption(project)}, but {first}"
    return Finding(RELEASE_ASSUMED, WARNING, path_of(project), 0, what, why, hint)


def assumption(project: Project) -> str:
    """Return why which release was taken, in a few words."""
    name = path_of(project)
    why = f"{name} names no AirflowVersion" if project.environment_path.is_file() else f"no {name}"
    return f"{why}: MWAA's newest, {DEFAULT_AIRFLOW_VERSION}, is assumed"


def without_release_advice(findings: Iterable[Finding], assumed: Finding | None) -> tuple[Finding, ...]:
    """Return the findings without those that only say that constraints are not the assumed release's."""
    if assumed is None:
        return tuple(findings)
    own = Release.load(DEFAULT_AIRFLOW_VERSION).constraints_urls
    return tuple(
        replace(item, hint=assumed.hint) if any(url in item.hint for url in own) else item
        for item in findings
        if item.rule not in ABOUT_CONSTRAINTS
    )


def release_signs(project: Project) -> tuple[ReleaseSign, ...]:
    """Return places that name an Airflow version, one of each file, those first that say most about the environment.

    What describes the environment comes before the tools that imitate it, and these before requirements.
    """
    root_dir = project.root_dir
    signs: list[ReleaseSign] = [*_infrastructure(root_dir)]
    for name, pattern in BY_FILE.items():
        signs += _named_in(root_dir, root_dir / name, re.compile(pattern, re.MULTILINE))
    match = FOLDER_NAME.fullmatch(project.name)
    if match and match[1] in Release.versions():
        signs.append(ReleaseSign(f"the folder's name {project.name}", 0, match[1]))
    for path in _requirements_paths(project):
        signs += _named_in(root_dir, path, REQUIREMENTS)
    return tuple(signs)


def _requirements_paths(project: Project) -> Sequence[Path]:
    if project.requirements_path.is_file():
        return [project.requirements_path]
    return [project.root_dir / name for name in REQUIREMENTS_ELSEWHERE]


def _named_in(root_dir: Path, path: Path, pattern: re.Pattern[str]) -> Iterator[ReleaseSign]:
    text = _text(path)
    if match := pattern.search(text):
        version = next(group for group in match.groups() if group).replace("_", ".")
        line = text.count("\n", 0, match.end()) + 1
        yield ReleaseSign(path.relative_to(root_dir).as_posix(), line, version)


def _infrastructure(root_dir: Path) -> Iterator[ReleaseSign]:
    """Yield versions of files that describe an MWAA environment, which all of them name."""
    for path in _files(root_dir):
        is_settings = path.suffix == ".tfvars"
        if (
            path.name != ENVIRONMENT_FILE
            and path.suffix in INFRASTRUCTURE_SUFFIXES
            and (is_settings or "mwaa" in _text(path).lower())
        ):
            yield from _named_in(root_dir, path, INFRASTRUCTURE)


def _files(root_dir: Path) -> Iterator[Path]:
    seen = 0
    for folder, folders, files in os.walk(root_dir):
        level = len(Path(folder).relative_to(root_dir).parts)
        is_left_out = {*OTHER_FOLDERS, *(name for name in folders if name.startswith((".", "_")) or "venv" in name)}
        folders[:] = [] if level >= MAX_LEVELS else sorted(set(folders) - is_left_out)
        for name in sorted(files):
            seen += 1
            if seen > MAX_FILES:
                return
            yield Path(folder) / name


def _text(path: Path) -> str:
    try:
        if path.is_file() and path.stat().st_size <= MAX_FILE_BYTES:
            return path.read_text(encoding="utf-8", errors="replace")
    except OSError:  # nobody's to read, or gone by now: no sign
        pass
    return ""
