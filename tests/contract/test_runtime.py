"""What every runtime does, with small real processes; then what only the process runtime has.

A further backend joins by adding itself to BACKENDS.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from mwaa_local.errors import (
    ComponentFailed,
    ComponentNotReady,
    ComponentUnknown,
    MwaaLocalError,
    NotRunning,
    PortInUse,
)
from mwaa_local.plan import Component, Plan
from mwaa_local.ports import free_port
from mwaa_local.project import Project
from mwaa_local.runtime import (
    FAILED,
    FINISHED,
    READY,
    STARTING,
    STOPPED,
    WAITING,
    ComponentStatus,
    Event,
    LogLine,
    Runtime,
)
from mwaa_local.runtime.logfile import TAIL_LINES
from mwaa_local.runtime.process import ProcessRuntime
from mwaa_local.runtime.state import ISOLATION_VARIABLE, MARK_VARIABLE, SESSIONS_NAME, STATE_NAME, read_state
from tests.fakes import (
    READY_LINE,
    AirflowLike,
    DiesAfterStart,
    DiesAtOnce,
    EndsSlowly,
    IgnoresSigterm,
    LeavesAGrandchild,
    Listener,
    NeverReady,
    OneTime,
    Steady,
    WipesItsEnvironment,
    WritesALongLine,
    WritesALot,
    program,
    wait_until,
)

Open = Callable[[Project, Mapping[str, str]], Runtime]
# How to open each backend: by processes with a namespace of their own where the system allows it, and without.
BACKENDS: dict[str, Open] = {
    "process": ProcessRuntime,
    "process-not-isolated": lambda project, env: ProcessRuntime(project, {**env, ISOLATION_VARIABLE: "none"}),
}

ONE_OF_EACH_KIND = ("process",)


@dataclass
class House:
    """One project, its runtime, and the events it told."""

    project: Project
    runtime: Runtime
    path: str
    marker: str = field(default_factory=lambda: f"mwaa-local-test-{uuid4().hex}")
    events: list[Event] = field(default_factory=list)

    def plan(self, *components: Component, ports: Mapping[str, int] | None = None, queue: str = "q") -> Plan:
        """Return a plan of these components; each process bears this house's marker in its argv."""
        env = {"PATH": self.path, MARK_VARIABLE: str(self.project.run_dir)}
        return Plan(
            components=tuple(self._marked(item, env) for item in components),
            airflow_version="3.3.1",
            ports=ports or {},
            database_url="postgresql://127.0.0.1:1/nowhere",
            broker_url="redis://127.0.0.1:1/0",
            queue=queue,
            home_dir=str(self.project.root_dir),
        )

    def _marked(self, component: Component, env: Mapping[str, str]) -> Component:
        argv = component.argv if component.airflow_argv else (*component.argv, self.marker)
        return replace(component, argv=argv, env={**env, **component.env, "TEST_MARKER": self.marker})

    def up(self, *components: Component, ports: Mapping[str, int] | None = None) -> dict[str, ComponentStatus]:
        """Start exactly these components; return how they are."""
        self.runtime.start(self.plan(*components, ports=ports), self.events.append)
        return self.status()

    def status(self) -> dict[str, ComponentStatus]:
        return {item.name: item for item in self.runtime.status()}

    def pids(self) -> dict[str, int | None]:
        return {item.name: item.pid for item in self.runtime.status()}

    def pid(self, name: str) -> int:
        pid = self.status()[name].pid
        assert pid is not None
        return pid

    def processes(self) -> list[int]:
        """Return every process that this house's components started, wherever they went."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.status() != psutil.STATUS_ZOMBIE and (
                    self.marker in process.cmdline() or process.environ().get("TEST_MARKER") == self.marker
                ):
                    found.append(process.pid)
        return found

    def no_process_is_left(self) -> bool:
        return wait_until(lambda: not self.processes(), "the end of all processes")

    def texts(self, *names: str) -> list[str]:
        return [line.text for line in self.runtime.logs(names, follow=False)]

    def states_of(self, name: str) -> list[str]:
        return [event.state for event in self.events if event.component == name]

    def wait_for(self, name: str, check: Callable[[ComponentStatus], bool], what: str) -> ComponentStatus:
        def seen() -> ComponentStatus | None:
            status = self.status().get(name)
            return status if status is not None and check(status) else None

        found = wait_until(seen, f"{name} {what}")
        assert found is not None
        return found


@pytest.fixture
def make_house(tmp_path: Path, clean_env: dict[str, str]) -> Iterator[Callable[..., House]]:
    made: list[House] = []

    def make(open_runtime: Open = ProcessRuntime, folder: str = "project") -> House:
        project = Project(tmp_path / folder)
        project.dags_dir.mkdir(parents=True)
        house = House(project, open_runtime(project, clean_env), clean_env["PATH"])
        made.append(house)
        return house

    yield make
    for house in made:
        house.runtime.stop(now=True)
        left = house.processes()
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert not left, f"stop left {len(left)} processes behind"


@pytest.fixture(params=BACKENDS)
def open_runtime(request: pytest.FixtureRequest) -> Open:
    return BACKENDS[request.param]


@pytest.fixture
def house(make_house: Callable[..., House], open_runtime: Open) -> House:
    return make_house(open_runtime)


@pytest.fixture(params=ONE_OF_EACH_KIND)
def one_house(make_house: Callable[..., House], request: pytest.FixtureRequest) -> House:
    """A house on one backend of each kind: for what does not depend on how processes are kept together."""
    return make_house(BACKENDS[request.param])


# Starting.


def test_start_returns_when_all_are_ready_and_tells_how_long_each_took(house: House) -> None:
    port = free_port()
    statuses = house.up(Listener(port, delay_s=0.3), Steady(), OneTime())
    assert {name: item.state for name, item in statuses.items()} == {
        "listener": READY,
        "steady": READY,
        "one-time": FINISHED,
    }
    with socket.create_connection(("127.0.0.1", port), timeout=5):
        pass
    assert house.states_of("listener") == [WAITING, STARTING, READY]
    ready = next(event for event in house.events if (event.component, event.state) == ("listener", READY))
    assert 0.3 <= ready.elapsed_s < 40


def test_status_says_pid_time_and_number_of_restarts(house: House) -> None:
    before = time.time()
    steady = house.up(Steady(), OneTime())["steady"]
    assert steady.pid in house.processes()
    assert psutil.Process(steady.pid).is_running()
    assert before - 1 <= steady.since <= time.time() + 1
    assert (steady.restarts, steady.exit_code, steady.detail) == (0, None, "")
    one_time = house.status()["one-time"]
    assert (one_time.pid, one_time.exit_code, one_time.restarts) == (None, 0, 0)


def test_component_starts_only_after_those_it_depends_on_are_ready(one_house: House) -> None:
    port = free_port()
    one_house.up(Steady("last", depends_on=("listener", "one-time")), Listener(port, delay_s=0.3), OneTime())
    order = [(event.component, event.state) for event in one_house.events]
    assert order.index(("listener", READY)) < order.index(("last", STARTING))
    assert order.index(("one-time", FINISHED)) < order.index(("last", STARTING))


def test_many_components_start_together(one_house: House) -> None:
    """More than a thread pool on a small machine has threads, each with a port to be asked."""
    names = [f"listener.{number}" for number in range(12)]
    statuses = one_house.up(*(Listener(free_port(), name) for name in names))
    assert [item.state for item in statuses.values()] == [READY] * len(names)


def test_second_start_with_the_same_plan_changes_nothing(house: House) -> None:
    components = (Steady("one"), Steady("two"), OneTime())
    house.up(*components)
    pids = house.pids()
    house.events.clear()
    house.up(*components)
    assert house.pids() == pids
    assert house.events == []


def test_start_restarts_only_the_component_that_changed(house: House) -> None:
    house.up(Steady("kept"), Steady("changed", say="old"))
    before = house.pids()
    house.up(Steady("kept"), Steady("changed", say="new"))
    after = house.pids()
    assert after["kept"] == before["kept"]
    assert after["changed"] != before["changed"]
    assert before["changed"] not in house.processes()
    assert "new" in house.texts("changed")


def test_start_stops_what_is_no_longer_in_the_plan_and_adds_what_is_new(one_house: House) -> None:
    one_house.up(Steady("kept"), Steady("removed"))
    before = one_house.pids()
    one_house.up(Steady("kept"), Steady("added"))
    assert set(one_house.status()) == {"kept", "added"}
    assert one_house.pid("kept") == before["kept"]
    assert before["removed"] not in one_house.processes()


def test_start_tries_a_failed_component_again(one_house: House) -> None:
    flag = one_house.project.root_dir / "works-now"
    mended = program(
        "mended", f"os.path.exists({str(flag)!r}) or sys.exit(4); say({READY_LINE!r}); rest()", restart=False
    )
    with pytest.raises(ComponentFailed):
        one_house.up(mended, Steady())
    steady = one_house.pid("steady")
    flag.touch()
    assert one_house.up(mended, Steady())["mended"].state == READY
    assert one_house.pid("steady") == steady


def test_two_projects_run_side_by_side(make_house: Callable[..., House], open_runtime: Open) -> None:
    one, two = make_house(open_runtime, "one"), make_house(open_runtime, "two")
    one.up(Steady("same-name"))
    two.up(Steady("same-name"))
    assert one.pid("same-name") != two.pid("same-name")
    one.runtime.stop()
    assert two.status()["same-name"].state == READY
    assert two.pid("same-name") in two.processes()
    assert one.status() == {}


def test_project_path_may_be_longer_than_a_socket_address(make_house: Callable[..., House], open_runtime: Open) -> None:
    house = make_house(open_runtime, "/".join(["a-rather-long-name-of-a-folder " * 3] * 3))
    assert len(str(house.project.run_dir)) > 200
    assert house.up(Steady())["steady"].state == READY
    assert house.runtime.stop()


# Failing.


def test_quick_deaths_end_as_a_failure_with_exit_code_last_lines_and_log_path(one_house: House) -> None:
    with pytest.raises(ComponentFailed) as caught:
        one_house.up(Steady(), DiesAtOnce())
    assert "dies-at-once" in caught.value.what
    assert "exit code 7" in caught.value.what
    assert str(one_house.project.logs_dir / "dies-at-once.log") in caught.value.why
    shown = [line for line in caught.value.why.splitlines() if line.startswith("  | ")]
    assert len(shown) == TAIL_LINES
    assert "  | line 29" in shown
    assert "mwaa-local logs dies-at-once" in caught.value.hint
    status = one_house.status()["dies-at-once"]
    assert (status.state, status.exit_code, status.restarts, status.pid) == (FAILED, 7, 2, None)
    assert one_house.states_of("dies-at-once").count(STARTING) == 3
    assert one_house.status()["steady"].state == READY


def test_component_that_is_not_to_be_restarted_fails_at_its_first_death(one_house: House) -> None:
    with pytest.raises(ComponentFailed, match=r"dies-at-once failed: exit code 3"):
        one_house.up(DiesAtOnce(exit_code=3, restart=False))
    assert one_house.status()["dies-at-once"].restarts == 0


def test_program_that_does_not_exist_is_a_failure_that_names_it(one_house: House) -> None:
    missing = replace(Steady("missing", restart=False), argv=("/no/such/program",))
    with pytest.raises(ComponentFailed) as caught:
        one_house.up(missing, Steady())
    assert "missing" in caught.value.what
    assert "/no/such/program" in str(caught.value)
    assert one_house.status()["steady"].state == READY


def test_never_ready_says_what_was_waited_for_and_how_long(house: House) -> None:
    with pytest.raises(ComponentNotReady) as caught:
        house.up(NeverReady(timeout_s=0.8), Steady())
    assert "never-ready did not become ready" in caught.value.what
    assert "0.8 s" in caught.value.what
    assert READY_LINE in caught.value.what
    assert "still warming up" in caught.value.why
    assert house.status()["never-ready"].state == FAILED
    wait_until(lambda: len(house.processes()) == 1, "only the steady one to be left")


def test_port_that_never_answers_is_named(one_house: House) -> None:
    port = free_port()
    deaf = replace(Listener(port), argv=Steady().argv)
    with pytest.raises(ComponentNotReady, match=f"{port}"):
        one_house.up(replace(deaf, ready=replace(deaf.ready, timeout_s=0.5)))


def test_component_whose_dependency_failed_is_not_started_and_says_so(one_house: House) -> None:
    with pytest.raises(ComponentFailed, match="dies-at-once"):
        one_house.up(DiesAtOnce(restart=False), Steady(depends_on=("dies-at-once",)))
    status = one_house.status()["steady"]
    assert (status.state, status.pid) == (FAILED, None)
    assert "dies-at-once" in status.detail
    assert STARTING not in one_house.states_of("steady")


def test_port_in_use_names_the_holder(house: House) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        with pytest.raises(PortInUse) as caught:
            house.up(Steady(), ports={"webserver": port})
    assert str(port) in caught.value.what
    assert f"process {os.getpid()}" in caught.value.why
    assert "WebserverPort" in caught.value.hint
    assert house.status() == {}
    assert house.processes() == []


def test_port_that_a_changed_plan_needs_is_checked_too(one_house: House) -> None:
    one_house.up(Steady(), ports={"webserver": free_port()})
    steady = one_house.pid("steady")
    with socket.create_server(("127.0.0.1", 0)) as holder, pytest.raises(PortInUse):
        one_house.up(Steady(say="changed"), ports={"webserver": holder.getsockname()[1]})
    assert one_house.pid("steady") == steady


def test_port_of_the_running_environment_is_its_own(one_house: House) -> None:
    port = free_port()
    one_house.up(Listener(port), ports={"webserver": port})
    one_house.up(Listener(port), Steady(), ports={"webserver": port})
    assert one_house.status()["steady"].state == READY


# Watching.


def test_killed_component_is_restarted_after_a_pause_and_counted(house: House) -> None:
    house.up(Steady(), Steady("other"))
    first, other = house.pid("steady"), house.pid("other")
    os.kill(first, signal.SIGKILL)
    again = house.wait_for("steady", lambda s: s.state == READY and s.pid not in (first, None), "to be ready again")
    assert again.restarts == 1
    assert house.pid("other") == other
    assert "mwaa-local: steady ended with signal SIGKILL" in house.texts("steady")


def test_component_that_dies_after_start_is_restarted(one_house: House) -> None:
    trigger = one_house.project.root_dir / "die"
    one_house.up(DiesAfterStart("fragile", trigger))
    first = one_house.pid("fragile")
    trigger.touch()
    again = one_house.wait_for(
        "fragile", lambda s: s.state == READY and s.pid not in (first, None), "to be ready again"
    )
    assert (again.restarts, again.exit_code) == (1, 9)


def test_start_waits_for_a_component_that_is_being_restarted(one_house: House) -> None:
    one_house.up(Steady())
    first = one_house.pid("steady")
    os.kill(first, signal.SIGKILL)
    one_house.wait_for("steady", lambda s: s.state != READY, "to be seen dead")
    assert one_house.up(Steady())["steady"].state == READY


def test_children_of_a_killed_component_do_not_outlive_it(house: House) -> None:
    house.up(LeavesAGrandchild("parent", own_session=False))
    before = house.processes()
    assert len(before) == 2
    os.kill(house.pid("parent"), signal.SIGKILL)
    wait_until(lambda: not set(before) & set(house.processes()), "parent and child to be gone")


# Stopping.


def test_stop_ends_everything_and_may_be_repeated(house: House) -> None:
    house.up(Steady(), OneTime())
    told: list[Event] = []
    assert house.runtime.stop(on_event=told.append)
    assert ("steady", STOPPED) in [(event.component, event.state) for event in told]
    assert house.no_process_is_left()
    assert house.status() == {}
    assert not house.runtime.stop()
    assert not house.runtime.stop(now=True)


def test_stop_before_any_start_is_no_error(house: House) -> None:
    assert not house.runtime.stop()
    assert house.status() == {}


def test_stop_reaches_grandchildren_in_sessions_of_their_own(house: House) -> None:
    house.up(LeavesAGrandchild(stubborn=True))
    assert len(house.processes()) == 2
    house.runtime.stop()
    assert house.no_process_is_left()


def test_stop_does_not_wait_for_a_start_that_may_never_end(house: House) -> None:
    """What Ctrl-C during `up` does."""
    plan = house.plan(Steady(), NeverReady(timeout_s=300))
    outcome: list[MwaaLocalError] = []

    def start() -> None:
        try:
            house.runtime.start(plan, house.events.append)
        except MwaaLocalError as error:
            outcome.append(error)

    starting = threading.Thread(target=start)
    starting.start()
    wait_until(lambda: READY in house.states_of("steady"), "the first component")
    assert house.runtime.stop(now=True)
    starting.join()
    assert [type(error) for error in outcome] == [NotRunning]
    assert house.no_process_is_left()


def test_stop_kills_what_ignores_sigterm_after_its_patience(house: House) -> None:
    house.up(IgnoresSigterm(stop_timeout_s=0.5))
    started = time.monotonic()
    house.runtime.stop()
    assert time.monotonic() - started >= 0.5
    assert house.no_process_is_left()


def test_stop_lets_a_component_end_in_order(one_house: House) -> None:
    one_house.up(EndsSlowly())
    one_house.runtime.stop()
    assert "ended in order" in one_house.texts("ends-slowly")


def test_stop_now_does_not_wait(house: House) -> None:
    house.up(EndsSlowly(takes_s=60), IgnoresSigterm(stop_timeout_s=60))
    started = time.monotonic()
    house.runtime.stop(now=True)
    assert time.monotonic() - started < 30
    assert house.no_process_is_left()


def test_stop_goes_by_stages(one_house: House) -> None:
    one_house.up(Steady("server", stop_stage=2), Steady("web", stop_stage=1), EndsSlowly("worker"))
    told: list[Event] = []
    one_house.runtime.stop(on_event=told.append)
    assert [event.component for event in told if event.state == STOPPED] == ["worker", "web", "server"]


def test_start_after_stop_starts_anew(house: House) -> None:
    house.up(Steady())
    first = house.pid("steady")
    house.runtime.stop()
    assert house.up(Steady())["steady"].state == READY
    assert house.pid("steady") != first


# Logs.


def test_logs_come_by_time_with_their_component_and_stream(one_house: House) -> None:
    one_house.up(Steady("one", say="first"), Steady("two", say="second", depends_on=("one",)))
    lines = [line for line in one_house.runtime.logs([], follow=False) if line.text]
    assert [(line.component, line.stream, line.text) for line in lines] == [
        ("one", "out", "first"),
        ("one", "out", READY_LINE),
        ("two", "out", "second"),
        ("two", "out", READY_LINE),
    ]
    assert [line.time for line in lines] == sorted(line.time for line in lines)
    assert {line.component for line in one_house.runtime.logs(["two"], follow=False)} == {"two"}


def test_logs_can_be_read_after_stop(one_house: House) -> None:
    one_house.up(Steady(say="kept"))
    one_house.runtime.stop()
    assert "kept" in one_house.texts("steady")


def test_logs_of_a_name_that_does_not_exist(one_house: House) -> None:
    one_house.up(Steady())
    with pytest.raises(ComponentUnknown, match="'scheduller'") as caught:
        one_house.runtime.logs(["steady", "scheduller"], follow=False)
    assert "steady" in caught.value.why


def test_logs_follow(one_house: House) -> None:
    one_house.up(Steady())
    seen: queue.Queue[LogLine] = queue.Queue()

    def read() -> None:
        for line in one_house.runtime.logs(["steady"], follow=True):
            seen.put(line)

    threading.Thread(target=read, daemon=True).start()
    wait_until(lambda: READY_LINE in [line.text for line in list(seen.queue)], "the old lines")
    os.kill(one_house.pid("steady"), signal.SIGKILL)
    wait_until(lambda: any("SIGKILL" in line.text for line in list(seen.queue)), "the new line")


def test_long_line_is_kept_in_pieces_and_odd_bytes_do_no_harm(one_house: House) -> None:
    length = 3 << 20
    one_house.up(WritesALongLine(length=length))
    texts = one_house.texts("writes-a-long-line")
    assert texts[0] == "before"
    assert "".join(texts[1 : texts.index(next(t for t in texts if t.startswith("10%")))]) == "<" + "y" * length + ">"
    assert texts[-3:] == ["10%\r20%\x0c\x85\u2028end", "no text: �", READY_LINE]


def test_many_lines_are_all_kept_in_order(one_house: House) -> None:
    one_house.up(WritesALot(lines=50_000))
    numbers = [text[:6] for text in one_house.texts("writes-a-lot")][:-1]
    assert numbers == [f"{number:06d}" for number in range(50_000)]


# Commands.


def test_command_returns_its_exit_code_and_output(house: House) -> None:
    house.up(AirflowLike(env={"GREETING": "good morning"}))
    assert isinstance(house.runtime, ProcessRuntime)
    assert house.runtime.capture("scheduler", ["say", "5", "two", "words"]) == (5, "two words\ngood morning\n")
    assert house.runtime.capture("scheduler", ["read"]) == (0, "read \n")
    assert house.runtime.run("scheduler", ["say", "6"]) == 6


def test_command_in_a_component_that_does_not_exist(house: House) -> None:
    house.up(AirflowLike(), Steady("postgres"))
    with pytest.raises(ComponentUnknown, match="'schedular'"):
        house.runtime.run("schedular", ["say", "0"])
    with pytest.raises(ComponentUnknown, match="'postgres'"):
        house.runtime.run("postgres", ["say", "0"])


def test_command_without_an_environment_is_not_running(house: House) -> None:
    with pytest.raises(NotRunning):
        house.runtime.run("scheduler", ["say", "0"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_command_gets_the_signals_of_a_terminal(one_house: House, clean_env: dict[str, str], number: int) -> None:
    one_house.up(AirflowLike())
    code = (
        "import sys; from pathlib import Path; from mwaa_local.project import Project; "
        "from mwaa_local.runtime.process import ProcessRuntime; "
        "sys.exit(ProcessRuntime(Project(Path(sys.argv[1])), {}).run('scheduler', ['wait']))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(one_house.project.root_dir)], env=clean_env, stdout=subprocess.PIPE, text=True
    ) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == "waiting\n"
        client.send_signal(number)
        assert client.stdout.read() == f"got {signal.Signals(number).name}\n"
    assert client.returncode == 42


def test_command_ends_when_its_client_is_killed(one_house: House, clean_env: dict[str, str]) -> None:
    one_house.up(AirflowLike())
    before = set(one_house.processes())
    code = (
        "import sys; from pathlib import Path; from mwaa_local.project import Project; "
        "from mwaa_local.runtime.process import ProcessRuntime; "
        "sys.exit(ProcessRuntime(Project(Path(sys.argv[1])), {}).run('scheduler', ['wait']))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(one_house.project.root_dir)], env=clean_env, stdout=subprocess.PIPE, text=True
    ) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == "waiting\n"
        client.kill()
    wait_until(lambda: set(one_house.processes()) == before, "the command to end")


# What only the process runtime has: a supervisor that can die, and files that can be damaged.


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


def test_supervisor_that_dies_during_start_is_no_success(house: House) -> None:
    def kill_supervisor(event: Event) -> None:
        if (event.component, event.state) == ("steady", READY):
            os.kill(supervisor_pids(house)[-1], signal.SIGKILL)

    with pytest.raises(ComponentFailed, match="supervisor"):
        house.runtime.start(house.plan(Steady(), NeverReady(timeout_s=60)), kill_supervisor)
    house.runtime.stop()
    assert house.no_process_is_left()


def test_supervisor_that_is_told_to_end_stops_everything(house: House) -> None:
    house.up(Steady(), EndsSlowly())
    os.kill(supervisor_pids(house)[0], signal.SIGTERM)
    assert house.no_process_is_left()
    assert "ended in order" in house.texts("ends-slowly")


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


@pytest.mark.parametrize("garbage", [b"", b"{", b"[1]", b'{"pid": "x"}', b"\xff\xfe\x00", b"null"])
def test_damaged_state_of_nothing_running_is_passed_over(one_house: House, garbage: bytes) -> None:
    one_house.project.run_dir.mkdir(parents=True)
    for name in (STATE_NAME, SESSIONS_NAME):
        (one_house.project.run_dir / name).write_bytes(garbage)
    assert one_house.status() == {}
    assert not one_house.runtime.stop()


@pytest.mark.parametrize("then", ["start", "stop"])
def test_damaged_state_of_a_running_environment_leaves_no_orphan(house: House, then: str) -> None:
    house.up(Steady(), LeavesAGrandchild())
    before = house.processes()
    for name in (STATE_NAME, SESSIONS_NAME):
        (house.project.run_dir / name).write_bytes(b"\x00 damaged")
    if then == "start":
        assert house.up(Steady())["steady"].state == READY
        assert not set(before) & set(house.processes())
    else:
        assert house.runtime.stop()
        assert house.no_process_is_left()


def test_run_folder_is_private(one_house: House) -> None:
    one_house.up(Steady())
    run_dir = one_house.project.run_dir
    assert run_dir.stat().st_mode & 0o077 == 0
    assert (run_dir / STATE_NAME).stat().st_mode & 0o077 == 0
    assert (one_house.project.logs_dir / "steady.log").stat().st_mode & 0o077 == 0


def test_state_names_a_process_that_lives(house: House) -> None:
    house.up(Steady())
    state = read_state(house.project.run_dir)
    assert state is not None
    assert psutil.Process(state.pid).is_running()
    assert state.isolated == (len(supervisor_pids(house)) == 2)


def test_full_disk_under_the_logs_stops_no_component(one_house: House) -> None:
    one_house.project.logs_dir.mkdir(parents=True)
    (one_house.project.logs_dir / "writes-a-lot.log").symlink_to("/dev/full")
    status = one_house.up(WritesALot(lines=20_000))["writes-a-lot"]
    assert status.state == READY
    assert "No space left on device" in status.detail


def test_second_client_that_starts_at_the_same_time_waits_its_turn(one_house: House) -> None:
    one_house.up(Steady("already-there"))
    plan = one_house.plan(Steady("already-there"), Steady())
    failures: list[BaseException] = []

    def start() -> None:
        try:
            one_house.runtime.start(plan, lambda _: None)
        except MwaaLocalError as error:
            failures.append(error)

    threads = [threading.Thread(target=start) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(one_house.processes()) == 2


# The fork server: components that come out of one process which imported Airflow once.

TINY_AIRFLOW = """
import os, signal, sys, time
def main():
    command, *words = sys.argv[1:]
    if command == "serve":
        print("served by", os.environ["MWAA_AIRFLOW_COMPONENT"], "under", os.getppid())
        print(%r, flush=True)
        while True:
            time.sleep(600)
    print("said", *words)
    return int(words[0])
