"""What the local AWS keeps, as the launcher sees it: its key, its remarks, its end, and `reset-aws`."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mwaa_local.cache.folder import CacheFolder
from mwaa_local.cache.keepers import KINDS
from mwaa_local.cache.keys import user_key
from mwaa_local.environment.environment import Environment
from mwaa_local.errors import NotRunning, StateCorrupted
from mwaa_local.finding import WARNING
from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.remarks import Remark
from mwaa_local.secrets import load_secrets
from mwaa_local.services.aws import AWS, LocalAws
from mwaa_local.services.aws_state import (
    empty_running,
    make_state_dir,
    remove_state,
    state_dir,
    state_remarks,
)
from mwaa_local.wanted import Wanted
from tests.conftest import ProjectRunner

MakeProject = Callable[..., ProjectRunner]
PORT = 4566


@pytest.fixture
def mine(tmp_path: Path) -> Project:
    project = Project(tmp_path / "project")
    project.root_dir.mkdir()
    project.make_state_dir()
    return project


def keep(project: Project) -> Path:
    """Let there be something."""
    kept = make_state_dir(project) / "kept"
    kept.mkdir(mode=0o700)
    (kept / "state").write_bytes(b"something")
    return kept / "state"


def test_key_is_made_once_and_private_and_one_for_all_who_ask_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: user_key(tmp_path, "one"), range(32)))
    assert len(found) == 1
    assert len(found.pop()) == 64
    (path,) = (tmp_path / "keys").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert user_key(tmp_path, "other") != user_key(tmp_path, "one")
    assert CacheFolder(tmp_path, KINDS).look([]).foreign == ()  # `cache prune` knows it, and leaves it


def test_remarks_are_what_the_component_wrote(mine: Project) -> None:
    assert state_remarks(mine) == ()
    written = [{"severity": "warning", "what": "it began anew", "why": "It was torn.", "hint": "nothing to do"}]
    (make_state_dir(mine) / "remarks.json").write_text(json.dumps(written))
    assert state_remarks(mine) == (Remark(WARNING, "local AWS", "it began anew", "It was torn.", "nothing to do"),)


@pytest.mark.parametrize("text", ["", "{", "[1]", '[{"what": "a"}]', '{"a": 1}', "null"])
def test_remarks_that_cannot_be_read_are_none(text: str, mine: Project) -> None:
    (make_state_dir(mine) / "remarks.json").write_text(text)
    assert state_remarks(mine) == ()


def test_all_of_it_is_removed_once(mine: Project) -> None:
    keep(mine)
    (state_dir(mine) / "aside-20261130-000000").mkdir()
    assert remove_state(mine)
    assert not state_dir(mine).exists()
    assert not remove_state(mine)


def test_what_cannot_be_removed_is_told(mine: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("mwaa_local.services.aws_state.remove_tree", refuse)
    with pytest.raises(StateCorrupted, match=r"cannot remove .*/aws") as caught:
        remove_state(mine)
    assert "remove that folder yourself" in caught.value.hint


@contextmanager
def answering(status: int, body: bytes) -> Iterator[tuple[int, list[str]]]:
    """Answer as a local AWS would."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,)).start()
        try:
            yield server.server_port, asked
        finally:
            server.shutdown()


def test_a_running_one_is_asked_to_forget() -> None:
    with answering(200, b"{}") as (port, asked):
        empty_running(port)
    assert asked == ["/_mwaa-local/aws/empty"]


def test_one_that_refuses_or_does_not_answer_is_told() -> None:
    with answering(503, b'{"message": "mwaa-local: too busy"}') as (port, _):
        with pytest.raises(NotRunning, match="was not emptied") as caught:
            empty_running(port)
        assert caught.value.why == "mwaa-local: too busy"
    with pytest.raises(NotRunning, match="does not answer"):
        empty_running(port)


