"""Measure the rehearsal of an upgrade: of the sample project, from one release to the next.

    python -m tools.bench_upgrade [--quick] [--json]

Each move is rehearsed once before it is measured, so that packages and lists of options are there. Processor time is
that of the command and all that it ran. Prints a table; a slow figure is a figure, not a failure.
"""

from __future__ import annotations

import os
import resource
import statistics
import sys
from dataclasses import asdict
from pathlib import Path

from mwaa_local.release import Release
from tools.bench.commands import run
from tools.bench.figures import say
from tools.bench.program import Asked, Shown, parser_of, run_bench
from tools.bench.sample import copy_sample
from tools.bench.subjects import measuring_env
from tools.bench_aws import Row

MOVES = (("2.10.3", "2.11.2"), ("2.11.2", "3.3.1"))
ROUNDS, QUICK_ROUNDS = 3, 1
TARGET_S = 20.0


def measure(asked: Asked) -> Shown:
    rows = [row for source, target in MOVES for row in _of_move(asked, source, target)]
    return Shown(("what", "measured", "target", "met"), [row.cells for row in rows], [asdict(row) for row in rows])


def _of_move(asked: Asked, source: str, target: str) -> list[Row]:
    folder = asked.folder / f"from-{source}"
    folder.mkdir()
    copy_sample(folder, Release.load(source))
    say(f"rehearsing {source} to {target} once, not measured")
    _rehearse(folder, target)
    taken, used = [], []
    for _ in range(QUICK_ROUNDS if asked.is_quick else ROUNDS):
        before = _used_s()
        taken.append(_rehearse(folder, target))
        used.append(_used_s() - before)
    what = f"rehearsal of the sample, {source} to {target}"
    return [Row(what, statistics.median(taken), "s", TARGET_S), Row("… processor time", statistics.median(used), "s")]


def _rehearse(folder: Path, target: str) -> float:
    argv = [sys.executable, "-m", "mwaa_local", "upgrade", "--to", target]
    return run(argv, folder, measuring_env(os.environ))


def _used_s() -> float:
    """Return the processor time of all processes that this one has waited for, and of those that they waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


if __name__ == "__main__":
    sys.exit(run_bench(parser_of("tools.bench_upgrade", "each move once"), measure))
