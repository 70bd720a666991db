"""Show what was found: the machine, the table with its verdicts, and both as JSON values."""

from __future__ import annotations

import contextlib
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from mwaa_local.console import table
from mwaa_local.packages import PythonEnvironment
from tools.bench.commands import output_of
from tools.bench.measuring import SAMPLES, Bench
from tools.bench.rows import OURS, ROWS, STANDALONE, Measurement, Results, Row, figure

BUSY_LIMIT_PERCENT = 10.0  # of all cores; above it, figures tell more about the others than about this
# About a quarter of a second on a machine of 2024; says how this machine compares, whatever else it does.
LOOP_CODE = """\
import time
def loop():
    started, total = time.perf_counter(), 0
    for number in range(5_000_000):
        total += number & 7
    return time.perf_counter() - started
print(min(loop() for _ in range(3)))
"""


def machine_facts(bench: Bench, packages: PythonEnvironment) -> dict[str, str]:
    """Return what makes figures of two machines comparable, by name."""
    facts = {
        "airflow": bench.release.airflow_version,
        "python": packages.python_version,
        "cpu": f"{cpu_model()}, {core_count()} cores",
        "memory": f"{psutil.virtual_memory().total / 1e9:.1f} GB",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "load": f"{os.getloadavg()[0]:.2f} over the last minute, before measuring",
        "loop": f"{float(output_of([str(packages.python_path), '-c', LOOP_CODE], bench.env)):.3f} s, pure Python",
        "samples": "1 each" if bench.quick else f"median of {SAMPLES}, of the long ones 1",
    }
    if bench.session.cache_dir.stat().st_dev != bench.work_dir.stat().st_dev:
        facts["disk"] = f"{bench.work_dir} is not on the cache's disk: files are copied, not linked; set TMPDIR"
    return facts


def others_text(percents: Sequence[float]) -> str:
    """Return how much of the processor others used while nothing of ours ran, and whether that spoils the figures."""
    if not percents:
        return "not looked at: nothing was started"
    worst = max(percents)
    text = f"used {statistics.median(percents):.0f} % of all cores before the starts, at worst {worst:.0f} %"
    spoilt = "; NOT A QUIET MACHINE, the figures are too high" if worst > BUSY_LIMIT_PERCENT else ""
    return text + spoilt


def core_count() -> int:
    """Return how many cores this process may use, which in a container can be fewer than there are."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_model() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or "unknown processor"


def cell(measurement: Measurement | None, unit: str) -> str:
    if measurement is None:
        return "-"
    return "failed" if measurement.failure else figure(measurement.value, unit)


def verdict(row: Row, ours: Measurement | None, standalone: Measurement | None) -> str:
    """Return whether the target is met: "yes", "no", or "-" where there is no target or no figure."""
    if row.target is None or ours is None or ours.failure:
        return "-"
    met = ours.value <= row.target
    if row.not_slower_than_standalone and standalone is not None and not standalone.failure:
        met = met and ours.value <= standalone.value
    return "yes" if met else "no"


def target_text(row: Row) -> str:
    if row.target is None:
        return "-"
    also = " and ≤ standalone" if row.not_slower_than_standalone else ""
    return f"≤ {row.target:g} {row.unit}{also}"


def as_table(results: Results) -> str:
    rows = []
    for row in ROWS:
        ours, standalone = results.get((row.name, OURS)), results.get((row.name, STANDALONE))
        if ours is None and standalone is None:
            continue
        notes = "; ".join(side.note for side in (ours, standalone) if side is not None and side.note)
        rows.append(
            (
                row.what,
                cell(ours, row.unit),
                target_text(row),
                verdict(row, ours, standalone),
                cell(standalone, row.unit),
                notes,
            )
        )
    return table(("what", OURS, "target", "met", "airflow standalone", "note"), rows)


def as_plain(facts: Mapping[str, str], results: Results) -> dict[str, Any]:
    """Return everything as JSON values: the machine, and each row with its samples by side."""
    rows = []
    for row in ROWS:
        sides = {side: results[row.name, side] for side in (OURS, STANDALONE) if (row.name, side) in results}
        if sides:
            plain = {
                side: {
                    "value": round(found.value, 3) if found.samples else None,
                    "samples": [round(value, 3) for value in found.samples],
                    "note": found.note,
                    "failure": found.failure,
                }
                for side, found in sides.items()
            }
            rows.append({"name": row.name, "what": row.what, "unit": row.unit, "target": row.target, **plain})
    return {"machine": dict(facts), "rows": rows}
