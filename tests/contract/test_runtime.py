"""What every runtime does, with small real programs, as processes and as containers.

A further backend joins by adding itself to BACKENDS.
"""

from __future__ import annotations

import os
import queue
import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from mwaa_local.errors import (
    ComponentFailed,
    ComponentNotReady,
    ComponentUnknown,
    MwaaLocalError,
    NotRunning,
    PortInUse,
)
from mwaa_local.event import (
    DEPENDENCY_FAILED,
    ENDED,
    FAILED,
    FINISHED,
    NOT_READY,
    READY,
    STARTING,
    STOPPED,
    WAITING,
    Event,
    LogLine,
)
from mwaa_local.remarks import NOTE, Remark
from mwaa_local.runtime.logfile import TAIL_LINES
from mwaa_local.runtime.ports import free_port
from mwaa_local.runtime.protocol import Prepared
from tests.contract.house import STATE_NAMES, House, Open, begin_waiting
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
    WritesALongLine,
    WritesALot,
    program,
    wait_until,
)

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
    assert house.pid("steady") in house.processes()
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


def test_one_time_component_that_has_finished_is_not_run_again(one_house: House) -> None:
    one_house.up(OneTime(), Steady(depends_on=("one-time",)))
    one_house.events.clear()
    one_house.up(OneTime(), Steady(say="changed", depends_on=("one-time",)))
    assert one_house.texts("one-time") == ["done"]
    assert one_house.states_of("one-time") == []
    assert one_house.status()["one-time"].state == FINISHED


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
    assert status.cause == ENDED
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
    assert house.status()["never-ready"].cause == NOT_READY
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
    assert status.cause == DEPENDENCY_FAILED
    assert STARTING not in one_house.states_of("steady")


def test_port_in_use_names_the_holder(house: House) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        with pytest.raises(PortInUse) as caught:
            house.up(Steady(), ports={"door": port})
    assert str(port) in caught.value.what
    assert f"process {os.getpid()}" in caught.value.why
    assert "WebserverPort" in caught.value.hint
    assert house.status() == {}
    assert house.processes() == []


def test_port_that_a_changed_plan_needs_is_checked_too(one_house: House) -> None:
    one_house.up(Steady(), ports={"door": free_port()})
    steady = one_house.pid("steady")
    with socket.create_server(("127.0.0.1", 0)) as holder, pytest.raises(PortInUse):
        one_house.up(Steady(say="changed"), ports={"door": holder.getsockname()[1]})
    assert one_house.pid("steady") == steady


def test_port_of_the_running_environment_is_its_own(one_house: House) -> None:
    port = free_port()
    one_house.up(Listener(port), ports={"door": port})
    one_house.up(Listener(port), Steady(), ports={"door": port})
    assert one_house.status()["steady"].state == READY


def test_worker_means_all_workers_and_keeps_running_beside_another(one_house: House) -> None:
    one_house.up(Steady("worker.1", say="one"))
    first = one_house.pid("worker.1")
    one_house.up(Steady("worker.1", say="one"), Steady("worker.2", say="two"))
    assert one_house.pid("worker.1") == first
    assert {"one", "two"} <= set(one_house.texts("worker"))
    assert "one" not in one_house.texts("worker.2")


def test_worker_of_an_older_version_makes_way_and_keeps_its_log(one_house: House) -> None:
    """Until worker.1 was called so beside others only, a single one was called worker."""
    one_house.up(Steady("worker", say="older"), Steady())
    steady = one_house.pid("steady")
    one_house.up(Steady("worker.1", say="newer"), Steady())
    assert set(one_house.status()) == {"worker.1", "steady"}
    assert one_house.pid("steady") == steady
    assert {"older", "newer"} <= set(one_house.texts("worker"))
    assert one_house.runtime.stop()
    assert one_house.processes() == []


def test_environment_that_was_killed_is_told_from_one_that_was_stopped(one_house: House) -> None:
    assert not one_house.runtime.was_cut_off
    one_house.up(Steady())
    assert not one_house.runtime.was_cut_off
    one_house.cut_off()
    assert not one_house.runtime.running
    assert one_house.runtime.was_cut_off
    one_house.up(Steady())
    assert one_house.runtime.stop()
    assert not one_house.runtime.was_cut_off


