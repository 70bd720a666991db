"""What a profile gives, by botocore itself: programs that give no keys, and an STS that cannot be asked."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from mwaa_local.errors import CredentialsUnavailable
from mwaa_local.event import Event
from mwaa_local.iam import programs
from mwaa_local.iam.credentials import NoCredentials, Source
from mwaa_local.runtime.ports import free_port
from mwaa_local.services import role
from mwaa_local.steps import Steps

KEYS = {"Version": 1, "AccessKeyId": "AKIA1", "SecretAccessKey": "tell-nobody"}
Config = Callable[..., None]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """Write the profile `dev`, and others."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    def write(more: str = "", **dev: str) -> None:
        lines = [f"{name} = {value}\n" for name, value in dev.items()]
        (tmp_path / "config").write_text(f"[profile dev]\n{''.join(lines)}{more}")

    return write


def printing(folder: Path, text: str) -> str:
    """Return the words of a program that prints it."""
    (folder / "printed").write_text(text)
    return f"cat {folder / 'printed'}"


def refusal() -> NoCredentials:
    with pytest.raises(NoCredentials) as caught:
        Source("dev", "us-east-1").open().fetch(time.time())
    return caught.value


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("/nowhere/program", "/nowhere/program cannot be run: [Errno 2] No such file or directory"),
        ("{folder}", "{folder} cannot be run: [Errno 13] Permission denied"),
        ("false", "false ended with exit code 1 and wrote nothing to its standard error"),
        ("ls /nowhere", "ls ended with exit code 2: ls: cannot access '/nowhere'"),
        ("true", "what true printed is nothing; it must be a JSON object with Version"),
        ("echo hello", "what echo printed is not JSON"),
        ("echo 'hello", "No closing quotation"),
        ("", "it is empty"),
    ],
)
def test_program_that_cannot_give_keys_is_told(program: str, why: str, config: Config, tmp_path: Path) -> None:
    config(credential_process=program.format(folder=tmp_path))
    error = refusal()
    assert error.what == "the profile dev gives no AWS credentials"
    assert why.format(folder=tmp_path) in error.why
    assert "aws sts get-caller-identity --profile dev must work" in error.hint


@pytest.mark.parametrize(
    ("printed", "why"),
    [
        ([KEYS], "is no JSON object but of the type list"),
        ({**KEYS, "Version": 2}, "has the Version 2; it must be 1"),
        ({**KEYS, "Version": None}, "has no Version"),
        ({"Version": 1, "AccessKeyId": 7}, "has no text as AccessKeyId and SecretAccessKey"),
        ({**KEYS, "SessionToken": 7}, "has no text as SessionToken"),
        ({**KEYS, "Expiration": "tomorrow"}, 'has an Expiration that is no time: "tomorrow"'),
        ({**KEYS, "Expiration": 1900000000}, "has an Expiration that is no time: 1900000000"),
        ({**KEYS, "Expiration": "2090-01-01T00:00:00"}, "has an Expiration without a time zone"),
        ({**KEYS, "Expiration": "2020-01-01T00:00:00Z"}, "the refreshed credentials are still expired"),
    ],
)
def test_program_that_prints_something_else_is_told(printed: Any, why: str, config: Config, tmp_path: Path) -> None:
    config(credential_process=printing(tmp_path, json.dumps(printed)))
    error = refusal()
    assert error.what == "the profile dev gives no AWS credentials"
    assert why in error.why
    assert "tell-nobody" not in error.why


def test_program_of_a_profile_that_another_one_builds_on(config: Config) -> None:
    config(
        "[profile base]\ncredential_process = echo hello\n",
        role_arn="arn:aws:iam::123456789012:role/r",
        source_profile="base",
        region="us-east-1",
    )
    assert "what echo printed is not JSON" in refusal().why


def test_program_that_does_not_end_is_killed_with_its_children(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "PROGRAM_LIMIT_S", 1.0)
    (tmp_path / "slow").write_text("sleep 271.5\nsleep 1\n")
    config(credential_process=f"sh {tmp_path / 'slow'}")
    assert "sh had not ended after 1 s and was killed" in refusal().why
    children = psutil.Process().children(recursive=True)
    assert not [each for each in children if each.status() != psutil.STATUS_ZOMBIE and "271.5" in each.cmdline()]


def test_sts_that_cannot_be_reached_is_not_the_profiles_fault(config: Config, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    config(credential_process=printing(tmp_path, json.dumps(KEYS)), endpoint_url=url)
    error = refusal()
    assert error.what == "the profile dev gives credentials, but STS could not be asked whose they are"
    assert "Could not connect" in error.why
    assert "network" in error.hint
    assert "HTTPS_PROXY" in error.hint


@pytest.fixture
def sts() -> Any:
    """An STS that takes no key; notes how it was asked."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(dict(self.headers))
            self.rfile.read(int(self.headers["Content-Length"]))
            code = "<Error><Code>InvalidClientTokenId</Code><Message>The security token is invalid.</Message></Error>"
            body = f"<ErrorResponse>{code}</ErrorResponse>".encode()
            self.send_response(403)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: Any) -> None:
            pass

    asked: list[Mapping[str, str]] = []
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield SimpleNamespace(url=f"http://127.0.0.1:{server.server_port}", asked=asked)
        server.shutdown()


def test_sts_is_asked_in_the_profiles_region_and_may_refuse(sts: Any, config: Config, tmp_path: Path) -> None:
    program = printing(tmp_path, json.dumps(KEYS))
    config(credential_process=program, endpoint_url=sts.url, region="cn-north-1")
    error = refusal()
    assert error.what == "the profile dev gives credentials, but STS does not accept them"
    assert "InvalidClientTokenId" in error.why
    assert {"/cn-north-1/sts/" in each["Authorization"] for each in sts.asked} == {True}
    config(credential_process=program, endpoint_url=sts.url)
    refusal()
    assert "/us-east-1/sts/" in sts.asked[-1]["Authorization"]


@pytest.mark.parametrize(("seconds", "is_said"), [(0.0, False), (0.6, True)])
def test_it_is_said_when_asking_takes_long(
    seconds: float, is_said: bool, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(role, "SAID_AFTER_S", 0.3 if is_said else 30.0)
    config(credential_process=f"{sys.executable} -c 'import time; time.sleep({seconds})'")
    events: list[Event] = []
    component = role.Role(wanted_profile())
    with pytest.raises(CredentialsUnavailable):
        Steps(events.append).do(role.TITLE, lambda say: component._look(say, SimpleNamespace()))
    assert [each.state for each in events] == [*(["working"] if is_said else []), "failed"]
    if is_said:
        assert events[0].detail == "asking the profile dev for credentials"


def wanted_profile() -> Any:
    local = SimpleNamespace(aws="profile", aws_profile="dev")
    return SimpleNamespace(environment=SimpleNamespace(local=local, execution_role_arn=""), env={})
