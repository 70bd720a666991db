"""Cells of the table of releases and runtimes: what was found, kept as JSON, and which are still to be tried."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from packaging.version import Version

from mwaa_local.flock import held
from tools.bench.sample import ROOT_DIR
from tools.release_matrix.folders import work_dir

DOCS_DIR = ROOT_DIR / "docs"
DATA_NAME = "releases.json"
PROCESS, DOCKER = "process", "docker"  # as `up --runtime` has them
RUNTIMES = (PROCESS, DOCKER)
YES, NO, NOT_REACHED = "yes", "no", "-"
INSTALLS, EXACT, HEALTHY, DAG, CLEAN = "installs", "exact", "healthy", "dag", "clean"
COLUMNS = (INSTALLS, EXACT, HEALTHY, DAG, CLEAN)

Key = tuple[str, str]  # release, runtime


@dataclass(frozen=True)
class Failure:
    """Why a column is red: the first line of the error, and what it says to do."""

    column: str
    what: str
    hint: str = ""


@dataclass(frozen=True)
class Tree:
    """The state of the product's files: the last commit that changed them, and a digest of what is not committed."""

    commit: str
    changes: str = ""  # "" for none


@dataclass(frozen=True)
class Cell:
    """What was found of one release in one runtime. Times in seconds, sizes in MB of 10**6 bytes."""

    release: str
    runtime: str
    tree: Tree
    date: str  # ISO, UTC
    load: float  # load average of the last minute before it began, for all cores together
    cores: int
    columns: Mapping[str, str]
    seconds: Mapping[str, float] = field(default_factory=dict)
    megabytes: Mapping[str, float] = field(default_factory=dict)
    failures: tuple[Failure, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def key(self) -> Key:
        return self.release, self.runtime

    @property
    def is_green(self) -> bool:
        return not self.failures and all(self.columns.get(column) == YES for column in COLUMNS)


def read_cells(path: Path) -> dict[Key, Cell]:
    """Return the cells that were run, by release and runtime."""
    if not path.exists():
        return {}
    cells = [_cell(plain) for plain in json.loads(path.read_text(encoding="utf-8"))["cells"]]
    return {cell.key: cell for cell in cells}


def keep(cell: Cell, path: Path) -> dict[Key, Cell]:
    """Put a cell into the file in place of an older one; return all. Several runs may do so at the same time."""
    with held(work_dir() / "data.lock"):
        cells = read_cells(path) | {cell.key: cell}
        part = path.with_suffix(".part")
        part.write_text(as_json(cells.values()), encoding="utf-8")
        part.replace(path)
    return cells


def as_json(cells: Iterable[Cell]) -> str:
    """Return the file's text, newest release first; the same cells give the same bytes."""
    plain = {"cells": [asdict(cell) for cell in in_order(cells)]}
    return json.dumps(plain, indent=1, ensure_ascii=False) + "\n"


def in_order(cells: Iterable[Cell]) -> list[Cell]:
    return sorted(cells, key=lambda cell: (-_rank(cell.release), RUNTIMES.index(cell.runtime)))


def still_to_run(
    wanted: Sequence[Key], cells: Mapping[Key, Cell], tree: Tree, *, everything: bool = False
) -> list[Key]:
    """Return those of the wanted cells that are not green for this state of the product, in the same order."""

    def is_done(key: Key) -> bool:
        cell = cells.get(key)
        return cell is not None and cell.is_green and cell.tree == tree

    return [key for key in wanted if everything or not is_done(key)]


def _rank(version: str) -> int:
    major, minor, micro = (*Version(version).release, 0, 0)[:3]
    return (major * 1000 + minor) * 1000 + micro


def _cell(plain: Mapping[str, Any]) -> Cell:
    return Cell(
        **{
            **plain,
            "tree": Tree(**plain["tree"]),
            "failures": tuple(Failure(**failure) for failure in plain["failures"]),
            "notes": tuple(plain["notes"]),
        }
    )
