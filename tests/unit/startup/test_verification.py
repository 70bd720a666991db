"""Airflow and Watchtower after the startup script, beside those of MWAA's image."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mwaa_local.release import Release
from mwaa_local.startup.trial import Failure, Trial, verified
from mwaa_local.startup.verification import VERIFIED, changed_notes

SCRIPTED = [release for release in Release.all() if release.startup_script]


def installed(folder: Path, **versions: str) -> Path:
    for name, version in versions.items():
        (folder / f"{name}-{version}.dist-info").mkdir()
    return folder


@pytest.mark.parametrize("release", SCRIPTED, ids=lambda release: release.airflow_version)
def test_packages_of_the_image_are_as_expected(tmp_path: Path, release: Release) -> None:
    """Those of 3.3.1, too, as of the image date that the catalogue names: an older one expected Airflow 3.3.0."""
    base = {name.replace("-", "_"): release.packages.base[name] for name in VERIFIED}
    assert list(changed_notes(installed(tmp_path, **base, pip="26.0"), release)) == []


def test_what_the_script_replaced_or_removed_is_told(tmp_path: Path) -> None:
    release = Release.load("3.3.1")
    folder = installed(tmp_path, apache_airflow="3.3.2", apache_airflow_core="3.3.1", pip="26.0")
    airflow, watchtower = changed_notes(folder, release)
    assert airflow.startswith("the startup script replaces apache-airflow 3.3.1 of MWAA's image by 3.3.2: MWAA prints ")
    assert "“Validation Error: apache-airflow version 3.3.1 expected”" in airflow
    assert watchtower.startswith("the startup script removes watchtower: ")


def test_folder_that_cannot_tell_says_nothing(tmp_path: Path) -> None:
    assert list(changed_notes(tmp_path, Release.load("3.3.1"))) == []


def test_container_that_does_not_start_is_not_looked_at(tmp_path: Path) -> None:
    release = Release.load("3.3.1")
    folder = installed(tmp_path, apache_airflow="3.3.2", watchtower=release.packages.base["watchtower"])
    trial = Trial("worker", 0.1, 0, 0, (), (), (), ("a note",), Path("log"))
    assert len(verified(trial, folder, release).notes) == 1 + 1
    failed = replace(trial, failure=Failure("it ended", "by exec", ""))
    assert verified(failed, folder, release) == failed
