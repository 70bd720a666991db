"""Delivery: the folders that components see below MWAA's home, wherever their content comes from.

On MWAA that is a bucket. Here it is the project's own folders, so that an edit is seen at once; whoever starts an
environment may name others.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mwaa_local.home import Folder
from mwaa_local.isolation import MWAA_HOME_DIR

# Below MWAA's home. A bucket may have them under any key.
REQUIREMENTS_FILE = "requirements/requirements.txt"
STARTUP_SCRIPT = "startup/startup.sh"


@dataclass(frozen=True)
class Delivery:
    """Four folders, none of which need exist: `dags`, `plugins`, `requirements` and `startup`.

    `named` are files that the user keeps elsewhere, by `REQUIREMENTS_FILE` and `STARTUP_SCRIPT`: they are read there,
    and components see a copy in the folder, which `stage` makes.
    """

    folders: Mapping[str, Path]
    named: Mapping[str, Path] = field(default_factory=dict)

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
        """The requirements file, which the user knows by this path; need not exist."""
        return self._read_from(REQUIREMENTS_FILE)

    @property
    def startup_script_path(self) -> Path:
        """The startup script, which the user knows by this path; need not exist."""
        return self._read_from(STARTUP_SCRIPT)

    def known_as(self, name: str, root_dir: Path) -> str:
        """Return how the user of the project in `root_dir` knows one of the two files."""
        return self.named[name].relative_to(root_dir).as_posix() if name in self.named else name

    def stage(self) -> None:
        """Put copies of files that are kept elsewhere to where components look for them."""
        for name, path in self.named.items():
            target = self._file(name)
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(f".{target.name}.part")
            shutil.copyfile(path, part)
            shutil.copymode(path, part)
            part.replace(target)  # whole, also where the old one is read-only or in use

    def _read_from(self, name: str) -> Path:
        return self.named.get(name) or self._file(name)

    def _file(self, name: str) -> Path:
        folder, _, rest = name.partition("/")
        return self.folders[folder] / rest

    def shown(self, read_only: frozenset[str] = frozenset()) -> dict[str, Folder]:
        """Return those that exist as components see them."""
        return {name: Folder.at(path, read_only=name in read_only) for name, path in self.present.items()}
