"""Which release runs if a start named another one than `mwaa.yaml` does, and what a start has to say of its release.

Noted beside what else runs, so that every command speaks of the release that runs; gone when the environment stops.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from mwaa_local.files import write_private
from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.remarks import NOTE, WARNING, Remark
from mwaa_local.upgrade.paths import nearest_offered

NOTED_NAME = "airflow-version.json"
OPTION = "--airflow-version"


def note_chosen(project: Project, version: str, in_file: str) -> None:
    """Note the release that is being started, if `mwaa.yaml` has another one. Raises DiskFull."""
    if version == in_file:
        forget_chosen(project)
    else:
        write_private(project.run_dir / NOTED_NAME, json.dumps({"version": version, "instead_of": in_file}))


def forget_chosen(project: Project) -> None:
    (project.run_dir / NOTED_NAME).unlink(missing_ok=True)


def chosen_instead_of(project: Project, in_file: str) -> str:
    """Return the release that was started instead of that of the file; "" for none, or if the file changed since."""
    try:
        noted = json.loads((project.run_dir / NOTED_NAME).read_text(encoding="utf-8"))
        version, instead_of = str(noted["version"]), str(noted["instead_of"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return version if instead_of == in_file and version in Release.versions() else ""


def release_remarks(release: Release, in_file: str) -> Iterator[Remark]:
    """Yield that a release is no longer offered, and that it is another one than the file's."""
    version = release.airflow_version
    if version != in_file:
        hint = f"`mwaa-local up` without {OPTION} goes back to it"
        yield Remark(NOTE, "release", f"Airflow {version} runs instead of {in_file} of mwaa.yaml", "", hint)
    if not release.is_offered:
        nearest = nearest_offered(release).airflow_version
        yield Remark(
            WARNING,
            "release",
            f"MWAA ended Airflow {version} on {release.end_of_support}",
            "It runs here all the same, but no environment can be made with it on MWAA any more.",
            f"the nearest release that MWAA offers is {nearest}; try it: mwaa-local up {OPTION} {nearest}",
        )
