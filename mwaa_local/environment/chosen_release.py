"""Which release runs if a start named another one than `mwaa.yaml` does, and what a start has to say of its release.

Noted beside what else runs, so that every command speaks of the release that runs; gone when the environment stops.
Another note outlives that: each release has a database of its own, so the next start has to say that it takes another.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

from mwaa_local.errors import MwaaLocalError
from mwaa_local.files import write_private
from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.remarks import NOTE, WARNING, Remark
from mwaa_local.upgrade.paths import nearest_offered

NOTED_NAME = "airflow-version.json"
LAST_NAME = "last-airflow-version.json"
UP = "mwaa-local up"
OPTION = "--airflow-version"


def note_chosen(project: Project, version: str, in_file: str) -> None:
    """Note the release that is being started, if `mwaa.yaml` has another one. Raises DiskFull."""
    _note(project, NOTED_NAME, version, in_file)


def forget_chosen(project: Project) -> None:
    (project.run_dir / NOTED_NAME).unlink(missing_ok=True)


def note_last(project: Project, version: str) -> None:
    """Note the release with which somebody worked last, if `mwaa.yaml` has another one. What fails is not noted."""
    from mwaa_local.environment.environment import version_in_file

    with contextlib.suppress(MwaaLocalError):  # no room, or a file that was broken meanwhile
        _note(project, LAST_NAME, version, version_in_file(project))


def forget_last(project: Project) -> None:
    (project.run_dir / LAST_NAME).unlink(missing_ok=True)


def chosen_instead_of(project: Project, in_file: str) -> str:
    """Return the release that was started instead of that of the file; "" for none, or if the file changed since."""
    return _noted(project, NOTED_NAME, in_file)


def last_release(project: Project) -> str:
    """Return the release used last, running or not, if it is another than the file's; "" if the file changed since."""
    if not (project.run_dir / LAST_NAME).exists():
        return ""  # most commands need not read the file for it
    from mwaa_local.environment.environment import version_in_file

    try:
        return _noted(project, LAST_NAME, version_in_file(project))
    except MwaaLocalError:  # no start works with that file
        return ""


def up_as_last(project: Project) -> str:
    """Return the command that goes on with the database that was used last."""
    last = last_release(project)
    return f"{UP} {OPTION} {last}" if last else UP


def _note(project: Project, name: str, version: str, in_file: str) -> None:
    if version == in_file:
        (project.run_dir / name).unlink(missing_ok=True)
    else:
        write_private(project.run_dir / name, json.dumps({"version": version, "instead_of": in_file}))


def _noted(project: Project, name: str, in_file: str) -> str:
    try:
        noted = json.loads((project.run_dir / name).read_text(encoding="utf-8"))
        version, instead_of = str(noted["version"]), str(noted["instead_of"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return version if instead_of == in_file and version in Release.versions() else ""


def release_remarks(project: Project, release: Release) -> Iterator[Remark]:
    """Yield that a release is no longer offered, and that it is another one than the file's."""
    from mwaa_local.environment.environment import release_in_file, version_in_file

    version = release.airflow_version
    if version != version_in_file(project):
        hint = f"`mwaa-local up` without {OPTION} goes back to it"
        yield Remark(NOTE, "release", f"Airflow {version} runs instead of {release_in_file(project)}", "", hint)
    if not release.is_offered:
        nearest = nearest_offered(release).airflow_version
        yield Remark(
            WARNING,
            "release",
            f"MWAA ended Airflow {version} on {release.end_of_support}",
            "It runs here all the same, but no environment can be made with it on MWAA any more.",
            f"the nearest release that MWAA offers is {nearest}; try it: mwaa-local up {OPTION} {nearest}",
        )
