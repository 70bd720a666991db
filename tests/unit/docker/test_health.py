"""The entry point asking servers: health of components, and the first migration. Real PostgreSQL, HTTP and sockets."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg2
import pytest

from mwaa_local import isolation
from mwaa_local.database.connection import database_url
from mwaa_local.database.health import HEARTBEAT_LIMIT_S, Health
from mwaa_local.runtime.ports import free_port
from mwaa_local.runtime.process.servers import DatabaseTemplates, Migration, find_binaries, postgres_argv
from tests.container import ENTRYPOINT_DIR, TIMEOUT_S, Box, one_line
from tests.environments import wait_until

SERVER_ENV = {"PATH": os.defpath, "LC_ALL": "C"}
JOB_TABLE = """
    DROP TABLE IF EXISTS job;
    CREATE TABLE job (job_type text, state text, hostname text, start_date timestamptz, latest_heartbeat timestamptz)
"""
# A component that connects to the broker and reads all that comes.
WORKER = """
import socket, sys, time
connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
while connection.recv(100):
    pass
time.sleep(60)
"""


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path / "box", sys.executable, tmp_path / "no-packages")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a server with an empty database; its URL as Airflow has it."""
    folder, port, binaries = tmp_path_factory.mktemp("postgres"), free_port(), find_binaries()
    templates = DatabaseTemplates(folder / "cache", binaries, SERVER_ENV, port)
    migration = Migration("empty", (), lambda url: {}, folder)
    password = templates.create(folder / "data", migration, lambda text: None)
    argv = isolation.unprivileged_argv(postgres_argv(binaries, folder / "data", port))
    url = database_url(port, password)
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(argv, env=SERVER_ENV, cwd="/", stdout=log, stderr=log)
        try:
            wait_until(Health(url, "").database_answers, TIMEOUT_S, "the database answers")
            yield url.replace("postgresql://", "postgresql+psycopg2://", 1)
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(TIMEOUT_S)


def query(url: str, text: str, *values: object) -> None:
    connection = psycopg2.connect(url.replace("+psycopg2", ""))
    with contextlib.closing(connection), connection, connection.cursor() as cursor:
        cursor.execute(text, values)


# The first migration.


