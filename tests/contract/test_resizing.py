"""Workers that come to a running environment and leave it, in every runtime."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mwaa_local.errors import ComponentUnknown, DockerUnavailable, NotRunning
from mwaa_local.event import FAILED, LEAVING, READY, ComponentStatus
from mwaa_local.plan import Plan
from mwaa_local.runtime.protocol import Prepared
from tests.contract.house import House
from tests.docker import GeneratedRuntime, skip_without_docker
from tests.fakes import READY_LINE, DiesAfterStart, EndsWhenAllowed, Steady, program, wait_until

# Programs of a worker's children, and what the worker tells of them.
REST = "import time; time.sleep(600)"
LARGE = "import time; taken = bytearray(64 << 20); print('large', flush=True); time.sleep(600)"
TELL = "while True: say('ended: %s' % [child.poll() for child in children]); time.sleep(0.2)"
PROMPT_S = 30.0  # for what takes a moment, on a busy machine


@pytest.fixture
def house(make_scalable: Callable[[], House]) -> House:
    return make_scalable()


def allowed(house: House) -> Path:
    """Return the file that lets workers end."""
    return house.project.root_dir / "allowed"


def running(house: House, count: int = 1) -> None:
    """Bring up so many workers that end only when they are allowed to, and something else."""
    workers = [EndsWhenAllowed(f"worker.{number}", allowed(house)) for number in range(1, count + 1)]
    house.up(*workers, Steady())


def plan_of(house: House) -> Plan:
    plan = house.runtime.running_plan()
    assert plan is not None
    return plan


def add(house: House, count: int) -> None:
    house.runtime.resize(house.runtime.grow("worker", count))


def retire(house: House, *names: str) -> None:
    house.runtime.resize(plan_of(house).retired(names, time.time()))


def is_ready(status: ComponentStatus) -> bool:
    return status.state == READY


def wait_until_gone(house: House, name: str) -> None:
    def is_gone() -> bool:
        house.runtime.resize(plan_of(house))  # tidies
        return name not in house.status() and name not in plan_of(house).leaving

    wait_until(is_gone, f"the end of {name}", PROMPT_S)


def test_workers_that_come_leave_all_others_running(house: House) -> None:
    running(house)
    before = {name: house.pid(name) for name in ("worker.1", "steady")}
    add(house, 2)
    for name in ("worker.2", "worker.3"):
        house.wait_for(name, is_ready, "is ready")
    assert {name: house.pid(name) for name in before} == before
    assert [item.name for item in plan_of(house).meant("worker")] == ["worker.1", "worker.2", "worker.3"]
    with pytest.raises(ComponentUnknown):
        house.runtime.grow("steady", 1)
    allowed(house).touch()
    assert house.runtime.stop()
    with pytest.raises(NotRunning):
        house.runtime.grow("worker", 1)


def test_named_worker_leaves_when_it_has_done_its_work_and_nobody_waits_for_it(house: House) -> None:
    running(house, 3)
    before = {name: house.pid(name) for name in ("worker.1", "worker.2", "worker.3", "steady")}
    retire(house, "worker.2")
    house.wait_for("worker.2", lambda status: status.state == LEAVING, "leaves")
    wait_until(lambda: "asked to end" in house.texts("worker.2"), "worker.2 was told", PROMPT_S)
    assert house.pid("worker.2") == before["worker.2"], "it is still at work"
    assert [item.name for item in plan_of(house).meant("worker")] == ["worker.1", "worker.3"]
    # One more comes beside it, under a name that nobody has.
    add(house, 1)
    house.wait_for("worker.4", is_ready, "is ready")
    assert house.pid("worker.2") == before["worker.2"]
    allowed(house).touch()
    wait_until_gone(house, "worker.2")
    assert house.texts("worker.2").count("ended in order") == 1, "it was neither killed nor started again"
    assert {name: house.pid(name) for name in ("worker.1", "worker.3", "steady")} == {
        name: pid for name, pid in before.items() if name != "worker.2"
    }
    add(house, 1)
    house.wait_for("worker.5", is_ready, "is ready")


def test_first_worker_may_leave_and_the_rest_is_as_before(house: House) -> None:
    running(house, 2)
    second = house.pid("worker.2")
    allowed(house).touch()
    retire(house, "worker.1")
    wait_until_gone(house, "worker.1")
    assert set(house.status()) == {"worker.2", "steady"}
    add(house, 1)
    house.wait_for("worker.3", is_ready, "is ready")
    assert house.pid("worker.2") == second
    assert house.runtime.kill("worker") == "worker.2"
    assert set(house.texts("worker.3")) & set(house.texts("worker"))


def test_worker_that_leaves_goes_on_through_a_start_that_changes_other_things(house: House) -> None:
    running(house, 2)
    leaver = house.pid("worker.2")
    retire(house, "worker.2")
    plan = plan_of(house)
    changed = tuple(
        replace(item, env={**item.env, "CHANGED": "1"}) if item.name == "steady" else item for item in plan.components
    )
    steady = house.pid("steady")
    house.runtime.start(Prepared(replace(plan, components=changed)), house.events.append)
    assert house.pid("steady") != steady
    assert house.pid("worker.2") == leaver
    assert house.status()["worker.2"].state == LEAVING
    allowed(house).touch()
    wait_until_gone(house, "worker.2")


def test_stop_ends_also_who_leaves(house: House) -> None:
    running(house, 2)
    retire(house, "worker.2")
    house.wait_for("worker.2", lambda status: status.state == LEAVING, "leaves")
    assert house.runtime.stop(now=True)
    assert house.no_process_is_left()
    assert house.runtime.status() == []


def test_start_with_changed_workers_ends_who_leaves_with_a_stops_patience(house: House) -> None:
    workers = [EndsWhenAllowed(f"worker.{number}", allowed(house), stop_timeout_s=1) for number in (1, 2)]
    house.up(*workers, Steady())
    retire(house, "worker.2")
    house.wait_for("worker.2", lambda status: status.state == LEAVING, "leaves")
    plan = plan_of(house)
    changed = tuple(
        replace(item, env={**item.env, "CHANGED": "1"}) if item.name == "worker.1" else item for item in plan.components
    )
    house.runtime.start(Prepared(replace(plan, components=changed)), house.events.append)
    assert set(house.status()) == {"worker.1", "steady"}
    assert plan_of(house).leaving == {}


def test_patient_start_has_others_take_the_place_of_workers_that_still_work(house: House) -> None:
    running(house)
    leaver = house.pid("worker.1")
    plan = plan_of(house).grown("worker", 1).retired(["worker.1"], time.time())
    changed = tuple(replace(item, env={**item.env, "CHANGED": "1"}) for item in plan.components)
    steady = house.pid("steady")
    house.runtime.start(Prepared(replace(plan, components=changed, patient=True)), house.events.append)
    statuses = house.status()
    assert {name: item.state for name, item in statuses.items()} == {
        "worker.1": LEAVING,
        "worker.2": READY,
        "steady": READY,
    }
    assert house.pid("worker.1") == leaver
    assert house.pid("steady") != steady
    wait_until(lambda: "asked to end" in house.texts("worker.1"), "worker.1 was told", PROMPT_S)
    allowed(house).touch()
    wait_until_gone(house, "worker.1")
    assert house.texts("worker.1").count("ended in order") == 1
    assert set(house.status()) == {"worker.2", "steady"}


def test_who_has_left_before_a_change_is_carried_out_is_not_waited_for(house: House) -> None:
    running(house)
    late = replace(plan_of(house), leaving={"worker.9": time.time()})
    house.runtime.resize(late)
    assert plan_of(house).leaving == {}
    house.runtime.start(Prepared(late), house.events.append)
    assert plan_of(house).leaving == {}
    allowed(house).touch()


def test_worker_that_has_failed_is_not_waited_for_by_a_patient_start(house: House) -> None:
    trigger = house.project.root_dir / "trigger"
    house.up(DiesAfterStart("worker.1", trigger, restart=False), Steady())
    trigger.touch()
    house.wait_for("worker.1", lambda status: status.state == FAILED, "has failed")
    plan = plan_of(house).grown("worker", 1).retired(["worker.1"], time.time())
    house.runtime.start(Prepared(replace(plan, patient=True)), house.events.append)
    house.runtime.resize(plan_of(house))  # tidies
    assert plan_of(house).leaving == {}
    assert set(house.status()) == {"worker.2", "steady"}


def test_largest_process_below_a_worker_is_killed_and_the_worker_goes_on(house: House) -> None:
    """As by a kernel that is short of memory."""
    small, large = (f"children.append(subprocess.Popen([sys.executable, '-c', {code!r}]))" for code in (REST, LARGE))
    code = f"import subprocess; children = []; {small}; {large}; say({READY_LINE!r})\n{TELL}"
    house.up(program("worker.1", code), Steady())
    wait_until(lambda: "large" in house.texts("worker.1"), "the large one is there", PROMPT_S)
    leader = house.pid("worker.1")
    assert house.runtime.kill_largest("worker") == "worker.1"
    wait_until(lambda: "ended: [None, -9]" in house.texts("worker.1"), "the end of the large one alone", PROMPT_S)
    assert house.pid("worker.1") == leader
    assert house.runtime.kill_largest("nobody") is None


@pytest.fixture
def containers(make_house: Callable[..., House]) -> House:
    skip_without_docker()
    return make_house(lambda project, env: GeneratedRuntime(project, env, replicated=("worker",)))


@pytest.mark.docker
def test_plan_says_what_is_so_when_the_engine_fails_while_workers_are_told_to_leave(
    containers: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = containers
    running(house, 3)
    engine = house.runtime.own.engine  # type: ignore[union-attr]
    signal_container = engine.signal_container
    told: list[str] = []

    def first_only(container_id: str, signal_name: str) -> None:
        if told:
            raise DockerUnavailable("the engine went away")
        told.append(container_id)
        signal_container(container_id, signal_name)

    with monkeypatch.context() as patched:
        patched.setattr(engine, "signal_container", first_only)
        with pytest.raises(DockerUnavailable):
            retire(house, "worker.2", "worker.3")
    assert [item.name for item in plan_of(house).meant("worker")] == ["worker.1", "worker.3"]
    assert set(plan_of(house).leaving) == {"worker.2"}
    with monkeypatch.context() as patched:
        patched.setattr("mwaa_local.runtime.compose.resizing.tidied", _fails)
        with pytest.raises(DockerUnavailable):
            retire(house, "worker.3")
    assert [item.name for item in plan_of(house).meant("worker")] == ["worker.1"]
    assert set(plan_of(house).leaving) == {"worker.2", "worker.3"}
    allowed(house).touch()
    wait_until_gone(house, "worker.2")
    wait_until_gone(house, "worker.3")


def _fails(*_: object) -> Plan:
    raise DockerUnavailable("the engine went away")


@pytest.mark.docker
def test_worker_that_the_engine_cannot_start_is_no_part_of_the_plan(
    containers: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = containers
    running(house)
    with monkeypatch.context() as patched:
        patched.setattr(house.runtime.own.engine, "start_container", lambda _: "no room")  # type: ignore[union-attr]
        with pytest.raises(NotRunning, match=r"worker\.2 could not be started"):
            add(house, 2)
    assert set(house.status()) == {"worker.1", "steady"}
    assert [item.name for item in plan_of(house).meant("worker")] == ["worker.1"]
    add(house, 1)
    house.wait_for("worker.2", is_ready, "is ready")
    allowed(house).touch()
