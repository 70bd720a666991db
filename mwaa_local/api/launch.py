"""Start the API of a project as a process that outlives the command, find it, end it.

Nobody waits for it unless an address is wanted: what it takes to start must not delay `up`.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from mwaa_local import __version__, errors
from mwaa_local.api.address import Address, ApiFolder, Asked, Problem
from mwaa_local.errors import ComponentNotReady, MwaaLocalError
from mwaa_local.project import MARK_VARIABLE, STATE_DIR, Project

if TYPE_CHECKING:
    from mwaa_local.environment.environment import Environment

START_TIMEOUT_S = 60.0  # on a machine that is busy with an `up`
STOP_TIMEOUT_S = 10.0
PAUSE_S = 0.02
MODULE = "mwaa_local.api"
OUTPUT_NAME = "api.out"  # below the logs: what Python says when the process cannot start


class ApiProcess:
    """The API of one project, or of a folder of projects."""

    def __init__(self, root_dir: Path, env: Mapping[str, str]) -> None:
        self._project = Project(root_dir)
        self.env = env
        self.folder = ApiFolder.of(root_dir / STATE_DIR)

    def asked(self, *, is_folder: bool = False, port: int = 0, names: tuple[str, ...] = ()) -> Asked:
        """Return what to start an API for."""
        from mwaa_local.configuration.base import region_of  # which brings the environment's model in

        return Asked(str(self._project.root_dir), is_folder, port, names, region_of(self.env), __version__)

    def asked_by(self, environment: Environment) -> Asked:
        """Return what an environment file asks for."""
        local = environment.local
        return self.asked(port=local.api_port, names=local.webserver_names)

    @property
    def address(self) -> Address | None:
        """The API that runs; None where none does."""
        return self.folder.address

    def begin(self, asked: Asked) -> None:
        """Start the API, unless it runs as asked; return at once. One that is in front of somebody stays."""
        address = self.address
        if self.folder.is_held and (address is None or not address.is_detached or address.asked == asked):
            return
        self.folder.forget_problem()
        self._project.make_state_dir()
        self._project.logs_dir.mkdir(parents=True, exist_ok=True)
        with (self._project.logs_dir / OUTPUT_NAME).open("wb") as output:
            subprocess.Popen(
                [sys.executable, "-m", MODULE, json.dumps(asdict(asked))],
                # Without the mark of components, which end with the environment.
                env={name: value for name, value in self.env.items() if name != MARK_VARIABLE},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def find_or_start(self, asked: Asked) -> Address:
        """Return the address of the API that runs, whatever it was started for; else start one, as `ensure` does."""
        return self.address or self.ensure(asked)

    def ensure(self, asked: Asked) -> Address:
        """Return the address of the API, which is started where it does not run as asked.

        Raises the error that kept it from starting, ComponentNotReady where it does not come up.
        """
        self.begin(asked)
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            address = self.address
            if address is not None and (address.asked == asked or not address.is_detached):
                return address
            if problem := self.folder.problem:
                raise _error(problem)
            time.sleep(PAUSE_S)
        output = self._project.logs_dir / OUTPUT_NAME
        raise ComponentNotReady(
            f"the API did not answer within {START_TIMEOUT_S:.0f} s",
            output.read_text(errors="replace")[-2000:] if output.is_file() else "",
            f"run the command again; {output} has what it wrote",
        )

    @property
    def problem(self) -> MwaaLocalError | None:
        """What kept the API from starting."""
        problem = self.folder.problem
        return _error(problem) if problem else None

    def stop(self) -> bool:
        """End the API and wait for that; return whether there was one. One in front of somebody is ended, too."""
        address = self.address
        if address is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(address.pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while self.folder.is_held and self.address == address:
            if time.monotonic() > deadline:
                raise ComponentNotReady(
                    f"the API, process {address.pid}, did not end within {STOP_TIMEOUT_S:.0f} s",
                    "",
                    f"kill -9 {address.pid}",
                )
            time.sleep(PAUSE_S)
        return True


def _error(problem: Problem) -> MwaaLocalError:
    kind = getattr(errors, problem.kind)
    error: MwaaLocalError = kind(problem.what, problem.why, problem.hint)
    return error
