"""What is measured: the rows of the table, and what was found for one of them."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

TASKS = 100
SLOTS = 5  # tasks at once on a worker of mw1.small, the sample's class
PROCESSES, DOCKER, STANDALONE = "processes", "docker", "standalone"
OURS = (PROCESSES, DOCKER)
ALL = (*OURS, STANDALONE)
SHOWN_AS = {PROCESSES: "mwaa-local, processes", DOCKER: "mwaa-local, Docker", STANDALONE: "airflow standalone"}


@dataclass(frozen=True)
class Target:
    """The highest value wanted of one side, in the row's unit."""

    value: float
    not_above_standalone: bool = False


@dataclass(frozen=True)
class Row:
    """One line of the table: `sides` on which it is measured, targets of those that were set one."""

    name: str
    what: str
    sides: tuple[str, ...]
    unit: str = "s"
    targets: Mapping[str, Target] = field(default_factory=dict)


ROWS = (
    Row(
        "up",
        "warm `up` until all are healthy",
        ALL,
        targets={PROCESSES: Target(8, not_above_standalone=True), DOCKER: Target(20)},
    ),
    Row("cold-up", "cold `up`: empty caches, packages from the index", (PROCESSES,), targets={PROCESSES: Target(60)}),
    Row("cold-downloads", "of it downloads: what it takes less when they are there", (PROCESSES,)),
    Row(
        "second-project",
        "first `up` of a second project, warm caches",
        OURS,
        targets={PROCESSES: Target(15), DOCKER: Target(25)},
    ),
    Row("memory", "idle memory", ALL, "MB", {PROCESSES: Target(800), DOCKER: Target(1400)}),
    Row("down", "`down`", ALL, targets={PROCESSES: Target(5)}),
    Row("sample", "trigger to success, the four-task sample", ALL, targets={PROCESSES: Target(4)}),
    Row(
        "hundred-tasks",
        f"trigger to success, {TASKS} trivial tasks at {SLOTS} slots",
        ALL,
        targets={PROCESSES: Target(50)},
    ),
    Row("new-dag", "new DAG file listed after saving", ALL, targets={PROCESSES: Target(5)}),
    Row("help", "`mwaa-local --help`", (PROCESSES, STANDALONE)),
    Row("status", "`mwaa-local status`", OURS),
    Row("airflow-version", "`mwaa-local airflow version`", ALL),
    Row("no-change-up", "`up` when nothing changed", OURS),
    Row(
        "requirements-change",
        "`up` after a line more in requirements.txt, without pip's own time",
        (DOCKER,),
        targets={DOCKER: Target(10)},
    ),
    Row("image", "image built, packages from the index, base image there", (DOCKER,), targets={DOCKER: Target(90)}),
    Row("image-size", "image", (DOCKER,), "MB", {DOCKER: Target(650)}),
)
COLD_ROWS = {"cold-up", "cold-downloads", "image"}
CYCLE_ROWS = {"up", "down"}
RUNNING_ROWS = {
    "memory",
    "sample",
    "hundred-tasks",
    "new-dag",
    "status",
    "airflow-version",
    "no-change-up",
    "requirements-change",
}
IMAGE_ROWS = {"image-size", "second-project"}  # need an image, which the first start makes where there is none


def rows_of(side: str, wanted: Iterable[str]) -> set[str]:
    """Return the names of those wanted rows that are measured on that side."""
    return {row.name for row in ROWS if side in row.sides}.intersection(wanted)


@dataclass(frozen=True)
class Measurement:
    """The samples of one row on one side, in the row's unit; or why there are none."""

    samples: tuple[float, ...] = ()
    note: str = ""
    failure: str = ""

    @property
    def value(self) -> float:
        return statistics.median(self.samples)


Results = dict[tuple[str, str], Measurement]  # by row and side


def figure(value: float, unit: str) -> str:
    return f"{value:.0f} {unit}" if unit == "MB" or value >= 100 else f"{value:.2f} {unit}"
