"""The packages of one state of requirements, in a volume that a project's containers share."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from files import alone_with, copy_whole, remove, write_json
from running import Ended, Refused, say


@dataclass(frozen=True)
class Packages:
    """The set of packages of one state of requirements, in a volume that a project's containers share.

    The volume holds one copy of the release's packages, and for each state a clone of it by hard links, made in a
    moment and next to nothing in size. What changes a clone reaches neither the copy nor other clones: pip renames or
    unlinks what it replaces and writes new files, Python puts bytecode into a new file and renames that, and so does
    `sed -i` with what it edits. Only what writes into one of the release's own files in place would be seen by all, and
    no installer does that.
    """

    dir: Path  # the volume
    base_dir: Path  # the image's
    key: str

    @property
    def set_dir(self) -> Path:
        """The clone; not there where nothing but the release's own packages is wanted."""
        return self._own_dir / "set"

    @property
    def _own_dir(self) -> Path:
        return self._sets_dir / self.key

    @property
    def _sets_dir(self) -> Path:
        return self.dir / "sets"

    @property
    def _outcome_path(self) -> Path:
        return self._own_dir / "outcome.json"

    # How they were made.

    def outcome(self) -> Ended | None:
        """Return how the set was installed; None when that was never finished."""
        try:
            plain = json.loads(self._outcome_path.read_text(encoding="utf-8"))
            return Ended(int(plain["exit_code"]), bool(plain["timed_out"]), float(plain["elapsed_s"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def begin(self) -> None:
        """Forget an earlier attempt: whenever this one is interrupted, the next begins at the beginning."""
        self._own_dir.mkdir(parents=True, exist_ok=True)
        remove(self._outcome_path)
        self._discard(self.set_dir)

    def are_free(self) -> bool:
        """Whether no container is known to run with them."""
        with alone_with(self._own_dir) as alone:
            return alone is not False

    def finish(self, ended: Ended) -> None:
        write_json(self._outcome_path, vars(ended))

    def clone(self) -> None:
        """Make the set, still without anything of the user's."""
        copy_dir = self.dir / "base"
        if not copy_dir.is_dir():
            say("copying the release's packages, once for this project and image")
            if not copy_whole(self.base_dir, copy_dir, "--reflink=auto"):
                raise Refused(f"the release's packages could not be copied to {self.dir}")
        # Not everything that can be a volume has hard links; and a script's `sudo chown` makes files that cannot be
        # linked. What cp says of each of them is of no use to anybody.
        is_linked = copy_whole(copy_dir, self.set_dir, "--link", stderr=subprocess.DEVNULL)
        if not is_linked and not copy_whole(copy_dir, self.set_dir, "--reflink=auto"):
            raise Refused(f"the release's packages could not be cloned in {self.dir}")

    # Who uses them.

    def hold(self) -> bool:
        """Keep the set from being removed until this process, and what it becomes, ends; say whether it is complete."""
        try:
            folder = os.open(str(self._own_dir), os.O_RDONLY)
        except FileNotFoundError:
            return False
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(folder, fcntl.LOCK_SH)
        os.set_inheritable(folder, True)
        return self.outcome() is not None

    def remove_unused(self) -> None:
        """Remove the sets of other states that no container holds."""
        for folder in sorted(self._sets_dir.iterdir()):
            if folder == self._own_dir:
                continue
            with alone_with(folder) as alone:
                if alone:
                    self._discard(folder)
        for folder in self.dir.glob(".gone-*"):  # what was interrupted
            shutil.rmtree(str(folder), ignore_errors=True)

    def _discard(self, folder: Path) -> None:
        """Remove a folder, half of which nobody ever sees. What `sudo` made in there stays, but out of the way."""
        if folder.exists():
            gone_dir = Path(tempfile.mkdtemp(dir=str(self.dir), prefix=".gone-"))
            folder.rename(gone_dir / folder.name)
            shutil.rmtree(str(gone_dir), ignore_errors=True)
