"""Symbolic links that lead a walk back: found, and passed over by walks that follow links."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mwaa_local.check.dags.import_findings import import_findings
from mwaa_local.check.dags.import_results import ImportedDags
from mwaa_local.check.plugins.check import check_plugins
from mwaa_local.guest.dags.import_links import ITSELF, LOOP, NOWHERE, TWICE, repeating_links, walking_once
from mwaa_local.release import Release

RELEASE = Release.load("3.3.1")


@pytest.fixture
def top_dir(tmp_path: Path) -> Path:
    """A folder with links of all kinds in it: to folders above, beside, outside, and to nothing."""
    top_dir = tmp_path / "project" / "dags"
    (top_dir / "team").mkdir(parents=True)
    (tmp_path / "outside" / "deep").mkdir(parents=True)
    for path in (top_dir / "a.py", top_dir / "team" / "b.py", tmp_path / "outside" / "c.py"):
        path.touch()
    links = {
        "team/up": "..",
        "above": "../..",
        "itself": "itself",
        "gone": "nowhere",
        "copy": "team",
        "shared": "../../outside",
        "shared_too": "../../outside/deep",
        "file.py": "a.py",
    }
    for name, target in links.items():
        (top_dir / name).symlink_to(target)
    return top_dir


def test_links_that_lead_back_are_told_from_others(top_dir: Path) -> None:
    (top_dir.parents[1] / "outside" / "back").symlink_to(top_dir)
    found = {str(Path(path).relative_to(top_dir)): kind for path, kind in repeating_links(str(top_dir)).items()}
    assert found.pop("shared/deep", TWICE) == TWICE or found.pop("shared_too", TWICE) == TWICE
    found.pop("shared_too", None)
    assert found == {
        "team/up": LOOP,
        "above": LOOP,
        "itself": ITSELF,
        "gone": NOWHERE,
        "copy": TWICE,
        "shared/back": LOOP,
    }


def test_walk_that_follows_links_comes_to_each_file_once(top_dir: Path) -> None:
    with walking_once():
        found = [
            str(Path(root, name).relative_to(top_dir))
            for root, _, files in os.walk(top_dir, followlinks=True)
            for name in files
        ]
    assert sorted(found) == ["a.py", "file.py", "gone", "itself", "shared/c.py", "team/b.py"]
    assert os.walk.__module__ == "os"


def test_walk_leaves_out_what_its_caller_takes_out(top_dir: Path) -> None:
    with walking_once():
        for root, folders, _ in os.walk(top_dir, followlinks=True):
            assert root == str(top_dir)
            folders.clear()


def test_link_in_the_dags_is_reported_at_its_path() -> None:
    imported = ImportedDags((), 30.0, 1.0, links={"dags/up": LOOP, "dags/copy": TWICE, "dags/self": ITSELF})
    found = {item.path: item for item in import_findings(imported, RELEASE, strict=False)}
    assert {path: item.severity for path, item in found.items()} == {
        "dags/up": "error",
        "dags/copy": "warning",
        "dags/self": "warning",
    }
    assert {item.rule for item in found.values()} == {"repeating-link"}
    assert found["dags/up"].what == "this link leads back to a folder that contains it"
    assert "remove the link" in found["dags/up"].hint


def test_link_in_the_plugins_is_reported_at_its_path_beside_the_rest(tmp_path: Path) -> None:
    plugins_dir = tmp_path / "plugins"
    (plugins_dir / "team").mkdir(parents=True)
    (plugins_dir / "broken.py").write_text("def\n")
    (plugins_dir / "team" / "up").symlink_to("..")
    found = {item.rule: item for item in check_plugins(plugins_dir, RELEASE)}
    assert found["repeating-link"].path == f"{plugins_dir}/team/up"
    assert len(found) > 1  # the file that is no Python
