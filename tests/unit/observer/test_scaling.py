"""The observer's duty on workers: what it does about a load, and that it never stands in anybody's way."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mwaa_local.database.metadata import ExecutorLoad, RunningTask
from mwaa_local.environment.environment import Environment
from mwaa_local.environment.local import LocalSettings
from mwaa_local.errors import AlreadyRunning, StartupScriptFailed
from mwaa_local.event import FAILED, ComponentStatus
from mwaa_local.observer.duty import Observed
from mwaa_local.observer.scaling import RETRY_AFTER_S, ExecutorLoads, Scaling
from mwaa_local.plan import Component, LogReady, Plan
from mwaa_local.project import Project
from mwaa_local.scaling.pace import GROW_AFTER_S, SHRINK_AFTER_S
from mwaa_local.workspace import Workspace
from tests.fakes import FakeRuntime

SLOTS = {"AIRFLOW__CELERY__WORKER_AUTOSCALE": "5,0"}


@dataclass
class SetClock:
    """A clock that the test sets."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


class FixedLoads(ExecutorLoads):
    """The load is what the test says; None is a database that does not answer."""

    load: ExecutorLoad | None = ExecutorLoad((), 0)

    def of(self, plan: Plan) -> ExecutorLoad | None:
        return self.load


class NeverGrows(FakeRuntime):
    """Its startup script fails for each worker that comes."""

    def grow(self, component: str, count: int) -> Plan:
        super().grow(component, count)
        raise StartupScriptFailed("the startup script failed")


@dataclass
class Watched:
    """An environment with one worker, and the duty that looks after it."""

    workspace: Workspace
    runtime: FakeRuntime
    environment: Environment = field(default_factory=lambda: Environment(max_workers=4))
    clock: SetClock = field(default_factory=SetClock)
    loads: FixedLoads = field(default_factory=FixedLoads)

    def __post_init__(self) -> None:
        self.duty = Scaling(self.loads, self.clock)

    def look(self, seconds: float = 0.0) -> list[str]:
        """Have a round after so many seconds; return the workers there are then."""
        self.clock.now += seconds
        plan = self.runtime.running_plan()
        assert plan is not None
        self.duty.round(Observed(self.workspace, self.environment, self.runtime, plan, "", threading.Event()))
        return [item.name for item in self.runtime.plan.meant("worker")]


def plan() -> Plan:
    return Plan((Component("worker.1", (), SLOTS, LogReady("ready")),), "3.3.1", {}, "", "", "q", "")


def busy_on(*names: str) -> tuple[RunningTask, ...]:
    return tuple(RunningTask(name, 1) for name in names)  # the fake runtime takes a host for a worker's name


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    project = Project(tmp_path / "project")
    project.dags_dir.mkdir(parents=True)
    workspace = Workspace(project, {})
    with workspace.exclusive():  # makes its folders
        pass
    yield workspace


@pytest.fixture
def watched(workspace: Workspace) -> Watched:
    runtime = FakeRuntime(plan())
    runtime.before = runtime.plan
    return Watched(workspace, runtime)


def test_workers_come_with_the_load_and_the_idle_ones_leave_after_it(watched: Watched) -> None:
    watched.loads.load = ExecutorLoad(busy_on("worker.1"), 14)
    assert watched.look() == ["worker.1"]
    assert watched.look(GROW_AFTER_S) == ["worker.1", "worker.2", "worker.3"]
    watched.loads.load = ExecutorLoad(busy_on("worker.2"), 0)
    assert len(watched.look(5.0)) == 3
    assert watched.look(SHRINK_AFTER_S) == ["worker.2"]
    assert set(watched.runtime.plan.leaving) == {"worker.1", "worker.3"}


def test_database_that_does_not_answer_changes_nothing(watched: Watched) -> None:
    watched.loads.load = None
    assert watched.look() == watched.look(GROW_AFTER_S) == ["worker.1"]
    assert watched.runtime.calls == []


