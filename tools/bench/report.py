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
from mwaa_local.release import Release
from tools.bench.commands import output_of
from tools.bench.figures import SAMPLES
from tools.bench.rows import ALL, ROWS, SHOWN_AS, STANDALONE, Measurement, Results, Row, figure

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


def machine_facts(
    release: Release, packages: PythonEnvironment, env: Mapping[str, str], *, quick: bool
) -> dict[str, str]:
    """Return what makes figures of two machines comparable, by name."""
    return {
        "airflow": release.airflow_version,
        "python": packages.python_version,
        "cpu": f"{cpu_model()}, {core_count()} cores",
        "memory": f"{psutil.virtual_memory().total / 1e9:.1f} GB",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "load": f"{os.getloadavg()[0]:.2f} over the last minute, before measuring",
        "loop": f"{float(output_of([str(packages.python_path), '-c', LOOP_CODE], env)):.3f} s, pure Python",
        "samples": "1 each" if quick else f"median of {SAMPLES}, of the long ones 1",
    }


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


def verdict(row: Row, side: str, results: Results) -> str:
    """Return whether the side's target is met: "yes", "no", or "-" where there is no target or no figure."""
    target, found, standalone = (
        row.targets.get(side),
        results.get((row.name, side)),
        results.get((row.name, STANDALONE)),
    )
    if target is None or found is None or found.failure:
        return "-"
    met = found.value <= target.value
    if target.not_above_standalone and standalone is not None and not standalone.failure:
        met = met and found.value <= standalone.value
    return "yes" if met else "no"


def target_text(row: Row, side: str) -> str:
    target = row.targets.get(side)
    if target is None:
        return "-"
    also = " and ≤ standalone" if target.not_above_standalone else ""
    return f"≤ {target.value:g} {row.unit}{also}"


def as_table(results: Results) -> str:
    """Return a line for each row and columns for each side that anything was measured of."""
    if not results:
        return "nothing was measured"
    sides = [side for side in ALL if any(measured == side for _, measured in results)]
    headers = ["what"]
    for side in sides:
        headers += [SHOWN_AS[side]] if side == STANDALONE else [SHOWN_AS[side], "target", "met"]
    lines = []
    for row in ROWS:
        found = [results.get((row.name, side)) for side in sides]
        if not any(found):
            continue
        line = [row.what]
        for side, measurement in zip(sides, found, strict=True):
            line.append(cell(measurement, row.unit))
            if side != STANDALONE:
                line += [target_text(row, side), verdict(row, side, results)]
        notes = "; ".join(measurement.note for measurement in found if measurement and measurement.note)
        lines.append([*line, notes])
    return table([*headers, "note"], lines)


def as_plain(facts: Mapping[str, str], results: Results) -> dict[str, Any]:
    """Return everything as JSON values: the machine, and each row with its targets and samples by side."""
    rows = []
    for row in ROWS:
        sides = {side: results[row.name, side] for side in ALL if (row.name, side) in results}
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
            targets = {side: target.value for side, target in row.targets.items()}
            rows.append({"name": row.name, "what": row.what, "unit": row.unit, "targets": targets, **plain})
    return {"machine": dict(facts), "rows": rows}
