"""Files and folders that several containers see: written whole, replaced at once, locked."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Write a private file such that nobody ever sees a part of it."""
    handle, name = tempfile.mkstemp(dir=str(path.parent), prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except BaseException:
        remove(Path(name))
        raise


def write_json(path: Path, plain: object) -> None:
    write_whole(path, json.dumps(plain).encode("ascii"))


def remove(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        path.unlink()


def point(link: Path, target: Path) -> None:
    """Let a link lead there; at no time does it lead nowhere."""
    if link.is_symlink() and os.readlink(str(link)) == str(target):  # noqa: PTH115 - Path's came with 3.9
        return
    new = link.with_name(f"{link.name}.{os.getpid()}")
    remove(new)
    new.symlink_to(target)
    new.replace(link)


def copy_whole(source: Path, target: Path, *options: str, stderr: int | None = None) -> bool:
    """Copy a folder such that nobody ever sees a part of it; return whether that could be done."""
    unfinished = target.with_name(f"{target.name}.new")
    if unfinished.exists():
        shutil.rmtree(str(unfinished))
    if subprocess.call(["cp", "-a", *options, str(source), str(unfinished)], stderr=stderr) != 0:
        return False
    unfinished.rename(target)
    return True


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock that other containers respect; where the file system has none, go on without."""
    with path.open("w") as file:
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def alone_with(folder: Path) -> Iterator[bool | None]:
    """Say whether nobody holds a folder, and let nobody take it meanwhile; None where the file system has no locks."""
    handle = os.open(str(folder), os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        alone: bool | None = True
    except BlockingIOError:
        alone = False
    except OSError:
        alone = None
    try:
        yield alone
    finally:
        os.close(handle)
