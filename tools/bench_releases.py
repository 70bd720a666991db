"""Measure how fast each release starts: cold, with packages from the index, and warm, beside its `airflow standalone`.

    python -m tools.bench_releases [--releases 2.8.1,3.3.1] [--quick] [--json]

Cold: `up` in a new project with empty caches, uv's included. The same again with nothing but uv's downloads there tells
how much of the first was downloading and unpacking. Warm: `up` after `down`, in turns with `airflow standalone` of the
same packages, until the health page calls all healthy. Airflow before 2.2 has no `standalone`. Prints a table; a slow
figure is a figure, not a failure. Everything is in a temporary folder, caches too.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

from mwaa_local.errors import MwaaLocalError
from mwaa_local.packages import PackageStore
from mwaa_local.release import DEFAULT_AIRFLOW_VERSION, Release
from tools.bench.commands import BenchError
from tools.bench.figures import SAMPLES, say
from tools.bench.measuring import BUSY_LOOK_S
from tools.bench.program import DONE_EXIT_CODE, FAILED_EXIT_CODE, Asked, Shown, run_bench
from tools.bench.sample import ROOT_DIR, copy_sample
from tools.bench.standalone import STANDALONE_SINCE, Standalone
from tools.bench.subjects import Ours, Subject, measuring_env

COLD_TARGET_S = 60.0
NO_SLOWER_SINCE = "2.4.3"  # the oldest release of which it is wanted
PACKAGE_CACHE, DOWNLOAD_CACHE = "MWAA_LOCAL_CACHE_DIR", "UV_CACHE_DIR"


@dataclass
class Figures:
    """What was measured of one release, in seconds; None where it was not."""

    release: str
    load: float = 0.0  # load average of the last minute before it began
    busy_percents: list[float] = field(default_factory=list)  # what others used of all cores, before each start
    cold: float | None = None
    cold_downloaded: float | None = None
    ours: list[float] = field(default_factory=list)
    standalone: list[float] = field(default_factory=list)
    failure: str = ""

    def row(self) -> tuple[str, ...]:
        warm, other = _median(self.ours), _median(self.standalone)
        downloads = None if self.cold is None or self.cold_downloaded is None else self.cold - self.cold_downloaded
        busy = f"{max(self.busy_percents):.0f} %" if self.busy_percents else "-"
        verdicts = (_at_most(self.cold, COLD_TARGET_S), _at_most(warm, other) if self._is_compared else "-")
        figures = (*map(_seconds, (self.cold, downloads)), verdicts[0], *map(_seconds, (warm, other)), verdicts[1])
        return self.release, *figures, f"{self.load:.1f}", busy, self.failure

    @property
    def _is_compared(self) -> bool:
        return Release.load(self.release).is_at_least(NO_SLOWER_SINCE)


HEADERS = (
    *("release", "cold `up`", "of it downloads", f"≤ {COLD_TARGET_S:.0f} s"),
    *("warm `up`", "standalone", "no slower", "load", "others", "failed"),
)


def _median(samples: Sequence[float]) -> float | None:
    return statistics.median(samples) if samples else None


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} s"


def _at_most(value: float | None, limit: float | None) -> str:
    if value is None or limit is None:
        return "-"
    return "yes" if value <= limit else "no"


@dataclass(frozen=True)
class ReleaseBench:
    """The measuring of one release in a folder of its own."""

    release: Release
    folder: Path
    samples: int
    figures: Figures

    def measure(self) -> None:
        env = measuring_env(os.environ)
        env |= {PACKAGE_CACHE: str(self.folder / "cache"), DOWNLOAD_CACHE: str(self.folder / "uv")}
        self.figures.load = os.getloadavg()[0]
        subjects: list[Subject] = []
        try:
            self.figures.cold = self._cold("cold", env, subjects)
            subjects.pop().discard()
            shutil.rmtree(env[PACKAGE_CACHE])
            self.figures.cold_downloaded = self._cold("downloaded", env, subjects)
            subjects[-1].stop()
            if self.release.is_at_least(STANDALONE_SINCE):
                subjects.append(self._standalone(env))
                subjects[-1].start()  # makes its database, and is not measured
                subjects[-1].stop()
            self._warm(subjects)
        finally:
            for subject in subjects:
                subject.discard()

    def _cold(self, name: str, env: dict[str, str], subjects: list[Subject]) -> float:
        root_dir = self.folder / name
        copy_sample(root_dir, self.release)
        subjects.append(Ours(root_dir, env, self.release))
        return self._start(subjects[-1])

    def _standalone(self, env: dict[str, str]) -> Standalone:
        home_dir = self.folder / "standalone"
        for name in ("dags", "plugins"):
            shutil.copytree(ROOT_DIR / name, home_dir / name, ignore=shutil.ignore_patterns("__pycache__"))
        packages = PackageStore(Path(env[PACKAGE_CACHE]), env).base(self.release, say)
        return Standalone(home_dir, env, self.release, packages)

    def _warm(self, subjects: list[Subject]) -> None:
        """Start all in turns, so that a busy minute is no one's alone."""
        for _ in range(self.samples):
            for subject in subjects:
                taken = self.figures.ours if isinstance(subject, Ours) else self.figures.standalone
                taken.append(self._start(subject))
                subject.stop()

    def _start(self, subject: Subject) -> float:
        self.figures.busy_percents.append(psutil.cpu_percent(BUSY_LOOK_S))
        return subject.start()


def measure(asked: Asked) -> list[Figures]:
    found = []
    for release in _releases(asked.arguments):
        figures = Figures(release.airflow_version)
        folder = asked.folder / release.airflow_version
        folder.mkdir()
        try:
            ReleaseBench(release, folder, 1 if asked.is_quick else SAMPLES, figures).measure()
        except (BenchError, MwaaLocalError, OSError) as error:
            figures.failure = str(error).partition("\n")[0]
            say(str(error))
        shutil.rmtree(folder, ignore_errors=True)
        found.append(figures)
        say("  ".join(figures.row()))
    return found


def _releases(arguments: argparse.Namespace) -> list[Release]:
    """Return the releases that are asked for, newest first unless they are named."""
    named = arguments.releases.replace(",", " ").split()
    return [Release.load(version) for version in named] if named else [*reversed(Release.all())]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.bench_releases", description=__doc__.splitlines()[0])
    parser.add_argument("--releases", default="", metavar="VERSION,VERSION", help="only these; default all")
    parser.add_argument("--quick", action="store_true", help="one sample of each")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.set_defaults(release=DEFAULT_AIRFLOW_VERSION)  # what benches of one release have
    failed = False

    def measured(asked: Asked) -> Shown:
        nonlocal failed
        found = measure(asked)
        failed = any(figures.failure for figures in found)
        return Shown(HEADERS, [figures.row() for figures in found], [asdict(figures) for figures in found])

    return run_bench(parser, measured, argv) or (FAILED_EXIT_CODE if failed else DONE_EXIT_CODE)


if __name__ == "__main__":
    sys.exit(main())
