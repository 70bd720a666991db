"""What migrates a metadata database as a process: the release's own packages, and the variables of `migrate-db`.

Requirements that break Airflow must not break the database, so they have no part in it; MWAA's container for it has
none of them either.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from mwaa_local.configuration.configuration import Configuration
from mwaa_local.configuration.local_values import PREVIEW
from mwaa_local.configuration.merge import MIGRATE_DB
from mwaa_local.packages import PythonEnvironment, wanted_packages
from mwaa_local.project import MARK_VARIABLE, TEMPORARY_NAME, Project
from mwaa_local.runtime.process.servers import HOME_SUFFIX, KEPT, Migration, postgres_version
from mwaa_local.wanted import Wanted

AUTH_MANAGER = "core.auth_manager"  # an option from Airflow 3 on


def first_migration(wanted: Wanted, base: PythonEnvironment) -> Migration:
    """Describe the first migration of a release: in an Airflow home of its own, by the release's packages."""
    release = wanted.release
    key_parts = [
        release.airflow_version,
        wanted_packages(release),
        base.python_version,
        postgres_version(),
        release.migrate_argv,
        release.users_argv,
        wanted.environment.airflow_configuration_options.get("core.default_pool_task_slot_count"),
        *filter(None, [release.local_forced_options.get(AUTH_MANAGER)]),  # it has tables of its own
    ]
    key = hashlib.sha256(json.dumps(key_parts).encode()).hexdigest()[:12]
    home_dir = KEPT.path(wanted.cache_dir, f"{release.airflow_version}-{key}{HOME_SUFFIX}")
    airflow = release.airflow_argv(str(base.python_path))
    commands = [(*airflow, *argv) for argv in (release.migrate_argv, release.users_argv) if argv is not None]
    return Migration(
        f"{release.airflow_version}-{key}",
        tuple(commands),
        lambda url: migration_env(wanted, base, url, home_dir),
        home_dir,
    )


def migration_env(
    wanted: Wanted, base: PythonEnvironment, url: str, home_dir: Path, fernet_key: str = ""
) -> Mapping[str, str]:
    """Return the complete environment of Airflow commands upon a database; the home is made.

    `fernet_key` is for a database in which something is encrypted.
    """
    (home_dir / TEMPORARY_NAME).mkdir(parents=True, exist_ok=True)
    database = sqlalchemy_url(url)
    values = replace(PREVIEW, database_url=database, result_backend=f"db+{database}", airflow_home=str(home_dir))
    values = replace(values, fernet_key=fernet_key)
    parts = (wanted.project, wanted.environment, wanted.release, values, str(home_dir), wanted.env)
    return Configuration(*parts).merged_for(MIGRATE_DB, base, {}).as_env()


def server_env(project: Project, env: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of what is not Airflow."""
    return {"PATH": env.get("PATH", os.defpath), "LC_ALL": "C", MARK_VARIABLE: str(project.run_dir)}


def sqlalchemy_url(url: str) -> str:
    """Return a database's URL as Airflow wants it."""
    return url.replace("postgresql://", "postgresql+psycopg2://", 1)
