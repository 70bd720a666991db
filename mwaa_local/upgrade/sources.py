"""What the project's own files say, for what a move changes: lines that match, imports, names of files."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mwaa_local.check.dags.source import Source
from mwaa_local.check.plugins.ignoring import IGNORE_FILE
from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.upgrade.dag_calls import KINDS, DagCall, dag_calls
from mwaa_local.upgrade.dag_files import DagFiles, is_beside_the_project
from mwaa_local.upgrade.optional_imports import needed_imports
from mwaa_local.upgrade.own_packages import OwnPackages
from mwaa_local.upgrade.program_calls import python_lines
from mwaa_local.upgrade.uses import uses

MAX_FILE_BYTES = 2 * 1024 * 1024  # sources that people write are far smaller
Place = tuple[str, int]


@dataclass(frozen=True)
class ProjectSources:
    """The Python files in `dags/` and `plugins/`, the startup script and the requirements file; each read once.

    `release` is the one that they are written for, `options` are those that the environment sets, lower case. Tests and
    hidden folders are left out, and files that are no valid Python: the import tells of them.
    """

    project: Project
    release: Release
    options: Mapping[str, str] = field(default_factory=dict)

    @functools.cached_property
    def _sources(self) -> dict[str, Source]:
        folders = (self.project.dags_dir, self.project.plugins_dir)
        paths = (path for folder in folders if folder.is_dir() for path in _python_files(folder))
        found = (Source.read(path, self._shown(path), self.release) for path in paths)
        return {source.path: source for source in found if source is not None}

    @functools.cached_property
    def _texts(self) -> dict[str, str]:
        return {name: source.text for name, source in self._sources.items()}

    @functools.cached_property
    def _dags(self) -> dict[str, tuple[DagCall, ...]]:
        """The calls that make DAGs, by file; none of files that `.airflowignore` leaves out today."""
        rules, dags_dir = self._dag_files.rules(self.release), self.project.dags_dir
        found = (path.relative_to(dags_dir).parts for path in _python_files(dags_dir))
        ignored = {self._shown(dags_dir.joinpath(*path)) for path in found if rules.ignores(path)}
        return {name: tuple(dag_calls(source)) for name, source in self._sources.items() if name not in ignored}

    @functools.cached_property
    def _dag_files(self) -> DagFiles:
        return DagFiles(self.project.dags_dir, self.options)

    @functools.cached_property
    def _script(self) -> dict[str, str]:
        path = self.project.startup_script_path
        text = _text(path)
        return {self._shown(path): text} if text else {}

    @property
    def has_script(self) -> bool:
        """Whether there is a startup script."""
        return bool(self._script)

    def places(self, pattern: str) -> Iterator[Place]:
        """Yield the first line of each file that matches and is no comment."""
        yield from _places(self._texts, pattern)

    def uses(self, kind: str) -> Iterator[Place]:
        """Yield the first line of each file that uses it, as `uses.KINDS` tells."""
        own = _modules(self.project.dags_dir)
        for path, source in self._sources.items():
            if line := next(uses(kind, source, own), None):
                yield path, line

    def names_python(self, version: str) -> Iterator[Place]:
        """Yield the first line of each file that means MWAA's Python by its version, the startup script among them."""
        for path, source in self._sources.items():
            if line := next(python_lines(source, version), None):
                yield path, line
        yield from self.places_in_script(rf"\bpython{re.escape(version)}\b")

    def dags(self, kind: str, *, is_daily_by_default: bool) -> Iterator[Place]:
        """Yield the first DAG of each file that is of that kind (`dag_calls.KINDS`)."""
        is_meant = KINDS[kind]
        for path, calls in self._dags.items():
            lines = (call.line for call in calls if is_meant(call, is_daily_by_default))
            if line := next(lines, None):
                yield path, line

    def places_in_script(self, pattern: str) -> Iterator[Place]:
        yield from _places(self._script, pattern)

    def ignored_otherwise(
        self, before: tuple[Release, str], after: tuple[Release, str]
    ) -> Iterator[tuple[str, list[str]]]:
        """Yield each `.airflowignore` in `dags/` and the files below it that one of two syntaxes alone leaves out."""
        dags_dir = self.project.dags_dir
        texts = self._dag_files.ignore_texts
        if not texts:
            return
        rules = [self._dag_files.rules(*each) for each in (before, after)]
        differing = [path for path in self._dag_files.parsed() if len({each.ignores(path) for each in rules}) > 1]
        for folder in texts:
            if below := [path for path in differing if path[: len(folder)] == folder]:
                shown = [self._shown(dags_dir.joinpath(*path)) for path in below]
                yield self._shown(dags_dir.joinpath(*folder, IGNORE_FILE)), shown

    def files(self, pattern: str) -> Iterator[Place]:
        """Yield the files in `plugins/` and beside the requirements file whose name matches."""
        for folder in (self.project.plugins_dir, self.project.requirements_dir):
            paths = sorted(folder.rglob("*")) if folder.is_dir() else []
            yield from ((self._shown(path), 0) for path in paths if re.search(pattern, path.name))

    def imported(self, module: str) -> tuple[Place, ...]:
        """Return where files import it, or what is below it: the first line of each file; none if it is their own."""
        if module.partition(".")[0] in self._own:
            return ()
        found: dict[str, int] = {}
        for path, name, line in self._imports:
            if name == module or name.startswith(f"{module}."):
                found[path] = min(line, found.get(path, line))
        return tuple(found.items())

    @functools.cached_property
    def _imports(self) -> tuple[tuple[str, str, int], ...]:
        sources = self._sources.items()
        return tuple((path, name, line) for path, source in sources for name, line in needed_imports(source))

    @functools.cached_property
    def _own(self) -> frozenset[str]:
        return _modules(self.project.dags_dir) | _modules(self.project.plugins_dir)

    def brings(self, package: str) -> bool:
        """Whether the requirements file names the package, or the startup script installs it or may do so."""
        return self._packages.may_have(package)

    @functools.cached_property
    def _packages(self) -> OwnPackages:
        return OwnPackages.read(self.project.requirements_path, "".join(self._script.values()))

    def _shown(self, path: Path) -> str:
        root_dir = self.project.root_dir
        return path.relative_to(root_dir).as_posix() if path.is_relative_to(root_dir) else path.as_posix()


def _modules(folder: Path) -> frozenset[str]:
    """Return the modules that stand in a folder itself."""
    paths = folder.iterdir() if folder.is_dir() else ()
    return frozenset(path.stem if path.suffix == ".py" else path.name for path in paths)


def _places(texts: Mapping[str, str], pattern: str) -> Iterator[Place]:
    wanted = re.compile(pattern, re.MULTILINE)
    for path, text in texts.items():
        starts = (match.start() for match in wanted.finditer(text) if not _is_comment(match))
        if (start := next(starts, None)) is not None:
            yield path, text.count("\n", 0, start) + 1


def _python_files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*.py")) if not is_beside_the_project(path.relative_to(folder))]


def _is_comment(match: re.Match[str]) -> bool:
    return match.string[match.string.rfind("\n", 0, match.start()) + 1 :].lstrip().startswith("#")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace") if path.stat().st_size <= MAX_FILE_BYTES else ""
    except OSError:
        return ""
