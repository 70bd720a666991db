"""The databases of a project as volumes of Docker: `PROJECT-database-VERSION`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from mwaa_local.database.connection import DATABASE, USER, database_url
from mwaa_local.errors import ComponentFailed, DatabaseInUse, DiskFull, line_on_full_disk
from mwaa_local.event import Event
from mwaa_local.project import Project
from mwaa_local.runtime.compose.container_values import password_key, password_of
from mwaa_local.runtime.compose.containers import OwnContainers
from mwaa_local.runtime.compose.engine_tasks import Task
from mwaa_local.runtime.compose.image import postgres_image
from mwaa_local.runtime.compose.place import POSTGRES_PORT
from mwaa_local.runtime.compose.task import run_task, server
from mwaa_local.runtime.database_locks import DatabaseLocks
from mwaa_local.runtime.databases import by_age, exists, in_use, is_for_a_while, missing
from mwaa_local.runtime.ports import free_port
from mwaa_local.secrets import load_secrets
from mwaa_local.steps import Steps
from mwaa_local.wanted import Wanted

VOLUME = "database"  # in docker-compose.yml
SERVICE = "postgres"
DATA_DIR = "/var/lib/postgresql/data"  # of PostgreSQL's image
SERVER_WORDS = ("postgres", "-c", "max_connections=200", "-c", "shared_buffers=32MB")  # as docker-compose.yml has them
UNFINISHED_SUFFIX = ".unfinished"
COPY_TIMEOUT_S = 3600.0
# What says that a data folder is one comes last: of half a copy no server starts.
_COPY_SCRIPT = """
cd /from
for entry in *; do
  case $entry in PG_VERSION | postmaster.*) ;; *) cp -a "$entry" /to/ ;; esac
