"""One Docker engine: the `docker` SDK looks and runs commands, `docker compose` makes and removes. The only owner.

Podman is such an engine too, through its socket (`DOCKER_HOST`). Nothing here knows what a plan is.
"""

from __future__ import annotations

import contextlib
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from mwaa_local.errors import DockerUnavailable, NotRunning
from mwaa_local.runtime.compose.changes import ContainerChanges
from mwaa_local.runtime.compose.docker_run import PAUSE_S, compose_env, run_docker
from mwaa_local.runtime.compose.engine_api import API_TIMEOUT_S, EngineApi
from mwaa_local.runtime.compose.engine_log import NANOSECONDS, OutputLine, frames, lines
from mwaa_local.runtime.compose.engine_tasks import EngineTasks
from mwaa_local.runtime.compose.program import find_compose, find_docker, find_host
from mwaa_local.runtime.compose.stored import (
    NUMBER_LABEL,
    ONE_OFF_LABEL,
    PROJECT_LABEL,
    SERVICE_LABEL,
    VOLUME_LABEL,
    ComposeProject,
    Container,
    ContainerSummary,
    LastEnd,
    container_from,
)

LOG_OVERLAP_NS = NANOSECONDS  # streams are stamped before they are stored, so one may be stored a little late
LOG_TAILS = ("256", "8192", "all")  # the engine finds the last lines quickly, and reads everything for older ones
# What the engine tells about the container itself; it also tells of each run of a health check.
LIFE_EVENTS = ("create", "start", "die", "oom", "stop", "pause", "unpause", "rename", "destroy")
END_EVENTS_S = 1.0  # how long before its noted end a container's last "oom" can be
EXEC_PAUSE_S = 0.02


