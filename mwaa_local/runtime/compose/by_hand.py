"""The files for Docker Compose, for those who run it by hand: `mwaa-local env`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.errors import DockerUnavailable
from mwaa_local.event import Event
from mwaa_local.remarks import Remark
from mwaa_local.runtime.compose.files import ComposeFiles
from mwaa_local.runtime.compose.image import COMPOSE_PATH
from mwaa_local.runtime.compose.prepare import ContainerPreparation
from mwaa_local.runtime.compose.runtime import ComposeRuntime
from mwaa_local.wanted import Wanted


@dataclass(frozen=True)
class Written:
    """The files for Compose, and the command that reads them, without its last words."""

    dir: Path
    command: tuple[str, ...]
    remarks: tuple[Remark, ...]


def write_compose_files(wanted: Wanted, on_event: Callable[[Event], None]) -> Written:
    """Write what Docker Compose needs, without asking an engine for anything."""
    runtime = ComposeRuntime(wanted.project, wanted.env)
    try:
        before = runtime.running_plan()
    except DockerUnavailable:  # then nothing of it runs
        before = None
    prepared = ContainerPreparation(wanted, before, on_event, runtime.own, build_image=False).prepare()
    runtime.own.remember(prepared.plan)
    files = ComposeFiles.of(wanted.project)
    command = ("docker", "compose", "--file", str(COMPOSE_PATH.resolve()), "--env-file", str(files.env_path))
    return Written(files.dir, command, prepared.remarks)
