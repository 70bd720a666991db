"""Cluster policies of a project, and the releases whose MWAA ignores them."""

from __future__ import annotations

from pathlib import Path

import pytest

from mwaa_local.check.dags.policies import policy_findings
from mwaa_local.finding import WARNING
from mwaa_local.local_settings import CONFIG_DIR, FILE_NAME, write_local_settings
from mwaa_local.project import Project
from mwaa_local.release import Release

TEXT = "from own import task_policy\n\n\ndef dag_policy(dag):\n    pass\n\n\ndef other():\n    pass\n"


@pytest.mark.parametrize("folder", ["dags", "plugins"])
@pytest.mark.parametrize(("version", "lines"), [("3.3.1", [1, 4]), ("3.2.1", [1, 4]), ("3.0.6", []), ("2.10.3", [])])
def test_policies_are_told_for_releases_that_ignore_them(
    tmp_path: Path, folder: str, version: str, lines: list[int]
) -> None:
    (tmp_path / folder).mkdir()
    (tmp_path / folder / FILE_NAME).write_text(TEXT)
    found = list(policy_findings(Project(tmp_path), Release.load(version)))
    assert [(item.path, item.line, item.severity) for item in found] == [
        (f"{folder}/{FILE_NAME}", line, WARNING) for line in lines
    ]


def test_file_without_policies_is_not_told(tmp_path: Path) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / FILE_NAME).write_text("LOG_FORMAT = 'x'\n")
    assert list(policy_findings(Project(tmp_path), Release.load("3.3.1"))) == []


def test_file_of_mwaa_goes_when_the_release_changes(tmp_path: Path) -> None:
    write_local_settings(tmp_path, Release.load("3.3.1"))
    assert (tmp_path / CONFIG_DIR / FILE_NAME).is_file()
    write_local_settings(tmp_path, Release.load("2.10.3"))
    assert not (tmp_path / CONFIG_DIR / FILE_NAME).exists()
