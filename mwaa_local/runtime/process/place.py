"""Where components are as processes: all on this machine, with its files and one address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.cache.users import User
from mwaa_local.files import write_changed, write_private
from mwaa_local.place import HOST, MakeInterpreter, url_of
from mwaa_local.plan import HttpReady
from mwaa_local.release import Release
from mwaa_local.steps import Steps
from mwaa_local.web_address import DOOR, WebAddress


@dataclass(frozen=True)
class ProcessPlace:
    """This machine. `run_dir` takes what services start from; `user` is the project, as who uses what is kept."""

    home_dir: str
    ports: Mapping[str, int]
    server_env: Mapping[str, str]
    run_dir: Path
    user: User
    steps: Steps
    authority: str = ""

    own_hosts = False
    exec_argv: tuple[str, ...] = ()

    def listens(self, name: str) -> tuple[str, int]:
        return HOST, self.ports[name]

    def reached(self, name: str) -> tuple[str, int]:
        return HOST, self.ports[name]

    def airflow_argv(self, release: Release, python: str) -> tuple[str, ...]:
        return release.airflow_argv(python)

    def interpreter(self, step: str, make: MakeInterpreter) -> tuple[str, ...]:
        return self.steps.do(step, lambda say: make(say, self.user)), "-I"

    def write(self, service: str, name: str, text: str) -> str:
        path = self.run_dir / name
        write_private(path, text)
        return str(path)

    def shown(self, name: str, text: str) -> str:
        path = self.run_dir / name
        write_changed(path, text)
        return str(path)

    def folder(self, path: Path, inside: str) -> str:
        return str(path)

    def program(self, service: str, path: Path) -> str:
        return str(path)

    def shared(self, name: str) -> str:
        return str(self.run_dir / name)

    def page(self, name: str, path: str) -> HttpReady:
        if name == DOOR:
            return WebAddress(self.ports[DOOR], self.authority).page(path)
        return HttpReady(url_of(self.reached(name)) + path)

    def names_of(self, name: str) -> tuple[str, ...]:
        return ()
