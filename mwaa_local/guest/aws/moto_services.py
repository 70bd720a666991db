"""moto, one request of a service at a time, and what of it is made ready when a service is first asked."""

from __future__ import annotations

import contextlib
import functools
import importlib
import io
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from moto.moto_server.werkzeug_app import (  # type: ignore[import-not-found]
    DomainDispatcherApplication,
    create_backend_app,
)

from .answers import StartResponse
from .locks import Locks
from .log_events import LogEvents
from .signing import presigned_header, signing_name
from .state.writes import may_write

# Signing name -> our module with `prepare(moto)`, called in the first request's thread, before moto sees it.
FIRST_USE = {
    "cloudformation": "cloudformation",
    "cloudtrail": "trail",
    "elasticmapreduce": "emr_steps",
    "logs": "log_events",
    "monitoring": "metrics",
    "s3": "buckets",
    "sqs": "queues",
}
LOOKED_AT_BYTES = 4096  # of a body, for the name of the operation, which clients write first
S3 = "s3"
UNSIGNED = S3  # what moto takes a request without a signature for, if nothing else speaks against it

Environ = dict[str, Any]  # WSGI's (PEP 3333)
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


class MotoServices:
    """All of moto's services as one WSGI application."""

    def __init__(
        self,
        control_plane: str,
        locks: Locks,
        wrote: Callable[[], None] = lambda: None,
        log_events: LogEvents | None = None,
    ) -> None:
        self.control_plane = control_plane  # path of the socket of what answers for MWAA itself
        self.locks = locks
        self.wrote = wrote  # called with a service's lock held when something of it may have changed
        self.log_events = log_events or LogEvents(None)
        self._moto: Application = DomainDispatcherApplication(create_backend_app)
        self._prepared: set[str] = set()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        name = signing_name(environ) or UNSIGNED
        if name != UNSIGNED and "HTTP_AUTHORIZATION" not in environ:
            environ["HTTP_AUTHORIZATION"] = presigned_header(environ)  # moto looks for the service's name there alone
        body: io.BytesIO = environ["wsgi.input"]  # the dispatcher has read it
        is_write = may_write(environ, body.getvalue()[:LOOKED_AT_BYTES])
        with self.held(name):
            try:
                return self._moto(environ, start_response)
            finally:
                if is_write:
                    self.wrote()

    def buckets(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer the launcher's questions about buckets."""
        with self.held(S3):
            from .buckets import Buckets  # which brings S3's models in
        return Buckets(lambda: self.held(S3))(environ, start_response)

    @contextlib.contextmanager
    def held(self, name: str) -> Iterator[None]:
        """Hold a service's lock, with the service made ready."""
        with self.locks.held(name):
            self._prepare(name)
            yield

    def make_ready(self, names: Iterable[str]) -> None:
        """Make ready what was kept of a service before anybody asks: its unfinished work goes on."""
        for name in names:
            with self.held(name):
                pass

    def _prepare(self, name: str) -> None:
        if name in FIRST_USE and name not in self._prepared:
            importlib.import_module(f"{__package__}.{FIRST_USE[name]}").prepare(self)
            self._prepared.add(name)

    def waiting(self, wait: Callable[..., Any]) -> Callable[..., Any]:
        """Return `wait` as it lets other requests to its service in meanwhile."""

        @functools.wraps(wait)
        def patient(*args: Any, **kwargs: Any) -> Any:
            with self.locks.let_go():
                return wait(*args, **kwargs)

        return patient
