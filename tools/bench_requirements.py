"""Measure `mwaa-local check requirements` beside `pip install --dry-run` of the same file under the same constraints.

    python -m tools.bench_requirements [--release 3.3.1] [--quick] [--json]

pip is the release's own, run with the arguments that MWAA would give it in the release's own packages; a dry run
changes nothing there. Cold means empty caches of uv or pip. Prints a table; a slow figure is a figure, not a failure.
"""

from __future__ import annotations

import os
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.packages import PackageStore, PythonEnvironment
from mwaa_local.release import Release
from mwaa_local.requirements.prepare import prepare
from tools.bench.__main__ import cache_of
from tools.bench.commands import output_of, run
from tools.bench.figures import SAMPLES, say
from tools.bench.program import Asked, Shown, parser_of, run_bench
from tools.bench.subjects import measuring_env

KIB_PER_MB = 1000**2 / 1024
# Fifteen lines as people write them; all of them work on the newest release.
TYPICAL = """\
apache-airflow-providers-snowflake
apache-airflow-providers-slack
apache-airflow-providers-databricks
apache-airflow-providers-mongo
apache-airflow-providers-salesforce
scikit-learn
openpyxl
paramiko
beautifulsoup4
lxml
tabulate
python-slugify
pymysql
polars
humanize
"""


@dataclass(frozen=True)
class Subject:
    """One project with the typical file, and what both tools need for it."""

    project_dir: Path
    env: Mapping[str, str]
    release: Release
    packages: PythonEnvironment

    @property
    def check_argv(self) -> list[str]:
        return [sys.executable, "-m", "mwaa_local", "check", "requirements", "--project", str(self.project_dir)]

    @property
    def pip_argv(self) -> list[str]:
        path = self.project_dir / "requirements" / "requirements.txt"
        prepared = prepare(path, self.release, self.project_dir / "prepared")
        return [str(self.packages.python_path), "-m", "pip", "install", "--dry-run", "--quiet", *prepared.argv_tail]

    def seconds(self, argv: Sequence[str], cache_dir: Path) -> float:
        caches = {"UV_CACHE_DIR": str(cache_dir / "uv"), "PIP_CACHE_DIR": str(cache_dir / "pip")}
        return run(argv, self.project_dir, {**self.env, **caches})


def measure(subject: Subject, work_dir: Path, samples: int) -> dict[str, list[float]]:
    """Return the samples of every row."""
    found: dict[str, list[float]] = {}

    def row(name: str, count: int, take: Callable[[int], float]) -> None:
        found[name] = [take(number) for number in range(count)]
        say(f"{name:<22} {statistics.median(found[name]):8.2f} s")

    warm_dir = work_dir / "warm"
    row("check, cold", samples, lambda number: subject.seconds(subject.check_argv, work_dir / f"check{number}"))
    row("pip dry run, cold", 1, lambda number: subject.seconds(subject.pip_argv, work_dir / f"pip{number}"))
    for argv in (subject.check_argv, subject.pip_argv):
        subject.seconds(argv, warm_dir)
    row("check, warm", samples, lambda _: subject.seconds(subject.check_argv, warm_dir))
    row("pip dry run, warm", samples, lambda _: subject.seconds(subject.pip_argv, warm_dir))
    every = [*subject.check_argv, "--all", "--json"]
    row("check, all, cold", 1, lambda _: _any_verdict(subject, every, work_dir / "all"))
    return found


def _any_verdict(subject: Subject, argv: Sequence[str], cache_dir: Path) -> float:
    """Time a check whose file need not work on every release."""
    verdict = ["sh", "-c", '"$@" >/dev/null; [ $? -le 1 ]', "sh", *argv]
    return subject.seconds(verdict, cache_dir)


def peak_mb(subject: Subject, cache_dir: Path) -> float:
    """Return the most memory that any process of one check held at once, in a process that starts nothing else."""
    script = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    env = {**subject.env, "UV_CACHE_DIR": str(cache_dir / "uv")}
    return int(output_of([sys.executable, "-c", script, *subject.check_argv], env)) / KIB_PER_MB


def show(asked: Asked) -> Shown:
    subject = _subject(asked.folder, asked.release)
    found = measure(subject, asked.folder, 1 if asked.is_quick else SAMPLES)
    memory = peak_mb(subject, asked.folder / "warm")
    rows = [(name, f"{statistics.median(samples):.2f} s") for name, samples in found.items()]
    rows.append(("check, largest process", f"{memory:.0f} MB"))
    return Shown(("what", "took"), rows, {"seconds": found, "peak_mb": memory})


def _subject(work_dir: Path, release: Release) -> Subject:
    project_dir = work_dir / "project"
    (project_dir / "requirements").mkdir(parents=True)
    (project_dir / "dags").mkdir()
    (project_dir / "mwaa.yaml").write_text(f'AirflowVersion: "{release.airflow_version}"\n')
    (project_dir / "requirements" / "requirements.txt").write_text(TYPICAL)
    env = measuring_env(os.environ)
    packages = PackageStore(cache_of(work_dir, release, env), env).base(release, say)
    return Subject(project_dir, env, release, packages)


if __name__ == "__main__":
    sys.exit(run_bench(parser_of("tools.bench_requirements", "one sample of each"), show))
