"""Airflow homes of an environment of processes: one for each container that MWAA would have.

On MWAA scheduler, dag-processor and triggerer share a container, and with it `/usr/local/airflow`; every worker and the
web server have their own. What the startup script makes there, and what tasks write there, is seen in that container
only, and gone when it is. So here: a home is made anew for each start, and for each new run of the script. The
project's folders, the logs and the cache are the same in all of them.

Not for where nothing can be mounted: then all components share one home (`isolation.link_mwaa_paths`).
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mwaa_local import isolation
from mwaa_local.files import remove_tree, write_changed
from mwaa_local.home import Folder, Home
from mwaa_local.local_settings import CONFIG_DIR
from mwaa_local.place import HOST
from mwaa_local.plan import SCHEDULER_HOME, Plan
from mwaa_local.project import TEMPORARY_NAME, Project

if TYPE_CHECKING:  # every command imports this
    from mwaa_local.packages import PythonEnvironment
    from mwaa_local.release import Release

DIR_NAME = "homes"  # below `.mwaa-local/`
COMING_NAME = "homes-coming"  # beside it: those of workers that the observer makes while others may change the set
MADE_FROM_NAME = "made-from"  # says what a set of homes was made from
UNFINISHED_SUFFIX = ".new"  # of a home in which the startup script has not ended
LAYER_SUFFIX = ".packages"  # of what the script changes of the packages in that home, until all scripts have ended
HOSTS_PATH = Path("/etc/hosts")
# Of all homes: Airflow's logs, which are read from outside, and what pip and others can download again.
SHARED = ("logs", ".cache")


@dataclass(frozen=True)
class Homes:
    """One set of homes, in `folder`, which may not be there yet. `shown` is what all of them have in common.

    `in_use` are those that running components live in, by name.
    """

    folder: Path
    shown: Mapping[str, Folder]
    in_use: frozenset[str] = frozenset()

    @classmethod
    def next_of(cls, project: Project, shown: Mapping[str, Folder], running: Plan | None) -> Homes:
        """Return a set that no running component uses; old ones are removed, and those that a killed start began."""
        parent = project.state_dir / DIR_NAME
        for folder in parent.glob("*"):
            is_of_running = running is not None and str(folder) == running.homes_dir
            if running is None or not (is_of_running or (folder / MADE_FROM_NAME).exists()):
                remove_tree(folder, ignore_errors=True)
        numbers = [int(path.name) for path in parent.glob("*") if path.name.isdecimal()]
        return cls(parent / str(max(numbers, default=0) + 1), shown)

    @classmethod
    def of(cls, running: Plan, shown: Mapping[str, Folder]) -> Homes:
        """Return the set in which the components of a plan live."""
        return cls(Path(running.homes_dir), shown, running.homes)

    @classmethod
    def running_of(cls, running: Plan | None, shown: Mapping[str, Folder], made_from: str) -> Homes | None:
        """Return the set that components use, if it was made from the same."""
        if running is None or not running.homes_dir:
            return None
        homes = cls.of(running, shown)
        with contextlib.suppress(OSError):
            if (homes.folder / MADE_FROM_NAME).read_text(encoding="utf-8") == made_from:
                return homes
        return None

    def finish(self, made_from: str) -> None:
        """Note what the set was made from, once it is whole."""
        (self.folder / MADE_FROM_NAME).write_text(made_from, encoding="utf-8")

    def missing_of(self, names: Collection[str]) -> list[str]:
        """Return the homes that are to be made, by name: also that of a worker which went, since a new one comes."""
        return [name for name in names if name not in self.in_use or not (self.folder / name).is_dir()]

    def begin(self, name: str, packages: PythonEnvironment, release: Release) -> UnfinishedHome:
        """Return a home as a container has it before the startup script runs."""
        from mwaa_local.sandbox import finish_home

        home_dir = self.folder / f"{name}{UNFINISHED_SUFFIX}"
        self._make_empty(home_dir)
        finish_home(home_dir, packages, release)
        return UnfinishedHome(name, home_dir, self.shown, packages.dir)

    def begin_beside(self, name: str, folder: Path) -> UnfinishedHome:
        """Return a home with the packages of those that are there, in a folder outside of this set."""
        home_dir, beside = folder / f"{name}{UNFINISHED_SUFFIX}", self.folder / SCHEDULER_HOME
        self._make_empty(home_dir)
        for link in (*(beside / ".local").glob("*"), *(beside / ".local" / "etc").glob("*")):
            if link.is_symlink():
                new = home_dir / link.relative_to(beside)
                new.parent.mkdir(parents=True, exist_ok=True)
                new.symlink_to(link.readlink())
        if (config_dir := beside / CONFIG_DIR).is_dir():
            shutil.copytree(config_dir, home_dir / CONFIG_DIR)
        return UnfinishedHome(name, home_dir, self.shown, self.packages_dir)

    @property
    def packages_dir(self) -> Path:
        """The package set of those that are there."""
        return (self.folder / SCHEDULER_HOME / ".local" / "lib").readlink().parent

    def _make_empty(self, home_dir: Path) -> None:
        # What a startup script writes may be secret, and it writes with the caller's umask.
        for folder in (self.folder.parent, home_dir.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        remove_tree(home_dir, ignore_errors=True)
        (home_dir / TEMPORARY_NAME).mkdir(parents=True)

    def argv_in(self, name: str) -> Callable[[Sequence[str]], list[str]]:
        """Return what makes of a command one that sees that home as `/usr/local/airflow`."""
        return Home(str(self.folder / name), self.shown).command

    def keep_only(self, names: Collection[str]) -> None:
        """Remove the other sets, and of this one what is none of these homes."""
        for folder in self.folder.parent.glob("*"):
            if folder != self.folder:
                remove_tree(folder, ignore_errors=True)
        for folder in self.folder.glob("*/"):
            if folder.name not in names:
                remove_tree(folder, ignore_errors=True)

    def discard(self) -> None:
        """Remove what was made for a start that does not come about."""
        if not self.in_use:
            remove_tree(self.folder, ignore_errors=True)
            return
        for folder in self.folder.glob("*/"):
            if folder.name not in self.in_use:
                remove_tree(folder, ignore_errors=True)


@dataclass(frozen=True)
class UnfinishedHome:
    """A home in which the startup script is to run; `name` is the component's, as `worker.1`."""

    name: str
    home_dir: Path
    shown: Mapping[str, Folder]
    packages_dir: Path

    @property
    def scratch_dir(self) -> Path:
        return self.home_dir.with_name(f"{self.name}{LAYER_SUFFIX}")

    @property
    def layer_dir(self) -> Path:
        """What the script has changed of the packages, where it ran above them."""
        return self.scratch_dir / isolation.UPPER_NAME

    def argv(self, argv: Sequence[str], *, above_packages: bool) -> list[str]:
        """Return the command in this home; `above_packages` keeps what it changes of the packages apart."""
        covered = (str(self.packages_dir), str(self.scratch_dir)) if above_packages else ()
        return Home(str(self.home_dir), self.shown).command(argv, covered)

    def discard(self) -> None:
        for folder in (self.scratch_dir, self.home_dir):
            remove_tree(folder, ignore_errors=True)

    def finish(self, folder: Path | None = None) -> None:
        """Give the home its name, in that folder or where it is; one that a worker had which is gone makes way."""
        final_dir = (folder or self.home_dir.parent) / self.name
        for folder in (self.scratch_dir, final_dir):
            remove_tree(folder, ignore_errors=True)
        self.home_dir.rename(final_dir)


