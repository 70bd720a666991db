"""Inside a release's interpreter: notes what a DAG file does while it is imported, and from which line of the user's.

Network connections are allowed, as on MWAA. The metadata database does not exist here: access to it is recorded and
refused. Runs on Python 3.7 too, in a child that imports one file and ends.
"""

from __future__ import annotations

import contextlib
import importlib
import re
import socket
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from import_subjects import of_warning  # type: ignore[import-not-found]

# Audit events -> which of their arguments say where to.
NETWORK_EVENTS = {
    "socket.connect": slice(1, 2),
    "socket.getaddrinfo": slice(0, 2),
    "socket.gethostbyname": slice(0, 1),
}
AIRFLOW_DIR = "/site-packages/airflow/"
AGAIN = "capture_with_reraise"  # Airflow's function that holds warnings back while a file is imported, from 2.10 on
OWN_DIR = str(Path(__file__).parent) + "/"
# What comes before the part of a library's path that tells anything.
LIBRARY_DIR = re.compile(r".*/(site-packages|python3\.\d+)/")
DATABASE_REFUSED = "there is no metadata database here, so queries at import cannot be answered"
# What `block_orm_access` of Airflow 3 makes of the names in `airflow.settings` that lead to the database.
BLOCKED_NAMES = ("engine", "async_engine", "AsyncSession", "NonScopedSession")
BLOCKED_NAME = "Access to the Airflow Metadatabase from dags is not allowed!"
# Airflow's own deprecations, and the plain ones that it raises in its own modules.
DEPRECATIONS = (DeprecationWarning, PendingDeprecationWarning, FutureWarning)


class DatabaseRefused(RuntimeError):
    """Raised in a file that uses the metadata database while it is imported."""


def refused_as(kind: type[Exception], text: str) -> DatabaseRefused:
    """Return the refusal as an exception of Airflow's kind, under that name."""
    bases = (DatabaseRefused,) if issubclass(DatabaseRefused, kind) else (DatabaseRefused, kind)
    refusal: DatabaseRefused = type(kind.__name__, bases, {})(text)
    return refusal


