"""What is kept outside of projects: pruning removes only what is ours and nobody uses, and says how much that was."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from mwaa_local.cache.folder import OF_ANOTHER_USER, CacheFolder
from mwaa_local.cache.kept import CacheKind
from mwaa_local.cache.prune import Cache
from mwaa_local.cache.users import Users
from tests.conftest import ProjectRunner
from tests.unit.cache.kept_things import (
    EVERYTHING,
    FERNET_KEY,
    ORDINARY_USER,
    OTHER_SET,
    SET,
    below,
    cli,
    make_database,
    make_set,
    names,
    prune,
    why_kept,
)


def test_what_nobody_uses_is_removed_and_the_key_of_another_tool_stays(cache_dir: Path) -> None:
    make_set(cache_dir)
    make_database(cache_dir)
    (cache_dir / "aws" / "moto-5.2.5-python3.11").mkdir(parents=True)
    (cache_dir / "aws" / "moto-5.2.5-python3.11" / "pyvenv.cfg").touch()
    for name in (f"known-options/{SET}.json", "known-options/tmp1a_b2c3d", "provider-modules/a-provider-1.0.json"):
        (cache_dir / name).parent.mkdir(exist_ok=True)
        (cache_dir / name).write_text('{"a": 1}')
    (cache_dir / "python-3.12-not-downloaded").touch()
    (cache_dir / "trial-1a_b2c3d" / "packages").mkdir(parents=True)
    (cache_dir / "proof-1a_b2c3d").mkdir()
    (cache_dir / "environments" / "3.3.lock").touch()  # as earlier versions had it
    pruned = prune(cache_dir)
    assert not pruned.kept
    assert not pruned.problems
    assert below(cache_dir) == {"fernet.key"}
    assert (cache_dir / "fernet.key").read_text() == FERNET_KEY


def test_folder_with_nothing_of_others_goes_too(cache_dir: Path) -> None:
    (cache_dir / "fernet.key").unlink()
    make_set(cache_dir)
    prune(cache_dir)
    assert not cache_dir.exists()
    assert prune(cache_dir).removed == []  # and there is nothing to prune then
    assert not cache_dir.exists()


@pytest.mark.parametrize(
    "name",
    [
        "environments/mine",
        "environments/3.3.1-0123456789AB",
        "environments/3.3.1-0123456789ab",  # by its name alone it might be ours
        "databases/3.3.1-0123456789ab",
        "databases/3.3.1-0123456789ab.home",
        "notes",
        "trial-of-mine",
        "known-options/notes.txt",
        "removing/mine",
    ],
)
def test_folder_that_is_not_recognised_stays(cache_dir: Path, name: str) -> None:
    (cache_dir / name).mkdir(parents=True)
    (cache_dir / name / "precious").write_text("mine")
    cache = Cache(cache_dir, {"PATH": ""})
    inventory = cache.inventory()
    assert not inventory.items
    if not name.startswith("removing"):
        assert set(inventory.foreign) == {"fernet.key", name}
    prune(cache_dir)
    assert (cache_dir / name / "precious").read_text() == "mine"


@pytest.mark.parametrize(
    "name", ["known-options/3.3.1-0123456789ab.json", "provider-modules/a-1.0.json", "python-3.12-not-downloaded"]
)
def test_file_of_another_content_or_kind_stays(cache_dir: Path, name: str) -> None:
    path = cache_dir / name
    path.parent.mkdir(exist_ok=True)
    if name.startswith("python"):
        path.mkdir()
    else:
        path.write_text("a list of mine")
    prune(cache_dir)
    assert path.exists()


def test_links_are_not_followed(cache_dir: Path, tmp_path: Path) -> None:
    elsewhere = make_set(tmp_path / "elsewhere")
    (cache_dir / "environments").mkdir()
    (cache_dir / "environments" / SET).symlink_to(elsewhere)
    databases = make_database(tmp_path / "elsewhere").parent
    (cache_dir / "databases").symlink_to(databases)
    inside = make_set(cache_dir, OTHER_SET)
    (inside / "lib64").symlink_to(elsewhere)
    before = below(elsewhere)
    pruned = prune(cache_dir)
    assert names(pruned) == {OTHER_SET}
    assert below(elsewhere) == before
    assert (cache_dir / "environments" / SET).is_symlink()
    assert (cache_dir / "databases").is_symlink()
    assert (databases / SET / "data" / "PG_VERSION").exists()
    assert stat.S_IMODE((elsewhere / "lib/python3.12/site-packages/package").stat().st_mode) == 0o500


def test_link_is_nobodys_whatever_a_kind_makes_of_it(cache_dir: Path, tmp_path: Path) -> None:
    (cache_dir / "things").mkdir()
    (cache_dir / "things" / "a").symlink_to(tmp_path)
    listing = CacheFolder(cache_dir, [CacheKind("thing", "things", "a", lambda _: True)]).look([])
    assert (listing.items, listing.foreign) == ((), ("things/a",))


def test_what_belongs_to_another_user_stays(cache_dir: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file to another user")
    folder = make_set(cache_dir)
    os.chown(folder, ORDINARY_USER, -1)
    pruned = prune(cache_dir)
    assert why_kept(pruned, SET) == OF_ANOTHER_USER
    assert folder.is_dir()


def test_cache_folder_of_another_user_is_refused(
    cache_dir: Path, project: Callable[..., ProjectRunner], noted: Users
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file to another user")
    make_set(cache_dir)
    os.chown(cache_dir, ORDINARY_USER, -1)
    outcome = cli(project(), cache_dir, "prune", "--all", "--yes")
    assert (outcome.exit_code, "belongs to another user" in outcome.stderr) == (3, True)
    assert (cache_dir / "environments" / SET).is_dir()


def test_file_with_several_names_counts_once(cache_dir: Path) -> None:
    first, second = make_set(cache_dir, files=0), make_set(cache_dir, OTHER_SET, files=0)
    (first / "big").write_bytes(b"#" * 1_000_000)
    os.link(first / "big", first / "again")
    os.link(first / "big", second / "big")
    items = {item.name: item for item in Cache(cache_dir, {"PATH": ""}).inventory().items}
    sizes = sorted(item.size_bytes or 0 for item in items.values())
    assert sizes[0] < 100_000
    assert 1_000_000 < sizes[1] < 1_200_000
    assert prune(cache_dir).freed_bytes == sum(sizes)


def test_what_has_a_name_elsewhere_is_not_told_as_freed_and_stays_as_it_was(cache_dir: Path, tmp_path: Path) -> None:
    folder = make_set(cache_dir, files=0)
    (folder / "big").write_bytes(b"#" * 1_000_000)
    (folder / "big").chmod(0o400)
    clone = tmp_path / "clone"
    os.link(folder / "big", clone)
    cache = Cache(cache_dir, {"PATH": ""})
    assert cache.plan(cache.inventory(), EVERYTHING).freed_bytes < 100_000
    assert prune(cache_dir).freed_bytes < 100_000
    assert (clone.stat().st_size, stat.S_IMODE(clone.stat().st_mode)) == (1_000_000, 0o400)
