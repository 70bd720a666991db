"""Delivery: the folders that components see below MWAA's home, wherever their content comes from.

On MWAA that is a bucket. Here it is the project's own folders, so that an edit is seen at once; whoever starts an
environment may name others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.home import Folder
from mwaa_local.isolation import MWAA_HOME_DIR

# Below MWAA's home. A bucket may have them under any key.
REQUIREMENTS_FILE = "requirements/requirements.txt"
STARTUP_SCRIPT = "startup/startup.sh"


@dataclass(frozen=True)
class Delivery:
    """Four folders, none of which need exist: `dags`, `plugins`, `requirements` and `startup`."""

    folders: Mapping[str, Path]

    @property
    def present(self) -> dict[str, Path]:
        """Those that exist, by their names below MWAA's home."""
        return {name: folder for name, folder in self.folders.items() if folder.is_dir()}

    @property
    def by_seen_path(self) -> dict[str, Path]:
        """The folder that components see as `/usr/local/airflow/dags`, and so on."""
        return {f"{MWAA_HOME_DIR}/{name}": folder for name, folder in self.folders.items()}

    @property
    def plugins_dir(self) -> Path:
        return self.folders["plugins"]

    @property
    def requirements_path(self) -> Path:
        """`requirements/requirements.txt`; need not exist."""
        return self._file(REQUIREMENTS_FILE)

    @property
    def startup_script_path(self) -> Path:
        """`startup/startup.sh`; need not exist."""
        return self._file(STARTUP_SCRIPT)

    def _file(self, name: str) -> Path:
        folder, _, rest = name.partition("/")
        return self.folders[folder] / rest

    def shown(self, read_only: frozenset[str] = frozenset()) -> dict[str, Folder]:
        """Return those that exist as components see them."""
        return {name: Folder.at(path, read_only=name in read_only) for name, path in self.present.items()}
