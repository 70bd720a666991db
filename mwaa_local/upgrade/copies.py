"""A copy of a project in which something is tried, so that nothing that runs there changes the project itself.

Code of the user runs in a rehearsal: the startup script, plugins, DAG files. They get copies of the folders that are
uploaded; everything else that is in the project is there as a link, but `.mwaa-local`: an environment may be running.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from mwaa_local.finding import Finding
from mwaa_local.project import STARTUP_DIRS, STATE_DIR, Project
from mwaa_local.scratch import scratch_folder

UPLOADED = frozenset({"dags", "plugins", "requirements", *STARTUP_DIRS})
LEFT_OUT = frozenset({STATE_DIR, ".git"})


@contextlib.contextmanager
def project_copy(project: Project, texts: Mapping[Path, str] | None = None) -> Iterator[Project]:
    """Give a copy with the same folder name; files of `texts`, by their paths in the project, have that text there."""
    with scratch_folder("mwaa-local-upgrade-") as folder:
        root_dir = folder.resolve() / project.name
        copier = _Copier(project.root_dir, root_dir, texts or {})
        copier.mirror(project.root_dir, root_dir)
        yield Project(root_dir)


def told_of(project: Project, copy: Project, finding: Finding) -> Finding:
    """Return a finding on the copy as one on the project."""

    def known(text: str) -> str:
        return text.replace(str(copy.root_dir), str(project.root_dir))

    path = known(finding.path).removeprefix(f"{project.root_dir}/")
    return replace(finding, path=path, what=known(finding.what), why=known(finding.why), hint=known(finding.hint))


class _Copier:
    def __init__(self, source_dir: Path, target_dir: Path, texts: Mapping[Path, str]) -> None:
        self._source_dir, self._target_dir, self._texts = source_dir, target_dir, texts

    def mirror(self, source: Path, target: Path) -> None:
        """Make a folder with links to all that is in another, and copies of what is uploaded or gets another text."""
        target.mkdir()
        is_top = source == self._source_dir
        for path in source.iterdir():
            here = target / path.name
            if is_top and path.name in LEFT_OUT:
                continue
            if is_top and path.name in UPLOADED and path.is_dir():
                self.copy(path, here)
            elif any(path in changed.parents for changed in self._texts):
                self.mirror(path, here)
            elif path not in self._texts:
                here.symlink_to(path)
        for path, text in self._texts.items():
            if path.parent == source:
                self._write(target / path.name, text)

    def copy(self, source: Path, target: Path) -> None:
        """Copy a folder with all that is below it; links that lead out of the project still lead there."""
        target.mkdir()
        for entry in os.scandir(source):
            path, here = Path(entry.path), target / entry.name
            if path in self._texts:
                self._write(here, self._texts[path])
            elif entry.is_symlink():
                here.symlink_to(self._link(path))
            elif entry.is_dir():
                self.copy(path, here)
            elif entry.is_file():
                _copy_file(path, here)
        for path, text in self._texts.items():
            if path.parent == source and not path.exists():
                self._write(target / path.name, text)

    def _link(self, path: Path) -> Path:
        link = Path(os.path.normpath(path.parent / path.readlink()))
        if link.is_relative_to(self._source_dir):
            return self._target_dir / link.relative_to(self._source_dir)
        return link

    @staticmethod
    def _write(path: Path, text: str) -> None:
        path.write_bytes(text.encode("utf-8"))


def _copy_file(source: Path, target: Path) -> None:
    try:
        shutil.copy2(source, target)
    except PermissionError:  # whoever reads it is to find out
        target.unlink(missing_ok=True)
        target.symlink_to(source)
