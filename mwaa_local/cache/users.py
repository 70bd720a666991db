"""Which project uses what: a small private file for each project, in the cache folder.

Written before something is used, so that whoever removes things sees it: removing takes the same lock, and reads the
files again under it.
"""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mwaa_local.cache import locks
from mwaa_local.errors import AccessDenied, MwaaLocalError
from mwaa_local.files import write_private
from mwaa_local.project import STATE_DIR, Project

FOLDER = "projects"
LOCK_NAME = "lock"
SINCE_NAME = "since.json"  # from when on users are noted
LAST_USED_NAME = "last-used.json"  # of Docker's things, which have no time of their own
PATTERN = r"[0-9a-f]{12}\.json"
# What a project uses things for. An environment may be there in both runtimes.
PROCESS, DOCKER, CHECK = "process", "docker", "check"

Kinds = dict[str, list[str]]  # names by kind


@dataclass(frozen=True)
class ProjectUse:
    """What one project uses. `has_state` says whether it had its own `.mwaa-local` then."""

    id: str
    dir: Path
    has_state: bool
    uses: dict[str, Kinds]  # by role

    @property
    def exists(self) -> bool:
        """Whether the project still exists; one whose folder cannot be read counts as existing."""
        place = self.dir / STATE_DIR if self.has_state else self.dir
        try:
            place.stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:
            return True
        return True

    @property
    def is_in_docker(self) -> bool:
        return DOCKER in self.uses

    def has(self, kind: str, name: str) -> bool:
        return any(name in kinds.get(kind, ()) for kinds in self.uses.values())

    def to_json(self) -> dict[str, Any]:
        return {"project": str(self.dir), "has_state": self.has_state, "uses": self.uses}


class Users:
    """The files of one cache folder."""

    def __init__(self, cache_dir: Path) -> None:
        self.dir = cache_dir / FOLDER

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Be the only one who records uses or removes. Raises OSError if the folder cannot be written."""
        with locks.taken(self.dir / LOCK_NAME):
            yield

    def projects(self) -> list[ProjectUse]:
        """Return the recorded uses, by folder; a file that cannot be understood stands for no project.

        Raises AccessDenied for one that may not be read: what its project uses would look unused.
        """
        found = []
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            for path in self._records():
                use = _read_use(path)
                if use is not None:
                    found.append(use)
        return sorted(found, key=lambda use: use.dir)

    def _records(self) -> Iterator[Path]:
        try:
            for path in self.dir.iterdir():
                if re.fullmatch(PATTERN, path.name) and not path.is_symlink():
                    path.open("rb").close()
                    yield path
        except PermissionError as error:
            raise AccessDenied(
                f"not allowed to see which projects use the cache folder {self.dir.parent}",
                str(error),
                "run this as the user who owns the cache folder; a file in it that another user wrote is that user's",
            ) from error

    @property
    def since(self) -> float | None:
        """When the recording of uses began; None if it has not."""
        value = _read_json(self.dir / SINCE_NAME).get("since")
        return float(value) if isinstance(value, int | float) else None

    def last_used(self, kind: str, name: str) -> float | None:
        value = _read_json(self.dir / LAST_USED_NAME).get(f"{kind} {name}")
        return float(value) if isinstance(value, int | float) else None

    def noted_at(self, use: ProjectUse) -> float | None:
        """Return when the project last used anything."""
        try:
            return (self.dir / f"{use.id}.json").stat().st_mtime
        except OSError:
            return None

    def begin(self) -> None:
        """Record when the recording began. Needs the lock."""
        if self.since is None:
            write_private(self.dir / SINCE_NAME, json.dumps({"since": time.time()}))

    def write(self, use: ProjectUse) -> None:
        """Record what a project uses. Needs the lock."""
        write_private(self.dir / f"{use.id}.json", json.dumps(use.to_json()))

    def note_last_used(self, kind: str, name: str) -> None:
        """Record that something was used just now. Needs the lock."""
        plain = _read_json(self.dir / LAST_USED_NAME)
        write_private(self.dir / LAST_USED_NAME, json.dumps({**plain, f"{kind} {name}": time.time()}))

    def forget(self, use: ProjectUse) -> None:
        """Remove the record of a project. Needs the lock."""
        (self.dir / f"{use.id}.json").unlink(missing_ok=True)

    def forget_last_used(self, kind: str, name: str) -> None:
        """Remove the record of when something was last used. Needs the lock."""
        plain = _read_json(self.dir / LAST_USED_NAME)
        if plain.pop(f"{kind} {name}", None) is not None:
            write_private(self.dir / LAST_USED_NAME, json.dumps(plain))

    def remove_if_empty(self) -> None:
        """Remove the folder if no project and no use is recorded, and nothing in it is another's."""
        own = {LOCK_NAME, SINCE_NAME, LAST_USED_NAME}
        if not self.dir.is_dir() or self.dir.is_symlink():
            return
        with self.locked():
            if {path.name for path in self.dir.iterdir()} <= own and not _read_json(self.dir / LAST_USED_NAME):
                for name in (SINCE_NAME, LAST_USED_NAME, LOCK_NAME):
                    (self.dir / name).unlink(missing_ok=True)
                with contextlib.suppress(OSError):  # somebody came in just now
                    self.dir.rmdir()


@dataclass
class User:
    """What one project uses in one role."""

    cache_dir: Path
    project: Project
    role: str
    _noted: dict[str, set[str]] = field(default_factory=dict)

    def note(self, kind: str, name: str) -> None:
        """Record that the project uses this from now on; in a read-only cache, record nothing."""
        self._noted.setdefault(kind, set()).add(name)

        def add(kinds: Kinds) -> Kinds:
            # What runs goes on to use what it had until `settle`; of a check, only the last counts.
            before = [] if self.role == CHECK else kinds.get(kind, [])
            return {**kinds, kind: list(dict.fromkeys([name, *before]))}

        self._change(add)
        if self.role == DOCKER:
            self._under_lock(lambda users: users.note_last_used(kind, name))

    def settle(self) -> None:
        """Record that the project now uses nothing in this role but what this object recorded."""
        self._change(lambda _: {kind: sorted(names) for kind, names in self._noted.items()})

    def _change(self, change: Callable[[Kinds], Kinds]) -> None:
        def write(users: Users) -> None:
            before = _read_use(users.dir / f"{self.project.id}.json")
            roles = before.uses if before and before.exists else {}  # else another project was here
            roles = {**roles, self.role: change(roles.get(self.role, {}))}
            has_state = self.project.state_dir.is_dir()
            users.write(ProjectUse(self.project.id, self.project.root_dir, has_state, roles))

        self._under_lock(write)

    def _under_lock(self, action: Callable[[Users], None]) -> None:
        users = Users(self.cache_dir)
        with contextlib.suppress(OSError, MwaaLocalError), users.locked():  # not in a cache that may only be read
            users.begin()
            action(users)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return plain if isinstance(plain, dict) else {}


def _read_use(path: Path) -> ProjectUse | None:
    if path.is_symlink():
        return None
    plain = _read_json(path)
    try:
        use = ProjectUse(
            path.stem,
            Path(str(plain["project"])),
            bool(plain["has_state"]),
            {
                str(role): {str(kind): [str(name) for name in names] for kind, names in kinds.items()}
                for role, kinds in plain["uses"].items()
            },
        )
    except (KeyError, TypeError, AttributeError):
        return None
    return use if Project(use.dir).id == use.id else None
