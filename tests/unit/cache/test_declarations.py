"""Every kind of thing that is kept outside of projects is in the tables by which it is listed and removed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import yaml

from mwaa_local.cache import keepers
from mwaa_local.cache import kept as cache_kept
from mwaa_local.cache.kept import CacheKind, ImageKind, VolumeKind
from mwaa_local.runtime.compose.image import COMPOSE_PATH
from tests.unit.cache.kept_things import (
    PACKAGE_DIR,
)


def trees() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(PACKAGE_DIR.rglob("*.py")):
        if "support" not in path.parts:
            yield path, ast.parse(path.read_text(encoding="utf-8"))


def test_every_declaration_is_in_the_table() -> None:
    classes = {name for name in vars(cache_kept) if name.endswith("Kind")}
    makers = {**{name: name for name in classes}, "kept_tool": "CacheKind"}
    declared = [
        (makers[node.func.id], ast.unparse(node.args[0]).strip("'\""))
        for path, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in makers
        if not (path.name == "tool.py" and node.func.id == "CacheKind")  # in kept_tool itself
    ]
    known: list[CacheKind | ImageKind | VolumeKind] = [*keepers.KINDS, *keepers.IMAGES, *keepers.VOLUMES]
    assert sorted((type(kept).__name__, kept.kind) for kept in known) == sorted(declared)
    assert len({kept.kind for kept in known}) == len(known)


def test_every_path_below_the_cache_folder_comes_from_a_declaration() -> None:
    found = [
        f"{path.relative_to(PACKAGE_DIR)}:{node.lineno}: {ast.unparse(node)}"
        for path, tree in trees()
        if path.parent.name != "cache"
        for node in ast.walk(tree)
        if isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Div)
        and ast.unparse(node.left).rpartition(".")[2].strip("_") == "cache_dir"
    ]
    assert found == []


def test_every_volume_of_the_compose_file_is_known() -> None:
    volumes = yaml.safe_load(COMPOSE_PATH.read_text(encoding="utf-8"))["volumes"]
    assert set(volumes) == {kept.label for kept in keepers.VOLUMES}
    for label, settings in volumes.items():
        assert settings["name"].startswith("${MWAA_PROJECT}-" + label)
