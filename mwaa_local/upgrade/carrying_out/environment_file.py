"""The environment file of an upgrade: changed to the target's version, and brought back."""

from __future__ import annotations

import stat
import tempfile
from pathlib import Path

from mwaa_local.errors import EnvironmentFileInvalid, MwaaLocalError, disk_error
from mwaa_local.files import PRIVATE_FILE_MODE, write_surely
from mwaa_local.project import Project
from mwaa_local.upgrade.carrying_out.journal import Journal
from mwaa_local.upgrade.version_line import version_of, with_version


def read(project: Project) -> bytes | None:
    """Return the content of the file; None where there is none."""
    try:
        return project.environment_path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise disk_error(error, project.root_dir) from error


def check_replaceable(project: Project) -> None:
    """Look whether the file can be replaced at the end, before anything is done for it. Raises AccessDenied, DiskFull.

    By really making a file in its folder, with no name: rights alone do not tell a file system that is read-only.
    """
    folder = project.environment_path.resolve().parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        known = disk_error(OSError(error.errno, error.strerror, str(folder)), folder)
        if isinstance(known, MwaaLocalError):
            name = project.environment_path.name
            known.why = f"{known.why}\nThe upgrade writes AirflowVersion into {name} there.\nNothing was changed."
        raise known from error


def change(project: Project, journal: Journal) -> None:
    """Write the target's version into the file. Raises EnvironmentFileInvalid where somebody edited it meanwhile."""
    if read(project) != journal.before:
        raise EnvironmentFileInvalid(
            f"{project.environment_path.name} was edited while the upgrade went on",
            "Nothing is written over that.",
            "start the upgrade again",
        )
    _write(project.environment_path, journal.after)


def bring_back(project: Project, journal: Journal) -> None:
    """Have the file as it was; of one that somebody edited meanwhile, the version alone.

    A file that somebody removed comes back. Raises EnvironmentFileInvalid where an edited one cannot be read.
    """
    content = read(project)
    if content == journal.before:
        return
    if content is not None and content != journal.after:
        # Not the release that ran: `up --airflow-version` may have named that.
        version = version_of(journal.before) or journal.source
        if version_of(content) != version:
            _write(project.environment_path, with_version(content, version))
    elif journal.before is None:
        project.environment_path.unlink(missing_ok=True)
    else:
        _write(project.environment_path, journal.before)


def _write(path: Path, content: bytes) -> None:
    """Write the file that the path leads to, with the mode that it has."""
    path = path.resolve()
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else PRIVATE_FILE_MODE
    write_surely(path, content, mode)