class Recorder:
    """Notes with places. `roots` are pairs of a folder and the name by which the user knows it."""

    def __init__(self, roots: Iterable[Iterable[str]]) -> None:
        self._roots = [tuple(root) for root in roots]
        self._names: dict[str, str] = {}
        self._seen: set[tuple[str, ...]] = set()
        self.touches: list[dict[str, Any]] = []
        self.asked: list[dict[str, Any]] = []
        self.defaulted: list[dict[str, Any]] = []
        self.warnings: list[dict[str, Any]] = []

    def forget(self) -> None:
        """Begin anew."""
        self._seen.clear()
        for noted in (self.touches, self.asked, self.defaulted, self.warnings):
            noted.clear()

    def name_of(self, filename: str) -> str:
        """Return `dags/sub/a.py` for a file of the user's, "" for another."""
        if filename not in self._names:
            parts = (name + filename[len(root) :] for root, name in self._roots if filename.startswith(root + "/"))
            self._names[filename] = next(parts, "")
        return self._names[filename]

    def place(self, frame: FrameType | None) -> tuple[str, int]:
        """Return file and line of the innermost frame of the user's; `("", 0)` where there is none."""
        while frame is not None:
            name = self.name_of(frame.f_code.co_filename)
            if name:
                return name, frame.f_lineno
            frame = frame.f_back
        return "", 0

    def frames(self, trace: TracebackType | None) -> list[tuple[str, str, int, str]]:
        """Return file, name of the file for the user or "", line and function of each frame, outermost first."""
        found = []
        while trace is not None:
            code = trace.tb_frame.f_code
            if not code.co_filename.startswith(OWN_DIR):
                found.append((code.co_filename, self.name_of(code.co_filename), trace.tb_lineno, code.co_name))
            trace = trace.tb_next
        return found

    def touch(self, kind: str, what: str, frame: FrameType | None) -> None:
        """Note a call that left the process: once for each line."""
        path, line = self.place(frame)
        if path and self._is_new("touch", kind, path, str(line)):
            self.touches.append({"kind": kind, "what": what, "path": path, "line": line})

    def ask(self, kind: str, name: str, frame: FrameType | None) -> None:
        """Note a Variable or Connection that is not there."""
        path, line = self.place(frame)
        if self._is_new("ask", kind, name, path, str(line)):
            self.asked.append({"kind": kind, "name": name, "path": path, "line": line})

    def default(self, name: str, frame: FrameType | None) -> None:
        """Note a Variable that is not there, and in whose place a line of the user's has a default."""
        path, line = self.place(frame)
        if path and self._is_new("default", name, path, str(line)):
            self.defaulted.append({"kind": "variable", "name": name, "path": path, "line": line})

    @property
    def asked_outside(self) -> bool:
        """Whether something depends on what MWAA may answer in another way."""
        return bool(self.touches or self.asked or self.defaulted)

    def _is_new(self, *key: str) -> bool:
        new = key not in self._seen
        self._seen.add(key)
        return new

    def watch_network(self) -> None:
        """Note every connection from now on. It cannot be undone."""

        def audit(event: str, args: tuple[Any, ...]) -> None:
            if event in NETWORK_EVENTS:
                self._network(args[NETWORK_EVENTS[event]], sys._getframe(1))

        if hasattr(sys, "addaudithook"):
            sys.addaudithook(audit)
            return
        connect, getaddrinfo = socket.socket.connect, socket.getaddrinfo  # Python 3.7 has no audit hooks

        def noted_connect(own: Any, address: Any) -> Any:
            self._network((address,), sys._getframe(1))
            return connect(own, address)

        def noted_getaddrinfo(host: Any, port: Any, *args: Any, **more: Any) -> Any:
            self._network((host, port), sys._getframe(1))
            return getaddrinfo(host, port, *args, **more)

        patch(socket.socket, connect=noted_connect)
        patch(socket, getaddrinfo=noted_getaddrinfo)

    def _network(self, to: tuple[Any, ...], frame: FrameType | None) -> None:
        """Note a connection to a host and port, or to an address that is a pair of them."""
        parts = to[0] if isinstance(to[0], tuple) else to
        host = parts[0].decode("latin-1") if isinstance(parts[0], bytes) else parts[0]
        if not isinstance(host, str) or host.startswith(("/", "\0")):  # a socket of this machine
            return
        port = parts[1] if len(parts) > 1 else None
        self.touch("network", host if port is None else f"{host}:{port}", frame)

    def watch_database(self) -> None:
        """Note and refuse what asks for the metadata database.

        Airflow 3's dag-processor refuses, too (`block_orm_access` in airflow.sdk.execution_time.supervisor); before,
        it is a connection like another.
        """
        settings: Any = importlib.import_module("airflow.settings")
        supervisor = sys.modules.get("airflow.sdk.execution_time.supervisor")
        if hasattr(supervisor, "block_orm_access"):
            self._block(settings, supervisor)
            return
        event: Any = importlib.import_module("sqlalchemy.event")

        def refuse(*_args: Any) -> None:
            self.touch("database", "metadata database", sys._getframe(1))
            raise DatabaseRefused(DATABASE_REFUSED)

        if getattr(settings, "engine", None) is not None:
            event.listen(settings.engine, "do_connect", refuse)

    def _block(self, settings: Any, supervisor: Any) -> None:
        recorder = self
        supervisor.block_orm_access()

        class NoSession:
            def __init__(self, *_args: Any, **_more: Any) -> None:
                recorder.touch("database", "metadata database", sys._getframe(1))
                try:
                    supervisor.BlockedDBSession()
                except Exception as error:  # noqa: BLE001 - in Airflow's own words, which are in MWAA's log
                    raise refused_as(type(error), str(error)) from None

        def absent(name: str) -> Any:
            if name in BLOCKED_NAMES:
                recorder.touch("database", "metadata database", sys._getframe(1))
                raise refused_as(AttributeError, BLOCKED_NAME)
            raise AttributeError(f"module {settings.__name__!r} has no attribute {name!r}")

        patch(settings, Session=NoSession, __getattr__=absent)

    def watch_warnings(self) -> None:
        """Note Airflow's deprecation warnings that a line of the user's is the cause of."""
        shown = warnings._showwarnmsg  # type: ignore[attr-defined]

        def note(message: Any) -> None:
            with contextlib.suppress(ValueError):  # a stack that is not that deep
                self._warned(message, sys._getframe(1))
            # Captured by Airflow, too, which puts a function of its own behind this one.
            shown(message)

        warnings.filterwarnings("always", category=DeprecationWarning)
        patch(warnings, _showwarnmsg=note)

    def _warned(self, message: Any, frame: FrameType | None) -> None:
        if not issubclass(message.category, DEPRECATIONS):
            return
        if frame is not None and frame.f_code.co_name.endswith(AGAIN):  # it was told where it arose
            return
        path, line = self.name_of(message.filename), message.lineno
        if not path:
            # A warning that names Airflow's own line: told where the user's file called that function itself.
            caller = frame.f_back if frame is not None else None
            path = self.name_of(caller.f_code.co_filename) if caller is not None else ""
            line = caller.f_lineno if caller is not None else 0
        # Airflow's own kinds of warning, and plain ones of its modules; others' are not about Airflow.
        from_airflow = message.category.__module__.startswith("airflow.")
        emitter = frame.f_code.co_filename if frame is not None else ""
        if path and (from_airflow or AIRFLOW_DIR in emitter):
            text = " ".join(str(message.message).split())
            if self._is_new("warning", path, str(line), text):
                self.warnings.append({"what": text, "path": path, "line": line, "subjects": of_warning(text)})


def patch(target: Any, **members: Any) -> None:
    """Replace the members of those names."""
    for name, member in members.items():
        setattr(target, name, member)
