"""What the project's own files say, for what a move changes: lines that match, imports, names of files."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from mwaa_local.project import Project

MAX_FILE_BYTES = 2 * 1024 * 1024  # sources that people write are far smaller
Place = tuple[str, int]


@dataclass(frozen=True)
class ProjectSources:
    """The Python files in `dags/` and `plugins/`, the startup script and the requirements file; each read once."""

    project: Project

    @functools.cached_property
    def _texts(self) -> dict[str, str]:
        folders = (self.project.dags_dir, self.project.plugins_dir)
        paths = sorted(path for folder in folders if folder.is_dir() for path in folder.rglob("*.py"))
        found = {self._shown(path): _text(path) for path in paths}
        return {name: text for name, text in found.items() if text}

    @functools.cached_property
    def _script(self) -> dict[str, str]:
        path = self.project.startup_script_path
        text = _text(path)
        return {self._shown(path): text} if text else {}

    def places(self, pattern: str, unless: str = "", *, script: bool = False) -> Iterator[Place]:
        """Yield the first line of each file that matches; not of those in which `unless` matches anywhere."""
        texts = {**self._texts, **self._script} if script else self._texts
        yield from _places(texts, pattern, unless)

    def places_in_script(self, pattern: str) -> Iterator[Place]:
        yield from _places(self._script, pattern, "")

    def named(self, name: str) -> Iterator[str]:
        """Yield the files of that name in `dags/`."""
        if self.project.dags_dir.is_dir():
            yield from (self._shown(path) for path in sorted(self.project.dags_dir.rglob(name)) if path.is_file())

    def files(self, pattern: str) -> Iterator[Place]:
        """Yield the files in `plugins/` and beside the requirements file whose name matches."""
        for folder in (self.project.plugins_dir, self.project.requirements_dir):
            paths = sorted(folder.rglob("*")) if folder.is_dir() else []
            yield from ((self._shown(path), 0) for path in paths if re.search(pattern, path.name))

    @functools.cached_property
    def imports(self) -> Mapping[str, tuple[Place, ...]]:
        """The modules, by the first part of their names, that files import anywhere, each once a file."""
        found: dict[str, dict[str, int]] = {}
        for path, text in self._texts.items():
            for module, line in _imports(text):
                found.setdefault(module, {}).setdefault(path, line)
        return {module: tuple(places.items()) for module, places in found.items()}

    def requires(self, package: str) -> bool:
        """Whether a line of the requirements file names the package."""
        return canonicalize_name(package) in self._required

    @functools.cached_property
    def _required(self) -> frozenset[str]:
        found = set()
        for line in _text(self.project.requirements_path).splitlines():
            try:
                found.add(canonicalize_name(Requirement(line.partition("#")[0].strip()).name))
            except InvalidRequirement:  # an option, or nothing
                continue
        return frozenset(found)

    def _shown(self, path: Path) -> str:
        root_dir = self.project.root_dir
        return path.relative_to(root_dir).as_posix() if path.is_relative_to(root_dir) else path.as_posix()


def _places(texts: Mapping[str, str], pattern: str, unless: str) -> Iterator[Place]:
    wanted = re.compile(pattern, re.MULTILINE)
    for path, text in texts.items():
        match = wanted.search(text)
        if match and not (unless and re.search(unless, text)):
            yield path, text.count("\n", 0, match.start()) + 1


def _imports(text: str) -> Iterator[tuple[str, int]]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # whoever imports the file tells of it
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name.partition(".")[0], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0], node.lineno


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace") if path.stat().st_size <= MAX_FILE_BYTES else ""
    except OSError:
        return ""
