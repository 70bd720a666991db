"""Where components are as containers: each on a host of its own, reached from here by published ports."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from mwaa_local.files import write_changed, write_private
from mwaa_local.isolation import MWAA_HOME_DIR
from mwaa_local.place import ANY_HOST, HOST, MakeInterpreter, url_of
from mwaa_local.plan import HttpReady
from mwaa_local.release import Release
from mwaa_local.runtime.compose.files import RUN_DIR
from mwaa_local.runtime.ports import WEBSERVER
from mwaa_local.services.all import SERVICES
from mwaa_local.web_address import DOOR, WebAddress

# How the image runs what runs in it (docker/Dockerfile, ENTRYPOINT).
ENTRYPOINT = ("/opt/mwaa/base/bin/python", "-I", "/usr/local/bin/entrypoint")
# On which each listens in its own container (docker-compose.yml).
WEBSERVER_PORT = 8080
POSTGRES_PORT = 5432
REDIS_PORT = 6379
PORTS_INSIDE = {
    "webserver": WEBSERVER_PORT,
    "postgres": POSTGRES_PORT,
    "redis": REDIS_PORT,
    **{service.name: service.port for service in SERVICES},
}
SHARED_DIR = "/opt/mwaa/shared"  # what the front door and the web server share
SERVICE_DIR = "/opt/mwaa"  # below it, in the container of a service, the folder that bears its name


@dataclass(frozen=True)
class ContainerPlace:
    """Containers of one Compose project. `ports` are the published ones, `dir` the folder of files for services.

    `run_dir` is what all containers of Airflow see.
    """

    ports: Mapping[str, int]
    dir: Path
    run_dir: Path
    authority: str = ""

    home_dir = str(MWAA_HOME_DIR)
    own_hosts = True
    exec_argv = (*ENTRYPOINT, "exec", "airflow")
    server_env: ClassVar[Mapping[str, str]] = {}

    def listens(self, name: str) -> tuple[str, int]:
        return ANY_HOST, PORTS_INSIDE[name]

    def reached(self, name: str) -> tuple[str, int]:
        return name, PORTS_INSIDE[name]

    def airflow_argv(self, release: Release, python: str) -> tuple[str, ...]:
        return (*ENTRYPOINT, "run", "airflow")

    def interpreter(self, step: str, make: MakeInterpreter) -> tuple[str, ...]:
        return ()

    def write(self, service: str, name: str, text: str) -> str:
        write_private(self._folder(service) / name, text)
        return f"{SERVICE_DIR}/{service}/{name}"

    def shown(self, name: str, text: str) -> str:
        path = self.run_dir / name
        write_changed(path, text)
        return f"{RUN_DIR}/{name}"

    def folder(self, path: Path, inside: str) -> str:
        return inside

    def program(self, service: str, path: Path) -> str:
        target_dir = self._folder(service) / path.name
        shutil.rmtree(target_dir, ignore_errors=True)
        shutil.copytree(path, target_dir, ignore=shutil.ignore_patterns("__pycache__"))
        return f"{SERVICE_DIR}/{service}/{path.name}"

    def shared(self, name: str) -> str:
        return f"{SHARED_DIR}/{name}"

    def page(self, name: str, path: str) -> HttpReady:
        if name in (DOOR, WEBSERVER):  # whose own port is reached by its neighbours alone
            return WebAddress(self.ports[DOOR], self.authority).page(path)
        return HttpReady(url_of((HOST, self.ports[name])) + path)

    def names_of(self, name: str) -> tuple[str, ...]:
        return (name,)

    def _folder(self, service: str) -> Path:
        folder = self.dir / service
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder
