"""Record how long each phase of each test and each fixture's set-up takes, one line of JSON for each.

Processes of one run append to one file, so that it does not matter which of them ran what.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Generator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.gate.lanes import FULL, part_of


@dataclass(frozen=True)
class TestTime:
    """Seconds of one phase (setup, call or teardown) of one test, `shared` of them for fixtures that others use too."""

    __test__ = False

    test: str
    part: str
    phase: str
    seconds: float
    outcome: str
    full: bool
    shared: float = 0.0

    @property
    def own_seconds(self) -> float:
        """What the test itself takes: whichever test comes first pays for what is shared."""
        return self.seconds - self.shared


@dataclass(frozen=True)
class FixtureTime:
    """Seconds of one set-up of a fixture, without those of fixtures that it asked for."""

    fixture: str
    scope: str
    file: str
    seconds: float


class Recorder:
    """The plugin that writes the file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._inner_s: list[float] = []  # what fixtures inside of those under way took
        self._shared_s = 0.0  # what fixtures of a wider scope took in this phase

    def _write(self, row: TestTime | FixtureTime) -> None:
        line = json.dumps(asdict(row)) + "\n"
        fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        with os.fdopen(fd, "w", encoding="utf-8") as file:  # one write, so that lines of two processes never mix
            file.write(line)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        full = item.get_closest_marker(FULL) is not None
        shared_s, self._shared_s = round(self._shared_s, 3), 0.0
        times = (round(report.duration, 3), report.outcome, full, shared_s)
        self._write(TestTime(item.nodeid, part_of(item), report.when, *times))
        return report

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, Any, Any]:
        began = time.monotonic()
        self._inner_s.append(0.0)
        try:
            return (yield)
        finally:
            took_s = time.monotonic() - began
            own_s = took_s - self._inner_s.pop()
            if self._inner_s:
                self._inner_s[-1] += took_s
            if fixturedef.scope != "function":
                self._shared_s += own_s
            if fixturedef.scope != "function" or own_s >= 1.0:
                self._write(FixtureTime(fixturedef.argname, fixturedef.scope, fixturedef.baseid, round(own_s, 3)))
