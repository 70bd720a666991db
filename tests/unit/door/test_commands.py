"""What runs commands beside the web server starts, ends and is started anew without anything being left behind."""

from __future__ import annotations

import asyncio
import base64
import importlib.util
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import psutil
import pytest

from mwaa_local.door.commands import CommandsBeside, CommandServerGone
from tests.unit.door.doors import Answer, RunningDoor, WebServer, running_door, until
from tests.unit.door.programs import CLI_SERVER_PATH, FORKSERVER_NAME, command_processes, lives, waiting, write_commands

T = TypeVar("T")


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as found:
        yield found


@pytest.fixture
def running(started_server: WebServer, tmp_path: Path) -> Iterator[RunningDoor]:
    """A door of this test's own, which may be killed."""
    write_commands(tmp_path)
    with running_door(tmp_path, started_server.port) as door:
        yield door


def output(answer: Answer) -> str:
    assert answer.status == 200, answer.text
    return base64.b64decode(json.loads(answer.body)["stdout"]).decode()


def begun(door: RunningDoor, threads: ThreadPoolExecutor) -> tuple[Future[Answer], list[psutil.Process]]:
    """Begin a command that waits; return its answer to come, and its processes: itself, a helper, its parent."""
    path = door.folder / "waiting"
    answer = threads.submit(door.run, f"dags trigger wait {path}")
    until(path.exists, "the command runs")
    return answer, waiting(path)


def beside(path: Path, use: Callable[[CommandsBeside], Awaitable[T]], **members: float) -> T:
    async def run() -> T:
        commands = CommandsBeside(path, **members)
        try:
            return await use(commands)
        finally:
            await commands.close()

    return asyncio.run(asyncio.wait_for(run(), 120))


def version(commands: CommandsBeside) -> Awaitable[dict[str, object]]:
    return commands.run(["version"])


def test_processes_that_have_ended_are_none_of_them() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    until(lambda: not lives(psutil.Process(ended.pid)), "it has ended, and nobody has waited for it")
    assert ended.pid not in [process.pid for process in command_processes(os.getpid())]
    ended.wait()


def test_nothing_runs_before_the_first_command(running: RunningDoor) -> None:
    assert command_processes(running.process.pid) == []
    assert output(running.run("version")) == "3.3.1\n"
    server, parent = command_processes(running.process.pid)
    assert (CLI_SERVER_PATH.name in server.cmdline()[1], FORKSERVER_NAME in parent.cmdline()[1]) == (True, True)


def test_first_commands_at_once_start_one_server(running: RunningDoor, threads: ThreadPoolExecutor) -> None:
    answers = [threads.submit(running.run, "version") for _ in range(4)]
    assert [output(answer.result()) for answer in answers] == ["3.3.1\n"] * 4
    assert len(command_processes(running.process.pid)) == 2


def test_socket_is_private(running: RunningDoor) -> None:
    running.run("version")
    assert stat.S_IMODE((running.folder / "commands.sock").stat().st_mode) == 0o600
    assert [path.name for path in running.folder.glob(".commands*")] == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_end_of_the_door_ends_all(running: RunningDoor, threads: ThreadPoolExecutor, number: signal.Signals) -> None:
    answer, (command, helper, parent) = begun(running, threads)
    processes = [command, helper, parent, *command_processes(running.process.pid)]
    running.process.send_signal(number)
    until(lambda: not any(map(lives, processes)), "all have ended")
    running.process.wait(120)
    assert isinstance(answer.exception(120), OSError) or answer.result().status == 503


@pytest.mark.parametrize("victim", [0, 1], ids=["server", "parent"])
def test_death_in_the_middle_is_told_and_the_next_command_runs(
    running: RunningDoor, threads: ThreadPoolExecutor, victim: int
) -> None:
    answer, (command, _, parent) = begun(running, threads)
    killed = command_processes(running.process.pid)[victim]
    killed.kill()
    got = answer.result(120)
    killed.wait(timeout=10.0)  # else its socket may take one more
    assert (got.status, got.values("Retry-After")) == (503, ["1"])
    assert got.text == "mwaa-local: what runs commands beside the web server ended; try again\n"
    assert output(running.run("version")) == "3.3.1\n"
    until(lambda: not lives(command) and not lives(parent), "nothing is left of it")


def test_server_that_died_unseen_is_started_anew(running: RunningDoor) -> None:
    running.run("version")
    server = command_processes(running.process.pid)[0]
    server.kill()
    server.wait(timeout=10.0)  # else its socket may take one more
    assert output(running.run("version")) == "3.3.1\n"


def test_changed_file_starts_it_anew(running: RunningDoor) -> None:
    assert output(running.run("variables get A")).startswith("of the web server ")
    path = running.folder / "commands.json"
    path.write_text(path.read_text().replace("of the web server", "of another one"))
    assert output(running.run("variables get A")).startswith("of another one ")
    assert len(command_processes(running.process.pid)) == 2


