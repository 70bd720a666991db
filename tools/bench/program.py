"""What the smaller benches have in common as programs: their options, a folder to work in, their exit codes."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mwaa_local.console import table
from mwaa_local.errors import MwaaLocalError
from mwaa_local.release import DEFAULT_AIRFLOW_VERSION, Release
from tools.bench.commands import BenchError
from tools.bench.figures import say

DONE_EXIT_CODE, FAILED_EXIT_CODE, INTERRUPTED_EXIT_CODE = 0, 1, 130


@dataclass(frozen=True)
class Shown:
    """What was measured: a table for people, and plain values for `--json`."""

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    plain: Any


@dataclass(frozen=True)
class Asked:
    """What a bench is to measure, and an empty folder, which goes when it is done."""

    release: Release
    folder: Path
    is_quick: bool
    arguments: argparse.Namespace


def parser_of(module: str, quick: str) -> argparse.ArgumentParser:
    """Return a parser of the options that each bench has; `quick` says what `--quick` leaves out."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}")
    parser.add_argument("--release", default=DEFAULT_AIRFLOW_VERSION, help="the Airflow version; default %(default)s")
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser


def run_bench(
    parser: argparse.ArgumentParser, measure: Callable[[Asked], Shown], argv: Sequence[str] | None = None
) -> int:
    """Measure and show it; return the exit code. What a user could not avoid is told in one line."""
    arguments = parser.parse_args(argv)
    try:
        with tempfile.TemporaryDirectory(prefix="mwaa-local-bench-", ignore_cleanup_errors=True) as name:
            release = Release.load(arguments.release)
            shown = measure(Asked(release, Path(name).resolve(), arguments.quick, arguments))
    except (BenchError, MwaaLocalError) as error:
        say(f"error: {error}")
        return FAILED_EXIT_CODE
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED_EXIT_CODE
    print(json.dumps(shown.plain, indent=2) if arguments.json else table(shown.headers, shown.rows))
    return DONE_EXIT_CODE
