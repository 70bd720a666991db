"""What a Docker engine holds, as values: containers, images, volumes, and the Compose project that they belong to.

Not for asking it: `engine`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mwaa_local.runtime.compose.engine_log import epoch

PROJECT_LABEL = "com.docker.compose.project"
SERVICE_LABEL = "com.docker.compose.service"
NUMBER_LABEL = "com.docker.compose.container-number"
ONE_OFF_LABEL = "com.docker.compose.oneoff"
VOLUME_LABEL = "com.docker.compose.volume"
PACKAGES_VARIABLE = "MWAA_LOCAL_PACKAGES"  # docker-compose.yml sets it


@dataclass(frozen=True)
class Container:
    """One container as the engine sees it. Times are epoch seconds by its clock, 0 when it never came to that."""

    id: str
    name: str
    service: str
    number: int
    status: str  # created, running, restarting, paused, exited, dead
    health: str  # healthy, unhealthy, starting, or "" without a health check
    pid: int
    exit_code: int  # 128 + N for signal N; of its last end, and 0 as soon as it runs again
    out_of_memory: bool
    memory_limit_bytes: int  # 0 for none
    restarts: int  # by the engine since it was last started by someone
    started: float
    finished: float
    error: str  # why it could not be started
    ports: tuple[int, ...]  # published ones, as this machine sees them
    packages_key: str = ""  # which packages it was made for; empty for what has none

    @property
    def is_up(self) -> bool:
        return self.status in ("running", "paused")

    @property
    def is_alive(self) -> bool:
        """Whether it is up or will be again without anyone's doing."""
        return self.is_up or self.status == "restarting"


@dataclass(frozen=True)
class ContainerSummary:
    """What the engine says about a container without being asked about it alone."""

    service: str
    number: int
    is_up: bool


@dataclass(frozen=True)
class LastEnd:
    """How a container that runs again ended the last time."""

    exit_code: int | None
    out_of_memory: bool


@dataclass(frozen=True)
class StoredImage:
    """One tag of an image, with the image's own configuration."""

    tag: str  # "repository:tag"
    size_bytes: int  # with the layers that other images share
    configuration: Mapping[str, Any]
    is_used: bool  # by a container, whatever its state


@dataclass(frozen=True)
class StoredVolume:
    """One volume that Compose made."""

    name: str
    project: str
    label: str  # its name in the compose file
    size_bytes: int | None  # where the engine says it
    is_used: bool  # by a container, whatever its state


@dataclass(frozen=True)
class ComposeProject:
    """Which compose file, under which name, with which variables; `dir` is where its relative paths begin."""

    name: str
    dir: Path = Path("/")
    file_path: Path | None = None
    env_path: Path | None = None


def container_from(plain: Mapping[str, Any]) -> Container:
    state, labels = plain["State"], plain["Config"]["Labels"] or {}
    bindings = (plain.get("HostConfig") or {}).get("PortBindings") or {}
    variables = dict(entry.partition("=")[::2] for entry in plain["Config"].get("Env") or [])
    return Container(
        id=plain["Id"],
        name=plain["Name"].lstrip("/"),
        service=labels.get(SERVICE_LABEL, ""),
        number=int(labels.get(NUMBER_LABEL, "1")),
        status=state["Status"],
        health=(state.get("Health") or {}).get("Status", ""),
        pid=int(state.get("Pid") or 0),
        exit_code=int(state.get("ExitCode") or 0),
        out_of_memory=bool(state.get("OOMKilled")),
        memory_limit_bytes=int((plain.get("HostConfig") or {}).get("Memory") or 0),
        restarts=int(plain.get("RestartCount") or 0),
        started=epoch(state.get("StartedAt", "")),
        finished=epoch(state.get("FinishedAt", "")),
        error=str(state.get("Error") or ""),
        ports=tuple(
            int(item["HostPort"]) for items in bindings.values() for item in items or [] if item.get("HostPort")
        ),
        packages_key=variables.get(PACKAGES_VARIABLE, ""),
    )
