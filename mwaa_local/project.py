"""Where the files of one user project are. Paths are decided here and nowhere else.

Not for reading any of them: `environment` reads `mwaa.yaml`, `requirements` and `startup` read theirs.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path

from mwaa_local.delivery import REQUIREMENTS_FILE, STARTUP_SCRIPT, Delivery
from mwaa_local.errors import ProjectNotFound, StateCorrupted, disk_error
from mwaa_local.named_files import REQUIREMENTS_MEMBER, STARTUP_MEMBER, named_paths

ENVIRONMENT_FILE = "mwaa.yaml"
STATE_DIR = ".mwaa-local"
# The folder names of AWS's two local tools: amazon-mwaa-docker-images and aws-mwaa-local-runner.
STARTUP_DIRS = ("startup", "startup_script")
PROJECT_MARKS = (ENVIRONMENT_FILE, STATE_DIR, "dags")
# In the environment of every process that we start, so that one can be told from a stranger.
MARK_VARIABLE = "MWAA_LOCAL_RUN_DIR"
MAX_BELOW = 5  # projects below a folder that are named
MAX_LEVELS_BELOW = 3  # as in images/airflow/2.10.3 of amazon-mwaa-docker-images
MAX_FOLDERS_BELOW = 2000  # that are looked into: nobody waits for a search of a whole disk
TEMPORARY_NAME = "tmp"  # below an Airflow home of ours
RESTORE_NAME = "restore.json"  # in the state folder: the record of a restore that is not over
DELIVERED_NAME = "delivered"  # copies of files that mwaa.yaml names elsewhere, below the state folder
NAMED_BY = {REQUIREMENTS_FILE: REQUIREMENTS_MEMBER, STARTUP_SCRIPT: STARTUP_MEMBER}


@dataclass(frozen=True)
class Project:
    """The folders of one user project, found once."""

    root_dir: Path

    @classmethod
    def find(cls, start_dir: Path) -> Project:
        """Return the project that holds `start_dir`: the nearest folder, going up, with one of `PROJECT_MARKS`.

        Raises ProjectNotFound when there is none.
        """
        start_dir = start_dir.resolve()
        if not start_dir.is_dir():
            raise ProjectNotFound(f"no such folder: {start_dir}", hint="name an existing folder with --project")
        for folder in (start_dir, *start_dir.parents):
            if any((folder / mark).exists() for mark in PROJECT_MARKS):
                return cls(folder)
        below = _projects_below(start_dir)
        why = f"A project is a folder with {ENVIRONMENT_FILE} or a dags/ folder in it."
        hint = "change to your project's folder, name it with --project, or make one: mkdir dags"
        if below:
            more = f" and {len(below) - MAX_BELOW} more" if len(below) > MAX_BELOW else ""
            why += f" There are some below: {', '.join(below[:MAX_BELOW])}{more}."
            hint = f"change to one of them, or name it: --project {below[0]}"
        raise ProjectNotFound(f"no MWAA project in {start_dir} or above it", why, hint)

    @property
    def name(self) -> str:
        """The folder's name, for people; not unique."""
        return self.root_dir.name

    @property
    def id(self) -> str:
        """Twelve hex digits that stay the same for this folder and differ from every other folder's."""
        return hashlib.sha256(str(self.root_dir).encode()).hexdigest()[:12]

    @property
    def environment_path(self) -> Path:
        return self.root_dir / ENVIRONMENT_FILE

    @property
    def dags_dir(self) -> Path:
        return self.root_dir / "dags"

    @property
    def plugins_dir(self) -> Path:
        return self.root_dir / "plugins"

    @property
    def requirements_dir(self) -> Path:
        return self.root_dir / "requirements"

    @property
    def requirements_path(self) -> Path:
        """The file that mwaa.yaml names, else `requirements/requirements.txt`; need not exist."""
        return self.delivery.requirements_path

    @property
    def startup_dir(self) -> Path:
        """`startup/`, or `startup_script/` where only that exists."""
        for name in STARTUP_DIRS:
            if (self.root_dir / name / "startup.sh").exists():
                return self.root_dir / name
        return self.root_dir / STARTUP_DIRS[0]

    @property
    def startup_script_path(self) -> Path:
        """The file that mwaa.yaml names, else `startup.sh` in `startup_dir`; need not exist."""
        return self.delivery.startup_script_path

    @property
    def state_dir(self) -> Path:
        """`.mwaa-local/`: everything that the launcher writes for this project."""
        return self.root_dir / STATE_DIR

    @property
    def delivery(self) -> Delivery:
        """The project's own folders, as components see them; one of ours for a file that is kept elsewhere."""
        usual, named = self.usual_delivery, self._named_elsewhere()
        staged = {name.partition("/")[0]: self.state_dir / DELIVERED_NAME / name.partition("/")[0] for name in named}
        return replace(usual, folders={**usual.folders, **staged}, named=named)

    @property
    def usual_delivery(self) -> Delivery:
        """The folders by their usual names, whatever mwaa.yaml names."""
        return Delivery(
            {
                "dags": self.dags_dir,
                "plugins": self.plugins_dir,
                "requirements": self.requirements_dir,
                "startup": self.startup_dir,
            }
        )

    def _named_elsewhere(self) -> dict[str, Path]:
        """Return the files that mwaa.yaml names by their keys and that are not the usual ones, by their usual names."""
        paths = named_paths(self.environment_path)
        usual = {
            REQUIREMENTS_FILE: self.usual_delivery.requirements_path,
            STARTUP_SCRIPT: self.usual_delivery.startup_script_path,
        }
        asked = {name: paths[member] for name, member in NAMED_BY.items() if member in paths}
        return {
            name: path for name, path in asked.items() if path.is_file() and path.resolve() != usual[name].resolve()
        }

    def relative(self, text: str | Path) -> str:
        """Return a text with paths of the project as its user knows them: below the project's folder."""
        return str(text).replace(f"{self.root_dir}/", "")

    def make_state_dir(self) -> None:
        """Make `.mwaa-local/` and keep git from seeing it.

        Raises StateCorrupted where there can be no such folder, DiskFull when there is no room.
        """
        ignore = self.state_dir / ".gitignore"
        try:
            self.state_dir.mkdir(exist_ok=True)
            if not ignore.exists():
                ignore.write_text("*\n")
        except (FileExistsError, PermissionError) as error:
            raise StateCorrupted(
                f"cannot create {self.state_dir}",
                str(error),
                "rename or remove the file with that name, or run this as the user who owns the project",
            ) from error
        except OSError as error:
            raise disk_error(error, self.state_dir) from error

    @property
    def logs_dir(self) -> Path:
        """One file per component, written by the supervisor, and those of startup script and requirements."""
        return self.state_dir / "logs"

    @property
    def airflow_home_dir(self) -> Path:
        """What components see as `/usr/local/airflow`."""
        return self.state_dir / "airflow"

    @property
    def temporary_dir(self) -> Path:
        """TMPDIR of components: empty when they start, gone when they have ended."""
        return self.airflow_home_dir / TEMPORARY_NAME

    @property
    def database_dir(self) -> Path:
        return self.state_dir / "database"

    @property
    def run_dir(self) -> Path:
        """State of what is running: plan, state file, pid files. Private, it holds secrets."""
        return self.state_dir / "run"


def _projects_below(folder: Path) -> list[str]:
    """Return the projects below a folder that is none itself, by their paths from there."""
    found: list[str] = []
    for number, (path, folders, files) in enumerate(os.walk(folder)):
        if number >= MAX_FOLDERS_BELOW:
            break
        relative = Path(path).relative_to(folder)
        if path != str(folder) and (ENVIRONMENT_FILE in files or "dags" in folders):
            found.append(relative.as_posix())
            folders.clear()
        if len(relative.parts) >= MAX_LEVELS_BELOW:
            folders.clear()
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "node_modules")
    return found
