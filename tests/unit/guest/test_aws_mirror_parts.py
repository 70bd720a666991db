"""What of a project's folders is handed out as objects, and what is not."""

from __future__ import annotations

import os
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from mwaa_local.guest.aws.mirror.parts import FILE, FOLDER, ZIP, Part


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "dags"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.py").write_text("a")
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/b.py").write_text("b")
    return folder


def objects(folder: Path, kind: str = FOLDER) -> dict[str, bytes]:
    key = "plugins.zip" if kind == ZIP else "dags/"
    return {name: body.read() for name, body in Part(kind, key, str(folder), "shown").bodies()}


def test_link_counts_as_its_file_within_the_folder_and_not_at_all_where_it_leads_out(folder: Path) -> None:
    (folder / "sub/within.py").symlink_to("../a.py")
    for name, target in {
        "out.py": "../secret",
        "absolute.py": str(folder.parent / "secret"),
        "folder": "../elsewhere",
        "nowhere.py": "nothing",
        "circle.py": "circle.py",
    }.items():
        (folder / name).symlink_to(target)
    (folder / "twice.py").symlink_to("out.py")
    (folder / "through.py").symlink_to("folder/b.py")
    assert objects(folder) == {"dags/a.py": b"a", "dags/sub/within.py": b"a"}
    ((_, zipped),) = objects(folder, ZIP).items()
    with zipfile.ZipFile(BytesIO(zipped)) as archive:
        assert archive.namelist() == ["a.py", "sub/within.py"]


def test_folder_that_is_a_link_itself_is_what_it_leads_to(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "linked").symlink_to(folder)
    (folder / "within.py").symlink_to("a.py")
    assert objects(tmp_path / "linked") == {"dags/a.py": b"a", "dags/within.py": b"a"}


@pytest.mark.parametrize("kind", ["gone", "link", "pipe"])
def test_what_comes_into_the_place_of_a_file_after_the_look_is_not_read(kind: str, folder: Path) -> None:
    ((_, body),) = Part(FOLDER, "dags/", str(folder), "shown").bodies()
    (folder / "a.py").unlink()
    if kind == "link":
        (folder / "a.py").symlink_to("../secret")
    elif kind == "pipe":
        os.mkfifo(folder / "a.py")
    with pytest.raises(OSError, match=r"a\.py"):
        body.read()


def test_zip_of_a_folder_has_the_same_bytes_whatever_its_times_and_order(tmp_path: Path) -> None:
    names = ["b.py", "a/é.py", "a.py", "a/z/run.sh"]
    for folder, order in (("one", names), ("two", names[::-1])):
        for name in order:
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
            path.chmod(0o700 if name.endswith(".sh") else 0o640 if folder == "one" else 0o600)
            os.utime(path, (len(folder), 5 if folder == "one" else 9))
    assert objects(tmp_path / "one", ZIP) == objects(tmp_path / "two", ZIP)


def test_file_of_the_project_may_be_a_link_that_its_user_made(folder: Path, tmp_path: Path) -> None:
    (folder / "requirements.txt").symlink_to("../secret")
    ((key, body),) = Part(FILE, "requirements.txt", str(folder / "requirements.txt"), "shown").bodies()
    assert (key, body.read()) == ("requirements.txt", b"secret")
