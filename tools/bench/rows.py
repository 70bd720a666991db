"""What is measured: the rows of the table, and what was found for one of them."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

TASKS = 100
SLOTS = 5  # tasks at once on a worker of mw1.small, the sample's class
OURS, STANDALONE = "mwaa-local", "standalone"


@dataclass(frozen=True)
class Row:
    """One line of the table. `target` is the highest value wanted, in `unit`; None where none was set."""

    name: str
    what: str
    unit: str = "s"
    target: float | None = None
    not_slower_than_standalone: bool = False


ROWS = (
    Row("up", "warm `up` until all are healthy", target=8, not_slower_than_standalone=True),
    Row("cold-up", "cold `up`: empty caches, packages from the index", target=60),
    Row("second-project", "first `up` of a second project, warm caches", target=15),
    Row("memory", "idle memory, PSS of all processes", "MB", 800),
    Row("down", "`down`", target=5),
    Row("sample", "trigger to success, the four-task sample", target=4),
    Row("hundred-tasks", f"trigger to success, {TASKS} trivial tasks at {SLOTS} slots", target=50),
    Row("new-dag", "new DAG file listed after saving", target=5),
    Row("help", "`mwaa-local --help`"),
    Row("status", "`mwaa-local status`"),
    Row("airflow-version", "`mwaa-local airflow version`"),
    Row("no-change-up", "`up` when nothing changed"),
)
COLD_ROW = "cold-up"
CYCLE_ROWS = {"up", "down"}
RUNNING_ROWS = {"memory", "sample", "hundred-tasks", "new-dag", "status", "airflow-version", "no-change-up"}
STANDALONE_ROWS = {"up", "down", "memory", "sample", "hundred-tasks", "new-dag", "help", "airflow-version"}


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
