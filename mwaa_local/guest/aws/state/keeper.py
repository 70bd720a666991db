"""When a copy is written, and how what is held is put back."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from moto import __version__  # type: ignore[import-not-found]

from ..locks import Locks
from . import backends
from .folder import Folder, Unreadable
from .pickling import Reader, Writer
from .remarks import Remarks

QUIET_S = 1.0  # without a write, after which a copy is written
LATEST_S = 4.0  # after the first write that is in no copy yet
SHARE = 0.1  # of all time, at most, that goes into copies while writes go on
BUSY_S = 1.0  # how long a service may keep a copy waiting, before others have their turn
AGAIN_S = 0.5
LAST_TRIES = 5  # when the program ends
ASIDE_HINT = "nothing to do; remove the folder when you do not need it"


class Keeper:
    """Keeps what one local AWS holds. `seeded` has, by fixture, the digest of what was put in."""

    def __init__(self, folder: Folder | None, locks: Locks) -> None:
        self.seeded: dict[str, str] = {}
        if folder is not None:
            folder.open()
        self.remarks = Remarks(folder.path if folder else None)
        self._folder, self._locks = folder, locks
        self._written, self._saved = 0, 0  # writes until now, and those that are in the copy
        self._lacking: dict[str, str] = {}  # service -> why it cannot be kept
        self._saving = threading.Lock()
        self._wake, self._ending = threading.Event(), threading.Event()

    def restore(self) -> set[str]:
        """Put what was kept back; return its services. What cannot be read is set aside, with a remark."""
        folder = self._folder
        if folder is None:
            return set()
        self.remarks.write()
        try:
            pickle = folder.read()
            if pickle is None:
                return set()
            found = _read(pickle, folder)
        except Unreadable as error:
            self._set_aside(folder, str(error))
            return set()
        backends.put(found["backends"], found["beside"])
        self.seeded = dict(found["seeded"])
        return {one.service for one in found["backends"]}

    def wrote(self) -> None:
        """Note a write; whoever calls this holds the lock of its service."""
        self._written += 1
        self._wake.set()

    def start(self) -> None:
        if self._folder is not None:
            threading.Thread(target=self._go_on, name="keeper", daemon=True).start()

    def end(self) -> None:
        """Write the last copy."""
        self._ending.set()
        self._wake.set()
        for _ in range(LAST_TRIES):
            if self.save():
                return
            time.sleep(AGAIN_S)

    def empty(self, then: Callable[[], bool]) -> bool:
        """Forget everything, do what is to be done then, and write that; False where it could not be."""
        for _ in range(LAST_TRIES):
            with self._locks.all_held(BUSY_S) as is_quiet:
                if is_quiet:
                    backends.empty()
                    self.seeded.clear()
                    self._lacking.clear()
                    self.remarks.forget_all()
                    self.wrote()
                    break
        else:
            return False
        return then() and self.save()

    def save(self) -> bool:
        """Write a copy unless there is one of all that was written; False where it has to be tried again."""
        folder = self._folder
        if folder is None:
            return True
        with self._saving:
            with self._locks.all_held(BUSY_S) as is_quiet:
                written = self._written
                if written == self._saved:
                    return True
                if not is_quiet:
                    return False
                try:
                    pickle, bodies = self._dump(folder)
                except Exception as error:  # noqa: BLE001 - whatever moto's objects raise; the former copy stays
                    return self._failed(folder, error)
            try:
                folder.write(pickle, bodies)
            except OSError as error:
                return self._failed(folder, error)
            self._saved = written
            self.remarks.forget("copy")
            return True

    def _go_on(self) -> None:
        while not self._ending.is_set():
            self._wake.wait()
            self._wake.clear()
            self._await_quiet()
            began = time.monotonic()
            if not self.save():
                self._wake.set()
                self._ending.wait(AGAIN_S)
            self._ending.wait((time.monotonic() - began) * (1 / SHARE - 1))

    def _await_quiet(self) -> None:
        latest = time.monotonic() + LATEST_S
        while not self._ending.is_set() and time.monotonic() < latest:
            written = self._written
            self._ending.wait(QUIET_S)
            if written == self._written:
                return

    def _dump(self, folder: Folder) -> tuple[bytes, set[str]]:
        """Return a pickle of everything and the bodies that it names. Whoever calls this holds all locks."""
        everything = [one for one in backends.held() if one.service not in self._lacking]
        try:
            return _pickled(everything, self.seeded, folder)
        except OSError:
            raise
        except Exception:
            lacking = _lacking(everything, folder)
            if not lacking:
                raise
            self._lacking.update(lacking)
            self._tell_lacking()
            return _pickled([one for one in everything if one.service not in lacking], self.seeded, folder)

    def _tell_lacking(self) -> None:
        names = ", ".join(sorted(self._lacking))
        why = "; ".join(sorted(set(self._lacking.values())))
        what = f"what {names} holds is not kept: it goes with the next stop"
        self.remarks.tell("lacking", what, f"It holds what cannot be written down ({why}).")

    def _failed(self, folder: Folder, error: Exception) -> bool:
        why = error.strerror if isinstance(error, OSError) and error.strerror else f"{type(error).__name__}: {error}"
        what = "the local AWS cannot write down what it holds: changes are lost with the next stop"
        hint = f"make room for {folder.path}" if isinstance(error, OSError) else ""
        self.remarks.tell("copy", what, why, hint)
        return False

    def _set_aside(self, folder: Folder, why: str) -> None:
        place = folder.set_aside()
        what = f"the local AWS began anew: what it held is in .mwaa-local/aws/{place.name}"
        self.remarks.tell("aside", what, f"The copy was not used: {why}.", ASIDE_HINT)


def keeper_of(folder: str, key: str, locks: Locks) -> Keeper:
    """Return what keeps everything in that folder; nothing is kept where it is "". Raises folder.Unusable."""
    return Keeper(Folder(Path(folder), key.encode(), __version__) if folder else None, locks)


def _pickled(everything: list[backends.Held], seeded: Mapping[str, str], folder: Folder) -> tuple[bytes, set[str]]:
    file, bodies = io.BytesIO(), set[str]()
    values = {"backends": everything, "beside": backends.beside(everything), "seeded": dict(seeded)}
    Writer(file, lambda body: folder.keep_body(body, bodies)).dump(values)
    return file.getvalue(), bodies


def _lacking(everything: list[backends.Held], folder: Folder) -> dict[str, str]:
    """Return which services cannot be written, each by itself, and why."""
    found = {}
    for one in everything:
        try:
            _pickled([one], {}, folder)
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever moto's objects raise
            found[one.service] = f"{type(error).__name__}: {error}"
    return found


def _read(pickle: bytes, folder: Folder) -> Any:
    """Return what is in a pickle. Raises Unreadable."""
    try:
        return Reader(io.BytesIO(pickle), folder.bring_body).load()
    except Unreadable:
        raise
    except Exception as error:
        raise Unreadable(f"{type(error).__name__}: {error}") from error
