"""Everything between a user's files and a plan: packages, database, paths, startup script, requirements.

Runs in MWAA's order (plugins in place, startup script, requirements, then Airflow). What is already there and unchanged
is kept, so the second time costs little. Not for starting anything: that is the runtime's part.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mwaa_local import isolation
from mwaa_local.cache.users import PROCESS, User
from mwaa_local.configuration.configuration import Configuration
from mwaa_local.configuration.local_values import QUEUE_NAME, LocalValues
from mwaa_local.configuration.merge import worker_queues
from mwaa_local.database.connection import broker_config, broker_url, database_url
from mwaa_local.door.configuration import CommandServer
from mwaa_local.event import Event
from mwaa_local.files import make_private, write_private
from mwaa_local.home import Folder
from mwaa_local.launch import Launch, make_plan
from mwaa_local.packages import PackageStore, PythonEnvironment
from mwaa_local.place import Place, url_of
from mwaa_local.plan import MWAA_COMPONENTS, Component, Plan
from mwaa_local.remarks import WARNING, Remark, save_remarks
from mwaa_local.runtime.memory import memory_of_machine
from mwaa_local.runtime.migrating import sqlalchemy_url
from mwaa_local.runtime.ports import WEBSERVER, check_ports
from mwaa_local.runtime.preparation import (
    Ports,
    Seeds,
    make_state_dirs,
    member_remarks,
    option_remarks,
    planned_port,
    tree_version,
    workers_of_start,
)
from mwaa_local.runtime.process.databases import ProcessDatabases
from mwaa_local.runtime.process.first_migration import first_migration, server_env
from mwaa_local.runtime.process.homes import Homes, remove_temporary, shown_in_homes
from mwaa_local.runtime.process.installation import Installation
from mwaa_local.runtime.process.place import ProcessPlace
from mwaa_local.runtime.process.servers import KEPT as DATABASES
from mwaa_local.runtime.process.servers import (
    broker_argv,
    check_data_dir,
    find_binaries,
    postgres_argv,
)
from mwaa_local.runtime.protocol import Prepared
from mwaa_local.sandbox import finish_home
from mwaa_local.secrets import Secrets, load_secrets
from mwaa_local.seeding.airflow_settings import AirflowSettings
from mwaa_local.services.door import (
    COMMANDS_NAME,
    COMMANDS_PROGRAM,
    SOCKET_NAME,
    commands_argv,
    door_authority,
    webserver_variables,
)
from mwaa_local.services.metrics import statsd_values
from mwaa_local.services.seeding import seed_component, seed_values
from mwaa_local.steps import Steps
from mwaa_local.wanted import Wanted
from mwaa_local.web_address import DOOR, WebAddress

WRITTEN_BY_AIRFLOW = ("airflow.cfg", "webserver_config.py", "unittests.cfg")
SEED_FILE = "seed.json"
# As whom Airflow notes that a command of `/aws_mwaa/cli` ran: MWAA's containers have this user (getpass.getuser).
MWAA_USER = {"LOGNAME": "airflow"}
PID_FILES = "airflow-*.pid"  # with which web server and worker of Airflow 2 refuse to start


@dataclass(frozen=True)
class PreparedProcesses(Prepared):
    """A plan of processes, and the project as who uses what is kept for all."""

    user: User = field(kw_only=True)
    homes: Homes | None = field(kw_only=True, default=None)

    def settle(self) -> None:
        if self.homes is not None and not self.plan.leaving:  # those that leave may live in an older set
            self.homes.keep_only(self.plan.homes)
        self.user.settle()

    def withdraw(self) -> None:
        if self.homes is not None:
            self.homes.discard()


class Preparation:
    """One way from files to plan. `running` is the plan that runs now, if any."""

    def __init__(self, wanted: Wanted, running: Plan | None, on_event: Callable[[Event], None]) -> None:
        self.wanted = wanted
        self.project, self.environment, self.release = wanted.project, wanted.environment, wanted.release
        self.delivery, self.env, self.cache_dir = wanted.delivery, wanted.env, wanted.cache_dir
        self.running = running
        self.on_event = on_event
        self.user = User(wanted.cache_dir, wanted.project, PROCESS)
        self.remarks = [*wanted.remarks, *member_remarks(wanted.environment, memory_of_machine())]
        self.workers = workers_of_start(wanted, running, memory_of_machine())

    def prepare(self) -> PreparedProcesses:
        make_state_dirs(self.project)
        self.project.temporary_dir.mkdir(exist_ok=True)
        seeds = Seeds.load(self.wanted)
        self.remarks += seeds.remarks
        ports = Ports.of(self.wanted, seeds, self.running, lambda name: planned_port(self.running, name), (WEBSERVER,))
        # Before anything that takes long; the runtime looks again when it starts.
        check_ports(ports.choose(), self.running.ports if self.running else {}, ports.asked)
        secrets = load_secrets(self.project.state_dir)
        store = PackageStore(self.cache_dir, self.env, self.user)
        steps = Steps(self.on_event)
        base = steps.do("packages", lambda say: store.base(self.release, say))
        if base.note:
            self.remarks.append(Remark(WARNING, "python", base.note, "", base.hint))
        secrets = self._ensure_database(base, secrets, steps).of_database(self.release.airflow_version)
        home_dir = self._enter_paths()
        self._forget_written_configuration(home_dir)
        servers = server_env(self.project, self.env)
        place = ProcessPlace(
            home_dir, ports.choose(), servers, self.project.run_dir, self.user, steps, door_authority(self.wanted)
        )
        values = self._values(place, secrets)
        parts = (self.project, self.environment, self.release, values, home_dir, self.env)
        configuration = Configuration(*parts, services=seeds.variables(place), webserver=webserver_variables(place))
        beside = seeds.components(place, secrets)
        shown = self._shown(home_dir, seeds.local_names(place))
        installation = Installation(configuration, self.delivery, steps, self.running, self.workers.names, shown)
        with installation.taken_back_on_failure():
            packages, exports = installation.install(store, base)
            self.remarks += installation.remarks
            merged = configuration.merged(packages, exports)
            self.remarks += option_remarks(merged)
            finish_home(self.project.airflow_home_dir, packages, self.release)
            beside += self._seed(seeds.settings, secrets, base, configuration)
            env_of = {name: merged[name].as_env() for name in MWAA_COMPONENTS}
            launch = self._launch(secrets, place, values, env_of, ports.asked, packages)
            if installation.homes is not None:
                launch = replace(launch, homes_dir=str(installation.homes.folder), folders=installation.homes.shown)
            plan = make_plan(self.environment, self.release, place, launch, beside)
            self._write_commands(plan, place, packages)
        save_remarks(self.project.run_dir, self.remarks)
        told = seeds.told(place)
        return PreparedProcesses(plan, tuple(self.remarks), told, user=self.user, homes=installation.homes)

    def _seed(
        self, settings: AirflowSettings, secrets: Secrets, base: PythonEnvironment, configuration: Configuration
    ) -> tuple[Component, ...]:
        """Return the step that puts the settings into the database: with the release's packages alone, as a migration.

        Requirements that break Airflow must not break the database.
        """
        path = self.project.run_dir / SEED_FILE
        if settings.is_empty:
            path.unlink(missing_ok=True)
            return ()
        values = seed_values(settings, secrets.fernet_key)
        write_private(path, json.dumps({"seed": values}))
        env = configuration.merged_for("migrate-db", base, {}).as_env()
        return (seed_component(str(base.python_path), path, str(values["mark"]), env),)

    # Paths.

    def _enter_paths(self) -> str:
        """Give this process and all it starts MWAA's paths; return the Airflow home they see."""
        project = self.project
        read_only = self.environment.local.read_only_folders
        layout = isolation.Layout(project.airflow_home_dir, self.delivery.present)
        # Each home shows it read-only by itself: what is so for the supervisor could not be changed while that lives.
        why_not = isolation.cannot_enter(replace(layout, read_only=read_only)) if read_only else ""
        why_not = why_not or isolation.enter_mwaa_paths(layout)
        if not why_not:
            return str(isolation.MWAA_HOME_DIR)
        isolation.link_mwaa_paths(layout)
        self.remarks.append(
            Remark(
                WARNING,
                "paths",
                f"{isolation.MWAA_HOME_DIR} cannot be shown here; components see {project.airflow_home_dir}",
                why_not,
                "use the AIRFLOW_HOME variable instead of the fixed path in DAGs",
            )
        )
        if read_only:
            what = "Local.DagsWritable: false has no effect here: tasks can write below dags/"
            hint = "use the Docker runtime, or allow user namespaces"
            self.remarks.append(Remark(WARNING, "dags-writable", what, why_not, hint))
        return str(project.airflow_home_dir)

    def _forget_written_configuration(self, home_dir: str) -> None:
        """Remove the files that Airflow writes into its home when it finds none.

        They hold the defaults of that release and absolute paths, and would be read by another release, or under
        other paths. MWAA's containers begin without them, too.
        """
        running = self.running
        if running is None:  # killed components leave theirs, and a number in one may be another process's by now
            for path in self.project.airflow_home_dir.glob(PID_FILES):
                path.unlink(missing_ok=True)
            remove_temporary(self.project)
            self.project.temporary_dir.mkdir()
        if running and (running.airflow_version, running.home_dir) == (self.release.airflow_version, home_dir):
            return
        for name in WRITTEN_BY_AIRFLOW:
            (self.project.airflow_home_dir / name).unlink(missing_ok=True)

    def _shown(self, home_dir: str, names: Collection[str]) -> dict[str, Folder] | None:
        """Return what components see in homes of their own; None where they have none."""
        if home_dir != str(isolation.MWAA_HOME_DIR):
            return None
        folders = self.delivery.shown(self.environment.local.read_only_folders)
        return shown_in_homes(self.project, folders, names)

    # Servers.

    def _ensure_database(self, base: PythonEnvironment, secrets: Secrets, steps: Steps) -> Secrets:
        version = self.release.airflow_version
        self.user.note(DATABASES.kind, first_migration(self.wanted, base).key)  # `reset-db` wants it again
        data_dir = self.project.database_dir / version
        if data_dir.exists():
            check_data_dir(data_dir)
            return secrets
        databases = ProcessDatabases(self.project, self.env, lambda: self.running)
        databases.make_first(self.wanted, base, version, steps)
        return load_secrets(self.project.state_dir)

    def _write_commands(self, plan: Plan, place: Place, packages: PythonEnvironment) -> None:
        """Write how the front door runs Airflow commands: with what the web server has, as on MWAA."""
        webserver = plan.component("webserver")
        assert webserver is not None
        socket = place.shared(SOCKET_NAME)
        program = str(packages.site_packages_dir / COMMANDS_PROGRAM)
        argv = commands_argv(packages.python_path, program, socket, webserver.program_argv, self.release.preload)
        home = plan.home(webserver.home)
        env = {**MWAA_USER, **webserver.env}
        server = CommandServer(socket, tuple(home.command(argv)) if home else argv, env, plan.home_dir)
        write_private(Path(place.shared(COMMANDS_NAME)), server.write())

    def _launch(
        self,
        secrets: Secrets,
        place: Place,
        values: LocalValues,
        env_of: Mapping[str, Mapping[str, str]],
        ports_asked: Mapping[str, int],
        packages: PythonEnvironment,
    ) -> Launch:
        return Launch(
            python=str(packages.python_path),
            database_url=self._database_url(place, secrets),
            broker_url=self._broker_url(place, secrets),
            worker_queues=worker_queues(self.release, values),
            **self._server_argv(place, secrets),
            env_of=env_of,
            workers=self.workers.names,
            leaving=self.workers.leaving,
            patient=self.wanted.graceful,
            ports_asked=ports_asked,
            folders=self.delivery.shown(self.environment.local.read_only_folders),
            plugins_version=tree_version(self.delivery.plugins_dir),
            forkserver=str(packages.site_packages_dir / "mwaa_support" / "forkserver.py"),
        )

    def _server_argv(self, place: Place, secrets: Secrets) -> dict[str, Any]:
        """Write the broker's configuration; return the commands of both servers, as a Launch names them."""
        binaries = find_binaries()
        data_dir = self.project.database_dir / self.release.airflow_version
        broker_dir = make_private(self.project.state_dir / "broker")
        config = broker_config(broker_dir, place.ports["redis"], secrets.broker_password)
        config_path = Path(place.write("redis", "broker.conf", config))
        return {
            "postgres_argv": postgres_argv(binaries, data_dir, place.ports["postgres"]),
            "broker_argv": broker_argv(binaries, config_path),
        }

    def _database_url(self, place: Place, secrets: Secrets) -> str:
        return database_url(place.ports["postgres"], secrets.database_password(self.release.airflow_version))

    def _broker_url(self, place: Place, secrets: Secrets) -> str:
        return broker_url(place.ports["redis"], secrets.broker_password)

    # Configuration.

    def _values(self, place: Place, secrets: Secrets) -> LocalValues:
        database = sqlalchemy_url(self._database_url(place, secrets))
        return LocalValues(
            database_url=database,
            result_backend=f"db+{database}",
            broker_url=self._broker_url(place, secrets),
            default_queue=QUEUE_NAME,
            fernet_key=secrets.fernet_key,
            secret_key=secrets.secret_key,
            jwt_secret=secrets.jwt_secret,
            web_url=WebAddress(place.ports[DOOR], place.authority).url,
            web_is_secure=str(bool(place.authority)),
            execution_api_url=f"{url_of(place.reached(WEBSERVER))}/execution/",
            **statsd_values(place),
            airflow_home=place.home_dir,
        )
