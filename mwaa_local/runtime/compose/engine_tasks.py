"""Containers outside of any compose file, which do one thing for a command of ours, and the volumes that they work on.

They bear the labels of the project's Compose project as a `docker compose run` would have them, so that neither this
product nor Compose takes them for components, and one of ours by which a later command finds what a killed one left.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mwaa_local.errors import DockerUnavailable
from mwaa_local.place import HOST
from mwaa_local.runtime.compose.engine_store import EngineStore
from mwaa_local.runtime.compose.stored import ONE_OFF_LABEL, PROJECT_LABEL, SERVICE_LABEL, VOLUME_LABEL

TASK_LABEL = "mwaa-local.database"  # on containers that work on a database; which one
SHM_BYTES = 128 << 20  # as in docker-compose.yml
STOP_TIMEOUT_S = 30


@dataclass(frozen=True)
class Task:
    """One container to be made. `argv` takes the place of what the image runs; empty for the image's own."""

    image: str
    project: str  # Compose's
    service: str  # whose work it does
    database: str
    argv: Sequence[str] = ()
    words: Sequence[str] = ()  # in place of the image's own after what it runs
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    volumes: Sequence[str] = ()  # as `docker run --volume` has them
    user: str | None = None
    network_of: str = ""  # the container whose network it shares
    ports: Mapping[int, int] = field(default_factory=dict)  # in the container -> on 127.0.0.1


@dataclass(frozen=True)
class TaskContainer:
    """A container that works on a database, or on the volume that is asked about."""

    id: str
    service: str
    database: str  # "" for one of the compose file
    is_up: bool


class EngineTasks(EngineStore):
    """One engine's containers for tasks."""

    def create_container(self, task: Task) -> str:
        """Make a container, whose image must be there; return its id. Raises DockerUnavailable where it cannot be."""
        from docker.errors import APIError

        with self._asked() as api:
            host_config = api.create_host_config(
                binds=list(task.volumes),
                port_bindings={inside: (HOST, port) for inside, port in task.ports.items()},
                network_mode=f"container:{task.network_of}" if task.network_of else None,
                init=True,
                shm_size=SHM_BYTES,
            )
            try:
                made = api.create_container(
                    task.image,
                    list(task.words) or None,
                    entrypoint=list(task.argv) or None,
                    environment=dict(task.env),
                    ports=list(task.ports),
                    user=task.user,
                    host_config=host_config,
                    labels={
                        PROJECT_LABEL: task.project,
                        SERVICE_LABEL: task.service,
                        ONE_OFF_LABEL: "True",
                        TASK_LABEL: task.database,
                    },
                    stop_timeout=STOP_TIMEOUT_S,
                    use_config_proxy=False,
                )
            except APIError as error:
                raise DockerUnavailable(
                    f"no container could be made for {task.service}", str(error.explanation or error)
                ) from error
        return str(made["Id"])

    def discard_container(self, container_id: str) -> None:
        """Remove a container, whatever it does, and the volumes without a name that it has."""
        from docker.errors import APIError

        with self._asked() as api, contextlib.suppress(APIError):  # it is gone
            api.remove_container(container_id, v=True, force=True)

    def tasks(self, project: str) -> list[TaskContainer]:
        """Return the project's containers that work on a database for a command."""
        return self._listed({"label": [f"{PROJECT_LABEL}={project}", TASK_LABEL]})

    def containers_on(self, volume: str) -> list[TaskContainer]:
        """Return the containers that have a volume, whosever they are."""
        return self._listed({"volume": volume})

    def _listed(self, filters: Mapping[str, str | list[str]]) -> list[TaskContainer]:
        with self._asked() as api:
            answer = api.containers(all=True, filters=dict(filters))
        return [
            TaskContainer(
                item["Id"],
                item["Labels"].get(SERVICE_LABEL, ""),
                item["Labels"].get(TASK_LABEL, ""),
                item["State"] in ("running", "paused", "restarting"),
            )
            for item in answer
        ]

    def create_volume(self, name: str, project: str, label: str) -> None:
        """Make a volume as Compose makes one that its file calls `label`."""
        with self._asked() as api:
            api.create_volume(name, labels={PROJECT_LABEL: project, VOLUME_LABEL: label})
