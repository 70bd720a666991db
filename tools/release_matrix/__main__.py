"""Try every release in both runtimes and write the table of it, `docs/releases.md`.

    python -m tools.release_matrix [--releases 2.8.1,3.3.1] [--runtime process|docker] [--all] [--list]
                                   [--into FOLDER]

Each cell is one project with one small DAG, driven by the command line as a user would, in a temporary folder, with an
empty cache folder but with uv's own cache of downloads. What it found is kept at once in `docs/releases.json`, from
which the page is written: a run that was killed goes on with the cells that are not green for this state of the
product. Cells may be tried by several runs at a time. The exit code is 1 if a cell that was wanted is not green.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from mwaa_local.errors import DockerUnavailable, MwaaLocalError
from mwaa_local.release import Release
from mwaa_local.runtime.compose.engine import Engine
from tools.bench.commands import BenchError
from tools.bench.figures import say
from tools.bench.program import DONE_EXIT_CODE, FAILED_EXIT_CODE, INTERRUPTED_EXIT_CODE
from tools.bench.subjects import measuring_env
from tools.release_matrix.cells import (
    COLUMNS,
    DATA_NAME,
    DOCKER,
    DOCS_DIR,
    RUNTIMES,
    Cell,
    Key,
    keep,
    read_cells,
    still_to_run,
)
from tools.release_matrix.page import PAGE_NAME, write_page
from tools.release_matrix.tree import tree_of
from tools.release_matrix.trial import try_cell


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.release_matrix", description=__doc__.splitlines()[0])
    parser.add_argument("--releases", default="", metavar="VERSION,VERSION", help="only these; default all")
    parser.add_argument("--runtime", default="", choices=("", *RUNTIMES), help="only this one")
    parser.add_argument("--all", action="store_true", help="also cells that are green for this state of the product")
    parser.add_argument(
        "--into", default=DOCS_DIR, type=Path, metavar="FOLDER", help="where results and page go; default docs/"
    )
    parser.add_argument("--list", action="store_true", help="name the cells that would be tried, and try none")
    return parser.parse_args(argv)


def wanted_cells(releases: str, runtime: str) -> list[Key]:
    """Return the cells that are asked for, newest release first. Raises ReleaseUnknown."""
    named = releases.replace(",", " ").split()
    versions = [Release.load(version).airflow_version for version in named] or [*reversed(Release.versions())]
    return [(version, each) for each in ([runtime] if runtime else RUNTIMES) for version in versions]


def without_engine(keys: list[Key]) -> list[Key]:
    """Leave out what needs an engine where none answers, and say so."""
    if not any(runtime == DOCKER for _, runtime in keys):
        return keys
    try:
        Engine.open(os.environ)
    except DockerUnavailable as error:
        say(f"Docker is left out: {error.what}")
        return [key for key in keys if key[1] != DOCKER]
    return keys


def run(arguments: argparse.Namespace) -> int:
    tree = tree_of()
    wanted = without_engine(wanted_cells(arguments.releases, arguments.runtime))
    data_path = arguments.into / DATA_NAME
    to_run = still_to_run(wanted, read_cells(data_path), tree, everything=arguments.all)
    say(f"{len(to_run)} of {len(wanted)} cells to try at {tree.commit}{' with changes' if tree.changes else ''}")
    for version, runtime in to_run:
        if arguments.list:
            print(f"{version} {runtime}")
            continue
        say(f"{version:<8} {runtime:<8} …")
        cell = try_cell(version, runtime, tree, measuring_env(os.environ))
        if cell is None:
            say(f"{version:<8} {runtime:<8} is being tried by another run")
            continue
        show(cell)
        write_page(keep(cell, data_path), arguments.into / PAGE_NAME)
    cells = read_cells(data_path)
    is_green = all(key in cells and cells[key].is_green for key in wanted)
    return DONE_EXIT_CODE if is_green or arguments.list else FAILED_EXIT_CODE


def show(cell: Cell) -> None:
    columns = "  ".join(f"{name} {cell.columns[name]}" for name in COLUMNS)
    seconds = "  ".join(f"{name} {value:g} s" for name, value in cell.seconds.items())
    say(f"{cell.release:<8} {cell.runtime:<8} {columns}  {seconds}")
    for failure in cell.failures:
        say(f"  {failure.column}: {failure.what}")


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def main(argv: Sequence[str] | None = None) -> int:
    arguments = parse(argv)
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        return run(arguments)
    except MwaaLocalError as error:
        say(f"error: {error.what}\n  {error.why}\n\nhint: {error.hint}")
        return error.exit_code
    except BenchError as error:
        say(f"error: {error}")
        return FAILED_EXIT_CODE
    except KeyboardInterrupt:
        say("interrupted: run it again and it goes on here")
        return INTERRUPTED_EXIT_CODE
    finally:
        signal.signal(signal.SIGTERM, before)


if __name__ == "__main__":
    sys.exit(main())
