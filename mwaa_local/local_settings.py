"""`airflow_local_settings.py`: who finds it, and in which releases MWAA keeps the user's from having an effect."""

from __future__ import annotations

import shutil
from pathlib import Path
from uuid import uuid4

from mwaa_local.release import Release

FILE_NAME = "airflow_local_settings.py"
CONFIG_DIR = "config"  # below the Airflow home; Airflow looks there before `plugins/`
# Users see it from 3.2.1 on (aws/amazon-mwaa-docker-images, issues); the image of 3.3.1 has the same file as 3.2.1.
APART_SINCE = "3.2.0"
GUEST_PATH = Path(__file__).with_name("guest") / "mwaa_local_settings.py"


def is_apart(release: Release) -> bool:
    """Whether MWAA's own file runs the user's as a module apart, whose cluster policies have no effect."""
    return release.is_at_least(APART_SINCE)


def write_local_settings(home_dir: Path, release: Release) -> None:
    """Put MWAA's file into an Airflow home if the release has it, else take it away."""
    path = home_dir / CONFIG_DIR / FILE_NAME
    if not is_apart(release):
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{FILE_NAME}.{uuid4().hex}")
    shutil.copyfile(GUEST_PATH, new)
    new.replace(path)  # in one step: several imports may share a home