@pytest.mark.parametrize(
    "environment",
    [
        Environment(max_workers=4, local=LocalSettings(workers=1)),
        Environment(max_workers=4, local=LocalSettings(max_workers=1)),
        Environment(environment_class="mw1.micro", max_workers=1),
    ],
)
def test_fixed_number_stays(watched: Watched, environment: Environment) -> None:
    watched.environment = environment
    watched.loads.load = ExecutorLoad(busy_on("worker.1"), 100)
    watched.look()
    assert watched.look(GROW_AFTER_S) == ["worker.1"]


def test_while_a_command_changes_the_environment_nothing_is_done_and_afterwards_it_is(watched: Watched) -> None:
    watched.loads.load = ExecutorLoad(busy_on("worker.1"), 9)
    watched.look()
    with watched.workspace.exclusive():
        assert watched.look(GROW_AFTER_S) == ["worker.1"]
    assert watched.runtime.calls == [], "no startup script has run for nothing"
    watched.look()
    assert watched.look(GROW_AFTER_S) == ["worker.1", "worker.2"]


def test_plan_that_was_changed_meanwhile_stays_as_it_is(watched: Watched) -> None:
    watched.loads.load = ExecutorLoad(busy_on("worker.1"), 9)
    watched.look()
    seen = watched.runtime.running_plan()
    assert seen is not None
    watched.runtime.before = seen.grown("worker", 3)
    watched.clock.now += GROW_AFTER_S
    watched.duty.round(Observed(watched.workspace, watched.environment, watched.runtime, seen, "", threading.Event()))
    assert "resize" not in watched.runtime.calls


def test_worker_that_has_failed_does_not_count_and_others_come_in_its_place(watched: Watched) -> None:
    watched.runtime.statuses = [ComponentStatus("worker.1", FAILED)]
    assert watched.look() == ["worker.1"], "nobody needs it"
    watched.loads.load = ExecutorLoad((), 1)
    assert watched.look() == ["worker.1", "worker.2"]
    watched.runtime.statuses = [ComponentStatus(f"worker.{number}", FAILED) for number in range(1, 5)]
    assert watched.look(GROW_AFTER_S) == ["worker.1", "worker.2"], "what fails again and again is not tried at once"
    for _ in range(5):
        watched.look(RETRY_AFTER_S)
    assert watched.look() == [f"worker.{number}" for number in range(1, 5)], "never more than the most"


def test_worker_that_cannot_be_made_ready_is_not_tried_at_every_look(workspace: Workspace) -> None:
    runtime = NeverGrows(plan())
    runtime.before = runtime.plan
    watched = Watched(workspace, runtime)
    watched.loads.load = ExecutorLoad(busy_on("worker.1"), 9)
    watched.look()
    with pytest.raises(StartupScriptFailed):
        watched.look(GROW_AFTER_S)
    for _ in range(10):
        watched.look(GROW_AFTER_S)
    assert runtime.calls == ["grow worker 1"]
    watched.look(RETRY_AFTER_S)
    with pytest.raises(StartupScriptFailed):
        watched.look(GROW_AFTER_S)


def test_command_waits_for_the_observer_and_not_for_another_command(workspace: Workspace) -> None:
    entered, waits = threading.Event(), threading.Event()
    order: list[str] = []

    def observe() -> None:
        with workspace.exclusive_for_a_moment() as is_held:
            assert is_held
            entered.set()
            waits.wait(30)
            time.sleep(0.1)  # until the command really waits
            order.append("observer")

    thread = threading.Thread(target=observe)
    thread.start()
    entered.wait(30)
    waits.set()
    with workspace.exclusive():
        order.append("command")
        with pytest.raises(AlreadyRunning), workspace.exclusive():
            pass
        with workspace.exclusive_for_a_moment() as is_held:
            assert not is_held
    thread.join()
    assert order == ["observer", "command"]
