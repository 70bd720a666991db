"""What commands that remove data have in common: an environment may have data in each runtime."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from mwaa_local.cli.session import Session
from mwaa_local.errors import DockerUnavailable
from mwaa_local.runtime.choice import DOCKER, PROCESS, open_runtime
from mwaa_local.runtime.protocol import Runtime
from mwaa_local.secrets import SECRETS_NAME


def all_runtimes(session: Session) -> Iterator[Runtime]:
    """Yield every runtime that can have data of this project. Raises DockerUnavailable when it has and is asleep."""
    yield open_runtime(PROCESS, session.project, session.env)
    if (session.project.state_dir / "docker").exists():
        yield open_runtime(DOCKER, session.project, session.env)


def remove_all_data(session: Session) -> None:
    """Remove database, queue and packages of every release, and then what belongs to them."""
    for runtime in all_runtimes(session):
        try:
            runtime.remove_data()
        except DockerUnavailable as error:
            error.hint = "start Docker and run the command again: its volumes are still there"
            raise
    shutil.rmtree(session.project.state_dir / "docker", ignore_errors=True)
    (session.project.state_dir / SECRETS_NAME).unlink(missing_ok=True)