def test_idle_parent_ends_and_comes_back(started_server: WebServer, tmp_path: Path) -> None:
    write_commands(tmp_path, idle_s=0.1)
    with running_door(tmp_path, started_server.port) as door:
        assert output(door.run("version")) == "3.3.1\n"
        server = command_processes(door.process.pid)[0]
        until(lambda: command_processes(door.process.pid) == [server], "the parent has ended")
        assert output(door.run("version")) == "3.3.1\n"
        assert command_processes(door.process.pid)[0] == server
        assert door.log == ""


def test_command_that_runs_is_not_idle(started_server: WebServer, tmp_path: Path, threads: ThreadPoolExecutor) -> None:
    write_commands(tmp_path, idle_s=0.1)
    with running_door(tmp_path, started_server.port) as door:
        answer, (command, *_) = begun(door, threads)
        with pytest.raises(psutil.TimeoutExpired):
            command.wait(2.5)  # the server has looked twice
        (tmp_path / "waiting.go").touch()
        assert output(answer.result(120)) == "waiting\nwent on\n"


def test_command_that_takes_too_long_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    path = write_commands(tmp_path)
    said = beside(path, lambda commands: commands.run(["dags", "trigger", "wait", str(tmp_path / "w")]), limit_s=3)
    assert said["exit"] is None
    assert base64.b64decode(str(said["stdout"])) == b"waiting\n"
    assert base64.b64decode(str(said["stderr"])) == b"\nmwaa-local: killed after 3 s\n"
    until(lambda: not any(map(psutil.pid_exists, map(int, (tmp_path / "w").read_text().split()))), "all have ended")


def test_exit_code_is_the_commands(tmp_path: Path) -> None:
    path = write_commands(tmp_path)

    async def codes(commands: CommandsBeside) -> list[object]:
        words = (
            ["version"],
            ["dags", "trigger", "exit", "3"],
            ["dags", "trigger", "fail"],
            ["dags", "trigger", "kill"],
        )
        return [(await commands.run(one))["exit"] for one in words]

    assert beside(path, codes) == [0, 3, 1, -signal.SIGKILL]


def test_socket_may_lie_deep(tmp_path: Path) -> None:
    folder = tmp_path / ("deep" * 30) / ("deeper" * 20)
    folder.mkdir(parents=True)
    assert beside(write_commands(folder), version)["exit"] == 0


def test_stale_socket_is_no_hindrance(tmp_path: Path) -> None:
    path = write_commands(tmp_path)
    (tmp_path / "commands.sock").write_text("left by a crash")
    assert beside(path, version)["exit"] == 0


def test_server_that_somebody_else_started_is_used_and_left_alone(tmp_path: Path) -> None:
    """As in the web server's container, whose entry point starts it."""
    argv = json.loads(write_commands(tmp_path).read_text())["argv"]
    path = write_commands(tmp_path, argv=())
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, env={"PATH": os.defpath}) as server:
        until((tmp_path / "commands.sock").exists, "it listens")
        assert beside(path, version)["exit"] == 0
        assert server.poll() is None
        server.terminate()
        assert server.wait(120) == 0


@pytest.mark.parametrize(
    "argv",
    [
        (),
        ("/no/such/python",),
        (sys.executable, "-c", "raise SystemExit(1)"),
        (sys.executable, "no-such-file.py"),
    ],
    ids=["nobody started it", "no interpreter", "it ends", "no program"],
)
def test_server_that_cannot_be_reached_is_told(tmp_path: Path, argv: tuple[str, ...]) -> None:
    path = write_commands(tmp_path, argv=argv)
    with pytest.raises(CommandServerGone, match="does not answer; `mwaa-local logs door` may say why"):
        beside(path, version)


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"a": 1}'])
def test_file_that_is_damaged_or_not_there_yet_is_told(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "commands.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(CommandServerGone, match="does not answer"):
        beside(path, version)


def test_module_that_a_release_lacks_hinders_no_command(tmp_path: Path) -> None:
    argv = json.loads(write_commands(tmp_path).read_text())["argv"]
    path = write_commands(tmp_path, argv=(*argv, "no_such_module", "json"))
    assert beside(path, version)["exit"] == 0


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_fork_that_never_comes_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.spec_from_file_location("cli_server", CLI_SERVER_PATH)
    assert spec is not None and spec.loader is not None
    server = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(server)
    (tmp_path / "hangs.py").write_text("import time; time.sleep(1000)")
    monkeypatch.setattr(server, "FORKSERVER", str(tmp_path / "hangs.py"))
    monkeypatch.setattr(server, "FORK_LIMIT_S", 0.2)
    parent = server.Parent([])
    with pytest.raises(server.ParentGone):
        parent.start({}, [0, 1, 2])
    assert (parent.gone, parent.process.wait(120)) == (True, -signal.SIGKILL)
