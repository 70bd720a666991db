"""Airflow commands upon a database, each in a container of a release's image beside the database's server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from mwaa_local.database.connection import database_url
from mwaa_local.runtime.compose.certificates import CERTIFICATE_VARIABLES
from mwaa_local.runtime.compose.engine_tasks import Task
from mwaa_local.runtime.compose.place import ENTRYPOINT, POSTGRES_PORT
from mwaa_local.runtime.compose.prepare import HOME_DIR, IN_IMAGE, NOT_IN_CONTAINERS
from mwaa_local.runtime.migrating import migration_env, program_argv
from mwaa_local.services.seeding import MIGRATE_DB
from mwaa_local.wanted import Wanted


def airflow_task(
    wanted: Wanted,
    image: str,
    version: str,
    password: str,
    fernet_key: str,
    project: str,
    script: Path | None = None,
) -> Callable[[Sequence[str], str], Task]:
    """Return what makes the container for a command, beside the container of a server.

    Its words are those after `airflow`; with `script`, those for that program of ours.
    """
    # It shares the network of the server, which is the environment's or one that runs alone.
    url = database_url(POSTGRES_PORT, password)
    shell = {name: value for name, value in wanted.env.items() if name not in CERTIFICATE_VARIABLES}
    env = migration_env(
        replace(wanted, env=shell), IN_IMAGE, url, HOME_DIR, fernet_key=fernet_key, left_out=NOT_IN_CONTAINERS
    )
    program = program_argv(wanted.release, ENTRYPOINT[0], script)

    def task(words: Sequence[str], beside: str) -> Task:
        return Task(
            image=image,
            project=project,
            service=MIGRATE_DB,
            database=version,
            argv=(*program, *words),
            env=env,
            network_of=beside,
        )

    return task
