"""Which files a tree shows, and at what price."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from mwaa_local.logs.shipping import tree as trees
from mwaa_local.logs.shipping.tree import Tree

OLD_S = time.time() - 86400


def write(root: Path, name: str, text: str = "x", when: float | None = None) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    if when is not None:
        os.utime(path, (when, when))
        for folder in path.parents[: len(Path(name).parts) - 1]:
            os.utime(folder, (when, when))
    return path


def names(tree: Tree, root: Path) -> dict[str, int]:
    return {os.path.relpath(seen.path, root): seen.size for seen in tree.seen()}


def test_new_files_new_folders_and_growth_are_seen_at_once(tmp_path: Path) -> None:
    tree = Tree(str(tmp_path))
    assert names(tree, tmp_path) == {}
    write(tmp_path, "dag_id=a/run_id=1/task_id=t/attempt=1.log")
    assert names(tree, tmp_path) == {"dag_id=a/run_id=1/task_id=t/attempt=1.log": 1}
    write(tmp_path, "dag_id=a/run_id=1/task_id=t/attempt=1.log", "longer")
    write(tmp_path, "dag_id=a/run_id=1/task_id=u/attempt=1.log")
    assert names(tree, tmp_path) == {
        "dag_id=a/run_id=1/task_id=t/attempt=1.log": 6,
        "dag_id=a/run_id=1/task_id=u/attempt=1.log": 1,
    }


def test_a_root_that_is_not_there_yet_and_one_that_goes(tmp_path: Path) -> None:
    root = tmp_path / "logs"
    tree = Tree(str(root))
    assert names(tree, root) == {}
    path = write(root, "dag_id=a/x.log")
    assert names(tree, root) == {"dag_id=a/x.log": 1}
    path.unlink()
    path.parent.rmdir()
    root.rmdir()
    assert names(tree, root) == {}
    write(root, "dag_id=a/y.log")
    assert names(tree, root) == {"dag_id=a/y.log": 1}


def test_links_are_not_followed(tmp_path: Path) -> None:
    write(tmp_path, "scheduler/2025-11-30/a.py.log")
    (tmp_path / "scheduler" / "latest").symlink_to("2025-11-30")
    (tmp_path / "linked.log").symlink_to("scheduler/2025-11-30/a.py.log")
    assert names(Tree(str(tmp_path)), tmp_path) == {"scheduler/2025-11-30/a.py.log": 1}


@pytest.fixture
def many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(trees, "IN_TURN", 20)
    for run in range(100):
        write(tmp_path, f"dag_id=a/run_id={run:03}/task_id=t/attempt=1.log", when=OLD_S)
    return tmp_path


def test_old_folders_take_turns(many: Path) -> None:
    tree = Tree(str(many))
    assert len(names(tree, many)) == 100  # all, at first
    rounds = [names(tree, many) for _ in range(12)]
    assert max(len(seen) for seen in rounds) <= 20
    assert len({name for seen in rounds for name in seen}) == 100


def test_an_old_file_that_grows_is_seen_in_its_turn_and_from_then_on_in_each_round(many: Path) -> None:
    tree = Tree(str(many))
    names(tree, many)
    grown = "dag_id=a/run_id=042/task_id=t/attempt=1.log"
    write(many, grown, "grown")
    assert any(names(tree, many).get(grown) == 5 for _ in range(12))
    assert all(names(tree, many).get(grown) == 5 for _ in range(12))


def test_a_new_run_of_an_old_dag_is_seen_at_once(many: Path) -> None:
    tree = Tree(str(many))
    names(tree, many)
    new = "dag_id=a/run_id=new/task_id=t/attempt=1.log"
    write(many, new)
    assert new in names(tree, many)
    write(many, "dag_id=a/run_id=new/task_id=u/attempt=1.log")
    assert "dag_id=a/run_id=new/task_id=u/attempt=1.log" in names(tree, many)