class Engine(EngineTasks):
    """A Docker engine that has answered, and the Compose that drives it.

    Every question raises DockerUnavailable when the engine does not answer any more.
    """

    def __init__(self, env: Mapping[str, str], docker: str, host: str) -> None:
        self._env = dict(env)
        self._docker = docker
        self._host = host
        self._compose_argv: tuple[str, ...] = ()
        api = EngineApi(env, host)
        super().__init__(api.asked)
        self.stats = api.stats

    @classmethod
    def open(cls, env: Mapping[str, str]) -> Engine:
        """Return the engine that the caller's `docker` command would use. Raises DockerUnavailable, saying why not."""
        docker = find_docker(env)
        engine = cls(env, docker, find_host(docker, env))
        engine.ping()
        engine._compose_argv = find_compose(docker, env)
        return engine

    # Looking.

    def ping(self) -> None:
        with self._asked() as api:
            api.ping()

    def version(self) -> str:
        with self._asked() as api:
            return str(api.version().get("Version", "unknown"))

    def is_rootless(self) -> bool:
        """Whether the engine runs as an ordinary user, whom its containers then show as root."""
        with self._asked() as api:
            return "name=rootless" in api.info().get("SecurityOptions", [])

    def memory_total_bytes(self) -> int | None:
        """Return how much memory its machine has; None if it does not say."""
        with self._asked() as api:
            return int(api.info().get("MemTotal") or 0) or None

    def has_image(self, tag: str) -> bool:
        from docker.errors import ImageNotFound

        with self._asked() as api:
            try:
                api.inspect_image(tag)  # type: ignore[no-untyped-call]
            except ImageNotFound:
                return False
            return True

    def containers(self, project: str) -> list[Container]:
        """Return the project's containers, whatever their state, by service and number."""
        found = [self.container(container_id) for container_id in self.listed(project)]
        return sorted((item for item in found if item is not None), key=lambda item: (item.service, item.number))

    def container(self, container_id: str) -> Container | None:
        """Return one container, or None when it is gone."""
        from docker.errors import NotFound

        with self._asked() as api:
            try:
                return container_from(api.inspect_container(container_id))
            except NotFound:
                return None

    def listed(self, project: str) -> dict[str, ContainerSummary]:
        """Return the project's containers by id, with what one question tells about them all."""
        with self._asked() as api:
            answer = api.containers(all=True, filters={"label": [f"{PROJECT_LABEL}={project}"]})
        return {
            item["Id"]: ContainerSummary(
                item["Labels"].get(SERVICE_LABEL, ""),
                int(item["Labels"].get(NUMBER_LABEL, "1")),
                item["State"] in ("running", "paused"),
            )
            for item in answer
            if item["Labels"].get(ONE_OFF_LABEL) != "True"  # somebody's `docker compose run`
        }

    def publisher_of(self, port: int) -> str:
        """Return the name of the container that publishes this port, or nothing."""
        with self._asked() as api:
            for item in api.containers(filters={"publish": str(port)}):
                return str(item["Names"][0]).lstrip("/")
        return ""

    def last_end(self, container: Container) -> LastEnd:
        """Return how a container that runs again ended before; the engine itself forgets that, but it told so."""
        if not container.finished:
            return LastEnd(None, out_of_memory=False)
        exit_code, out_of_memory = None, False
        filters = {"container": [container.id], "event": ["die", "oom"]}
        with self._asked() as api:
            # Both times are the engine's own: its clock may not be ours. The types leave out that it takes fractions.
            since, until = f"{container.finished - END_EVENTS_S:.6f}", f"{container.started:.6f}"
            for event in api.events(since=since, until=until, filters=filters, decode=True):  # type: ignore[call-overload]
                if event["Action"] == "oom":
                    out_of_memory = True
                else:
                    exit_code = int(event["Actor"]["Attributes"].get("exitCode", 0))
        return LastEnd(exit_code, out_of_memory)

    def volumes(self, project: str) -> dict[str, str]:
        """Return {full name: name in the compose file} of the project's volumes."""
        with self._asked() as api:
            answer = api.volumes(filters={"label": [f"{PROJECT_LABEL}={project}"]})
        return {item["Name"]: item["Labels"].get(VOLUME_LABEL, "") for item in answer.get("Volumes") or []}

    def output(self, container_id: str, after: Mapping[str, int], *, ended: bool) -> list[OutputLine]:
        """Return what the container wrote later than `after` ({stream: nanoseconds}); nothing of one that is gone.

        `ended` says that the container is not up, so that a last line without an end is one.
        """
        newest = max(after.values(), default=0)
        since_ns = max(0, newest - LOG_OVERLAP_NS)
        values = {"stdout": "1", "stderr": "1", "timestamps": "1"}
        if since_ns:
            values["since"] = f"{since_ns // NANOSECONDS}.{since_ns % NANOSECONDS:09d}"
        with self._asked() as api:
            url = f"{api.base_url}/v{api.api_version}/containers/{container_id}/logs"
            for tail in LOG_TAILS if since_ns else ("all",):
                answer = api.get(url, params={**values, "tail": tail}, timeout=API_TIMEOUT_S)
                if not answer.ok:
                    return []
                found = frames(answer.content)
                if tail == "all" or len(found) < int(tail):
                    break
        return lines(found, after, ended=ended)

    def memory_bytes(self, container_id: str) -> int:
        """Return what the container uses, without the page cache that the kernel could drop, as `docker stats` does."""
        with self._asked() as api:
            stats = api.stats(container_id, stream=False, one_shot=True).get("memory_stats", {})
        details = stats.get("stats", {})
        cache = details.get("inactive_file", details.get("total_inactive_file", 0))
        return max(0, int(stats.get("usage", 0)) - int(cache))

    @contextlib.contextmanager
    def changes(self, project: str) -> Iterator[ContainerChanges]:
        """Yield what tells to which of the project's containers something happens, from now on."""
        filters = {"type": "container", "label": f"{PROJECT_LABEL}={project}", "event": list(LIFE_EVENTS)}
        with self._asked() as api:
            stream = api.events(filters=filters, decode=True)
        changes = ContainerChanges()
        thread = threading.Thread(target=changes.read, args=(stream,), daemon=True)
        thread.start()
        try:
            yield changes
        finally:
            with contextlib.suppress(Exception):  # over SSH a stream cannot be closed; the thread ends with us
                stream.close()

    # Acting.

    def start_container(self, container_id: str) -> str:
        """Start a container; return why it could not be started, or nothing."""
        from docker.errors import APIError

        with self._asked() as api:
            try:
                api.start(container_id)
            except APIError as error:
                return str(error.explanation or error)
        return ""

    def kill_container(self, container_id: str) -> None:
        """End a container at once, so that the engine does not start it again."""
        from docker.errors import APIError

        with self._asked() as api, contextlib.suppress(APIError):  # it has ended, or is gone
            api.stop(container_id, timeout=0)

    def signal_container(self, container_id: str, signal_name: str) -> None:
        """Send the signal with which a container is stopped, and return at once: the engine does not start it again."""
        from docker.errors import APIError

        with self._asked() as api, contextlib.suppress(APIError):  # it has ended, or is gone
            api.kill(container_id, signal=signal_name)

    def remove_container(self, container_id: str) -> None:
        """Remove a container that has ended; of others the engine keeps what it has."""
        from docker.errors import APIError

        with self._asked() as api, contextlib.suppress(APIError):  # it is gone
            api.remove_container(container_id)

    def stop(
        self, container_ids: Sequence[str], *, now: bool, meanwhile: Callable[[], None] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Stop containers together, each with its own signal and patience; `now` leaves them none."""
        words = ["stop", *(["-t", "0"] if now else []), *container_ids]
        return run_docker([self._docker, *words], self.command_env, Path("/"), meanwhile=meanwhile)

    def pull(self, image: str) -> subprocess.CompletedProcess[str]:
        """Have an image pulled, with what the caller may log in with; return how that ended."""
        return run_docker([self._docker, "pull", "--quiet", image], self.command_env, Path("/"))

    def remove_volume(self, name: str) -> None:
        from docker.errors import APIError, NotFound

        with self._asked() as api:
            try:
                api.remove_volume(name)
            except NotFound:
                return
            except APIError as error:
                raise DockerUnavailable(
                    f"the volume {name} cannot be removed", str(error.explanation), f"docker volume rm {name}"
                ) from error

    def remove_image(self, tag: str) -> str:
        """Remove a tag, and the image with its last one; return why that is not possible, or nothing."""
        from docker.errors import APIError, NotFound

        with self._asked() as api:
            try:
                api.remove_image(tag)
            except NotFound:
                return ""
            except APIError as error:
                return str(error.explanation or error)
        return ""

    def exec(self, container_id: str, argv: Sequence[str]) -> tuple[int, str]:
        """Run a command in a running container; return its exit code and output, both streams mixed.

        Raises NotRunning when the container is not up.
        """
        from docker.errors import APIError

        with self._asked() as api:
            try:
                run = api.exec_create(container_id, list(argv))
                output: bytes = api.exec_start(run["Id"])
                # The output's end may reach us before the engine has seen the command's.
                while (ended := api.exec_inspect(run["Id"]))["Running"]:
                    time.sleep(EXEC_PAUSE_S)
            except APIError as error:
                raise NotRunning("the container for the command is not up", str(error.explanation)) from error
        return int(ended["ExitCode"]), output.decode("utf-8", "replace")

    def exec_command(
        self, container_id: str, argv: Sequence[str], env: Mapping[str, str], *, terminal: bool
    ) -> list[str]:
        """Return the command that runs `argv` in the container on this process's own streams."""
        settings = [word for name, value in env.items() for word in ("--env", f"{name}={value}")]
        return [self._docker, "exec", "-it" if terminal else "-i", *settings, container_id, *argv]

    def compose(
        self,
        project: ComposeProject,
        *words: str,
        on_line: Callable[[str], None] | None = None,
        meanwhile: Callable[[], None] | None = None,
        pause_s: float = PAUSE_S,
    ) -> subprocess.CompletedProcess[str]:
        """Run `docker compose` with these words to its end, calling `meanwhile` again and again until then.

        An interrupt, or an exception out of `meanwhile`, ends the command before it goes on upward.
        """
        argv, env = self.compose_command(project, *words), compose_env(self.command_env, project)
        return run_docker(argv, env, project.dir, on_line=on_line, meanwhile=meanwhile, pause_s=pause_s)

    def compose_command(self, project: ComposeProject, *words: str) -> list[str]:
        """Return the command; without a compose file, Compose goes by what it wrote on the containers."""
        options = ["--project-name", project.name, "--project-directory", str(project.dir)]
        if project.file_path:
            options += ["--file", str(project.file_path)]
        if project.env_path:
            options += ["--env-file", str(project.env_path)]
        return [*self._compose_argv, *options, *words]

    @property
    def command_env(self) -> dict[str, str]:
        """The environment of `docker` commands."""
        return {**self._env, "DOCKER_HOST": self._host, "DOCKER_CLI_HINTS": "false"}
