"""The options that the tiers need: `--times FILE` records durations, `--share K/N` takes a part of the full tier."""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path

import pytest
from xdist.workermanage import WorkerController  # type: ignore[import-untyped]

from tests.gate.lanes import DISTURBS, FULL, file_of, in_order, lanes, part_of, recorded_seconds, share_of
from tests.gate.scheduler import FULL_TIER, LaneScheduling, tell_where_to_write, write_lanes
from tests.gate.times import Recorder


def add_options(parser: pytest.Parser) -> None:
    group = parser.getgroup("tiers of tests")
    group.addoption("--times", type=Path, metavar="FILE", help="append how long each test and fixture took")
    group.addoption(
        "--share",
        type=_share,
        metavar="K/N",
        help=f"of tests marked `{FULL}`, run the K-th of N parts that take about equally long, and no others",
    )


def _share(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise argparse.ArgumentTypeError(f"{text!r} is not like 2/6: the second of six shares")
    return int(found[1]), int(found[2])


def configure(config: pytest.Config) -> None:
    path = config.getoption("--times")
    if path:
        config.pluginmanager.register(Recorder(path.absolute()), "times")
    if config.getoption("dist") != "no":  # it is that in the processes that xdist starts
        config.pluginmanager.register(Lanes(), "lanes")


class Lanes:
    """The plugin that has xdist hand out lanes.

    Its processes write them into memory of this one, so that a run that is killed leaves no file.
    """

    def __init__(self) -> None:
        self._fd = os.memfd_create("mwaa-local-lanes")
        self._path = Path(f"/proc/{os.getpid()}/fd/{self._fd}")

    @pytest.hookimpl
    def pytest_configure_node(self, node: WorkerController) -> None:
        tell_where_to_write(node, self._path)

    @pytest.hookimpl
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: object) -> LaneScheduling:
        return LaneScheduling(config, log, self._path)

    def pytest_unconfigure(self) -> None:
        os.close(self._fd)


def arrange(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what the share does not take; put the lanes in order and mark them for xdist."""
    seconds = recorded_seconds()
    share = config.getoption("--share")
    if share:
        full = [item for item in items if item.get_closest_marker(FULL)]
        number, count = share
        taken = share_of(map(part_of, full), number, count, seconds)
        kept = {item: None for item in full if part_of(item) in taken}
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        items[:] = kept
    else:
        files = [file_of(item) for item in items if item.get_closest_marker(FULL)]
        config.stash[FULL_TIER] = {file: files.count(file) for file in sorted(set(files))}
    lane_of = lanes(items)
    order = in_order(items, lane_of, seconds)
    # Stable: else the order of collection stays inside a lane, by which a module's fixtures are set up once.
    items.sort(key=lambda item: (order.index(lane_of[part_of(item)]), item.get_closest_marker(DISTURBS) is not None))
    write_lanes(config, {item.nodeid: lane_of[part_of(item)] for item in items})


def say_what_is_full(reporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say which tests `make test` leaves out, whether this run did or not."""
    found = config.stash.get(FULL_TIER, {})
    if not found:
        return
    count = sum(found.values())
    if config.getoption("-m") == f"not {FULL}":
        reporter.section(f"left out: {count} tests of the full tier, run by `make test-full`")
    else:
        reporter.section(f"{count} tests of the full tier, which `make test` leaves out")
    for file, number in found.items():
        reporter.write_line(f"{number:5}  {file}")
