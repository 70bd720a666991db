"""A real PostgreSQL server for tests of what is in databases."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg2
from psycopg2 import sql

from mwaa_local import isolation
from mwaa_local.database.connection import database_url
from mwaa_local.database.health import Health
from mwaa_local.runtime.ports import free_port
from mwaa_local.runtime.process.servers import (
    UNSAFE_BUT_FAST,
    DatabaseTemplates,
    Migration,
    find_binaries,
    postgres_argv,
)
from tests.environments import wait_until

SERVER_ENV = {"PATH": os.defpath, "LC_ALL": "C"}
TIMEOUT_S = 60.0


@contextlib.contextmanager
def running_server(folder: Path) -> Iterator[Server]:
    """Run a server with an empty database."""
    port, binaries = free_port(), find_binaries()
    templates = DatabaseTemplates(folder / "cache", binaries, SERVER_ENV, port)
    kept: list[str] = []
    migration = Migration("empty", (), lambda url: {}, folder)
    templates.create(folder / "data", migration, lambda text: None, kept.append)
    argv = isolation.unprivileged_argv(postgres_argv(binaries, folder / "data", port, UNSAFE_BUT_FAST))
    server = Server(port, kept[-1])
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(argv, env=SERVER_ENV, cwd="/", stdout=log, stderr=log)
        try:
            wait_until(Health(server.url(), "").database_answers, TIMEOUT_S, "the database answers")
            yield server
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(TIMEOUT_S)


class Server:
    """A server of PostgreSQL, and databases in it."""

    def __init__(self, port: int, password: str) -> None:
        self.port, self._password = port, password

    def url(self, database: str = "airflow") -> str:
        return database_url(self.port, self._password, database)

    def new(self, name: str, script: str = "") -> str:
        """Make a database anew, fill it by a script of SQL, and return its URL."""
        connection = psycopg2.connect(self.url("postgres"))
        connection.autocommit = True
        with contextlib.closing(connection), connection.cursor() as cursor:
            cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
            cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        if script:
            self.run(name, script)
        return self.url(name)

    def run(self, name: str, script: str, *values: object) -> None:
        connection = psycopg2.connect(self.url(name))
        with contextlib.closing(connection), connection, connection.cursor() as cursor:
            cursor.execute(script, values or None)

    def rows(self, name: str, query: str, *values: object) -> list[tuple[object, ...]]:
        connection = psycopg2.connect(self.url(name))
        with contextlib.closing(connection), connection, connection.cursor() as cursor:
            cursor.execute(query, values or None)
            return cursor.fetchall()
