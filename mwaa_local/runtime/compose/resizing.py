"""Workers that come to a running environment of containers, and those that leave it.

One that leaves is told so by its own stop signal and is then left alone: nobody has to wait for up to 12 h, and neither
Compose, which would choose one by itself, nor the engine starts or stops it meanwhile. Once it has ended, whoever looks
next removes its container.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from mwaa_local.errors import MwaaLocalError, NotRunning
from mwaa_local.event import LEAVING, ComponentStatus
from mwaa_local.naming import kind_of
from mwaa_local.plan import LEAVE_TIMEOUT_S, Component, Plan
from mwaa_local.runtime.compose.containers import OwnContainers
from mwaa_local.runtime.compose.stored import Container
from mwaa_local.runtime.compose.view import by_component

ID_CHARACTERS = 12  # of a container's id, which are its host name


def resize(own: OwnContainers, before: Plan, plan: Plan) -> None:
    """Carry out a plan that differs from the one before in numbered components alone.

    What is noted is what is so, wherever an engine fails on the way: a worker that was told to leave is none of the
    plan any more, and one that could not be started is not yet.
    """
    fresh = [item for item in plan.components if before.component(item.name) is None]
    now = replace(plan, components=tuple(item for item in plan.components if item not in fresh))
    _let_go(own, before, now)
    now = tidied(own, now)
    own.state_file.begin(now, own.compose)
    if fresh:
        _start_more(own, now, replace(plan, leaving=now.leaving))


def _let_go(own: OwnContainers, before: Plan, now: Plan) -> None:
    """Tell those to leave that the plan does not have any more."""
    left = [item for item in before.components if now.component(item.name) is None]
    if not left:
        return
    containers = by_component(before, own.all())
    own.state_file.begin(now, own.compose)
    for index, component in enumerate(left):
        container = containers.get(component.name)
        try:
            if container is not None and container.is_up:
                own.engine.signal_container(container.id, component.stop_signal)
            elif container is not None:  # it ended just now; without this the engine might start it again
                own.engine.kill_container(container.id)
        except BaseException:
            own.state_file.begin(_without_left(before, now, left[:index]), own.compose)
            raise


def _without_left(before: Plan, now: Plan, told: Sequence[Component]) -> Plan:
    """Return the plan before without those that were told to leave."""
    names = [item.name for item in told]
    components = tuple(item for item in before.components if item.name not in names)
    leaving = {name: since for name, since in now.leaving.items() if name in names or name in before.leaving}
    return replace(now, components=components, leaving=leaving)


def _start_more(own: OwnContainers, before: Plan, plan: Plan) -> None:
    """Make and start the containers that the plan has more. Raises NotRunning for one that cannot be started."""
    fresh = [item.name for item in plan.components if before.component(item.name) is None]
    own.state_file.begin(plan, own.compose)
    started: list[str] = []
    try:
        own.make_more(plan, sorted({kind_of(name) for name in fresh}))
        made = by_component(plan, own.all())
        for name in fresh:
            container = made.get(name)
            error = own.engine.start_container(container.id) if container else "Compose made no container for it"
            if error:
                raise NotRunning(f"{name} could not be started", error, "mwaa-local up")
            started.append(name)
    except BaseException:
        missing = [name for name in fresh if name not in started]
        own.state_file.begin(plan.retired(missing, 0.0).without_left(before.leaving), own.compose)
        with contextlib.suppress(MwaaLocalError):  # of the engine, which may be gone: then what is left is seen by `up`
            made = by_component(plan, own.all())
            for container in (made[name] for name in missing if name in made):
                own.engine.remove_container(container.id)
        raise


def tidied(own: OwnContainers, plan: Plan) -> Plan:
    """Return the plan without those that have left; their containers are removed, and who had 12 h is ended."""
    if not plan.leaving:
        return plan
    present = by_component(plan, own.all())
    there = {name: present[name] for name in plan.leaving if name in present}
    ended = [name for name, container in there.items() if not container.is_up]
    if ended:
        own.fetch_logs(ended)
    for name in ended:
        own.engine.remove_container(there.pop(name).id)
    for name, container in there.items():
        if time.time() - plan.leaving[name] > LEAVE_TIMEOUT_S:
            own.engine.kill_container(container.id)
    return plan.without_left(there)


def name_on_host(host: str, containers: Mapping[str, Container]) -> str | None:
    """Return the component whose container gives itself that host name, and is up; None where none does."""
    short = host.partition(".")[0]
    if len(short) < ID_CHARACTERS:
        return None
    return next((name for name, item in containers.items() if item.is_up and item.id.startswith(short)), None)


def leaving_statuses(plan: Plan, present: Mapping[str, Container]) -> Iterator[ComponentStatus]:
    """Yield the state of those that leave and have not ended."""
    for name, since in plan.leaving.items():
        container = present.get(name)
        if container is not None and container.is_up:
            yield ComponentStatus(name, LEAVING, container.pid or None, None, container.restarts, since)
