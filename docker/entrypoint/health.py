"""Whether a component is well, seen from outside: its page, its heartbeats, its connections."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from running import Refused

DATABASE_VARIABLES = ("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "AIRFLOW__CORE__SQL_ALCHEMY_CONN")
BROKER_VARIABLE = "AIRFLOW__CELERY__BROKER_URL"
HOSTNAME_VARIABLE = "AIRFLOW__CORE__HOSTNAME_CALLABLE"
# Callables whose answer we know: `socket.getfqdn`, before Airflow 2 `socket:getfqdn`, `airflow.utils.net.getfqdn` ...
HOSTNAME_MODULES = ("socket", "airflow.utils.net")
BROKER_PORT = 6379  # Redis' own
JOB_TYPES = {"scheduler": "SchedulerJob", "dag-processor": "DagProcessorJob", "triggerer": "TriggererJob"}
# Airflow's own limit, as in mwaa_local/database/health.py; Docker asks six times before it calls a container unhealthy.
HEARTBEAT_LIMIT_S = 30
ANSWER_TIMEOUT_S = 5
# The broker sends a worker something every second, if only that nothing is there. A worker that lives reads it at
# once; for a moment it may be busy starting tasks.
UNREAD_LOOKS = 6
UNREAD_PAUSE_S = 0.5
ESTABLISHED = "01"  # in /proc/net/tcp


def ask(env: Mapping[str, str], query: str, *values: object) -> list[tuple[Any, ...]]:
    """Return the rows that the metadata database answers."""
    import psycopg2  # takes longer than all else here, and needs the release's packages

    url = next((env[name] for name in DATABASE_VARIABLES if env.get(name)), "").replace("+psycopg2", "", 1)
    if not url:
        raise Refused(f"neither {' nor '.join(DATABASE_VARIABLES)} is set: run `mwaa-local env`")
    try:
        connection = psycopg2.connect(url, connect_timeout=ANSWER_TIMEOUT_S, application_name="mwaa-local entrypoint")
        with contextlib.closing(connection), connection, connection.cursor() as cursor:
            cursor.execute(query, values)
            return cursor.fetchall() if cursor.description else []
    except psycopg2.Error as error:
        raise Refused(f"the metadata database does not answer: {' '.join(str(error).split())}") from None


def own_names() -> list[str]:
    """Return every name by which Airflow may call this host."""
    names = {socket.gethostname(), socket.getfqdn()}
    with contextlib.suppress(OSError):
        names.add(socket.gethostbyname(socket.getfqdn()))
    return sorted(names)


def why_no_page(port: int, path: str) -> str:
    try:
        with socket.create_connection(("127.0.0.1", port), ANSWER_TIMEOUT_S) as connection:
            connection.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
            with connection.makefile("rb") as answer:
                status = answer.readline().decode("latin-1").split(" ")
    except OSError as error:
        return f"{path} does not answer: {error}"
    return "" if status[1:2] == ["200"] else f"{path} answers {' '.join(status).strip() or 'nothing'}"


def connections(port: int) -> dict[str, int]:
    """Return the inodes of sockets connected to that port, and how many bytes lie there unread."""
    found = {}
    for name in ("tcp", "tcp6"):
        with contextlib.suppress(FileNotFoundError):  # no IPv6 here
            for line in Path("/proc/net", name).read_text(encoding="ascii").splitlines()[1:]:
                _, _, remote, state, queues, _, _, _, _, inode = line.split()[:10]
                if state == ESTABLISHED and int(remote.rpartition(":")[2], 16) == port:
                    found[inode] = int(queues.rpartition(":")[2], 16)
    return found


def sockets_of(pid: int) -> set[str]:
    """Return the inodes of a process's sockets."""
    found = set()
    with contextlib.suppress(FileNotFoundError):  # it has ended
        for path in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                kind, _, inode = os.readlink(str(path)).partition(":")  # noqa: PTH115 - Path's came with 3.9
                if kind == "socket":
                    found.add(inode.strip("[]"))
    return found
