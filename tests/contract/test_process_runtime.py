"""What only the process runtime has: a supervisor that can die, its lines in the logs, and a fork server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from mwaa_local import isolation
from mwaa_local.database.metadata import RunningTask
from mwaa_local.errors import ComponentFailed
from mwaa_local.event import NOT_RUN, READY, ComponentStatus, Event
from mwaa_local.home import Folder
from mwaa_local.plan import Plan
from mwaa_local.runtime.process.runtime import ProcessRuntime
from mwaa_local.runtime.process.state import SESSIONS_NAME, STATE_NAME, State, read_state, write_state
from mwaa_local.runtime.process.stop_order import HELPERS_END_S
from mwaa_local.runtime.process.supervisor_socket import SOCKET_NAME, connect
from mwaa_local.runtime.protocol import Prepared
from tests.contract.house import BACKENDS, NOT_ISOLATED, House
from tests.fakes import (
    READY_LINE,
    EndsSlowly,
    IgnoresSigterm,
    LeavesAGrandchild,
    MissesItsHelpersEnd,
    NeverReady,
    Steady,
    WipesItsEnvironment,
    WritesALot,
    program,
    wait_until,
)


@pytest.fixture(params=["process", pytest.param(NOT_ISOLATED, marks=pytest.mark.full)])
def house(make_house: Callable[..., House], request: pytest.FixtureRequest) -> House:
    return make_house(BACKENDS[request.param])


@pytest.fixture
def one_house(make_house: Callable[..., House]) -> House:
    return make_house(BACKENDS["process"])


def test_log_says_how_a_component_ended(one_house: House) -> None:
    """The supervisor is there when a component dies; nobody is when a container does, and `status` says it."""
    one_house.up(Steady())
    os.kill(one_house.pid("steady"), signal.SIGKILL)
    one_house.wait_for("steady", lambda s: s.restarts == 1, "to be started again")
    assert "mwaa-local: steady ended with signal SIGKILL" in one_house.texts("steady")


WRITES = """
try:
    open("/usr/local/airflow/dags/new.py", "w").close()
    say("written")
except OSError as error:
    say(error.strerror)
"""


def test_folder_becomes_read_only_and_writable_again_for_those_that_see_it(one_house: House) -> None:
    home_dir = one_house.project.state_dir / "homes" / "1" / "scheduler"
    home_dir.mkdir(parents=True)
    if why := isolation.cannot_enter(isolation.Layout(home_dir, {})):
        pytest.skip(f"no mount namespaces here: {why}")
    components = (program("sees", f"{WRITES}\nsay({READY_LINE!r}); rest()", home="scheduler"), Steady())
    said: list[str] = []
    pids: list[tuple[int, int]] = []
    for read_only in (False, True, True, False):
        folders = {"dags": Folder.at(one_house.project.dags_dir, read_only=read_only)}
        plan = replace(one_house.plan(*components), homes_dir=str(home_dir.parent), folders=folders)
        one_house.runtime.start(Prepared(plan), one_house.events.append)
        said = [text for text in one_house.texts("sees") if text in ("written", "Read-only file system")]
        pids.append((one_house.pid("sees"), one_house.pid("steady")))
    assert said == ["written", "Read-only file system", "written"]
    assert len({sees for sees, _ in pids}) == 3
    assert len({steady for _, steady in pids}) == 1, "has no home, so that nothing changed for it"


def supervisor_pids(house: House) -> list[int]:
    """Return the supervisor's processes, outermost first: with a namespace there are two."""
    assert isinstance(house.runtime, ProcessRuntime)
    return [process.pid for process in house.runtime.processes() if process.pid not in house.processes()]


@pytest.mark.parametrize("place", [0, -1], ids=["the process of state.json", "the supervisor itself"])
@pytest.mark.parametrize("then", ["start", "stop"])
def test_killed_supervisor_leaves_no_orphan_after_the_next_command(house: House, place: int, then: str) -> None:
    components = (Steady(), LeavesAGrandchild(), WipesItsEnvironment())
    house.up(*components)
    before = house.processes()
    assert len(before) == 4
    os.kill(supervisor_pids(house)[place], signal.SIGKILL)
    wait_until(lambda: not house.runtime.status(), "the supervisor to be gone")
    if then == "stop":
        house.runtime.stop()
        assert house.no_process_is_left()
    else:
        assert [item.state for item in house.up(*components).values()] == [READY] * 3
        assert not set(before) & set(house.processes())


