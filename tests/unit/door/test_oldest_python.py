"""The door on the oldest Python that it promises to run on, where asyncio's time-outs are no TimeoutError yet."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import signal
import socket
import subprocess
from pathlib import Path

import psutil
import pytest
from uv import find_uv_bin

from mwaa_local.door.tokens import CLI, mint
from mwaa_local.https.certificate import project_certificate
from mwaa_local.https.place import CERTIFICATE_NAME, OWN_NAMES, authority_path
from mwaa_local.interpreters import search_path
from mwaa_local.services.door import DOOR_PYTHON
from tests.conftest import make_clean_env
from tests.unit.door.doors import ENVIRONMENT, HOST, KEY, WebServer, running_door, until
from tests.unit.door.programs import lives, write_commands

pytestmark = [pytest.mark.network, pytest.mark.full]

STUBBORN = """
import os, signal, socket, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1]); listener.listen()
with open(sys.argv[2] + ".new", "w") as file:
    file.write(str(os.getpid()))
os.rename(sys.argv[2] + ".new", sys.argv[2])
time.sleep(1000)
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That Python with the door's one package."""
    folder = tmp_path_factory.mktemp("python")
    env = make_clean_env(folder)
    env["PATH"] = search_path(env)
    made = folder / "made"
    path = made / "bin" / "python"
    requirement = f"aiohttp=={importlib.metadata.version('aiohttp')}"
    for argv in (
        ["venv", "--quiet", "--python", str(DOOR_PYTHON), str(made)],
        ["pip", "install", "--quiet", "--python", str(path), requirement],
    ):
        subprocess.run([find_uv_bin(), *argv], env=env, check=True)
    return path


def test_web_server_that_takes_no_connection_is_not_ready(python: Path, tmp_path: Path) -> None:
    with socket.create_server((HOST, 0), backlog=0) as full:
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        try:
            for connection in waiting:  # the kernel takes what the backlog allows, and lets all others wait
                connection.setblocking(False)
                connection.connect_ex(address)
            with running_door(tmp_path, address[1], python) as door:
                answer = door.get()
                assert (answer.status, answer.values("Retry-After")) == (503, ["1"]), door.log
        finally:
            for connection in waiting:
                connection.close()


def test_both_who_speak_https_and_who_do_not_are_answered(python: Path, server: WebServer, tmp_path: Path) -> None:
    env = {"HOME": str(tmp_path)}
    project_certificate(tmp_path, OWN_NAMES, env, datetime.datetime.now(datetime.UTC))
    secure = {"authority": str(authority_path(env)), "certificate": str(tmp_path / CERTIFICATE_NAME)}
    with running_door(tmp_path, server.port, python, **secure) as door:
        assert door.get("/").status == 200
        assert server.asked[-1].values("X-Forwarded-Proto") == ["https"]
        with door.raw(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n") as plain:
            assert plain.recv(1 << 16).startswith(b"HTTP/1.1 400 ")
        assert door.log == ""


def test_stubborn_command_server_ends_with_the_door(python: Path, server: WebServer, tmp_path: Path) -> None:
    program, noted = tmp_path / "stubborn.py", tmp_path / "pid"
    program.write_text(STUBBORN)
    write_commands(tmp_path, argv=(str(python), str(program), str(tmp_path / "commands.sock"), str(noted)))
    with running_door(tmp_path, server.port, python) as door:
        token = mint(KEY, CLI, ENVIRONMENT)
        head = f"POST /aws_mwaa/cli HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
        with door.raw(f"{head}Content-Type: text/plain\r\nContent-Length: 7\r\n\r\nversion".encode()):
            until(noted.exists, "the command server runs")
            stubborn = psutil.Process(int(noted.read_text()))
            try:
                os.kill(door.process.pid, signal.SIGTERM)
                until(lambda: not lives(stubborn), "it is killed", 30)
            finally:
                if lives(stubborn):
                    stubborn.kill()
        assert "Traceback" not in door.log