done
chown "$(stat -c %u:%g .)" /to
chmod 700 /to
sync
cp -a PG_VERSION /to/
sync
"""
COPY_ARGV = ("/bin/sh", "-ec", _COPY_SCRIPT)


class ComposeDatabases:
    """See `Databases`. What runs on a volume is asked of the engine."""

    def __init__(self, project: Project, env: Mapping[str, str], own: OwnContainers) -> None:
        self.project = project
        self._env = env
        self._own = own
        self._locks = DatabaseLocks(project, "docker")
        self._opened: dict[str, tuple[str, str]] = {}  # URL and container by version

    def versions(self) -> tuple[str, ...]:
        prefix = self._volume("")
        found = self._own.engine.volumes(self._own.compose.name)
        unfinished = self._unfinished()
        names = (name.removeprefix(prefix) for name, label in found.items() if label == VOLUME)
        return by_age(name for name in names if name not in unfinished)

    @contextlib.contextmanager
    def opened(self, version: str) -> Iterator[str]:
        with self._served(version) as (url, _):
            yield url

    def create(self, wanted: Wanted, version: str, on_event: Callable[[Event], None]) -> None:
        steps = Steps(on_event)
        image = self._image(wanted, steps)
        with self._held(version):
            if version in self.versions():
                raise exists(version)
            password = os.urandom(16).hex()
            self._remember(version, password)
            first = {"POSTGRES_USER": USER, "POSTGRES_PASSWORD": password, "POSTGRES_DB": DATABASE}
            commands = [argv for argv in (wanted.release.migrate_argv, wanted.release.users_argv) if argv is not None]
            with self._made(version), self._lone_server(version, first):
                self._run(wanted, version, commands, image, steps)

    def prepare(self, wanted: Wanted, on_event: Callable[[Event], None]) -> None:
        self._image(wanted, Steps(on_event))

    def copy(self, version: str, to_version: str) -> None:
        with self._unused(version), self._unused(to_version):
            known = self.versions()
            if version not in known:
                raise missing(version, known)
            if to_version in known:
                raise exists(to_version)
            self._remember(to_version, password_of(load_secrets(self.project.state_dir), version))
            with self._made(to_version):
                self._copy_volume(version, to_version)

    def run(
        self,
        wanted: Wanted,
        version: str,
        commands: Sequence[Sequence[str]],
        on_event: Callable[[Event], None],
        script: Path | None = None,
    ) -> None:
        steps = Steps(on_event)
        self._run(wanted, version, commands, self._image(wanted, steps), steps, script)

    def remove(self, version: str) -> None:
        with self._unused(version):
            self._own.engine.remove_volume(self._volume(version))
            if is_for_a_while(version):
                secrets = load_secrets(self.project.state_dir).without_database(password_key(version))
                secrets.save(self.project.state_dir)

    def tidy(self) -> None:
        if self._locks.were_used:
            self._tidy("")

    # What is done.

    def _run(
        self,
        wanted: Wanted,
        version: str,
        commands: Sequence[Sequence[str]],
        image: str,
        steps: Steps,
        script: Path | None = None,
    ) -> None:
        from mwaa_local.runtime.compose.migration import airflow_task  # it knows of environments, which take their time
        from mwaa_local.runtime.migrating import COMMAND_TIMEOUT_S, run_commands

        secrets = load_secrets(self.project.state_dir)
        password = password_of(secrets, version)
        with self._served(version) as (url, container_id):
            task = airflow_task(wanted, image, version, password, secrets.fernet_key, self._own.compose.name, script)

            def execute(words: Sequence[str], on_line: Callable[[str], None]) -> tuple[int, str]:
                return run_task(self._own.engine, task(words, container_id), on_line, COMMAND_TIMEOUT_S)

            passing = steps.passing("database")
            steps.do(
                "database",
                lambda say: run_commands(wanted.release, url, commands, execute, say, passing, password, script),
            )

    def _copy_volume(self, version: str, to_version: str) -> None:
        task = Task(
            image=postgres_image(self._env),
            project=self._own.compose.name,
            service=SERVICE,
            database=to_version,
            argv=COPY_ARGV,
            volumes=(f"{self._volume(version)}:/from:ro", f"{self._volume(to_version)}:/to:nocopy"),
            user="0:0",
        )
        exit_code, output = run_task(self._own.engine, task, lambda line: None, COPY_TIMEOUT_S)
        if exit_code != 0:
            if full := line_on_full_disk(output):
                raise DiskFull("no space left for a copy of the database", full, "make room where Docker keeps volumes")
            raise ComponentFailed(f"the database could not be copied: exit code {exit_code}", output.strip())

    # Servers.

    @contextlib.contextmanager
    def _served(self, version: str) -> Iterator[tuple[str, str]]:
        """Yield URL and container of the server of a database: the environment's, or one of its own."""
        if version in self._opened:
            yield self._opened[version]
            return
        served = self._environment_on(version)
        if served is not None:
            yield served
            return
        with self._held(version):
            known = self.versions()
            if version not in known:
                raise missing(version, known)
            with self._lone_server(version, {}) as found:
                yield found

    @contextlib.contextmanager
    def _lone_server(self, version: str, first: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        """Run a server alone. `first` has what makes a database in an empty volume; without it none is made."""
        port = free_port()
        url = database_url(port, password_of(load_secrets(self.project.state_dir), version))
        task = Task(
            image=postgres_image(self._env),
            project=self._own.compose.name,
            service=SERVICE,
            database=version,
            words=SERVER_WORDS,
            env=first,
            volumes=(f"{self._volume(version)}:{DATA_DIR}",),
            ports={POSTGRES_PORT: port},
        )
        with server(self._own.engine, task, url) as container_id:
            self._opened[version] = url, container_id
            try:
                yield url, container_id
            finally:
                del self._opened[version]

    def _environment_on(self, version: str) -> tuple[str, str] | None:
        """Return URL and container of the server that an environment has on a database; None where none is up."""
        for item in self._own.engine.containers_on(self._volume(version)):
            if not item.is_up or item.database:
                continue
            container = self._own.engine.container(item.id)
            if container is None or not container.ports:
                raise DatabaseInUse(
                    f"another container works on the database of Airflow {version}",
                    f"The container {item.id[:12]} has the volume {self._volume(version)}.",
                    f"docker stop {item.id[:12]}",
                )
            password = password_of(load_secrets(self.project.state_dir), version)
            return database_url(container.ports[0], password), item.id
        return None

    # Volumes, and who else uses them.

    def _volume(self, version: str) -> str:
        return self._own.database_volume(version)

    def _image(self, wanted: Wanted, steps: Steps) -> str:
        from mwaa_local.runtime.compose.release_image import ensure_image

        return ensure_image(wanted, self._own, steps)

    def _remember(self, version: str, password: str) -> None:
        """Keep the password, before there is the database: without it that would be lost."""
        load_secrets(self.project.state_dir).with_database(password_key(version), password).save(self.project.state_dir)

    @contextlib.contextmanager
    def _made(self, version: str) -> Iterator[None]:
        """Make a volume, which is none of the databases until what fills it has ended well."""
        mark = self._mark(version)
        mark.touch(mode=0o600)
        try:
            self._own.engine.create_volume(self._volume(version), self._own.compose.name, VOLUME)
            yield
        except BaseException:
            self._discard_unfinished(version)
            raise
        mark.unlink()

    @contextlib.contextmanager
    def _unused(self, version: str) -> Iterator[None]:
        with self._held(version):
            if self._environment_on(version) is not None:
                raise in_use(version)
            yield

    @contextlib.contextmanager
    def _held(self, version: str) -> Iterator[None]:
        """Be the only command that has this database, and remove what killed ones left of any. Raises DatabaseInUse."""
        with self._locks.held(version):
            self._tidy(version)
            yield

    def _tidy(self, held: str) -> None:
        for item in self._own.engine.tasks(self._own.compose.name):

            def end(container_id: str = item.id) -> None:
                self._own.engine.stop([container_id], now=False)
                self._own.engine.discard_container(container_id)

            self._locks.if_nobody_has(item.database, held, end)
        for version in self._unfinished():
            self._locks.if_nobody_has(version, held, lambda version=version: self._discard_unfinished(version))  # type: ignore[misc]

    def _discard_unfinished(self, version: str) -> None:
        self._own.engine.remove_volume(self._volume(version))
        self._mark(version).unlink(missing_ok=True)

    def _unfinished(self) -> frozenset[str]:
        marks = self.project.run_dir.glob(f"*{UNFINISHED_SUFFIX}")
        return frozenset(path.name.removesuffix(UNFINISHED_SUFFIX) for path in marks)

    def _mark(self, version: str) -> Path:
        return self.project.run_dir / f"{version}{UNFINISHED_SUFFIX}"