CLOSES_EVERY_CONNECTION = """
import sys
from pathlib import Path
from mwaa_local.runtime.process.supervisor_socket import bind
with bind(Path(sys.argv[1])) as listener:
    print("bound", flush=True)
    while True:
        listener.accept()[0].close()
"""


def test_supervisor_that_takes_connections_and_answers_none_makes_way(one_house: House) -> None:
    """So is one that is being killed, from the end of its connections to the end of its listening."""
    run_dir = one_house.project.run_dir
    run_dir.mkdir(parents=True, exist_ok=True)
    argv = [sys.executable, "-c", CLOSES_EVERY_CONNECTION, str(run_dir / SOCKET_NAME)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as dying:
        assert dying.stdout is not None
        assert dying.stdout.readline() == "bound\n"
        write_state(run_dir, State(dying.pid, time.time(), isolated=False))
        try:
            assert [item.state for item in one_house.up(Steady()).values()] == [READY]
            assert dying.poll() is not None
        finally:
            dying.kill()


def test_supervisor_that_dies_during_start_is_no_success(house: House) -> None:
    def kill_supervisor(event: Event) -> None:
        if (event.component, event.state) == ("steady", READY):
            os.kill(supervisor_pids(house)[-1], signal.SIGKILL)

    with pytest.raises(ComponentFailed, match="supervisor"):
        house.runtime.start(Prepared(house.plan(Steady(), NeverReady(timeout_s=60))), kill_supervisor)
    house.runtime.stop()
    assert house.no_process_is_left()


def test_supervisor_that_is_told_to_end_stops_everything(house: House) -> None:
    house.up(Steady(), EndsSlowly())
    os.kill(supervisor_pids(house)[0], signal.SIGTERM)
    assert house.no_process_is_left()
    assert "ended in order" in house.texts("ends-slowly")


def begin_stop(house: House) -> None:
    """Ask for a stop as a `down` does that is interrupted when the first component is about to stop."""
    with connect(house.project.run_dir / SOCKET_NAME) as client, client.makefile("rb") as answers:
        client.sendall(json.dumps({"op": "stop", "now": False}).encode() + b"\n")
        answers.readline()


def test_stop_that_nobody_waits_for_goes_on_to_its_end(house: House) -> None:
    house.up(Steady(), EndsSlowly())
    begin_stop(house)
    assert house.no_process_is_left()
    assert "ended in order" in house.texts("ends-slowly")
    assert isinstance(house.runtime, ProcessRuntime)
    runtime = house.runtime
    assert wait_until(lambda: not runtime.processes(), "the end of the supervisor")
    assert not runtime.stop()


def test_start_waits_for_a_stop_that_nobody_waits_for(house: House) -> None:
    house.up(Steady(), EndsSlowly())
    first = house.pid("steady")
    begin_stop(house)
    told: list[Event] = []
    house.runtime.finish_stop(told.append)
    assert not house.runtime.running
    assert "is still being stopped" in told[0].detail
    assert ("ends-slowly", "stopped") in [(event.component, event.state) for event in told]
    assert house.up(Steady(), EndsSlowly())["steady"].state == READY
    assert house.pid("steady") != first
    told.clear()
    house.runtime.finish_stop(told.append)  # nothing is being stopped
    assert told == []
    assert house.runtime.running


def test_stop_at_once_ends_the_patience_of_one_that_goes_on(house: House) -> None:
    house.up(IgnoresSigterm(stop_timeout_s=3600.0), Steady(stop_stage=1, stop_timeout_s=3600.0))
    begin_stop(house)
    told: list[Event] = []
    house.runtime.stop(now=True, on_event=told.append)
    assert house.no_process_is_left()
    assert [event.state for event in told if event.component == "ignores-sigterm"] == ["stopped"]


def test_second_stop_tells_nothing_of_what_has_stopped(house: House) -> None:
    house.up(Steady(), IgnoresSigterm(stop_stage=1, stop_timeout_s=3600.0))
    begin_stop(house)
    house.wait_for("ignores-sigterm", lambda s: s.state == "stopping", "to be asked")
    told: list[Event] = []
    house.runtime.stop(now=True, on_event=told.append)
    assert [(event.component, event.state) for event in told] == [("ignores-sigterm", "stopped")]


def test_stranger_with_a_remembered_pid_is_not_touched(house: House) -> None:
    run_dir = house.project.run_dir
    run_dir.mkdir(parents=True)
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as stranger:
        try:
            an_hour_ago = time.time() - 3600
            state = {"pid": stranger.pid, "started": an_hour_ago, "isolated": False}
            (run_dir / STATE_NAME).write_text(json.dumps(state))
            (run_dir / SESSIONS_NAME).write_text(json.dumps({"pid": stranger.pid, "started": an_hour_ago}) + "\n")
            assert house.status() == {}
            assert not house.runtime.stop()
            house.up(Steady())
            house.runtime.stop()
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_state_names_a_process_that_lives(house: House) -> None:
    house.up(Steady())
    state = read_state(house.project.run_dir)
    assert state is not None
    assert psutil.Process(state.pid).is_running()
    assert state.isolated == (len(supervisor_pids(house)) == 2)


def test_program_that_does_not_exist_is_told_from_one_that_ends(one_house: House) -> None:
    with pytest.raises(ComponentFailed):
        one_house.up(replace(Steady("missing"), argv=("/no/such/program",), restart=False))
    status = one_house.status()["missing"]
    assert (status.cause, status.exit_code) == (NOT_RUN, 127)


def test_full_disk_under_the_logs_stops_no_component(one_house: House) -> None:
    one_house.project.logs_dir.mkdir(parents=True)
    (one_house.project.logs_dir / "writes-a-lot.log").symlink_to("/dev/full")
    status = one_house.up(WritesALot(lines=20_000))["writes-a-lot"]
    assert status.state == READY
    assert "No space left on device" in status.detail


# The fork server: components that come out of one process which imported Airflow once.

TINY_AIRFLOW = """
import atexit, importlib.util, os, signal, sys, time
class Module:
    def __del__(self, write=os.write):
        write(1, b"taken apart")
def main():
    command, *words = sys.argv[1:]
    if command == "serve":
        print("served by", os.environ["MWAA_AIRFLOW_COMPONENT"], "under", os.getppid())
        print(%r, flush=True)
        while True:
            time.sleep(600)
    if command == "end":
        sys.imported = Module()
        atexit.register(print, "ended in order")
        print("our own modules are in the way:", importlib.util.find_spec("celery_config") is not None)
    print("said", *words)
    return int(words[0])
if __name__ == "__main__":
    sys.exit(main())
"""


def forked_plan(house: House, *names: str, as_script: bool = False) -> Plan:
    """Return a plan whose components are forked from a fork server with a tiny `airflow` package, or a script."""
    package_dir = house.project.root_dir / "packages"
    (package_dir / "airflow").mkdir(parents=True, exist_ok=True)
    (package_dir / "airflow" / "__init__.py").touch()
    script_path = package_dir / ("tiny_airflow" if as_script else "airflow/__main__.py")
    script_path.write_text(TINY_AIRFLOW % READY_LINE)
    program = (str(script_path),) if as_script else ("-m", "airflow")
    forkserver = (
        Path(sys.modules["mwaa_local"].__file__ or "").parent / "guest/site_packages/mwaa_support/forkserver.py"
    )
    env = {"PYTHONPATH": str(package_dir)}
    components = (
        replace(
            Steady(name),
            argv=(sys.executable, *program, "serve", house.marker),
            airflow_argv=("serve", house.marker),
            env={**env, "MWAA_AIRFLOW_COMPONENT": name},
        )
        for name in names
    )
    plan = house.plan(*components)
    return replace(
        plan,
        preload=("airflow",),
        preload_argv=(sys.executable, str(forkserver)),
        preload_env={**plan.components[0].env, "MWAA_AIRFLOW_COMPONENT": "preload"},
    )


def parents(house: House) -> set[int]:
    return {psutil.Process(item.pid).ppid() for item in house.runtime.status()}


def test_components_come_out_of_the_fork_server(house: House) -> None:
    house.runtime.start(Prepared(forked_plan(house, "scheduler", "triggerer")), house.events.append)
    assert len(parents(house)) == 1
    assert house.texts("scheduler")[0].startswith("served by scheduler under")
    assert house.texts("triggerer")[0].startswith("served by triggerer under")
    assert isinstance(house.runtime, ProcessRuntime)
    assert house.runtime.capture("scheduler", ["say", "3", "words"]) == (3, "said 3 words\n")
    house.runtime.stop()
    assert house.no_process_is_left()


def test_fork_server_runs_a_script_where_airflow_is_one(house: House) -> None:
    """As in Airflow 1.10, which has no module to run."""
    house.runtime.start(Prepared(forked_plan(house, "scheduler", "triggerer", as_script=True)), house.events.append)
    assert len(parents(house)) == 1
    assert house.texts("scheduler")[0].startswith("served by scheduler under")
    assert isinstance(house.runtime, ProcessRuntime)
    assert house.runtime.capture("scheduler", ["say", "3", "words"]) == (3, "said 3 words\n")
    house.runtime.stop()
    assert house.no_process_is_left()


@pytest.mark.parametrize("as_script", [False, True], ids=["module", "script"])
@pytest.mark.parametrize("name", ["scheduler", "webserver"], ids=["forked", "alone"])
def test_component_ends_in_order_without_taking_its_modules_apart(one_house: House, name: str, as_script: bool) -> None:
    """That would cost seconds. A web server has other variables than the fork server, so it starts by itself."""
    plan = forked_plan(one_house, "scheduler", "webserver", as_script=as_script)
    scheduler, webserver = plan.components
    plan = replace(plan, components=(scheduler, replace(webserver, env={**webserver.env, "OWN": "1"})))
    one_house.runtime.start(Prepared(plan), one_house.events.append)
    assert isinstance(one_house.runtime, ProcessRuntime)
    assert len(parents(one_house)) == 2
    assert one_house.texts("webserver")[0].startswith("served by webserver under")
    exit_code, output = one_house.runtime.capture(name, ["end", "3"])
    assert (exit_code, output.splitlines()) == (
        3,
        ["our own modules are in the way: False", "said 3", "ended in order"],
    )


def test_killed_forked_component_is_restarted(house: House) -> None:
    house.runtime.start(Prepared(forked_plan(house, "scheduler", "triggerer")), house.events.append)
    first = house.pid("scheduler")
    os.kill(first, signal.SIGKILL)
    again = house.wait_for("scheduler", lambda s: s.state == READY and s.pid not in (first, None), "to be ready again")
    assert (again.restarts, again.exit_code) == (1, -signal.SIGKILL)


def shown_modes(pid: int) -> set[str]:
    """Return how a process sees dags/ in its home: `ro` or `rw`."""
    rows = [line.split() for line in Path(f"/proc/{pid}/mountinfo").read_text().splitlines()]
    return {[row[5].split(",")[0] for row in rows if row[4] == "/usr/local/airflow/dags"][-1]}


def test_forked_components_see_a_folder_read_only_and_writable_again(one_house: House) -> None:
    """One lives in the fork server's home, the other one in its own."""
    names = ("scheduler", "worker.1")
    homes_dir = one_house.project.state_dir / "homes" / "1"
    for name in names:
        (homes_dir / name).mkdir(parents=True)
    if why := isolation.cannot_enter(isolation.Layout(homes_dir / "scheduler", {})):
        pytest.skip(f"no mount namespaces here: {why}")
    plan = forked_plan(one_house, *names)
    plan = replace(plan, components=tuple(replace(item, home=item.name) for item in plan.components))
    seen = []
    for read_only in (False, True, False):
        folders = {"dags": Folder.at(one_house.project.dags_dir, read_only=read_only)}
        changed = replace(plan, homes_dir=str(homes_dir), folders=folders)
        one_house.runtime.start(Prepared(changed), one_house.events.append)
        seen.append(set().union(*(shown_modes(one_house.pid(name)) for name in names)))
        assert len(parents(one_house)) == 1
    assert seen == [{"rw"}, {"ro"}, {"rw"}]


def replaced(pid: int | None) -> Callable[[ComponentStatus], bool]:
    """Return whether a component is ready again in another process than this one."""
    return lambda status: status.state == READY and status.pid not in (pid, None)


def test_killed_fork_server_takes_no_component_out_of_sight(house: House) -> None:
    house.runtime.start(Prepared(forked_plan(house, "scheduler", "triggerer")), house.events.append)
    before = house.pids()
    (forkserver,) = parents(house)
    os.kill(forkserver, signal.SIGKILL)
    for name, pid in before.items():
        house.wait_for(name, replaced(pid), "to be ready again")
    assert not set(before.values()) & set(house.processes())
    house.runtime.stop()
    assert house.no_process_is_left()


def test_fork_server_that_cannot_start_costs_only_speed(one_house: House) -> None:
    plan = replace(forked_plan(one_house, "scheduler"), preload_argv=(sys.executable, "-c", "raise SystemExit(1)"))
    one_house.runtime.start(Prepared(plan), one_house.events.append)
    assert one_house.status()["scheduler"].state == READY
    assert one_house.runtime.run("scheduler", ["say", "4"]) == 4


def test_forked_component_found_after_its_supervisor_was_killed(house: House) -> None:
    house.runtime.start(Prepared(forked_plan(house, "scheduler")), house.events.append)
    os.kill(supervisor_pids(house)[-1], signal.SIGKILL)
    house.runtime.stop()
    assert house.no_process_is_left()


def test_leader_is_held_back_until_its_helpers_have_ended(house: House) -> None:
    """Else it may ask for them just before that, and wait for what never comes."""
    house.up(MissesItsHelpersEnd(stop_helpers_first=True, stop_timeout_s=10))
    assert len(house.processes()) == 2
    house.runtime.stop()
    assert house.texts("misses-its-helpers-end")[-1] == "ended in order"
    assert house.no_process_is_left()


def test_leader_goes_on_where_its_helper_takes_long_to_end(house: House) -> None:
    slow = MissesItsHelpersEnd(helper_takes_s=2 * HELPERS_END_S, stop_helpers_first=True, stop_timeout_s=1.0)
    house.up(slow)
    house.runtime.stop()
    assert house.texts(slow.name)[-1] == "the helper has not ended"  # it ran again, and was killed in the end
    assert house.no_process_is_left()


def test_leader_without_helpers_is_asked_at_once(one_house: House) -> None:
    one_house.up(EndsSlowly(stop_helpers_first=True))
    one_house.runtime.stop()
    assert "ended in order" in one_house.texts("ends-slowly")


def test_busy_is_who_began_the_process_of_a_task_and_everybody_where_that_is_not_certain(one_house: House) -> None:
    code = "import subprocess; child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
    ready = f"say({READY_LINE!r}); say('child %d' % child.pid); rest()"
    one_house.up(program("worker.1", code + ready), program("worker.2", code + ready))
    inner = {}
    for name in ("worker.1", "worker.2"):
        wait_until(lambda name=name: len(one_house.texts(name)) == 2, f"{name} names its child")  # type: ignore[misc]
        inner[name] = int(one_house.texts(name)[1].split()[1])

    def busy(*pids: int) -> set[str]:
        return set(one_house.runtime.busy("worker", [RunningTask("this-machine", pid) for pid in pids]))

    assert busy() == set()
    assert busy(inner["worker.2"]) == {"worker.2"}
    assert busy(inner["worker.1"], inner["worker.2"]) == {"worker.1", "worker.2"}
    for unknown in (0, 2**22):  # a task without a process yet, and one whose process is gone
        assert busy(inner["worker.1"], unknown) == {"worker.1", "worker.2"}
