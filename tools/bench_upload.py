"""Measure what is done before an upload: `check dags` on 500 files, `check` and `smoke` of the sample project.

    python -m tools.bench_upload [--release 3.3.1] [--quick] [--skip-cold] [--json]

Beside `check dags`: Airflow's own DagBag over the same files in one process, which is what a test suite of DAGs usually
does. It has no isolation and no findings. Cold means empty caches: every package comes from the index. Prints a table;
a slow figure is a figure, not a failure.
"""

from __future__ import annotations

import os
import statistics
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.packages import PackageStore, PythonEnvironment
from mwaa_local.release import Release
from tests.many_dags import many_dags
from tools.bench.__main__ import cache_of
from tools.bench.commands import run
from tools.bench.figures import SAMPLES, say
from tools.bench.program import Asked, Shown, parser_of, run_bench
from tools.bench.sample import copy_sample
from tools.bench.subjects import measuring_env

MANY = 500
TARGETS = {
    "check dags, 500 files": "≤ 20 s",
    "check, sample, warm": "≤ 5 s",
    "smoke, sample, warm": "≤ 30 s",
    "smoke, sample, empty caches": "≤ 90 s",
}
DAGBAG = (
    "import sys\n"
    "try:\n    from airflow.dag_processing.dagbag import DagBag\n"
    "except ImportError:\n    from airflow.models import DagBag\n"
    "bag = DagBag(sys.argv[1])\n"
    "assert len(bag.dags) == int(sys.argv[2]), bag.import_errors\n"
)


@dataclass(frozen=True)
class Subject:
    """Two projects, and what the commands need."""

    many_dir: Path
    sample_dir: Path
    env: Mapping[str, str]
    release: Release
    packages: PythonEnvironment

    def command(self, project_dir: Path, *words: str, cache_dir: Path | None = None) -> float:
        own = (
            {"MWAA_LOCAL_CACHE_DIR": f"{cache_dir}/mwaa-local", "UV_CACHE_DIR": f"{cache_dir}/uv"} if cache_dir else {}
        )
        return run([sys.executable, "-m", "mwaa_local", *words], project_dir, {**self.env, **own})

    def dagbag(self) -> float:
        """Time Airflow alone; it gets a home of its own and SQLite, as `pytest` suites of DAGs have it."""
        home_dir = self.many_dir / "airflow"
        home_dir.mkdir(exist_ok=True)
        argv = [str(self.packages.python_path), "-c", DAGBAG, str(self.many_dir / "dags"), str(MANY)]
        return run(
            argv, self.many_dir, {**self.env, "AIRFLOW_HOME": str(home_dir), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
        )


def measure(subject: Subject, work_dir: Path, samples: int, *, cold: bool) -> dict[str, list[float]]:
    """Return the samples of every row."""
    found: dict[str, list[float]] = {}

    def row(name: str, count: int, take: Callable[[int], float]) -> None:
        found[name] = [take(number) for number in range(count)]
        say(f"{name:<28} {statistics.median(found[name]):8.2f} s")

    smoke = ("smoke", "--all", "--runtime", "process", "--no-github")
    row("check dags, 500 files", samples, lambda _: subject.command(subject.many_dir, "check", "dags"))
    row("Airflow's DagBag, 500 files", samples, lambda _: subject.dagbag())
    subject.command(subject.sample_dir, "check")
    row("check, sample, warm", samples, lambda _: subject.command(subject.sample_dir, "check"))
    subject.command(subject.sample_dir, *smoke)
    row("smoke, sample, warm", samples, lambda _: subject.command(subject.sample_dir, *smoke))
    if cold:
        cold_dir = work_dir / "cold"
        cold_dir.mkdir()
        copy_sample(cold_dir / "project", subject.release)
        take = lambda _: subject.command(cold_dir / "project", *smoke, cache_dir=cold_dir)  # noqa: E731
        row("smoke, sample, empty caches", 1, take)
    return found


def show(asked: Asked) -> Shown:
    subject = _subject(asked.folder, asked.release)
    found = measure(subject, asked.folder, 1 if asked.is_quick else SAMPLES, cold=not asked.arguments.skip_cold)
    rows = [(name, f"{statistics.median(took):.2f} s", TARGETS.get(name, "-")) for name, took in found.items()]
    return Shown(("what", "took", "target"), rows, {"seconds": found})


def _subject(work_dir: Path, release: Release) -> Subject:
    many_dir, sample_dir = work_dir / "many", work_dir / "sample"
    for name, text in many_dags(MANY).items():
        path = many_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (many_dir / "mwaa.yaml").write_text(f'AirflowVersion: "{release.airflow_version}"\n')
    copy_sample(sample_dir, release)
    env = measuring_env(os.environ)
    packages = PackageStore(cache_of(work_dir, release, env), env).base(release, say)
    return Subject(many_dir, sample_dir, env, release, packages)


def main() -> int:
    parser = parser_of("tools.bench_upload", "one sample of each")
    parser.add_argument("--skip-cold", action="store_true", help="leave out what installs everything anew")
    return run_bench(parser, show)


if __name__ == "__main__":
    sys.exit(main())
