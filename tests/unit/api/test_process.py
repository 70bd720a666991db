"""The API as a process: started once, found, replaced, ended when nobody needs it, and there again after a kill."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from mwaa_local.api import serving
from mwaa_local.api.address import ADDRESS_NAME, Address, Asked
from mwaa_local.api.environments.registry import Registry
from mwaa_local.api.environments.status import Look
from mwaa_local.api.launch import OUTPUT_NAME, ApiProcess
from mwaa_local.api.serving import IDLE_VARIABLE, Serving
from mwaa_local.errors import PortInUse, VariableInvalid
from mwaa_local.project import Project
from mwaa_local.runtime.process.supervisor_socket import connect
from tests.unit.api.serving import SIGNED

WAIT_S = 60.0  # for what takes a second on a quiet machine
SOON_S = "0.5"
PRIVATE_FILE, PRIVATE_DIR = 0o600, 0o700


@pytest.fixture
def api(tmp_path: Path, clean_env: dict[str, str]) -> Iterator[ApiProcess]:
    """The API of a project; whatever runs of it at the end is ended."""
    root = tmp_path / "project"
    (root / "dags").mkdir(parents=True)
    process = ApiProcess(root, clean_env)
    yield process
    process.stop()


def soon(api: ApiProcess) -> ApiProcess:
    """Return the same API with a process that soon has nothing to do."""
    return ApiProcess(Path(api.asked().root), {**api.env, IDLE_VARIABLE: SOON_S})


def wait_for_end(address: Address) -> None:
    deadline = time.monotonic() + WAIT_S
    while is_alive(address.pid):
        assert time.monotonic() < deadline, "the API goes on"
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    with contextlib.suppress(ChildProcessError):  # it may be a child of this process, or one of a child
        os.waitpid(pid, os.WNOHANG)
    return psutil.pid_exists(pid)


def names_by(connection: http.client.HTTPConnection, **headers: str) -> object:
    connection.request("GET", "/environments", headers={"Authorization": SIGNED, **headers})
    answer = connection.getresponse()
    return json.loads(answer.read())


def test_it_is_started_once_and_found_again(api: ApiProcess) -> None:
    assert api.address is None
    address = api.ensure(api.asked())
    assert api.ensure(api.asked()) == api.find_or_start(api.asked(port=1)) == api.address == address
    assert names_by(http.client.HTTPConnection("127.0.0.1", address.port)) == {"Environments": []}


def test_several_that_start_it_at_once_get_the_same(api: ApiProcess) -> None:
    found: list[Address] = []
    threads = [threading.Thread(target=lambda: found.append(api.ensure(api.asked()))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    assert len(set(found)) == 1


def test_it_answers_on_a_private_socket_too(api: ApiProcess) -> None:
    api.ensure(api.asked())
    connection = http.client.HTTPConnection("localhost")
    connection.sock = connect(api.folder.socket_path)
    # Whoever may use it has looked at the name by which a client came.
    assert names_by(connection, Host="aws:5000") == {"Environments": []}
    connection.close()
    assert api.folder.path.stat().st_mode & 0o777 == PRIVATE_DIR
    assert {path.stat().st_mode & 0o777 for path in api.folder.path.iterdir()} == {PRIVATE_FILE}


def test_one_that_was_killed_is_followed_by_one_at_the_same_port(api: ApiProcess) -> None:
    before = api.ensure(api.asked())
    os.kill(before.pid, signal.SIGKILL)
    wait_for_end(before)
    after = api.ensure(api.asked())
    assert after.pid != before.pid
    assert after.port == before.port


def test_one_that_is_asked_for_otherwise_takes_its_place(api: ApiProcess) -> None:
    before = api.ensure(api.asked())
    after = api.ensure(api.asked(names=("my-machine.example.com",)))
    wait_for_end(before)
    assert api.address == after
    assert after.pid != before.pid


def test_it_ends_when_nobody_asks_and_nothing_runs(api: ApiProcess) -> None:
    wait_for_end(soon(api).ensure(api.asked()))
    assert api.address is None


@pytest.mark.parametrize(
    ("look", "may_run"),
    [
        (Look(0, is_running=True), True),  # though it has no record, or a damaged one
        (Look(0, is_sure=False, why="Docker does not answer"), True),
        (Look(0, why="it is not running"), False),
    ],
)
def test_it_stays_while_its_environment_runs_or_may_do_so(tmp_path: Path, look: Look, may_run: bool) -> None:
    registry = Registry.of_project(Project(tmp_path), {})
    registry.looks.know(Project(tmp_path), replace(look, at=time.monotonic()))
    assert serving.is_anything_running(registry) == may_run


@pytest.mark.parametrize("value", ["soon", "0", "-1", "nan"])
def test_time_that_is_none_is_refused_at_the_start(tmp_path: Path, clean_env: dict[str, str], value: str) -> None:
    asked = ApiProcess(tmp_path, clean_env).asked()
    with pytest.raises(VariableInvalid, match=f"{IDLE_VARIABLE} is '{value}'"):
        Serving(asked, {**clean_env, IDLE_VARIABLE: value}, is_detached=False).run()


def test_whoever_waits_for_a_detached_one_learns_of_a_time_that_is_none(api: ApiProcess) -> None:
    wrong = ApiProcess(Path(api.asked().root), {**api.env, IDLE_VARIABLE: "soon"})
    with pytest.raises(VariableInvalid, match=f"{IDLE_VARIABLE} is 'soon'"):
        wrong.ensure(api.asked())
    output = Path(api.asked().root) / ".mwaa-local" / "logs" / OUTPUT_NAME
    assert "Traceback" not in output.read_text()


def test_watch_goes_on_after_what_it_could_not_see_and_logs_it_once(
    api: ApiProcess, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    looks = iter([PermissionError("record"), PermissionError("record"), None])

    def look(_registry: Registry) -> bool:
        if error := next(looks):
            raise error
        return False

    monkeypatch.setattr(serving, "is_anything_running", look)
    served = Serving(api.asked(), {**api.env, IDLE_VARIABLE: "0.01"}, is_detached=True)
    address = Address(os.getpid(), 1, True, api.asked())
    lock = api.folder.take()
    assert lock is not None
    api.folder.write(address)

    async def watch() -> None:
        ended = asyncio.Event()
        await asyncio.wait_for(served._watch(served.registry(), api.folder, address, serving.Use(), ended), WAIT_S)
        assert ended.is_set()

    try:
        asyncio.run(watch())
    finally:
        (api.folder.path / ADDRESS_NAME).unlink()  # nobody is to end this process for it
        os.close(lock)
    assert [record.message for record in caplog.records] == ["cannot tell whether the API is needed; it goes on"]


def test_it_ends_with_its_project(api: ApiProcess) -> None:
    address = soon(api).ensure(api.asked())
    shutil.rmtree(api.asked().root)
    wait_for_end(address)
    assert not Path(api.asked().root).exists()


def test_it_is_ended_on_request(api: ApiProcess) -> None:
    address = api.ensure(api.asked())
    assert api.stop()
    wait_for_end(address)
    assert not api.stop()


def test_port_of_another_is_an_error_with_a_way_out(api: ApiProcess) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        with pytest.raises(PortInUse, match=rf"cannot listen on port {port}") as caught:
            api.ensure(api.asked(port=port))
        assert "ApiPort" in caught.value.hint
        assert str(api.problem) == str(caught.value)
    assert api.ensure(api.asked(port=port)).port == port
    assert api.problem is None


def test_what_it_is_started_for_comes_through_a_file(api: ApiProcess) -> None:
    asked = Asked("/x", is_folder=True, port=5, names=("a",), region="eu-west-1", version="1")
    api.folder.path.mkdir(parents=True)
    lock = api.folder.take()
    assert lock is not None
    api.folder.write(Address(os.getpid(), 5, is_detached=False, asked=asked))
    assert api.address == Address(os.getpid(), 5, is_detached=False, asked=asked)
    os.close(lock)
    assert api.address is None
    assert api.folder.last_port == 5
