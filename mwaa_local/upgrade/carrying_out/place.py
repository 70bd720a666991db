"""Where the data of an upgrade are: which runtime has the database that is to come along, and which release has one."""

from __future__ import annotations

import contextlib

from mwaa_local.errors import DatabaseMissing, DockerUnavailable, MoveRefused
from mwaa_local.release import Release
from mwaa_local.runtime.choice import AUTO, DOCKER, PROCESS, existing_runtime, open_runtime
from mwaa_local.workspace import Workspace

_WORDS = {DOCKER: "Docker", PROCESS: "processes"}


def runtime_with_data(workspace: Workspace, wanted: str, version: str) -> str:
    """Return the runtime for an upgrade, as `up --runtime` has it: for a stopped environment one that has its database.

    Each runtime keeps its own. Raises DatabaseMissing where another one was asked for than the only one that has it,
    and DockerUnavailable where the database may be in Docker, which does not answer.
    """
    if _running_version(workspace):
        return wanted
    try:
        docker = _docker_databases(workspace)
    except DockerUnavailable:
        if wanted != AUTO or version in _process_databases(workspace):
            return wanted if wanted != AUTO else PROCESS
        raise
    kept = {PROCESS: _process_databases(workspace), DOCKER: docker}
    having = [kind for kind, versions in kept.items() if version in versions]
    if len(having) != 1 or having[0] == wanted:
        return wanted
    if wanted == AUTO:
        return having[0]
    raise DatabaseMissing(
        f"the database of Airflow {version} is not in {_WORDS[wanted]}, but in {_WORDS[having[0]]}",
        "Each keeps its own, so nothing would come along.",
        f"use --runtime {having[0]}",
    )


def check_source(workspace: Workspace, source: Release, target: Release) -> None:
    """Look whether the release of `mwaa.yaml` is the one that the environment really has.

    Whoever writes the new version into the file before the upgrade would otherwise be told that all is done, and find
    an empty database. Raises MoveRefused with the way to go.
    """
    in_file = source.airflow_version
    running = _running_version(workspace)
    if running and running != in_file:
        raise _not_its_release(in_file, running, f"Airflow {running} runs.", target)
    if running or in_file != target.airflow_version:
        return
    known = set(_process_databases(workspace))
    with contextlib.suppress(DockerUnavailable):
        known.update(_docker_databases(workspace))
    others = [release.airflow_version for release in Release.all() if release.airflow_version in known]
    if others and in_file not in known:
        why = f"This project has a database of {', '.join(others)}, and none of {in_file}."
        raise _not_its_release(in_file, others[-1], why, target)


def _not_its_release(in_file: str, really: str, why: str, target: Release) -> MoveRefused:
    return MoveRefused(
        f"mwaa.yaml has Airflow {in_file}, but the environment has {really}",
        f"{why} The upgrade writes AirflowVersion itself, when the data have come along.",
        f"set AirflowVersion back to {really}, then: mwaa-local upgrade --to {target.airflow_version} --yes",
    )


def _running_version(workspace: Workspace) -> str:
    """Return the release that runs; "" for none."""
    try:
        # Not the workspace's own runtime, which is looked up once: what starts afterwards may be in another.
        plan = existing_runtime(workspace.project, workspace.env).running_plan()
    except DockerUnavailable:  # no container runs under an engine that does not
        return ""
    return plan.airflow_version if plan else ""


def _process_databases(workspace: Workspace) -> tuple[str, ...]:
    return open_runtime(PROCESS, workspace.project, workspace.env).databases.versions()


def _docker_databases(workspace: Workspace) -> tuple[str, ...]:
    """Return the versions that Docker has a database of. An engine is asked only where it may have one."""
    if not (workspace.project.state_dir / DOCKER).exists():
        return ()
    return open_runtime(DOCKER, workspace.project, workspace.env).databases.versions()
