"""How a new metadata database becomes a release's as a process, and what of it makes another template."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from mwaa_local.packages import PythonEnvironment, wanted_packages
from mwaa_local.project import MARK_VARIABLE, TEMPORARY_NAME, Project
from mwaa_local.runtime.migrating import migration_env
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
        lambda url: _env(wanted, base, url, home_dir),
        home_dir,
    )


def _env(wanted: Wanted, base: PythonEnvironment, url: str, home_dir: Path) -> Mapping[str, str]:
    (home_dir / TEMPORARY_NAME).mkdir(parents=True, exist_ok=True)
    return migration_env(wanted, base, url, str(home_dir))


def server_env(project: Project, env: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of what is not Airflow."""
    return {"PATH": env.get("PATH", os.defpath), "LC_ALL": "C", MARK_VARIABLE: str(project.run_dir)}