# Watching.


def test_killed_component_is_restarted_after_a_pause_and_counted(house: House) -> None:
    house.up(Steady(), Steady("other"))
    first, other = house.pid("steady"), house.pid("other")
    os.kill(first, signal.SIGKILL)
    again = house.wait_for("steady", lambda s: s.state == READY and s.pid not in (first, None), "to be ready again")
    assert again.restarts == 1
    assert again.exit_code == -signal.SIGKILL
    assert house.pid("other") == other


def test_one_of_a_component_is_killed_on_demand_and_started_again(one_house: House) -> None:
    assert one_house.runtime.kill("worker") is None
    one_house.up(LeavesAGrandchild("worker.1", own_session=False), Steady())
    first, steady, before = one_house.pid("worker.1"), one_house.pid("steady"), one_house.processes()
    assert one_house.runtime.kill("worker") == "worker.1"
    wait_until(lambda: set(before) & set(one_house.processes()) == {steady}, "the worker and its child to be gone")
    again = one_house.wait_for("worker.1", lambda s: s.state == READY and s.pid not in (first, None), "to be back")
    assert again.restarts == 1
    assert one_house.pid("steady") == steady
    assert one_house.runtime.kill("triggerer") is None


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
            house.runtime.start(Prepared(plan), house.events.append)
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

    def readies() -> int:
        return [line.text for line in list(seen.queue)].count(READY_LINE)

    def read() -> None:
        for line in one_house.runtime.logs(["steady"], follow=True):
            seen.put(line)
            if readies() == 2:
                return

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    wait_until(lambda: readies() == 1, "the old lines")
    os.kill(one_house.pid("steady"), signal.SIGKILL)
    wait_until(lambda: readies() == 2, "the line of the second life")
    reader.join()


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
    exit_code, output = house.runtime.capture("scheduler", ["say", "5", "two", "words"])
    # One line is of stdout, the other of stderr: which comes first is not promised.
    assert (exit_code, sorted(output.splitlines())) == (5, ["good morning", "two words"])
    assert house.runtime.capture("scheduler", ["read"]) == (0, "read \n")
    assert house.runtime.run("scheduler", ["say", "6"]) == 6


def test_command_in_the_worker_runs_in_the_first_of_all(house: House) -> None:
    workers = [AirflowLike(f"worker.{number}", env={"GREETING": f"number {number}"}) for number in (2, 1)]
    house.up(*workers)
    assert "number 1" in house.runtime.capture("worker", ["say", "0"])[1].splitlines()
    assert "number 2" in house.runtime.capture("worker.2", ["say", "0"])[1].splitlines()


def test_command_in_a_component_that_does_not_exist(house: House) -> None:
    house.up(AirflowLike(), Steady("postgres"))
    with pytest.raises(ComponentUnknown, match="'schedular'"):
        house.runtime.run("schedular", ["say", "0"])
    with pytest.raises(ComponentUnknown, match="'postgres'"):
        house.runtime.run("postgres", ["say", "0"])