def shown_in_homes(project: Project, folders: Mapping[str, Folder], names: Collection[str] = ()) -> dict[str, Folder]:
    """Return what all homes have in common; folders of ours are made. `names` are host names of this machine there."""
    own = {name: project.airflow_home_dir / name for name in SHARED}
    for path in own.values():
        path.mkdir(exist_ok=True)
    if names and HOSTS_PATH.is_file():
        own[str(HOSTS_PATH)] = hosts_file(project.run_dir / HOSTS_PATH.name, names)
    return {**folders, **{name: Folder.at(path) for name, path in own.items()}}


def hosts_file(path: Path, names: Collection[str]) -> Path:
    """Write the hosts file of this machine with these names in it, leading to itself."""
    known = HOSTS_PATH.read_text(encoding="utf-8", errors="replace").rstrip("\n")
    write_changed(path, f"{known}\n{HOST} {' '.join(names)}\n")
    return path


def remove_temporary(project: Project) -> None:
    """Remove what components had no time to remove, as those that were killed."""
    for folder in (project.temporary_dir, *(project.state_dir / DIR_NAME).glob(f"*/*/{TEMPORARY_NAME}")):
        remove_tree(folder, ignore_errors=True)


def remove_homes(project: Project) -> None:
    for name in (DIR_NAME, COMING_NAME):
        remove_tree(project.state_dir / name, ignore_errors=True)
