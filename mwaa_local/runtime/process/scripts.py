"""Run the startup script in the homes of an environment of processes, as MWAA's containers do at their start.

Every home gets a run of its own. Packages are one set for all of them, which two pips at a time would tear apart: each
run changes a layer above it, and a set with all layers takes its place when all have ended. Where Linux allows no such
layer, or no homes, one run follows the other and changes the set itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from mwaa_local import isolation
from mwaa_local.command import interrupting
from mwaa_local.plan import MWAA_COMPONENTS
from mwaa_local.runtime.process.homes import UnfinishedHome
from mwaa_local.startup.outcome import StartupOutcome
from mwaa_local.startup.run import run_startup_script
from mwaa_local.startup.state import put_all_over

T = TypeVar("T")
WORKER = "worker"
Wrap = Callable[[Sequence[str]], list[str]]


@dataclass(frozen=True)
class ScriptRuns:
    """The runs of one start. `views` are the variables that the script sees, by MWAA component."""

    script_path: Path
    views: Mapping[str, Mapping[str, str]]
    cwd: Path
    logs_dir: Path
    before_change: Callable[[], None] = lambda: None  # what is done before one run changes the set itself

    def in_homes(self, homes: Sequence[UnfinishedHome]) -> list[StartupOutcome]:
        """Run it in each of the homes, and finish those. Raises StartupScriptFailed where MWAA would not start."""
        outcomes, layered = self._run_in(homes)
        if layered:
            put_all_over([home.layer_dir for home in homes], homes[0].packages_dir)
        for home in homes:
            home.finish()
        return outcomes

    def apart(self, homes: Sequence[UnfinishedHome]) -> list[StartupOutcome]:
        """Run it in each of the homes and leave both them and the packages for later. Raises as `in_homes`."""
        return self._run_in(homes)[0]

    def asked_again(self, homes: Sequence[UnfinishedHome]) -> list[StartupOutcome]:
        """Run it for its variables alone; what it makes in these homes is thrown away. Raises as `in_homes`."""
        outcomes, _ = self._run_in(homes)
        for home in homes:
            home.discard()
        return outcomes

    def _run_in(self, homes: Sequence[UnfinishedHome]) -> tuple[list[StartupOutcome], bool]:
        """Return the outcomes, and whether packages were changed in layers."""
        if not homes:
            return [], False
        layered = not any(isolation.cannot_cover(home.packages_dir, home.scratch_dir) for home in homes)
        if not layered:
            self.before_change()

        def one(home: UnfinishedHome) -> StartupOutcome:
            return self._run(home.name, lambda argv: home.argv(argv, above_packages=layered))

        return self._all(one, homes, at_once=layered), layered

    def in_one_home(self) -> list[StartupOutcome]:
        """Run it for each MWAA component in the home that all share."""
        self.before_change()
        return self._all(self._run, MWAA_COMPONENTS, at_once=False)

    @staticmethod
    def _all(one: Callable[[T], StartupOutcome], things: Sequence[T], *, at_once: bool) -> list[StartupOutcome]:
        if not at_once:  # the first one that fails is the last
            return [one(thing) for thing in things]
        with ThreadPoolExecutor(len(things)) as threads, interrupting():
            return list(threads.map(one, things))

    def _run(self, name: str, wrap: Wrap = list) -> StartupOutcome:
        component, _, number = name.partition(".")
        shown = name if number not in ("", "1") else component  # workers are alike; the first one tells
        log_path = self.logs_dir / f"startup_script_{shown}.out"
        return run_startup_script(self.script_path, shown, self.views[component], self.cwd, log_path, wrap=wrap)
