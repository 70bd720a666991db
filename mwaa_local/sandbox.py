"""Try things out without an environment: variables without a database, and an end to processes left running."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import psutil

from mwaa_local.check.context import CheckContext
from mwaa_local.configuration.local_values import PREVIEW
from mwaa_local.packages import PythonEnvironment
from mwaa_local.project import MARK_VARIABLE

# Of the form that Airflow expects, so that it can be imported; nothing listens there.
NO_DATABASE_URL = "postgresql+psycopg2://airflow:airflow@127.0.0.1:1/airflow"


def trial_env(
    context: CheckContext,
    packages: PythonEnvironment,
    home_dir: Path,
    exports: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, str]:
    """Return the scheduler's complete environment for trying something out, without database and broker.

    `exports` is what the startup script left exported, where it ran.
    """
    values = replace(PREVIEW, database_url=NO_DATABASE_URL, result_backend=f"db+{NO_DATABASE_URL}")
    values = replace(values, airflow_home=str(home_dir))
    return dict(context.configuration(values, str(home_dir)).merged_for("scheduler", packages, exports).as_env())


def end_processes_of(work_dir: Path) -> None:
    """End all processes marked with that folder, in any group or session, before it is removed."""
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK_VARIABLE) == str(work_dir):
                process.kill()
        except (psutil.Error, OSError):  # another user's, or gone
            continue
