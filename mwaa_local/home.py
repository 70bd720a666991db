"""Home: a folder that components see as MWAA's `/usr/local/airflow`, and the folders in it.

Not for making one: that is a runtime's part.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.space import COVER, END_OF_FOLDERS, READ_ONLY, SPACE_PATH


@dataclass(frozen=True)
class Folder:
    """A folder of this machine that components see. One that was made anew has another `identity`: it is shown anew."""

    path: str
    identity: str
    read_only: bool = False

    @classmethod
    def at(cls, path: Path, *, read_only: bool = False) -> Folder:
        """Return the folder that is there now. Raises OSError if there is none."""
        about = path.stat()
        return cls(str(path), f"{about.st_dev}:{about.st_ino}", read_only)


@dataclass(frozen=True)
class Home:
    """An Airflow home of its own: a folder of this machine, and what is shown in it besides, by name."""

    home_dir: str
    folders: Mapping[str, Folder]

    def command(self, argv: Sequence[str], covered: Sequence[str] = ()) -> list[str]:
        """Return the command that shows this home to another one.

        `covered` is a folder, and another one that takes what the command changes of it.
        """
        shown = (f"{name}{READ_ONLY if item.read_only else ''}={item.path}" for name, item in self.folders.items())
        cover = (COVER, *covered) if covered else ()
        return [sys.executable, "-I", str(SPACE_PATH), self.home_dir, *shown, *cover, END_OF_FOLDERS, *argv]
