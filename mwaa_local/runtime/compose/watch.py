"""One start, followed to its end: each container is started when those it depends on are ready, and seen to be ready.

As the supervisor of the process runtime does it, so that both mean the same: a component that dies is started again
(here by the engine), after three quick deaths it is given up, and what is not ready in time is ended.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

from mwaa_local.errors import NotRunning
from mwaa_local.event import (
    DEPENDENCY_FAILED,
    FAILED,
    FINISHED,
    NO_CONTAINER,
    NOT_READY,
    NOT_RUN,
    READY,
    RESTARTING,
    STARTING,
    WAITING,
    Cause,
    Event,
)
from mwaa_local.plan import Component, ExitedOk, Plan
from mwaa_local.runtime.compose.changes import ContainerChanges
from mwaa_local.runtime.compose.engine import Engine
from mwaa_local.runtime.compose.state import Failure, StateFile
from mwaa_local.runtime.compose.stored import Container
from mwaa_local.runtime.compose.view import ReadyContainers, by_component, describe_end, end_cause, exit_code_of
from mwaa_local.runtime.failures import roots_first
from mwaa_local.runtime.readiness import not_ready, not_started

POLL_PAUSE_S = 0.1  # between two questions for readiness; what happens to a container is told at once
LOOK_AT_ALL_S = 3.0  # in case the engine did not tell
MAX_QUICK_DEATHS = 3
QUICK_DEATH_S = 30.0  # as in the process runtime
STARTS_AT_ONCE = 4
SETTLED = (READY, FINISHED, FAILED)


@dataclass
class _WatchedComponent:
    """One component on its way."""

    component: Component
    container_id: str
    state: str = WAITING
    launched: float = 0.0  # monotonic time of this life's beginning
    restarts: int = 0  # of those the engine counts, how many were told
    quick_deaths: int = 0
    starting: Future[str] | None = None  # yields why it could not be started
    asking: Future[bool] | None = None  # yields whether it is ready
    failure: Failure | None = None


class Watch:
    """The components of one start, without those that run as they should already."""

    def __init__(
        self,
        engine: Engine,
        plan: Plan,
        containers: Iterable[Container],
        readiness: ReadyContainers,
        state_file: StateFile,
        tell: Callable[[Event], None],
    ) -> None:
        self._engine = engine
        self._readiness = readiness
        self._state_file = state_file
        self._tell = tell
        self._containers: dict[str, Container | None] = {item.id: item for item in containers}
        self._looked_at_all = time.monotonic()
        self._pool = ThreadPoolExecutor(STARTS_AT_ONCE)
        self._followed: dict[str, _WatchedComponent] = {}
        present = by_component(plan, containers)
        for component in _dependencies_first(plan):
            container = present.get(component.name)
            if not (container and is_as_wanted(component, container, readiness)):
                self._followed[component.name] = _begin(component, container)

    def run(self, changes: ContainerChanges) -> None:
        """Start and watch until every component is settled. Raises NotRunning when somebody stops the environment."""
        with self._pool:
            for followed in self._followed.values():
                if followed.state == WAITING:
                    self._say(followed, WAITING)
            try:
                while not self._is_settled():
                    self._step_all()
                    self._look(changes.wait(POLL_PAUSE_S))
                    if self._state_file.stop_is_wanted():
                        raise NotRunning("the environment was stopped while it started", hint="mwaa-local up")
            finally:
                self._state_file.note_ready(self._readiness.ready)

    def failures(self) -> Mapping[str, Failure]:
        """Return why components failed, those first that did not fail because of another one."""
        found = {name: item.failure for name, item in self._followed.items() if item.failure is not None}
        return dict(roots_first(found.items(), lambda pair: pair[1].cause))

    def _is_settled(self) -> bool:
        return all(item.state in SETTLED for item in self._followed.values())

    def _look(self, changed: set[str]) -> None:
        """Bring what is known of these containers up to date; of all of them now and then."""
        if time.monotonic() - self._looked_at_all > LOOK_AT_ALL_S:
            self._looked_at_all = time.monotonic()
            changed = set(self._containers)
        for container_id in changed & self._containers.keys():
            self._containers[container_id] = self._engine.container(container_id)

    def _step_all(self) -> None:
        for followed in self._followed.values():
            if followed.state in (FAILED, FINISHED):
                continue
            if followed.state == WAITING:
                self._launch_when_possible(followed)
            elif followed.starting is not None:
                self._take_start(followed)
            else:
                self._follow(followed)

    def _launch_when_possible(self, followed: _WatchedComponent) -> None:
        states = {name: self._followed[name].state for name in followed.component.depends_on if name in self._followed}
        root = next((name for name, state in states.items() if state == FAILED), None)
        if root is not None:
            self._fail(followed, not_started(root), DEPENDENCY_FAILED)
        elif not followed.container_id:
            self._fail(followed, "it has no container: the compose file has no such service", NO_CONTAINER)
        elif all(state in (READY, FINISHED) for state in states.values()):
            followed.launched = time.monotonic()
            followed.starting = self._pool.submit(self._engine.start_container, followed.container_id)
            self._say(followed, STARTING)

    def _take_start(self, followed: _WatchedComponent) -> None:
        assert followed.starting is not None
        if not followed.starting.done():
            return
        problem = followed.starting.result()
        followed.starting = None
        self._containers[followed.container_id] = self._engine.container(followed.container_id)
        if problem:
            self._fail(followed, problem, NOT_RUN)
        else:
            self._follow(followed)

    def _follow(self, followed: _WatchedComponent) -> None:
        container = self._containers[followed.container_id]
        if container is None:
            self._fail(followed, "its container was removed", NO_CONTAINER)
            return
        while followed.restarts < container.restarts:
            if followed.state == RESTARTING:  # it lived, and ended again, between two looks
                self._start_again(followed)
            followed.restarts += 1
            if not self._survives(followed, container, is_last=followed.restarts == container.restarts):
                return
        if container.is_up:
            if followed.state == RESTARTING:
                self._start_again(followed)
            if followed.state == STARTING:
                self._ask(followed, container)
        elif container.status != "restarting":
            self._take_end(followed, container)

    def _start_again(self, followed: _WatchedComponent) -> None:
        followed.launched = time.monotonic()
        followed.asking = None
        self._say(followed, STARTING)

    def _survives(self, followed: _WatchedComponent, container: Container, *, is_last: bool) -> bool:
        """Take a death in that the engine answers by starting the container again; say whether it may."""
        ended = self._as_it_ended(container)
        # How long lives before the last one were is not known: so many between two looks were short.
        is_quick = not is_last or _lived_s(ended) < QUICK_DEATH_S
        followed.quick_deaths = followed.quick_deaths + 1 if is_quick else 0
        if followed.component.restart and followed.quick_deaths < MAX_QUICK_DEATHS:
            self._say(followed, RESTARTING, describe_end(ended), exit_code=exit_code_of(ended))
            return True
        self._engine.kill_container(container.id)
        self._fail_after_end(followed, ended, restarts=followed.restarts - 1)
        return False

    def _as_it_ended(self, container: Container) -> Container:
        """Return the container as it was between its last end and its new start."""
        if not container.is_up:
            return container
        end = self._engine.last_end(container)
        exit_code = container.exit_code if end.exit_code is None else end.exit_code
        # When that life began is not known any more; it ended just now, since we would have seen it else.
        return replace(
            container, exit_code=exit_code, out_of_memory=end.out_of_memory, started=container.finished, status="exited"
        )

    def _take_end(self, followed: _WatchedComponent, container: Container) -> None:
        if isinstance(followed.component.ready, ExitedOk) and container.exit_code == 0 and not container.error:
            self._say(followed, FINISHED, exit_code=0)
        else:
            self._fail_after_end(followed, container, restarts=container.restarts)

    def _fail_after_end(self, followed: _WatchedComponent, container: Container, *, restarts: int) -> None:
        detail = container.error or f"{describe_end(container)} after {_lived_s(container):.1f} s"
        self._fail(followed, detail, end_cause(container), exit_code_of(container), restarts)

    def _ask(self, followed: _WatchedComponent, container: Container) -> None:
        if followed.asking is not None and followed.asking.done():
            is_ready, followed.asking = followed.asking.result(), None
            if is_ready and self._readiness.ready.get(container.id) == container.started:
                self._say(followed, READY, pid=container.pid)
                self._state_file.note_ready(self._readiness.ready)
                return
        if time.monotonic() - followed.launched > followed.component.ready.timeout_s:
            self._engine.kill_container(container.id)
            self._fail(followed, not_ready(followed.component.ready), NOT_READY)
        elif followed.asking is None:
            followed.asking = self._pool.submit(self._readiness.seen, followed.component, container)

    def _fail(
        self, followed: _WatchedComponent, detail: str, cause: Cause, exit_code: int | None = None, restarts: int = 0
    ) -> None:
        followed.failure = Failure(followed.container_id, detail, exit_code, restarts, cause=cause)
        self._state_file.note_failed(followed.component.name, followed.failure)
        self._say(followed, FAILED, detail, exit_code=exit_code)

    def _say(
        self,
        followed: _WatchedComponent,
        state: str,
        detail: str = "",
        *,
        pid: int | None = None,
        exit_code: int | None = None,
    ) -> None:
        followed.state = state
        elapsed_s = time.monotonic() - followed.launched if state in (READY, FINISHED) else 0.0
        self._tell(Event(followed.component.name, state, elapsed_s, detail, pid, exit_code))


def is_as_wanted(component: Component, container: Container, readiness: ReadyContainers) -> bool:
    """Say whether a component needs nothing done."""
    if isinstance(component.ready, ExitedOk):
        return container.status == "exited" and container.exit_code == 0 and not container.error
    return container.is_up and readiness.seen(component, container)


def _begin(component: Component, container: Container | None) -> _WatchedComponent:
    followed = _WatchedComponent(component, container.id if container else "", launched=time.monotonic())
    if container is not None and container.is_alive:
        followed.state = STARTING if container.is_up else RESTARTING
        followed.restarts = container.restarts
    return followed


def _lived_s(container: Container) -> float:
    return max(0.0, container.finished - container.started)


def _dependencies_first(plan: Plan) -> Iterator[Component]:
    """Yield the plan's components, each after those it depends on."""
    done: dict[str, None] = {}
    rest = list(plan.components)
    while rest:
        free = [item for item in rest if all(name in done or plan.component(name) is None for name in item.depends_on)]
        for component in free or rest:  # a circle of dependencies waits for ever, and is a bug in the plan
            done[component.name] = None
            yield component
        rest = [item for item in rest if item.name not in done]