if __name__ == "__main__":
    sys.exit(main())
"""


def forked_plan(house: House, *names: str) -> Plan:
    """Return a plan whose components are forked from a fork server with a tiny `airflow` package."""
    package_dir = house.project.root_dir / "packages"
    (package_dir / "airflow").mkdir(parents=True, exist_ok=True)
    (package_dir / "airflow" / "__init__.py").touch()
    (package_dir / "airflow" / "__main__.py").write_text(TINY_AIRFLOW % READY_LINE)
    forkserver = Path(sys.modules["mwaa_local"].__file__ or "").parent / "support/python/mwaa_support/forkserver.py"
    env = {"PYTHONPATH": str(package_dir)}
    components = (
        replace(
            Steady(name),
            argv=(sys.executable, "-m", "airflow", "serve", house.marker),
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
    house.runtime.start(forked_plan(house, "scheduler", "triggerer"), house.events.append)
    assert len(parents(house)) == 1
    assert house.texts("scheduler")[0].startswith("served by scheduler under")
    assert house.texts("triggerer")[0].startswith("served by triggerer under")
    assert isinstance(house.runtime, ProcessRuntime)
    assert house.runtime.capture("scheduler", ["say", "3", "words"]) == (3, "said 3 words\n")
    house.runtime.stop()
    assert house.no_process_is_left()


def test_killed_forked_component_is_restarted(house: House) -> None:
    house.runtime.start(forked_plan(house, "scheduler", "triggerer"), house.events.append)
    first = house.pid("scheduler")
    os.kill(first, signal.SIGKILL)
    again = house.wait_for("scheduler", lambda s: s.state == READY and s.pid not in (first, None), "to be ready again")
    assert (again.restarts, again.exit_code) == (1, -signal.SIGKILL)


def test_killed_fork_server_takes_no_component_out_of_sight(house: House) -> None:
    house.runtime.start(forked_plan(house, "scheduler", "triggerer"), house.events.append)
    before = house.pids()
    (forkserver,) = parents(house)
    os.kill(forkserver, signal.SIGKILL)
    for name, pid in before.items():
        house.wait_for(name, lambda s, pid=pid: s.state == READY and s.pid not in (pid, None), "to be ready again")
    assert not set(before.values()) & set(house.processes())
    house.runtime.stop()
    assert house.no_process_is_left()


def test_fork_server_that_cannot_start_costs_only_speed(one_house: House) -> None:
    plan = replace(forked_plan(one_house, "scheduler"), preload_argv=(sys.executable, "-c", "raise SystemExit(1)"))
    one_house.runtime.start(plan, one_house.events.append)
    assert one_house.status()["scheduler"].state == READY
    assert one_house.runtime.run("scheduler", ["say", "4"]) == 4  # type: ignore[attr-defined]


def test_forked_component_found_after_its_supervisor_was_killed(house: House) -> None:
    house.runtime.start(forked_plan(house, "scheduler"), house.events.append)
    os.kill(supervisor_pids(house)[-1], signal.SIGKILL)
    house.runtime.stop()
    assert house.no_process_is_left()
