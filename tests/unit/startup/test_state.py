"""What a script did to the packages, done again to a copy of them: an overlay's upper layer as the kernel writes it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mwaa_local.startup.state import ContainerState, put_all_over, put_over
from tests.conftest import REPOSITORY_DIR


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    layer, target = tmp_path / "layer", tmp_path / "target"
    for folder in (layer / "lib", target / "lib" / "old"):
        folder.mkdir(parents=True)
    (target / "lib" / "kept.py").write_text("kept")
    (target / "lib" / "old" / "a.py").write_text("old")
    return layer, target


def test_files_are_added_and_replaced_and_hard_links_of_others_stay(folders: tuple[Path, Path], tmp_path: Path) -> None:
    layer, target = folders
    os.link(target / "lib" / "kept.py", tmp_path / "original.py")
    (layer / "lib" / "kept.py").write_text("changed")
    (layer / "lib" / "new").mkdir()
    (layer / "lib" / "new" / "b.py").write_text("new")
    (layer / "lib" / "link").symlink_to("new/b.py")
    put_over(layer, target)
    assert (target / "lib" / "kept.py").read_text() == "changed"
    assert (tmp_path / "original.py").read_text() == "kept"
    assert (target / "lib" / "link").read_text() == "new"
    assert (target / "lib" / "old" / "a.py").read_text() == "old"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to make the marks of an overlay")
def test_what_was_removed_is_removed_and_what_was_made_anew_replaces(folders: tuple[Path, Path]) -> None:
    layer, target = folders
    try:
        os.mknod(layer / "lib" / "kept.py", 0o600 | 0o020000, 0)
        (layer / "lib" / "old").mkdir()
        os.setxattr(layer / "lib" / "old", "trusted.overlay.opaque", b"y")
    except OSError as error:
        pytest.skip(f"the system refuses it: {error}")
    (layer / "lib" / "old" / "c.py").write_text("anew")
    put_over(layer, target)
    assert not (target / "lib" / "kept.py").exists()
    assert [path.name for path in (target / "lib" / "old").iterdir()] == ["c.py"]


def test_bytecode_alone_is_no_change_of_packages(tmp_path: Path) -> None:
    state = ContainerState(layer_dir=tmp_path)
    (tmp_path / "lib" / "__pycache__").mkdir(parents=True)
    (tmp_path / "lib" / "__pycache__" / "a.pyc").touch()
    assert not state.changes_packages
    (tmp_path / "lib" / "a.py").touch()
    assert state.changes_packages
    assert not ContainerState().changes_packages


def content(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_layers_of_all_homes_take_effect_at_once(folders: tuple[Path, Path], tmp_path: Path) -> None:
    layer, target = folders
    (layer / "lib" / "kept.py").write_text("changed")
    second = tmp_path / "second"
    (second / "lib").mkdir(parents=True)
    (second / "lib" / "kept.py").write_text("changed again")
    (second / "lib" / "new.py").write_text("new")
    put_all_over([layer, second], target)
    assert content(target) == {"lib/kept.py": "changed again", "lib/new.py": "new", "lib/old/a.py": "old"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["layer", "second", "target"]


def test_folder_that_no_layer_changes_is_left_alone(folders: tuple[Path, Path]) -> None:
    layer, target = folders
    before = target.stat().st_ino
    put_all_over([layer], target)
    assert target.stat().st_ino == before


KILLED = """
import os, shutil, signal, sys
from pathlib import Path
from mwaa_local.startup.state import put_all_over

copied, copy = [], shutil.copy2
def copy_and_die(*args, **kwargs):
    copied.append(copy(*args, **kwargs))
    if len(copied) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
shutil.copy2 = copy_and_die
put_all_over([Path(sys.argv[1])], Path(sys.argv[2]))
"""


def test_merge_that_is_killed_changes_nothing_and_is_done_anew(folders: tuple[Path, Path]) -> None:
    layer, target = folders
    for number in range(4):
        (layer / "lib" / f"{number}.py").write_text("new")
    before = content(target)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(layer), str(target)], cwd=REPOSITORY_DIR, check=False, timeout=60
    )
    assert killed.returncode == -signal.SIGKILL
    assert content(target) == before
    put_all_over([layer], target)
    assert content(target) == {**before, **{f"lib/{number}.py": "new" for number in range(4)}}
    assert sorted(path.name for path in target.parent.iterdir()) == ["layer", "target"]