def test_command_without_an_environment_is_not_running(house: House) -> None:
    with pytest.raises(NotRunning):
        house.runtime.run("scheduler", ["say", "0"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_command_gets_the_signals_of_a_terminal(one_house: House, clean_env: dict[str, str], number: int) -> None:
    one_house.up(AirflowLike())
    with begin_waiting(one_house, clean_env) as client:
        client.send_signal(number)
        assert client.stdout is not None
        assert client.stdout.read() == f"got {signal.Signals(number).name}\n"
    assert client.returncode == 42


def test_command_that_a_signal_ends_has_the_exit_code_of_shells(house: House) -> None:
    house.up(AirflowLike())
    assert house.runtime.run("scheduler", ["die", str(int(signal.SIGINT))]) == 128 + signal.SIGINT


def test_command_ends_when_its_client_is_killed(one_house: House, clean_env: dict[str, str]) -> None:
    one_house.up(AirflowLike())
    before = set(one_house.processes())
    with begin_waiting(one_house, clean_env) as client:
        client.kill()
    wait_until(lambda: set(one_house.processes()) == before, "the command to end")


# Clients at the same time, and what lies on disk between them.


def test_second_client_that_starts_at_the_same_time_waits_its_turn(one_house: House) -> None:
    one_house.up(Steady("already-there"))
    plan = one_house.plan(Steady("already-there"), Steady())
    failures: list[BaseException] = []

    def start() -> None:
        try:
            one_house.runtime.start(Prepared(plan), lambda _: None)
        except MwaaLocalError as error:
            failures.append(error)

    threads = [threading.Thread(target=start) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(one_house.processes()) == 2


def test_files_are_private(one_house: House) -> None:
    one_house.up(Steady())
    one_house.texts("steady")
    run_dir = one_house.project.run_dir
    files = [path for path in run_dir.iterdir() if path.name in STATE_NAMES]
    assert files
    for path in (run_dir, *files, one_house.project.logs_dir / "steady.log"):
        assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("garbage", [b"", b"{", b"[1]", b'{"pid": "x"}', b"\xff\xfe\x00", b"null"])
def test_damaged_state_of_nothing_running_is_passed_over(one_house: House, garbage: bytes) -> None:
    one_house.project.run_dir.mkdir(parents=True)
    for name in STATE_NAMES:
        (one_house.project.run_dir / name).write_bytes(garbage)
    assert one_house.status() == {}
    assert not one_house.runtime.stop()


@pytest.mark.parametrize("then", ["start", "stop"])
def test_damaged_state_of_a_running_environment_leaves_no_orphan(house: House, then: str) -> None:
    house.up(Steady(), LeavesAGrandchild())
    for name in STATE_NAMES:
        (house.project.run_dir / name).write_bytes(b"\x00 damaged")
    if then == "start":
        assert house.up(Steady())["steady"].state == READY
        assert house.processes() == [house.pid("steady")]
    else:
        assert house.runtime.stop()
        assert house.no_process_is_left()


# Around a start.


@dataclass(frozen=True)
class Noted(Prepared):
    """Notes when it is asked for something, and what was ready then."""

    ready: Callable[[], list[str]] = field(kw_only=True)
    notes: list[tuple[str, list[str]]] = field(default_factory=list)

    def set_up(self) -> None:
        self.notes.append(("set up", self.ready()))

    def judge(self) -> tuple[Remark, ...]:
        self.notes.append(("judge", self.ready()))
        return (*self.remarks, Remark(NOTE, "steady", "stood up well"))

    def settle(self) -> None:
        self.notes.append(("settle", self.ready()))


def test_start_is_set_up_before_and_judged_and_settled_after(one_house: House) -> None:
    known = Remark(NOTE, "steady", "is asked for")
    ready = lambda: [item.name for item in one_house.runtime.status() if item.state == READY]  # noqa: E731
    prepared = Noted(one_house.plan(Steady()), (known,), ready=ready)
    remarks = one_house.runtime.start(prepared, one_house.events.append)
    assert prepared.notes == [("set up", []), ("judge", ["steady"]), ("settle", ["steady"])]
    assert [remark.what for remark in remarks] == ["is asked for", "stood up well"]


def test_start_that_fails_settles_nothing(one_house: House) -> None:
    prepared = Noted(one_house.plan(DiesAtOnce(restart=False)), ready=list)
    with pytest.raises(ComponentFailed):
        one_house.runtime.start(prepared, one_house.events.append)
    assert prepared.notes[0] == ("set up", [])
    assert "settle" not in dict(prepared.notes)


def test_usage_is_that_of_a_component_with_all_its_processes(house: House) -> None:
    busy = "held = b'x' * (40 << 20); os.fork() or [sum(range(10000)) for _ in iter(int, 1)]"
    house.up(program("busy", f"say({READY_LINE!r}); {busy}; rest()"), Steady())
    first = house.runtime.usage()
    assert first.keys() == {"busy", "steady"}
    wait_until(lambda: house.runtime.usage()["busy"].cpu_s > first["busy"].cpu_s + 0.3, "its child's time")
    now = house.runtime.usage()
    assert 40 << 20 <= now["busy"].memory_bytes < 200 << 20
    assert now["steady"].memory_bytes < now["busy"].memory_bytes
    assert now["steady"].cpu_s < now["busy"].cpu_s
    assert house.runtime.stop(now=True)
    assert house.runtime.usage() == {}
