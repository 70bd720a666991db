"""Deployments of environments while the API does not answer, refuses, or something of ours breaks.

moto is the real one, asked within this process, and the API is HTTP on a Unix socket, of which a test decides what it
answers and whether it is there.
"""

from __future__ import annotations

import contextlib
import http.server
import importlib
import json
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mwaa_local.guest.aws.cloudformation.control import Control
from mwaa_local.services.aws import aws_python
from tests.conftest import cache_dir, make_clean_env
from tests.environments import wait_until

pytestmark = pytest.mark.network  # moto's packages, once

PACKAGE = "mwaa_local.guest.aws.cloudformation"
ACCOUNT, REGION = "123456789012", "us-east-1"
TIMEOUT_S = 60.0
TEMPLATE = {"Resources": {"Mine": {"Type": "AWS::MWAA::Environment", "Properties": {"Name": "mine"}}}}


class Api(socketserver.ThreadingUnixStreamServer):
    """The MWAA API; `down` is that nobody answers, `refused` the method that it refuses."""

    daemon_threads = True

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), Answers)
        self.path = path
        self.calls: list[tuple[Any, ...]] = []  # all but GET
        self.refused = ""
        self.is_there = True
        self.found: dict[str, Any] = {"Status": "AVAILABLE", "Arn": "arn", "Tags": {"a": "1", "mine": "x"}}

    @property
    def down(self) -> bool:
        return not self.path.exists()

    @down.setter
    def down(self, down: bool) -> None:
        aside = self.path.with_suffix(".aside")
        if down != self.down:
            (self.path if down else aside).rename(aside if down else self.path)


class Answers(http.server.BaseHTTPRequestHandler):
    server: Api

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        api = self.server
        if self.command == "GET":
            there = {"Environment": api.found} if api.is_there else {"message": "none"}
            self.send(200 if api.is_there else 404, there, "ResourceNotFoundException")
        elif self.command == api.refused:
            self.send(400, {"message": "no"}, "ValidationException")
        else:
            api.calls.append((self.command, self.path, *([json.loads(body)] if body else [])))
            api.is_there = True
            self.send(200, {}, "")

    do_GET = do_PUT = do_PATCH = do_POST = do_DELETE = answer  # noqa: N815 - the library's names

    def send(self, status: int, plain: dict[str, Any], kind: str) -> None:
        content = json.dumps(plain).encode()
        self.send_response(status)
        self.send_header("x-amzn-ErrorType", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def address_string(self) -> str:
        return "a socket"

    def log_message(self, *args: object) -> None: ...


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Import modules of the package beside the moto of the local AWS; nothing of both stays imported."""
    import botocore.handlers

    python = aws_python(cache_dir(), make_clean_env(tmp_path_factory.mktemp("home")), lambda _: None)
    say = "import sysconfig; print(sysconfig.get_path('purelib'))"
    folder = subprocess.run([python, "-c", say], capture_output=True, text=True, check=True).stdout.strip()
    before, handlers = set(sys.modules), list(botocore.handlers.BUILTIN_HANDLERS)
    sys.path.append(folder)  # last: what this interpreter has itself stays
    try:
        yield lambda name: importlib.import_module(f"{PACKAGE}.{name}")
    finally:
        sys.path.remove(folder)
        botocore.handlers.BUILTIN_HANDLERS[:] = handlers  # moto adds one
        for name in set(sys.modules) - before:
            if name.startswith(("moto", PACKAGE)):
                del sys.modules[name]


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with Api(tmp_path / "api.sock") as api:
        threading.Thread(target=api.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield api
        api.shutdown()


@pytest.fixture
def environments(modules: Any, api: Api) -> Any:
    module = modules("environment")
    module.MwaaEnvironment.control = Control(str(api.path))
    return module


@pytest.fixture
def made(environments: Any) -> Any:
    environment = environments.MwaaEnvironment(REGION, "Mine", {"Name": "mine", "Tags": {"a": "1", "b": "2"}})
    environment.is_made = True
    return environment


def test_no_answer_is_waited_for_and_a_failure_in_the_end(
    made: Any, api: Api, environments: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(environments.time, "time", lambda: now)
    for ask in (made.is_created, made.is_gone):
        api.down = True
        assert ask() is False
        now += environments.NO_ANSWER_S - 1
        assert ask() is False
        api.down = False
        ask()
        api.down = True
        assert ask() is False, "it counts from the first look without an answer"
        now += environments.NO_ANSWER_S + 1
        with pytest.raises(environments.HandlerFailed, match="the MWAA API of this project does not answer"):
            ask()
        api.down = False
        ask()


def test_deletion_that_nobody_took_is_asked_for_again(made: Any, api: Api) -> None:
    api.down = True
    made.delete("", "")
    api.down = False
    assert made.is_gone() is False
    assert api.calls == [("DELETE", "/environments/mine")]


def test_refused_update_changes_no_tags(made: Any, api: Api, environments: Any) -> None:
    api.refused = "PATCH"
    with pytest.raises(environments.HandlerFailed, match="no") as caught:
        made._update({"Name": "mine", "Tags": {"c": "3"}})
    assert caught.value.changed_nothing
    assert api.calls == []


def test_tags_follow_when_the_update_is_made(made: Any, api: Api) -> None:
    made._update({"Name": "mine", "Tags": {"c": "3"}})
    api.found["Status"] = "UPDATING"
    assert made.is_created() is False
    api.found["Status"] = "AVAILABLE"
    assert made.is_created() is True
    assert api.calls == [
        ("PATCH", "/environments/mine", {}),
        ("DELETE", "/tags/arn?tagKeys=a"),
        ("POST", "/tags/arn", {"Tags": {"c": "3"}}),
    ]


def test_watch_begins_anew_after_an_error(
    modules: Any, environments: Any, api: Api, capfd: pytest.CaptureFixture[str]
) -> None:
    locks = iter([RuntimeError("broken lock")])

    @contextlib.contextmanager
    def lock() -> Iterator[None]:
        if error := next(locks, None):
            raise error
        yield

    written: list[bool] = []
    watching = modules("watch").Watch(lock, lambda: written.append(True))
    modules("resources").install()
    backend = modules("backend")
    backend.install(watching.begin)
    api.is_there, api.found["Status"] = False, "CREATING"
    stacks = backend.models.cloudformation_backends[ACCOUNT][REGION]
    stack = stacks.create_stack("stack", json.dumps(TEMPLATE), {})
    assert [call[:2] for call in api.calls] == [("PUT", "/environments/mine")]
    wait_until(lambda: watching._thread is None, TIMEOUT_S, "the watch ends")
    assert "broken lock" in capfd.readouterr().err
    assert stack.status == "CREATE_IN_PROGRESS"
    api.found["Status"] = "AVAILABLE"
    watching.begin()  # as the next request does
    wait_until(lambda: stack.status == "CREATE_COMPLETE", TIMEOUT_S, "the deployment goes on")
    wait_until(lambda: watching._thread is None, TIMEOUT_S, "nothing is left to be watched")
    assert written  # so that a copy has it
