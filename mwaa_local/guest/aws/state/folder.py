"""The private folder: one signed copy of all that is held, and the larger bodies of S3's objects beside it.

kept/state      header, signature, pickle; written beside and renamed, so it is whole or the former one
kept/bodies/    a file for each larger body, by its digest: written once, however often its bucket is copied
aside-TIME/     a former `kept/` that could not be read; nobody looks at it again
remarks.json    what the launcher tells of it
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import stat
import tempfile
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO, Any

from . import forms
from .pickling import body

FORMAT = 1
MAGIC = b"mwaa-local state"
DIGEST_BYTES = 32
KEPT, STATE, BODIES, ASIDE = "kept", "state", "bodies", "aside"
PART = ".part"
INLINE_BYTES = 16 << 10  # a body up to this is written with all else: a file of its own would cost more
OTHERS = stat.S_IRWXG | stat.S_IRWXO
MARK = "mwaa_local_digest"  # at moto's file: the digest of what is in it, which never changes


class Unreadable(Exception):
    """The copy is not used: our words about why, for people."""


class Unusable(Exception):
    """Nothing can be kept in this folder: our words about why."""


class Folder:
    """The folder of one local AWS. `version` is moto's, whose classes are in the pickle."""

    def __init__(self, path: Path, key: bytes, version: str) -> None:
        self.path = path
        self._kept, self._bodies = path / KEPT, path / KEPT / BODIES
        self._key = hashlib.blake2b(key, digest_size=DIGEST_BYTES).digest()
        self._header = b"%s %d moto-%s" % (MAGIC, FORMAT, version.encode())
        self._version = version

    def open(self) -> None:
        """Make the folder, private. Raises Unusable."""
        try:
            self.path.mkdir(exist_ok=True, mode=0o700)
            about = self.path.lstat()
            if not stat.S_ISDIR(about.st_mode):
                raise Unusable(f"{self.path} is no folder; rename or remove it")
            if about.st_uid != os.geteuid():
                raise Unusable(f"{self.path} belongs to another user; remove it")
            self.path.chmod(0o700)
            (self._kept / (STATE + PART)).unlink(missing_ok=True)
        except OSError as error:
            raise Unusable(f"cannot use {self.path}: {error.strerror}") from error

    def read(self) -> bytes | None:
        """Return the pickle; None without one. Raises Unreadable."""
        with self._opened(self._kept / STATE) as file:
            if file is None:
                return None
            text = file.read()
        line, _, pickle = text.partition(b"\n")
        header, _, signature = line.rpartition(b" ")
        if not header.startswith(MAGIC + b" "):
            raise Unreadable("it is torn, or is no copy of ours")
        if header != self._header:
            other = header.rpartition(b" ")[2].decode(errors="replace")[:40]
            raise Unreadable(f"it was written with {other}, and this is moto-{self._version}")
        if not hmac.compare_digest(signature, self._signature(pickle)):
            raise Unreadable("it is torn, or was not written by your mwaa-local on this machine")
        return pickle

    def write(self, pickle: bytes, bodies: Collection[str]) -> None:
        """Put a pickle in the place of the former one, and remove bodies that it does not name. Raises OSError."""
        self._make()
        line = self._header + b" " + self._signature(pickle) + b"\n"
        _write_whole(self._kept / STATE, [line, pickle])
        for path in self._bodies.iterdir():
            if path.name not in bodies:
                path.unlink(missing_ok=True)

    def set_aside(self) -> Path:
        """Move what is kept out of the way; return where it is."""
        name = f"{ASIDE}-{time.strftime('%Y%m%d-%H%M%S')}"
        for number in range(100):
            place = self.path / (f"{name}-{number}" if number else name)
            if not place.exists():
                self._kept.rename(place)
                return place
        raise Unusable(f"too many former copies in {self.path}; remove some")

    def keep_body(self, file: Any, used: set[str]) -> forms.Reduced:
        """Return how to write the body of an object; a larger one is put into a file of its own. Raises OSError."""
        limit = file._max_size
        if file.closed:  # of an object that is gone, of which a delete marker still knows
            return forms.spooled, (b"", limit)
        digest = getattr(file, MARK, "")
        if digest and (self._bodies / digest).exists():
            used.add(digest)
            return body, (digest, limit)
        file.seek(0)
        content = file.read()
        if len(content) <= INLINE_BYTES:
            return forms.spooled, (content, limit)
        digest = _digest(content)
        if not (self._bodies / digest).exists():
            self._make()
            _write_whole(self._bodies / digest, [content])
        setattr(file, MARK, digest)
        used.add(digest)
        return body, (digest, limit)

    def bring_body(self, digest: str, limit: int) -> Any:
        """Return the body of an object in a file as moto has it. Raises Unreadable."""
        with self._opened(self._bodies / Path(digest).name) as file:
            content = file.read() if file else b""
        if _digest(content) != digest:
            raise Unreadable("the body of an object in it is missing or torn")
        made = tempfile.SpooledTemporaryFile(limit)  # noqa: SIM115 - moto closes it
        made.write(content)
        setattr(made, MARK, digest)
        return made

    def _make(self) -> None:
        self._kept.mkdir(exist_ok=True, mode=0o700)
        self._bodies.mkdir(exist_ok=True, mode=0o700)

    def _signature(self, pickle: bytes) -> bytes:
        made = hashlib.blake2b(self._header, key=self._key, digest_size=DIGEST_BYTES)
        made.update(pickle)
        return made.hexdigest().encode()

    @contextlib.contextmanager
    def _opened(self, path: Path) -> Iterator[IO[bytes] | None]:
        """Open a file of ours; None where there is none. Raises Unreadable for one that others have to do with."""
        try:
            file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")
        except FileNotFoundError:
            yield None
            return
        except OSError as error:
            raise Unreadable(f"it cannot be opened: {error.strerror}") from error
        with file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode) or about.st_uid != os.geteuid():
                raise Unreadable("it belongs to another user")
            if about.st_mode & OTHERS:
                raise Unreadable(f"other users may use it: its mode is {stat.S_IMODE(about.st_mode):o}, not 600")
            yield file


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=DIGEST_BYTES).hexdigest()


def _write_whole(path: Path, parts: list[bytes]) -> None:
    part = path.with_name(path.name + PART)
    part.unlink(missing_ok=True)
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        for one in parts:
            file.write(one)
        file.flush()
        os.fsync(fd)
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
