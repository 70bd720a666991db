"""Measure `mwaa-local` with both of its runtimes, and beside them `airflow standalone` of the same packages.

    python -m tools.bench [--release 3.3.1] [--only ROW,ROW] [--quick] [--json]
                          [--skip-cold] [--skip-processes] [--skip-docker] [--skip-standalone]

Prints a table. A slow figure is a figure, not a failure: the exit code is 1 only when something did not work. Works in
temporary copies of the sample project; stops what it started, and removes what it made in Docker except the release's
own image. Without a Docker engine that side is left out, with the reason. `airflow standalone` keeps its own defaults
(SQLite, the executor it chooses) except for the examples, its ports, and as many slots as the worker here has.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from mwaa_local.console import standard, table
from mwaa_local.errors import DockerUnavailable, MwaaLocalError
from mwaa_local.packages import PackageStore
from mwaa_local.project import Project
from mwaa_local.release import DEFAULT_AIRFLOW_VERSION, Release
from mwaa_local.runtime.compose.engine import Engine
from mwaa_local.workspace import Workspace
from tools.bench.commands import BenchError
from tools.bench.figures import Figures, say
from tools.bench.measuring import Bench
from tools.bench.program import DONE_EXIT_CODE, FAILED_EXIT_CODE, INTERRUPTED_EXIT_CODE
from tools.bench.report import as_plain, as_table, machine_facts, others_text
from tools.bench.rows import ALL, COLD_ROWS, DOCKER, ROWS, SHOWN_AS, STANDALONE
from tools.bench.sample import copy_sample
from tools.bench.standalone import STANDALONE_SINCE
from tools.bench.subjects import measuring_env


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    names = [row.name for row in ROWS]
    parser = argparse.ArgumentParser(
        prog="python -m tools.bench",
        description="Measure speed and memory with processes and with Docker, beside `airflow standalone`.",
        epilog=f"Rows: {', '.join(names)}.",
    )
    parser.add_argument("--release", default=DEFAULT_AIRFLOW_VERSION, help="the Airflow version; default %(default)s")
    parser.add_argument("--only", default=",".join(names), metavar="ROW,ROW", help="measure these rows only")
    parser.add_argument("--quick", action="store_true", help="one sample of each")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--skip-cold", action="store_true", help="leave out what installs all packages anew")
    for side, shown in SHOWN_AS.items():
        parser.add_argument(f"--skip-{side}", action="store_true", help=f"leave out {shown}")
    arguments = parser.parse_args(argv)
    arguments.only = frozenset(filter(None, arguments.only.split(",")))
    unknown = sorted(arguments.only - set(names))
    if unknown:
        parser.error(f"no row {', '.join(unknown)}; rows are: {', '.join(names)}")
    return arguments


def bench(arguments: argparse.Namespace, work_dir: Path, env: Mapping[str, str]) -> int:
    """Measure, print, return the exit code."""
    release = Release.load(arguments.release)
    absent = {side: "left out" for side in ALL if getattr(arguments, f"skip_{side}")}
    engine = None
    if DOCKER not in absent:
        try:
            engine = Engine.open(env)
        except DockerUnavailable as error:
            absent[DOCKER] = f"not measured: {error.what}"
    if STANDALONE not in absent and not release.is_at_least(STANDALONE_SINCE):
        absent[STANDALONE] = f"not measured: Airflow {release.airflow_version} has none"
    wanted = arguments.only - (COLD_ROWS if arguments.skip_cold else set())
    # Also makes the caches warm for every row but the cold ones, which have their own.
    cache_dir = cache_of(work_dir, release, env)
    packages = PackageStore(cache_dir, env).base(release, say)
    facts = machine_facts(release, packages, env, quick=arguments.quick)
    if engine is not None:
        facts["docker"] = f"engine {engine.version()}"
    if cache_dir.stat().st_dev != work_dir.stat().st_dev:
        facts["disk"] = f"{work_dir} is not on the cache's disk: files are copied, not linked; set TMPDIR"
    facts |= absent
    for name, value in facts.items():
        say(f"{name:<10} {value}")
    sides = tuple(side for side in ALL if side not in absent)
    measuring = Bench(release, env, work_dir, sides, engine, Figures(frozenset(wanted), arguments.quick))
    try:
        measuring.measure(packages)
    finally:
        with interrupts_ignored():
            measuring.discard()
    facts["others"] = others_text(measuring.busy_percents)
    say(f"others     {facts['others']}")
    results = measuring.figures.results
    if arguments.json:
        print(json.dumps(as_plain(facts, results), indent=2))
    else:
        print(table(("machine", ""), list(facts.items())))
        print(f"\n{as_table(results)}")
    return FAILED_EXIT_CODE if any(found.failure for found in results.values()) else DONE_EXIT_CODE


def cache_of(work_dir: Path, release: Release, env: Mapping[str, str]) -> Path:
    """Return the folder where `mwaa-local` keeps its package sets."""
    project_dir = work_dir / "facts"
    copy_sample(project_dir, release)
    project = Project.find(project_dir)
    return Workspace(project, dict(env)).cache_dir


@contextlib.contextmanager
def interrupts_ignored() -> Iterator[None]:
    """Let an impatient second Ctrl-C not stop the stopping."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def main(argv: Sequence[str] | None = None) -> int:
    arguments = parse(argv)
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        with tempfile.TemporaryDirectory(prefix="mwaa-local-bench-", ignore_cleanup_errors=True) as folder:
            return bench(arguments, Path(folder).resolve(), measuring_env(os.environ))
    except MwaaLocalError as error:
        standard(os.environ).show_error(error)
        return error.exit_code
    except BenchError as error:
        say(f"error: {error}")
        return FAILED_EXIT_CODE
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED_EXIT_CODE
    finally:
        signal.signal(signal.SIGTERM, before)


if __name__ == "__main__":
    sys.exit(main())
