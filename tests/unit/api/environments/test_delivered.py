"""Files from the bucket come, change, go back and go, and a file of anybody else stays what it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from mwaa_local.api.environments.delivered import Delivered
from mwaa_local.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path / "made")
    project.root_dir.mkdir()
    project.make_state_dir()
    return project


def fetched(tmp_path: Path, files: Mapping[str, str], name: str = "fetched") -> Path:
    folder = tmp_path / name
    folder.mkdir(exist_ok=True)
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def there(project: Project) -> dict[str, str]:
    return {
        path.relative_to(project.root_dir).as_posix(): path.read_text()
        for path in project.root_dir.rglob("*")
        if path.is_file() and ".mwaa-local" not in path.parts
    }


ONE = {"requirements/a.py": "a1", "requirements/b.py": "b1", "plugins/p.py": "p1", "startup/startup.sh": "s1"}
TWO = {"requirements/a.py": "a2", "plugins/q.py": "q2", "startup/startup.sh": "s2"}


def test_folders_become_equal_to_the_bucket(project: Project, tmp_path: Path) -> None:
    delivered = Delivered(project)
    delivered.apply(fetched(tmp_path, ONE, "one"))
    assert there(project) == ONE
    folder = project.root_dir / "requirements"
    inode = folder.stat().st_ino
    delivered.apply(fetched(tmp_path, TWO, "two"))
    assert there(project) == TWO
    assert folder.stat().st_ino == inode  # components that run see the folder itself


def test_rollback_brings_back_the_files_of_before(project: Project, tmp_path: Path) -> None:
    delivered = Delivered(project)
    delivered.apply(fetched(tmp_path, ONE, "one"))
    delivered.keep("update")
    delivered.apply(fetched(tmp_path, TWO, "two"))
    delivered.keep("update")  # by a second worker, after the first was killed: that is not the state of before
    delivered.put_back("update")
    assert there(project) == ONE


def test_what_another_update_kept_is_not_put_back(project: Project, tmp_path: Path) -> None:
    delivered = Delivered(project)
    delivered.apply(fetched(tmp_path, ONE, "one"))
    delivered.keep("earlier")
    delivered.apply(fetched(tmp_path, TWO, "two"))
    delivered.put_back("later")
    assert there(project) == TWO
    delivered.keep("later")
    delivered.put_back("later")
    assert there(project) == TWO


def test_files_of_others_are_neither_replaced_nor_removed(project: Project, tmp_path: Path) -> None:
    (project.root_dir / "requirements").mkdir()
    (project.root_dir / "requirements" / "mine.py").write_text("mine")
    (project.root_dir / "requirements" / "a.py").write_text("also mine")
    delivered = Delivered(project)
    assert delivered.apply(fetched(tmp_path, ONE, "one")) == [
        "requirements/a.py stays as it is: it is a file that is not from the bucket"
    ]
    assert there(project)["requirements/a.py"] == "also mine"
    delivered.apply(fetched(tmp_path, {}, "none"))
    assert there(project) == {"requirements/mine.py": "mine", "requirements/a.py": "also mine"}


def test_removal_leaves_what_was_changed_since(project: Project, tmp_path: Path) -> None:
    delivered = Delivered(project)
    delivered.apply(fetched(tmp_path, ONE, "one"))
    (project.root_dir / "requirements" / "b.py").write_text("edited here")
    (project.root_dir / "plugins" / "__pycache__").mkdir()
    (project.root_dir / "plugins" / "__pycache__" / "p.pyc").write_bytes(b"")
    delivered.remove()
    assert there(project) == {"requirements/b.py": "edited here"}
    assert sorted(path.name for path in project.root_dir.iterdir()) == [".mwaa-local", "requirements"]


def test_link_in_place_of_a_file_is_not_followed(project: Project, tmp_path: Path) -> None:
    outside = tmp_path / "outside.py"
    outside.write_text("outside")
    (project.root_dir / "requirements").mkdir()
    (project.root_dir / "requirements" / "a.py").symlink_to(outside)
    Delivered(project).apply(fetched(tmp_path, ONE, "one"))
    assert outside.read_text() == "outside"


CHANGED = "stays as it is: it was changed since it came from the bucket"
LINK = "stays as it is: a link is in its place, or leads to it"


def test_update_leaves_and_tells_what_was_changed_since(project: Project, tmp_path: Path) -> None:
    delivered = Delivered(project)
    delivered.apply(fetched(tmp_path, ONE, "one"))
    for name in ("requirements/a.py", "requirements/b.py", "plugins/p.py"):
        (project.root_dir / name).write_text("edited")
    delivered.keep("update")
    edited = {"requirements/a.py": "edited", "requirements/b.py": "edited", "plugins/p.py": "edited"}
    told = delivered.apply(fetched(tmp_path, TWO, "two"))
    assert sorted(told) == [f"plugins/p.py {CHANGED}", f"requirements/a.py {CHANGED}", f"requirements/b.py {CHANGED}"]
    assert there(project) == {**TWO, **edited}
    delivered.put_back("update")
    assert there(project) == {"startup/startup.sh": "s1", **edited}
    delivered.remove()
    assert there(project) == edited


def test_file_that_is_as_it_came_again_is_ours_again(project: Project, tmp_path: Path) -> None:
    delivered = Delivered(project)
    delivered.apply(fetched(tmp_path, ONE, "one"))
    (project.root_dir / "requirements" / "a.py").write_text("edited")
    delivered.apply(fetched(tmp_path, TWO, "two"))
    (project.root_dir / "requirements" / "a.py").write_text("a1")
    assert delivered.apply(fetched(tmp_path, TWO, "two")) == []
    assert there(project) == TWO


def test_update_that_was_killed_between_list_and_files_is_gone_on_with(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivered = Delivered(project)
    delivered.apply(fetched(tmp_path, ONE, "one"))
    with monkeypatch.context() as killed:
        killed.setattr(Delivered, "_put", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            delivered.apply(fetched(tmp_path, TWO, "two"))
    assert Delivered(project).apply(fetched(tmp_path, TWO, "two")) == []
    assert there(project) == TWO


@pytest.mark.parametrize("is_folder", [True, False])
def test_nothing_is_replaced_or_removed_through_a_link(project: Project, tmp_path: Path, is_folder: bool) -> None:
    delivered = Delivered(project)
    delivered.apply(fetched(tmp_path, ONE, "one"))
    name = "requirements" if is_folder else "requirements/b.py"
    link, outside = project.root_dir / name, tmp_path / "outside"
    link.rename(outside)
    link.symlink_to(outside)
    file = outside / "b.py" if is_folder else outside
    assert f"requirements/b.py {LINK}" in delivered.apply(fetched(tmp_path, {**ONE, "requirements/b.py": "b2"}, "new"))
    assert file.read_text() == "b1"
    changed = delivered.apply(fetched(tmp_path, {"requirements/a.py": "a1"}, "less"))
    assert f"requirements/b.py {LINK}" in changed
    delivered.apply(fetched(tmp_path, ONE, "one"))
    delivered.remove()
    assert link.is_symlink()
    assert file.read_text() == "b1"


def test_removal_of_an_environment_leaves_what_a_link_leads_to(project: Project, tmp_path: Path) -> None:
    delivered = Delivered(project)
    delivered.apply(fetched(tmp_path, ONE, "one"))
    outside = tmp_path / "outside"
    (project.root_dir / "requirements").rename(outside)
    (project.root_dir / "requirements").symlink_to(outside)
    delivered.remove()
    assert (outside / "b.py").read_text() == "b1"


def test_nothing_is_written_through_a_folder_that_is_a_link(project: Project, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (project.root_dir / "requirements").symlink_to(outside)
    Delivered(project).apply(fetched(tmp_path, ONE, "one"))
    assert list(outside.iterdir()) == []