@pytest.fixture
def migrating(box: Box, database: str) -> Box:
    """A container whose migration counts its runs."""
    query(database, "COMMENT ON DATABASE airflow IS NULL")
    box.env["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = database
    return box


def describe_migration(box: Box, key: str, *scripts: str) -> None:
    plain = {"commands": [["sh", "-c", script] for script in scripts], "key": key}
    (box.root / "run" / f"{box.service}.json").write_text(json.dumps(plain))


def test_migration_runs_once_per_key(migrating: Box) -> None:
    for key in ("one", "one", "two's", "two's"):
        describe_migration(migrating, key, "echo migrate", "echo user")
        assert migrating.run("migrate").returncode == 0
    outputs = []
    for key in ("two's", "one"):
        describe_migration(migrating, key, "echo migrate", "echo user")
        outputs.append(migrating.run("migrate").stdout)
    assert outputs == ["the metadata database is prepared already\n", "migrate\nuser\n"]


def test_failed_migration_ends_with_its_exit_code_and_is_tried_again(migrating: Box) -> None:
    describe_migration(migrating, "key", "exit 5", "echo never")
    completed = migrating.run("migrate")
    assert (completed.returncode, completed.stdout) == (5, "")
    describe_migration(migrating, "key", "kill -KILL $$")
    assert migrating.run("migrate").returncode == 128 + signal.SIGKILL
    describe_migration(migrating, "key", "echo done")
    assert migrating.run("migrate").stdout == "done\n"


def test_what_follows_the_migration_runs_every_time_and_its_failure_counts(migrating: Box) -> None:
    path = migrating.root / "run" / f"{migrating.service}.json"
    plain = {"commands": [["echo", "migrate"]], "key": "then", "then": [["echo", "settings"]]}
    outputs = []
    for _ in range(2):
        path.write_text(json.dumps(plain))
        outputs.append(migrating.run("migrate").stdout)
    assert outputs == ["migrate\nsettings\n", "the metadata database is prepared already\nsettings\n"]
    path.write_text(json.dumps({**plain, "then": [["sh", "-c", "exit 6"], ["echo", "never"]]}))
    failed = migrating.run("migrate")
    assert (failed.returncode, "never" in failed.stdout) == (6, False)


def test_older_releases_name_their_database_otherwise(migrating: Box) -> None:
    migrating.env["AIRFLOW__CORE__SQL_ALCHEMY_CONN"] = migrating.env.pop("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN")
    describe_migration(migrating, "older", "echo done")
    assert migrating.run("migrate").stdout == "done\n"


def test_migration_without_a_database_is_reported_in_a_line(box: Box) -> None:
    describe_migration(box, "key", "true")
    assert "mwaa-local env" in one_line(box.run("migrate"))
    box.env["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = f"postgresql+psycopg2://a:b@127.0.0.1:{free_port()}/airflow"
    completed = box.run("migrate")
    assert completed.returncode == 1
    assert "the metadata database does not answer" in one_line(completed)


# Heartbeats.


@pytest.fixture
def beating(box: Box, database: str) -> Box:
    """A scheduler that has just started."""
    query(database, JOB_TABLE)
    box.env["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = database
    (box.root / "tmp" / "mwaa-environment.json").write_text(json.dumps(box.env))
    return box


def beat(
    box: Box,
    *,
    kind: str = "SchedulerJob",
    state: str = "running",
    host: str = "",
    started_s: float = 1,
    age_s: int = 0,
) -> None:
    """Write a job's row: `started_s` after the component began, its last heartbeat `age_s` ago."""
    began = (box.root / "tmp" / "mwaa-environment.json").stat().st_mtime
    query(
        box.env["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"],
        "INSERT INTO job VALUES (%s, %s, %s, to_timestamp(%s), now() - %s * interval '1 second')",
        *(kind, state, host or socket.gethostname(), began + started_s, age_s),
    )


def test_limit_is_the_one_of_mwaa_local_status() -> None:
    """The entry point cannot import the package: it runs in the image alone."""
    text = (ENTRYPOINT_DIR / "health.py").read_text(encoding="utf-8")
    assert f"\nHEARTBEAT_LIMIT_S = {HEARTBEAT_LIMIT_S}\n" in text


@pytest.mark.parametrize(
    ("name", "kind"),
    [("scheduler", "SchedulerJob"), ("dag-processor", "DagProcessorJob"), ("triggerer", "TriggererJob")],
)
def test_component_with_a_fresh_heartbeat_is_healthy(beating: Box, name: str, kind: str) -> None:
    assert kind in one_line(beating.run("health", name))
    beat(beating, kind=kind)
    completed = beating.run("health", name)
    assert (completed.returncode, completed.stderr) == (0, "")


@pytest.mark.parametrize(
    "row",
    [
        {"state": "failed"},
        {"host": "elsewhere"},
        {"started_s": -60},
        {"age_s": HEARTBEAT_LIMIT_S + 1},
        {"kind": "TriggererJob"},
    ],
    ids=str,
)
def test_row_that_is_not_this_component_alive_does_not_count(beating: Box, row: dict[str, str]) -> None:
    beat(beating, **row)  # type: ignore[arg-type]
    completed = beating.run("health", "scheduler")
    assert completed.returncode == 1
    assert "no SchedulerJob of this container" in one_line(completed)


def test_fully_qualified_name_is_this_host_too(beating: Box) -> None:
    beat(beating, host=socket.getfqdn())
    assert beating.run("health", "scheduler").returncode == 0


def test_any_host_counts_where_the_user_names_hosts_otherwise(beating: Box) -> None:
    beat(beating, host="elsewhere")
    env = {**beating.env, "AIRFLOW__CORE__HOSTNAME_CALLABLE": "my_plugin.name"}
    path = beating.root / "tmp" / "mwaa-environment.json"
    about = path.stat()
    path.write_text(json.dumps(env))
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert beating.run("health", "scheduler").returncode == 0


def test_component_that_has_not_started_is_not_healthy(box: Box) -> None:
    for name in ("scheduler", "worker"):
        assert "has not started yet" in one_line(box.run("health", name))


# Pages.


class Pages(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response({"/health": 200, "/login": 302}.get(self.path, 404))
        self.end_headers()

    def log_message(self, *words: object) -> None:
        pass


def test_webserver_is_healthy_when_its_page_answers_200(box: Box) -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        box.webserver_port = server.server_port
        assert box.run("health", "webserver", "/health").returncode == 0
        assert "/missing answers HTTP/1.0 404" in one_line(box.run("health", "webserver", "/missing"))
        assert "/login answers HTTP/1.0 302" in one_line(box.run("health", "webserver", "/login"))
        server.shutdown()
    assert "/health does not answer" in one_line(box.run("health", "webserver", "/health"))


# The worker and its broker.


def test_worker_is_healthy_while_it_reads_from_the_broker(box: Box) -> None:
    with socket.create_server(("127.0.0.1", 0)) as broker:
        port = broker.getsockname()[1]
        box.env["AIRFLOW__CELERY__BROKER_URL"] = f"redis://:password@127.0.0.1:{port}/0"
        box.describe(startup_script=False)
        worker = box.begin("run", sys.executable, "-c", WORKER, str(port))
        try:
            connection, _ = broker.accept()
            assert box.run("health", "worker").returncode == 0
            worker.send_signal(signal.SIGSTOP)
            # What comes before it has really stopped would still be read.
            wait_until(lambda: psutil.Process(worker.pid).status() == psutil.STATUS_STOPPED, TIMEOUT_S, "it stops")
            connection.sendall(b"nothing there\n")
            completed = box.run("health", "worker")
            assert completed.returncode == 1
            assert "has read nothing from the broker for 2.5 s" in one_line(completed)
            worker.send_signal(signal.SIGCONT)
            wait_until(lambda: box.run("health", "worker").returncode == 0, TIMEOUT_S, "it reads again")
            connection.close()
            completed = box.run("health", "worker")
            assert f"it has no connection to the broker (port {port})" in one_line(completed)
        finally:
            worker.kill()
            worker.communicate()
    assert "no connection" in one_line(box.run("health", "worker"))


def test_connection_of_another_process_does_not_count(box: Box) -> None:
    with socket.create_server(("127.0.0.1", 0)) as broker:
        port = broker.getsockname()[1]
        box.env["AIRFLOW__CELERY__BROKER_URL"] = f"redis://127.0.0.1:{port}/0"
        box.describe(startup_script=False)
        worker = box.begin("run", "sleep", "60")
        try:
            wait_until((box.root / "tmp" / "mwaa-component.pid").exists, TIMEOUT_S, "it has started")
            with socket.create_connection(("127.0.0.1", port)):
                assert "no connection" in one_line(box.run("health", "worker"))
        finally:
            worker.kill()
            worker.communicate()
