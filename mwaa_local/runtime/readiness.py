"""Whether a component is ready, asked from outside it, and what is said when it is not. Shared by the runtimes.

Output and end of a component are not asked here: each runtime sees those in its own way.
"""

from __future__ import annotations

import http.client
import signal
import socket
from typing import Protocol
from urllib.parse import urlsplit

from mwaa_local.plan import (
    BrokerReady,
    DatabaseReady,
    ExitedOk,
    HeartbeatReady,
    HttpReady,
    LogReady,
    ReadyCheck,
    TcpReady,
)
from mwaa_local.web_address import client_context

HTTP_TIMEOUT_S = 2.0


class ReadinessChecks(Protocol):
    """What is asked of the servers."""

    def database_answers(self) -> bool: ...
    def broker_answers(self) -> bool: ...
    def heartbeat_since(self, job_type: str, since: float, count: int = 1) -> bool: ...


def answers(ready: ReadyCheck, since: float, questions: ReadinessChecks) -> bool:
    """Say whether the sign is there; `since` (epoch seconds) is when the component started."""
    if isinstance(ready, TcpReady):
        return port_answers(ready.port)
    if isinstance(ready, HttpReady):
        return page_answers(ready)
    if isinstance(ready, HeartbeatReady):
        return questions.heartbeat_since(ready.job_type, since, ready.count)
    if isinstance(ready, DatabaseReady):
        return questions.database_answers()
    if isinstance(ready, BrokerReady):
        return questions.broker_answers()
    raise AssertionError(ready)


def waited_for(ready: ReadyCheck) -> str:
    """Return what was not seen, for a component that did not become ready."""
    if isinstance(ready, LogReady):
        return f"no line with {ready.text.strip()!r} in its output"
    if isinstance(ready, HttpReady):
        return f"{ready.url} did not answer 200"
    if isinstance(ready, HeartbeatReady):
        beat = f"a {ready.job_type}" if ready.count == 1 else f"{ready.count} {ready.job_type}s"
        return f"no heartbeat of {beat} in the metadata database"
    if isinstance(ready, TcpReady):
        return f"nothing accepts connections on port {ready.port}"
    if isinstance(ready, ExitedOk):
        return "it has not ended"
    return "its server did not answer"


def not_ready(ready: ReadyCheck) -> str:
    """Return what is said of a component that was given up because it did not become ready in time."""
    return f"not ready after {ready.timeout_s:g} s: {waited_for(ready)}"


def not_started(failed: str) -> str:
    """Return what is said of a component that was not started because the one named `failed` did."""
    return f"not started: {failed} failed"


def describe_exit(code: int) -> str:
    """Return `exit code 1` or `signal SIGKILL`; a negative code is a signal."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"


def port_answers(port: int, host: str = "127.0.0.1") -> bool:
    try:
        with socket.create_connection((host, port), timeout=HTTP_TIMEOUT_S):
            return True
    except OSError:
        return False


def page_answers(page: HttpReady, timeout_s: float = HTTP_TIMEOUT_S) -> bool:
    """Say whether a GET of the page gives 200."""
    parts = urlsplit(page.url)
    try:
        connection = _connection(parts.scheme, parts.hostname or "", parts.port, page.authority, timeout_s)
    except OSError:  # the file of the authority is gone
        return False
    try:
        connection.request("GET", parts.path or "/")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _connection(
    scheme: str, host: str, port: int | None, authority: str, timeout_s: float
) -> http.client.HTTPConnection:
    if scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=timeout_s, context=client_context(authority))
    return http.client.HTTPConnection(host, port, timeout=timeout_s)
