"""What the requirements say of packages that a missing module may come from. Not for whether pip can install them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mwaa_local.check.requirements.lines import Line, read
from mwaa_local.project import Project

# Requirements files of other layouts, which MWAA reads only if the environment names them.
OTHER_FILES = ("dags/requirements.txt", "requirements.txt", "plugins/requirements.txt")
_OPEN_SOURCES = ("extra-index-url", "index-url", "find-links")


@dataclass(frozen=True)
class Requirements:
    """Which packages are asked for, and where: name -> `requirements/requirements.txt:3`."""

    path: str  # of the environment's file, which need not exist
    asked: Mapping[str, str] = field(default_factory=dict)
    elsewhere: Mapping[str, str] = field(default_factory=dict)  # in OTHER_FILES, which MWAA does not read
    others: tuple[str, ...] = ()  # of OTHER_FILES, those that are there
    has_packages: bool = False  # also those whose name no line says
    has_own_source: bool = False  # packages come from another place than the public index, too
    failed: bool = False  # pip could not install them
    failed_here: bool = False  # … for what only this machine lacks
    untried: bool = False  # this check does not install them

    @property
    def may_differ(self) -> bool:
        """Whether MWAA may have packages of theirs that are not here."""
        return self.failed_here or (self.untried and self.has_packages) or (self.failed and self.has_own_source)

    @classmethod
    def of(
        cls,
        project: Project,
        variables: Mapping[str, str],
        *,
        failed: bool = False,
        failed_here: bool = False,
        untried: bool = False,
    ) -> Requirements:
        """Return those of a project; a file that cannot be read asks for nothing."""
        path = project.requirements_path
        lines = list(_lines(project, path, variables))
        others = [
            project.root_dir / name
            for name in OTHER_FILES
            if (project.root_dir / name).is_file() and project.root_dir / name != path
        ]
        elsewhere = [line for other in others for line in _lines(project, other, variables)]
        return cls(
            _shown(path, project.root_dir),
            _asked(lines),
            _asked(elsewhere),
            tuple(_shown(other, project.root_dir) for other in others),
            any(line.is_package for line in lines),
            any(line.values(option) for line in lines for option in _OPEN_SOURCES),
            failed,
            failed_here,
            untried,
        )


def _lines(project: Project, path: Path, variables: Mapping[str, str]) -> Iterator[Line]:
    if path.is_file():
        entries = read(path, project.root_dir, project.delivery.by_seen_path, variables)
        yield from (entry for entry in entries if isinstance(entry, Line))


def _asked(lines: list[Line]) -> dict[str, str]:
    return {line.name: f"{line.path}:{line.number}" for line in reversed(lines) if line.is_package and line.name}


def _shown(path: Path, root_dir: Path) -> str:
    return path.relative_to(root_dir).as_posix() if path.is_relative_to(root_dir) else path.as_posix()
