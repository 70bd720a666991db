"""Try things out without an environment: variables without a database, MWAA's paths, an end to what is left running."""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from uuid import uuid4

import psutil

from mwaa_local import isolation, space
from mwaa_local.check.context import CheckContext
from mwaa_local.configuration.local_values import PREVIEW
from mwaa_local.files import write_private
from mwaa_local.local_settings import write_local_settings
from mwaa_local.masking import secrets_of_connection, secrets_of_variables
from mwaa_local.packages import PythonEnvironment
from mwaa_local.project import MARK_VARIABLE
from mwaa_local.release import Release
from mwaa_local.secrets import KEY_BYTES
from mwaa_local.seeding.airflow_settings import KnownValues

# Of the form that Airflow expects, so that it can be imported; nothing listens there.
NO_DATABASE_URL = "postgresql+psycopg2://airflow:airflow@127.0.0.1:1/airflow"
# What would ask a secrets backend; and what loads plugins before anybody can answer what they ask for.
NO_BACKENDS = ("AIRFLOW__SECRETS__BACKEND", "AIRFLOW__WORKERS__SECRETS_BACKEND")
LAZY_PLUGINS = "AIRFLOW__CORE__LAZY_LOAD_PLUGINS"
PROBLEM_NAME = "problem.txt"


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


def import_env(
    context: CheckContext, packages: PythonEnvironment, home_dir: Path, exports: Mapping[str, str], work_dir: Path
) -> dict[str, str]:
    """Return the same for importing the project's code, without what would ask a secrets backend.

    `work_dir` is its mark: what the code leaves running is found, and no environment takes it for its own.
    """
    env = trial_env(context, packages, home_dir, exports)
    for name in [name for name in env if name.startswith(NO_BACKENDS)]:
        del env[name]
    return {
        **env,
        **({LAZY_PLUGINS: "True"} if LAZY_PLUGINS in env else {}),
        "AIRFLOW__CORE__FERNET_KEY": base64.urlsafe_b64encode(os.urandom(KEY_BYTES)).decode(),
        "PYTHONDONTWRITEBYTECODE": "1",
        MARK_VARIABLE: str(work_dir),
    }


def secrets_in(env: Mapping[str, str], known: KnownValues) -> list[str]:
    """Return what must not be shown of the values that the project's code gets."""
    preview = {PREVIEW.secret_key, PREVIEW.jwt_secret}  # a word, in the place of a secret
    named = {**env, **known.variables}
    found = secrets_of_variables({name: value for name, value in named.items() if value not in preview})
    return [*found, *(part for text in known.connections.values() for part in secrets_of_connection(text))]


@dataclass(frozen=True)
class Shown:
    """A home that a command is to see as `/usr/local/airflow`, with folders of the project in it."""

    home_dir: Path
    folders: Mapping[str, Path]
    work_dir: Path  # private; takes the request, and why MWAA's path cannot be shown

    def argv(self, argv: Sequence[str], envs: Mapping[Path, Mapping[str, str]]) -> list[str]:
        """Return what runs the command there; `envs` are its variables, by the home that it will see."""
        request = {
            "home_dir": str(self.home_dir),
            "folders": {name: str(folder) for name, folder in self.folders.items()},
            "problem_path": str(self._problem_path),
            "argv": list(argv),
            "envs": {"shown": dict(envs[isolation.MWAA_HOME_DIR]), "linked": dict(envs[self.home_dir])},
        }
        path = self.work_dir / "space.json"
        write_private(path, json.dumps(request))
        return [sys.executable, "-I", str(space.SPACE_PATH), str(path)]

    @property
    def _problem_path(self) -> Path:
        return self.work_dir / PROBLEM_NAME

    @property
    def problem(self) -> str:
        """Once the command has begun: why it does not see MWAA's path, or ""."""
        return self._problem_path.read_text(encoding="utf-8") if self._problem_path.exists() else ""


def finish_home(home_dir: Path, packages: PythonEnvironment, release: Release) -> None:
    """Let `.local` of an Airflow home be where the packages and the constraints are, and `config/` have MWAA's file."""
    write_local_settings(home_dir, release)
    etc_dir = home_dir / ".local" / "etc"
    etc_dir.mkdir(parents=True, exist_ok=True)
    links = {
        home_dir / ".local" / "bin": packages.bin_dir,
        home_dir / ".local" / "lib": packages.dir / "lib",
        etc_dir / "airflow_constraints.txt": release.constraints_path,
        etc_dir / "mwaa_essential_constraints.txt": release.essential_constraints_path,
    }
    for link, target in links.items():
        if link.is_symlink() and link.readlink() == target:
            continue
        new = link.with_name(f"{link.name}.{uuid4().hex}")
        new.symlink_to(target)
        new.replace(link)  # in one step: several imports may share a home


def end_processes_of(work_dir: Path) -> None:
    """End all processes marked with that folder, in any group or session, before it is removed."""
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK_VARIABLE) == str(work_dir):
                process.kill()
        except (psutil.Error, OSError):  # another user's, or gone
            continue
