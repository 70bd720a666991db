"""What tests ask of an environment that runs as containers, beside what they ask of any."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.runtime.compose.containers import compose_name
from mwaa_local.runtime.compose.runtime import WORKER_SERVICE, ComposeRuntime
from mwaa_local.runtime.compose.stored import PROJECT_LABEL, SERVICE_LABEL, Container
from tests.conftest import ProjectRunner, make_clean_env
from tests.environments import LATEST, SAMPLE_DAG, SAMPLE_TEST_DAGS, RunningEnvironment, sample_files, with_settings

DOCKER_TIMEOUT_S = 120.0
# As long as the image of a release takes that was never built on this machine.
FIRST_UP_TIMEOUT_S = 600.0
SHELL_IMAGE = "redis:7-alpine"  # any that has a shell and is there anyway
ONE_TIME_SERVICES = ("migrate-db", "requirements")


class DockerEnvironment(RunningEnvironment):
    """One environment that was started as containers."""

    @property
    def compose(self) -> ComposeRuntime:
        return ComposeRuntime(self.project, self.runner.env)

    def containers(self) -> dict[str, Container]:
        """Return the containers of what runs all the time, by component."""
        found = [item for item in self.compose.containers() if item.service not in ONE_TIME_SERVICES]
        return {
            f"{item.service}.{item.number}" if item.service == WORKER_SERVICE else item.service: item for item in found
        }

    def lives(self) -> dict[str, tuple[str, float]]:
        """Return what changes with a component's container and with each of its starts."""
        return {name: (item.id, item.started) for name, item in self.containers().items()}

    def inspect(self) -> dict[str, dict[str, Any]]:
        """Return all that the engine knows of each container."""
        containers = self.containers()
        plain = json.loads(docker("inspect", *(item.id for item in containers.values())))
        return dict(zip(containers, plain, strict=True))

    def execute(self, component: str, *argv: str) -> str:
        """Run a command in a component's container, not in Airflow's environment; return what it says."""
        return docker("exec", self.containers()[component].id, *argv)

    def imported(self, component: str, module: str) -> str:
        """Return the version of a module of tests/wheels.py as Airflow's interpreter there sees it, or nothing."""
        script = f"try:\n import {module}\n print({module}.version)\nexcept ImportError: pass"
        return self.execute(component, "python", "-c", script).strip()

    def volumes(self) -> set[str]:
        return set(volumes_of(self.project))

    def read(self, name: str) -> str:
        """Return a file that a task wrote into its Airflow home, that of whichever worker took the task."""
        workers = [component for component in self.containers() if component.startswith("worker")]
        found = [self.execute(worker, "sh", "-c", f"cat {name} 2>/dev/null || :") for worker in workers]
        return "".join(found)

    def kill(self, component: str) -> None:
        """End a container's first process as the kernel would: without the engine's knowing that it was wanted."""
        pid = self.containers()[component].pid
        docker("run", "--rm", "--pid=host", "--entrypoint=sh", SHELL_IMAGE, "-c", f"kill -KILL {pid}")


def docker(*words: str, check: bool = True) -> str:
    """Run the `docker` command; return its output."""
    done = subprocess.run(["docker", *words], capture_output=True, text=True, timeout=DOCKER_TIMEOUT_S, check=False)
    assert done.returncode == 0 or not check, f"docker {' '.join(words)}: {done.stderr}"
    return done.stdout


def containers_of(project: Project) -> list[str]:
    """Return `service state` of every container of the project, found by its label as anybody can."""
    return _listed(project, "ps", "--all", "--format", f'{{{{.Label "{SERVICE_LABEL}"}}}} {{{{.State}}}}')


def volumes_of(project: Project) -> list[str]:
    return _listed(project, "volume", "ls", "--format", "{{.Name}}")


def _listed(project: Project, *words: str) -> list[str]:
    return sorted(docker(*words, "--filter", f"label={PROJECT_LABEL}={compose_name(project)}").splitlines())


def add_settings(runner: ProjectRunner, **members: Mapping[str, object] | int) -> None:
    """Write members into mwaa.yaml, those that are groups into the groups that are there."""
    runner.write({"mwaa.yaml": with_settings((runner.root_dir / "mwaa.yaml").read_text(), **members)})


def start_containers(
    runner: ProjectRunner, version: str = LATEST, *words: str, runtime: str = "docker"
) -> DockerEnvironment:
    """Start the project's environment as containers, on a free port."""
    outcome = runner.run("up", "--port", "0", "--runtime", runtime, *words, timeout_s=FIRST_UP_TIMEOUT_S)
    assert outcome.exit_code == 0, outcome.stderr
    return DockerEnvironment(runner, Release.load(version), outcome)


@contextlib.contextmanager
def removed_at_the_end(folder: Path, name: str = "project") -> Iterator[ProjectRunner]:
    """Give an empty project with a HOME of its own; remove its containers, volumes and files at the end."""
    (folder / "home").mkdir(exist_ok=True)
    runner = ProjectRunner(folder / name, make_clean_env(folder / "home", runtime="docker"))
    runner.root_dir.mkdir(parents=True)
    try:
        yield runner
    finally:
        runner.run("down", "--now", "--volumes")
        remove_leftovers(Project(runner.root_dir.resolve()))
        shutil.rmtree(runner.root_dir, ignore_errors=True)


def remove_leftovers(project: Project) -> None:
    """Remove what of the project is still there, without the product's own commands: they may be what is broken."""
    label = f"label={PROJECT_LABEL}={compose_name(project)}"
    for kind, listing, removal in (
        ("container", ("ls", "--all", "--quiet"), ("rm", "--force", "--volumes")),
        ("volume", ("ls", "--quiet"), ("rm", "--force")),
        ("network", ("ls", "--quiet"), ("rm",)),
    ):
        if left := docker(kind, *listing, "--filter", label, check=False).split():
            docker(kind, *removal, *left, check=False)


@contextlib.contextmanager
def running_containers(
    folder: Path, version: str, options: Mapping[str, str] | None = None, runtime: str = "docker"
) -> Iterator[DockerEnvironment]:
    """Run the sample project of a release as containers, its own DAG included."""
    with removed_at_the_end(folder) as runner:
        files = sample_files(version, SAMPLE_TEST_DAGS)
        runner.write(files)
        add_settings(runner, AirflowConfigurationOptions=options or {})
        files["mwaa.yaml"] = (runner.root_dir / "mwaa.yaml").read_text()
        yield replace(start_containers(runner, version, "--run", SAMPLE_DAG, runtime=runtime), files=files)