def test_reset_aws_of_a_stopped_environment(project: MakeProject) -> None:
    runner = project({"mwaa.yaml": "Local: {Aws: local}\n", "dags/a.py": ""})
    mine = Project(runner.root_dir)
    mine.make_state_dir()
    copy = keep(mine)
    assert runner.call("reset-aws", stdin="n\n").exit_code == 1
    assert copy.exists()
    outcome = runner.call("reset-aws", "--yes")
    assert (outcome.exit_code, outcome.stdout) == (0, "")
    assert "what the local AWS held is gone" in outcome.stderr
    assert not state_dir(mine).exists()
    again = runner.call("reset-aws", "--yes")
    assert again.exit_code == 0
    assert "the local AWS holds nothing" in again.stderr


def test_down_with_volumes_removes_it_and_plain_down_does_not(project: MakeProject) -> None:
    runner = project({"mwaa.yaml": "Local: {Aws: local}\n", "dags/a.py": ""})
    mine = Project(runner.root_dir)
    mine.make_state_dir()
    copy = keep(mine)
    assert runner.call("down").exit_code == 0
    assert copy.exists()
    assert runner.call("down", "--volumes").exit_code == 0
    assert not state_dir(mine).exists()


class OnePlace:
    """A place as far as the component asks for it; what is written there is kept here."""

    own_hosts = False

    def __init__(self) -> None:
        self.ports = {AWS: PORT}
        self.server_env: dict[str, str] = {}
        self.written: dict[str, Any] = {}

    def listens(self, _name: str) -> tuple[str, int]:
        return "127.0.0.1", PORT

    reached = listens

    def folder(self, path: Path, _inside: str) -> str:
        return str(path)

    program = folder

    def interpreter(self, _step: str, _make: object) -> tuple[str, ...]:
        return ("python",)

    def write(self, _service: str, name: str, text: str) -> str:
        self.written = json.loads(text)
        return f"/run/{name}"

    def page(self, _name: str, _path: str) -> Any:
        return SimpleNamespace()


def local_aws(project: Project, env: dict[str, str], cache_dir: Path) -> LocalAws:
    environment = Environment.model_validate({"Local": {"Aws": "local"}})
    return LocalAws.load(Wanted(project, environment, Release.load("3.3.1"), env, cache_dir))


def test_component_is_told_where_to_keep_it_and_how_to_sign_it(mine: Project, tmp_path: Path) -> None:
    place: Any = OnePlace()
    secrets = load_secrets(mine.state_dir)
    component = local_aws(mine, {}, tmp_path / "cache").component(place, secrets)
    assert place.written["state"] == str(mine.state_dir / "aws")
    assert state_dir(mine).stat().st_mode & 0o777 == 0o700
    key = place.written["state_key"]
    assert key == user_key(tmp_path / "cache", "aws-state")
    assert key not in json.dumps([component.argv, dict(component.env), component.reads])


def test_in_memory_nothing_is_kept_and_it_is_another_component(mine: Project, tmp_path: Path) -> None:
    kept_place, place = OnePlace(), OnePlace()
    secrets = load_secrets(mine.state_dir)
    keeping = local_aws(mine, {}, tmp_path).component(kept_place, secrets)  # type: ignore[arg-type]
    env = {"MWAA_LOCAL_AWS_STATE": "memory"}
    forgetting = local_aws(mine, env, tmp_path).component(place, secrets)  # type: ignore[arg-type]
    assert (place.written["state"], place.written["state_key"]) == ("", "")
    assert forgetting.reads != keeping.reads


def test_up_says_that_it_holds_what_it_held(mine: Project, tmp_path: Path) -> None:
    place: Any = OnePlace()
    aws = local_aws(mine, {}, tmp_path)
    here = f"http://localhost:{PORT} holds"
    assert _detail(aws, place) == f"{here} nothing, because tests/aws/ is empty"
    keep(mine)
    assert _detail(aws, place) == f"{here} what it held before"
    (mine.root_dir / "tests" / "aws" / "s3" / "my-bucket").mkdir(parents=True)
    assert _detail(local_aws(mine, {}, tmp_path), place) == f"{here} 1 bucket and what it held before"
    in_memory = local_aws(mine, {"MWAA_LOCAL_AWS_STATE": "memory"}, tmp_path)
    assert _detail(in_memory, place) == f"{here} 1 bucket"


def _detail(aws: LocalAws, place: Any) -> str:
    told = aws.told(place)
    assert told is not None
    return told.detail
