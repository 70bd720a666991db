"""The Runtime protocol: the verbs that every backend can do, and the values they speak.

Backends: `process` (plain processes under our own supervisor) and `compose` (containers under Docker Compose).
Nothing here knows which one is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mwaa_local.database.metadata import RunningTask
from mwaa_local.event import ComponentStatus, Event, LogLine
from mwaa_local.plan import Plan
from mwaa_local.remarks import Remark
from mwaa_local.runtime.databases import Databases
from mwaa_local.runtime.usage import Usage
from mwaa_local.wanted import Wanted


@dataclass(frozen=True)
class Prepared:
    """A plan that can be started, and what was learnt on the way to it.

    A runtime's own kind does more around the start; this one starts the plan as it is.
    """

    plan: Plan
    remarks: tuple[Remark, ...] = ()
    told: tuple[Event, ...] = ()  # what there is to say of services once they run

    def set_up(self) -> None:
        """Do what has to be done before any component is touched."""

    def withdraw(self) -> None:
        """Take back what was made for this start where no component is touched after all."""

    def judge(self) -> tuple[Remark, ...]:
        """Return all there is to say. Raises what is the cause where the start failed, if it is not the component."""
        return self.remarks

    def settle(self) -> None:
        """Forget what this start replaced, now that it is up."""


class Runtime(Protocol):
    """Makes a plan of what is wanted and carries it out."""

    @property
    def running(self) -> bool:
        """Whether an environment runs here."""

    @property
    def was_cut_off(self) -> bool:
        """Whether an environment ran here and ended without `stop`: it was killed, or the machine was restarted."""

    @property
    def databases(self) -> Databases:
        """The metadata databases that the project keeps here."""

    def running_plan(self) -> Plan | None:
        """Return the plan that runs, or None."""

    def prepare(self, wanted: Wanted, on_event: Callable[[Event], None]) -> Prepared:
        """Make everything that the environment needs in order to start; nothing that runs is changed."""

    def start(self, prepared: Prepared, on_event: Callable[[Event], None]) -> tuple[Remark, ...]:
        """Start what does not run, restart what changed, leave the rest.

        Returns when all are ready, with what there is to say of the start and its preparation.
        """

    def grow(self, component: str, count: int) -> Plan:
        """Return the running plan with so many more of a component of which there can be several, `worker`.

        What these need is made, a startup script run for it included; nothing that runs is changed, and nobody has to
        be kept from doing so meanwhile. Raises NotRunning, and StartupScriptFailed.
        """

    def resize(self, plan: Plan) -> None:
        """Carry out a plan that differs from the running one in workers alone, and wait for none of them.

        Those that are new start. Those that `Plan.retired` took out are told to take no more tasks and to end when
        their running ones have, LEAVE_TIMEOUT_S later at the latest; until then they are `leaving`. Those that have
        ended are tidied away. Raises NotRunning, and AlreadyRunning where somebody else changed the environment.
        """

    def busy(self, component: str, tasks: Sequence[RunningTask]) -> frozenset[str]:
        """Return which of a component run one of these tasks; all of them, where that is not certain of a task."""

    def finish_stop(self, on_event: Callable[[Event], None]) -> None:
        """Wait for the end of a stop that goes on although nobody waits for it, as after an interrupted `down`."""

    def stop(self, *, now: bool = False, on_event: Callable[[Event], None] | None = None) -> bool:
        """Stop everything; return whether anything was running. `now` kills instead of waiting for running tasks."""

    def kill(self, component: str) -> str | None:
        """Kill one of a component with all its processes, as where its machine is lost, and return its name.

        It is started again as after any other death. None where none runs.
        """

    def kill_largest(self, component: str) -> str | None:
        """Kill the process that takes the most memory of those that one of a component began, and return its name.

        So does the kernel where memory is short. The component itself is spared. None where it has begun none.
        """

    def status(self) -> list[ComponentStatus]:
        """Return every component of the running plan, or nothing when none runs."""

    def logs(self, names: Sequence[str], *, follow: bool, from_end: bool = False) -> Iterator[LogLine]:
        """Yield the lines of the named components (all when empty) by time; with `follow`, go on as they come.

        `from_end` leaves out what is there already.
        """

    def run(
        self,
        component: str,
        argv: Sequence[str],
        env: Mapping[str, str] | None = None,
        script: Path | None = None,
    ) -> int:
        """Run an Airflow command in that component's environment on this process's streams; return its exit code.

        With `script`, it is that program of ours, below `guest/`, to which the words belong.
        """

    def capture(self, component: str, argv: Sequence[str], script: Path | None = None) -> tuple[int, str]:
        """Run an Airflow command as `run` does; return its exit code and output, lines of both streams mixed."""

    def memory_bytes(self) -> int | None:
        """Return how much memory the machine has on which components run; None if it does not say."""

    def usage(self) -> dict[str, Usage]:
        """Return what each component that is up uses, by name; what cannot be told is left out."""

    def memory_kills(self) -> int | None:
        """Return how many processes the kernel has killed for lack of memory where tasks run; None if it does not say.

        Only a difference between two answers means something.
        """

    def remove_data(self) -> None:
        """Remove what a stopped environment keeps: the databases of all releases, the queue, installed packages."""

    def remove_queue(self) -> None:
        """Remove the queue of a stopped environment, whose messages would name runs that are gone."""

    def remove_database(self, airflow_version: str) -> None:
        """Remove the database of one release, and the queue, whose messages would name runs that are gone."""
