"""The front door as a component of either runtime: what it is told, by http and by https."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from mwaa_local.cache.users import PROCESS, User
from mwaa_local.configuration.configuration import Configuration
from mwaa_local.configuration.local_values import PREVIEW
from mwaa_local.door.configuration import DoorConfiguration
from mwaa_local.environment.environment import Environment
from mwaa_local.https.place import authority_path
from mwaa_local.packages import PythonEnvironment
from mwaa_local.place import Place
from mwaa_local.plan import Component, HttpReady
from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.runtime.compose.place import ContainerPlace
from mwaa_local.runtime.process.place import ProcessPlace
from mwaa_local.secrets import load_secrets
from mwaa_local.services.door import FrontDoor, door_authority, webserver_variables
from mwaa_local.steps import Steps
from mwaa_local.wanted import Wanted
from mwaa_local.web_address import WebAddress
from tests.unit.runtime.compose.test_compose_file import Written

PORTS = {"door": 8080, "webserver": 40001}
RUNTIMES = ("process", "docker")
BELIEVES = "FORWARDED_ALLOW_IPS"  # of gunicorn and uvicorn


def wanted_in(folder: Path, **local: Any) -> Wanted:
    environment = Environment.model_validate({"Name": "here", "Local": local})
    project = Project(folder / "project")
    project.run_dir.mkdir(parents=True, exist_ok=True)
    return Wanted(project, environment, Release.load("3.3.1"), {"HOME": str(folder / "home")}, folder / "cache")


def place_of(runtime: str, wanted: Wanted) -> Place:
    folder, authority = wanted.project.run_dir, door_authority(wanted)
    if runtime == "docker":
        return ContainerPlace(PORTS, folder / "services", folder, authority)
    user = User(wanted.cache_dir, wanted.project, PROCESS)
    return ProcessPlace("/usr/local/airflow", PORTS, {}, folder, user, Steps(lambda _: None), authority)


def made(runtime: str, wanted: Wanted) -> tuple[Component, dict[str, Any], Path]:
    """Return the component, its configuration, and the folder of its files on this machine."""
    door = FrontDoor.load(wanted)
    component = door.component(place_of(runtime, wanted), load_secrets(wanted.project.state_dir))
    folder = wanted.project.run_dir / ("services/door" if runtime == "docker" else ".")
    path = folder / "door.json"
    DoorConfiguration.read(path)
    return component, json.loads(path.read_text()), folder


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_door_speaks_http_and_makes_no_authority_unasked(tmp_path: Path, runtime: str) -> None:
    wanted = wanted_in(tmp_path)
    component, told, folder = made(runtime, wanted)
    assert component.ready == HttpReady("http://127.0.0.1:8080/_mwaa-local/door")
    assert "certificate" not in told
    assert webserver_variables(place_of(runtime, wanted)) == {}
    assert not (tmp_path / "home").exists()
    assert not (folder / "https.pem").exists()


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_door_gets_its_certificate_in_a_private_file_of_its_own(tmp_path: Path, runtime: str) -> None:
    wanted = wanted_in(tmp_path, Https=True)
    component, told, folder = made(runtime, wanted)
    authority = str(authority_path(wanted.env))
    assert component.ready == HttpReady("https://127.0.0.1:8080/_mwaa-local/door", authority=authority)
    assert Path(authority).is_file()
    path = folder / "https.pem"
    assert told["certificate"] == ("/opt/mwaa/door/https.pem" if runtime == "docker" else str(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text() == (wanted.project.state_dir / "https.pem").read_text()
    assert "PRIVATE KEY" not in json.dumps([told, component.argv, dict(component.env)])
    assert webserver_variables(place_of(runtime, wanted)) == {"FORWARDED_ALLOW_IPS": "*"}
    assert FrontDoor.load(wanted).variables(place_of(runtime, wanted)) == {}  # of all components


def test_web_server_alone_believes_whom_it_is_told_about(tmp_path: Path) -> None:
    wanted = wanted_in(tmp_path, Https=True)
    env, more = {"LANG": "C"}, webserver_variables(place_of("process", wanted))
    parts = (wanted.project, wanted.environment, wanted.release, PREVIEW, "/usr/local/airflow", env)
    configuration = Configuration(*parts, webserver=more)
    packages = PythonEnvironment(tmp_path, "3.12.1", "")
    views, merged = configuration.startup_views(packages), configuration.merged(packages, {})
    assert {name for name, view in views.items() if BELIEVES in view} == {"webserver"}
    assert {name for name, each in merged.items() if BELIEVES in each.as_env()} == {"webserver"}
    assert BELIEVES not in configuration.merged_for("migrate-db", packages, {}).as_env()


def test_web_servers_container_alone_believes_whom_it_is_told_about(tmp_path: Path, clean_env: dict[str, str]) -> None:
    files = Written(tmp_path / "project", "Local: {Https: true}", {**clean_env, "HOME": str(tmp_path)}).files
    told = {path.name for path in files.dir.rglob("*.*") if path.is_file() and BELIEVES in path.read_text()}
    assert told == {"webserver.env", "webserver.json"}


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_door_starts_anew_with_another_certificate_and_only_then(tmp_path: Path, runtime: str) -> None:
    wanted = wanted_in(tmp_path, Https=True)
    before = made(runtime, wanted)[0]
    assert made(runtime, wanted)[0] == before
    (wanted.project.state_dir / "https.pem").unlink()
    after = made(runtime, wanted)[0]
    assert after.argv == before.argv
    assert after.reads != before.reads
    assert made(runtime, wanted_in(tmp_path))[0].reads not in (before.reads, after.reads)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_web_servers_page_is_asked_for_as_the_door_speaks(tmp_path: Path, runtime: str) -> None:
    wanted = wanted_in(tmp_path, Https=True)
    page = place_of(runtime, wanted).page("webserver", "/health")
    # As a process it is asked itself; in Docker it has no port but the door's.
    inner = HttpReady("http://127.0.0.1:40001/health")
    assert page == (WebAddress(8080, door_authority(wanted)).page("/health") if runtime == "docker" else inner)


def test_names_that_the_authority_cannot_vouch_for_are_told(tmp_path: Path) -> None:
    names = ["orders.localhost", "127.0.0.9", "my-machine.example.com", "192.168.0.1"]
    (remark,) = FrontDoor.load(wanted_in(tmp_path, Https=True, WebserverNames=names)).remarks
    assert "my-machine.example.com, 192.168.0.1" in remark.what
    assert "orders" not in remark.what
    assert ".localhost" in remark.hint
    assert FrontDoor.load(wanted_in(tmp_path, WebserverNames=names)).remarks == ()
    assert FrontDoor.load(wanted_in(tmp_path, Https=True, WebserverNames=names[:2])).remarks == ()
