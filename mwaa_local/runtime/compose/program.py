"""What of Docker this machine has: the command, the engine's address, Compose; and what is said of what it lacks.

Nothing here talks to an engine; `engine` does.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence

from mwaa_local.errors import DiskFull, DockerUnavailable, MwaaLocalError, line_on_full_disk

DEFAULT_HOST = "unix:///var/run/docker.sock"
PROBE_TIMEOUT_S = 10.0
LEAST_COMPOSE = (2, 17)  # build secrets and several containers per service; 2.26 is what tests run
INSTALL_HINT = "install Docker Engine with its Compose plugin, or use `--runtime process`, which needs no Docker"


def find_docker(env: Mapping[str, str]) -> str:
    """Return the path of the `docker` command. Raises DockerUnavailable when there is none."""
    docker = shutil.which("docker", path=env.get("PATH"))
    if docker is None:
        raise DockerUnavailable(
            "there is no Docker on this machine", "No `docker` command was found on PATH.", INSTALL_HINT
        )
    return docker


def find_host(docker: str, env: Mapping[str, str]) -> str:
    """Return the engine's address as the `docker` command has it: DOCKER_HOST, else that of the current context."""
    if env.get("DOCKER_HOST"):
        return env["DOCKER_HOST"]
    shown = _output([docker, "context", "inspect", "--format", "{{.Endpoints.docker.Host}}"], env)
    return shown.strip() if shown and "://" in shown else DEFAULT_HOST


def find_compose(docker: str, env: Mapping[str, str]) -> tuple[str, ...]:
    """Return the command of a Compose that is new enough. Raises DockerUnavailable when there is none."""
    alone = shutil.which("docker-compose", path=env.get("PATH"))
    too_old = []
    candidates: list[tuple[str, ...]] = [(docker, "compose"), *([(alone,)] if alone else [])]
    for argv in candidates:
        shown = _output([*argv, "version", "--short"], env)
        if not shown:
            continue
        number = shown.strip().lstrip("v")
        if _version(number) >= LEAST_COMPOSE:
            return argv
        too_old.append(number)
    least = ".".join(map(str, LEAST_COMPOSE))
    raise _worth_a_look(
        DockerUnavailable(
            f"Docker Compose {too_old[0]} is too old" if too_old else "Docker Compose is missing",
            f"This needs {least} or newer." if too_old else "Neither `docker compose` nor `docker-compose` answers.",
            "install the Compose plugin (Debian 13: docker-compose, Docker's own packages: docker-compose-plugin), "
            "or use `--runtime process`",
        )
    )


def unavailable(host: str, error: Exception) -> DockerUnavailable:
    """Return what a question without an answer means."""
    text = str(error)  # the SDK and requests wrap what the system said three times; only the words come through
    if re.search(r"Permission denied|PermissionError", text):
        return _worth_a_look(
            DockerUnavailable(
                "this user may not use the Docker engine",
                f"{host}: permission denied.",
                "add the user to the group docker (`sudo usermod -aG docker $USER`) and log in again, use rootless "
                "Docker, or `--runtime process`",
            )
        )
    if re.search(r"No such file|FileNotFound|Connection refused|ConnectionRefused", text):
        return DockerUnavailable(
            "the Docker engine is not running",
            f"Nothing answers at {host}.",
            "start it (`sudo systemctl start docker`, or Docker Desktop), or use `--runtime process`",
        )
    return _worth_a_look(DockerUnavailable("the Docker engine does not answer", f"{host}: {text}", INSTALL_HINT))


def _worth_a_look(error: DockerUnavailable) -> DockerUnavailable:
    error.is_worth_a_look = True
    return error


def _output(argv: Sequence[str], env: Mapping[str, str]) -> str | None:
    """Return a short command's stdout, or None when it failed."""
    try:
        done = subprocess.run(
            argv, env=dict(env), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PROBE_TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text)[:2])


def disk_full(text: str) -> MwaaLocalError | None:
    """Return DiskFull when that is what Docker's words mean."""
    line = line_on_full_disk(text)
    if not line:
        return None
    return DiskFull(
        "no space left where Docker keeps its data",
        line,
        "`docker system df` shows what uses it, `docker system prune` removes what is unused",
    )
