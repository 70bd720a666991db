"""packaged_requirements.txt: what to give MWAA as its requirements file, beside the zip. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from mwaa_local.packaging.choice import File
from mwaa_local.release import Release

PLUGINS_DIR = "/usr/local/airflow/plugins"  # where MWAA unpacks plugins.zip
# MWAA adds Airflow's constraints unless it sees this text, be it in a comment
# (aws/amazon-mwaa-docker-images, python/mwaa/utils/user_requirements.py).
OPT_OUT = "# No --constraint here: the versions below were chosen without Airflow's, which MWAA would add otherwise."


def requirements_text(files: Iterable[File], release: Release, *, held_by_constraints: bool) -> str:
    """Return the file's text: options, then a pin of each package, by name.

    Where Airflow's constraints held while resolving, the file names none: MWAA adds them (from 2.7.2 on), and an
    address could not be reached from a private network. Otherwise a comment keeps MWAA from adding them, since they
    could refuse these versions. The essential pins hold in any case.
    """
    lines = [
        f"# Made by `mwaa-local package-requirements` for Airflow {release.airflow_version}; goes with plugins.zip.",
        *([OPT_OUT] if release.constraints_injected and not held_by_constraints else []),
        f"--find-links {PLUGINS_DIR}",
        "--no-index",
        "",
        *(f"{file.name}=={file.version}" for file in sorted(files, key=lambda file: file.name)),
    ]
    return "".join(f"{line}\n" for line in lines)
