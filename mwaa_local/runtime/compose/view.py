"""Containers at one moment as components of a plan: which is which, what state each is in, and whether it is ready."""

from __future__ import annotations

import signal
import threading
from collections.abc import Collection, Iterable, Mapping

from mwaa_local.database.health import Health
from mwaa_local.event import (
    ENDED,
    FAILED,
    FINISHED,
    NO_CONTAINER,
    NOT_RUN,
    READY,
    RESTARTING,
    STARTING,
    STOPPED,
    WAITING,
    Cause,
    ComponentStatus,
)
from mwaa_local.naming import meant
from mwaa_local.plan import Component, ExitedOk, HttpReady, LogReady, Plan, TcpReady
from mwaa_local.runtime.compose.engine import Engine
from mwaa_local.runtime.compose.engine_log import NANOSECONDS
from mwaa_local.runtime.compose.state import Failure
from mwaa_local.runtime.compose.stored import Container
from mwaa_local.runtime.readiness import answers, describe_exit

SIGNAL_OFFSET = 128  # the engine reports signal N as exit code 128 + N
LAST_SIGNAL = 64
MIB = 1 << 20


def component_names(places: Mapping[str, tuple[str, int]], known: Collection[str]) -> dict[str, str]:
    """Return what the plan calls each container, by id; `places` are the service and number of each.

    A container keeps the number that Compose gave it, as long as the plan has it. Compose counts on from the highest
    number, and of two containers that must both be made anew it may keep the second: one with another number takes the
    place in the plan that no container has.
    """
    names = {key: _numbered(service, number, known) for key, (service, number) in places.items()}
    free = [name for name in known if name not in names.values()]
    for key, (service, _) in sorted(places.items(), key=lambda item: item[1]):
        if names[key] not in known and (places_left := meant(service, free)):
            names[key] = places_left[0]
            free.remove(places_left[0])
    return names


def _numbered(service: str, number: int, known: Collection[str]) -> str:
    """Return the name of a container that bears its own number: without it where the plan does not count."""
    numbered = f"{service}.{number}"
    return numbered if numbered in known else service


def by_component(plan: Plan, containers: Iterable[Container]) -> dict[str, Container]:
    """Return those of the plan's components, and of the workers that leave, which have a container."""
    by_id = {item.id: item for item in containers}
    known = [*(component.name for component in plan.components), *plan.leaving]
    names = component_names({key: (item.service, item.number) for key, item in by_id.items()}, known)
    return {name: by_id[key] for key, name in names.items() if name in known}


class ReadyContainers:
    """Which running containers are ready; one that was, stays so until it is started again."""

    def __init__(self, plan: Plan, engine: Engine, ready: dict[str, float]) -> None:
        self.ready = ready  # container -> the start that was seen to become ready
        self._engine = engine
        self._health = Health(plan.database_url, plan.broker_url)
        self._health_lock = threading.Lock()
        self._read: dict[tuple[str, float], dict[str, int]] = {}  # how far each container's output was searched

    def seen(self, component: Component, container: Container) -> bool:
        if self.ready.get(container.id) == container.started:
            return True
        if container.status != "running" or not self._ask(component, container):
            return False
        self.ready[container.id] = container.started
        return True

    def _ask(self, component: Component, container: Container) -> bool:
        ready = component.ready
        if isinstance(ready, ExitedOk):
            return False
        if isinstance(ready, LogReady):
            return self._said(ready.text, container)
        if isinstance(ready, TcpReady | HttpReady):
            return answers(ready, container.started, self._health)
        with self._health_lock:  # it has one connection
            return answers(ready, container.started, self._health)

    def _said(self, text: str, container: Container) -> bool:
        """Say whether a line of this life of the container, not of an earlier one, has the text."""
        # Between its last end and this start there is a pause; a program may write before its start is noted.
        begin_ns = int((container.finished + container.started) / 2 * NANOSECONDS) if container.finished else 0
        after = self._read.setdefault((container.id, container.started), {"out": begin_ns, "err": begin_ns})
        lines = self._engine.output(container.id, after, ended=False)
        for line in lines:
            after[line.stream] = max(after[line.stream], line.time_ns)
        return any(text in line.text for line in lines)

    def close(self) -> None:
        self._health.close()


def status_of(
    component: Component,
    container: Container | None,
    failure: Failure | None,
    readiness: ReadyContainers,
    engine: Engine,
) -> ComponentStatus:
    """Return how a component is now."""
    name = component.name
    container_id = container.id if container else ""
    if failure and failure.container_id == container_id and not (container and container.is_alive):
        return ComponentStatus(
            name, FAILED, None, failure.exit_code, failure.restarts, failure.since, failure.detail, failure.cause
        )
    if container is None:
        return ComponentStatus(name, STOPPED, detail="it has no container", cause=NO_CONTAINER)
    if not container.is_up:
        state, detail = state_at_rest(component, container)
        exit_code = None if container.status == "created" else exit_code_of(container)
        cause = end_cause(container) if state in (FAILED, RESTARTING) else ""
        return ComponentStatus(name, state, None, exit_code, container.restarts, container.finished, detail, cause)
    exit_code, detail = None, ""
    if container.restarts:
        end = engine.last_end(container)
        exit_code = None if end.exit_code is None else negative_for_signal(end.exit_code)
        detail = "it was started again after it was killed for lack of memory" if end.out_of_memory else ""
    if container.status == "paused":
        detail = "it is paused; `docker unpause` lets it go on"
    elif container.health == "unhealthy":
        detail = "its health check fails"
    state = READY if readiness.seen(component, container) else STARTING
    return ComponentStatus(name, state, container.pid or None, exit_code, container.restarts, container.started, detail)


def state_at_rest(component: Component, container: Container) -> tuple[str, str]:
    """Return state and detail of a container that is not up."""
    if container.status == "created":
        return (FAILED, container.error) if container.error else (WAITING, "")
    if container.status == "restarting":
        return RESTARTING, describe_end(container)
    if isinstance(component.ready, ExitedOk) and container.exit_code == 0 and not container.error:
        return FINISHED, ""
    return FAILED, container.error or describe_end(container)


def end_cause(container: Container) -> Cause:
    """Return why a container that should be up is not.

    A program that the container's init cannot find is an end like any other: all that is left is its exit code.
    """
    return NOT_RUN if container.error else ENDED


def exit_code_of(container: Container) -> int:
    return negative_for_signal(container.exit_code)


def negative_for_signal(code: int) -> int:
    """Return the engine's exit code as the process runtime has it: negative for a signal."""
    return SIGNAL_OFFSET - code if SIGNAL_OFFSET < code <= SIGNAL_OFFSET + LAST_SIGNAL else code


def describe_end(container: Container) -> str:
    """Return how a container ended: `exit code 1`, `signal SIGKILL, killed for lack of memory (limit 512 MiB)`."""
    code = exit_code_of(container)
    text = describe_exit(code)
    if not container.out_of_memory:
        return text
    limit = f" (limit {container.memory_limit_bytes // MIB} MiB)" if container.memory_limit_bytes else ""
    if code == -signal.SIGKILL:
        return f"{text}, killed for lack of memory{limit}"
    return f"{text}, after one of its processes was killed for lack of memory{limit}"
