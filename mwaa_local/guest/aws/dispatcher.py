"""The one endpoint: each request goes to who answers for the service that it was signed for."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from werkzeug.wsgi import get_input_stream  # type: ignore[import-not-found]

from .answers import StartResponse, refuse, tell
from .calls.deletions import answered
from .configuration import AwsConfiguration
from .control_plane import ControlPlane
from .mirror.mirror import Mirror
from .names import refusal
from .signing import signing_name

MWAA = "airflow"  # signing names, from botocore's models
MWAA_SERVERLESS = "airflow-serverless"
OWN_PATH = "/_mwaa-local/"  # pages of ours, which the control plane has
READY_PATH = OWN_PATH + "aws"  # but for these three
EMPTY_PATH = OWN_PATH + "aws/empty"
BUCKETS_PATH = OWN_PATH + "buckets/"  # and what is below
NO_SERVERLESS = (
    "Amazon MWAA Serverless is another service than Amazon MWAA, and is not reproduced here:"
    " ask AWS itself for it, without this endpoint"
)

Environ = dict[str, Any]  # WSGI's (PEP 3333)
Application = Callable[[Environ, StartResponse], Iterable[bytes]]
Look = Callable[[Environ, StartResponse], "Iterable[bytes] | None"]


class Dispatcher:
    """The endpoint as one WSGI application, in front of moto in the same process."""

    def __init__(
        self,
        configuration: AwsConfiguration,
        moto: Application,
        buckets: Application,
        empty: Callable[[], str],
        look: Look,
        mirror: Mirror,
    ) -> None:
        self._names = configuration.names
        self._control_plane = ControlPlane(configuration.control_plane)
        self._moto = moto
        self._buckets = buckets
        self._mirror = mirror
        self._look = look  # notes what tasks call, and answers what is refused
        self._empty = empty  # forgets everything and puts the fixtures in; returns why that could not be done, or ""

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        why = refusal(environ, self._names)
        if why:
            return refuse(start_response, HTTPStatus.FORBIDDEN, "AccessDeniedException", why)
        path = environ.get("PATH_INFO", "")
        if path == READY_PATH:
            return tell(start_response, {"ready": True})
        if path == EMPTY_PATH and environ["REQUEST_METHOD"] == "POST":
            why = self._empty()
            if why:
                return refuse(start_response, HTTPStatus.SERVICE_UNAVAILABLE, "ServiceUnavailable", why)
            return tell(start_response, {"empty": True})
        service = signing_name(environ)
        # Whoever sends slowly must not keep others waiting later on; moto keeps whole bodies in memory anyway.
        environ["wsgi.input"] = io.BytesIO(get_input_stream(environ, max_content_length=None).read())
        if path.startswith(BUCKETS_PATH):
            self._mirror.refresh(path.removeprefix(BUCKETS_PATH).partition("/")[0])
            return self._buckets(environ, start_response)
        for look in (self._look, self._mirror.look):
            refused = look(environ, start_response)
            if refused is not None:
                return refused
        if service == MWAA or path.startswith(OWN_PATH):
            return self._control_plane(environ, start_response)
        if service == MWAA_SERVERLESS:
            return refuse(start_response, HTTPStatus.NOT_IMPLEMENTED, "NotImplementedException", NO_SERVERLESS)
        return answered(environ, start_response, self._moto)
