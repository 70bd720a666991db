"""Everything between a user's files and a plan of containers: image, variables, secrets, what containers start from.

What the process runtime does while it prepares (startup script, pip, first migration), containers do for themselves;
how that ended they leave in files, and `judge` turns these into the same remarks and errors.
"""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mwaa_local.cache.users import DOCKER, User
from mwaa_local.configuration.configuration import Configuration
from mwaa_local.configuration.local_values import LocalValues
from mwaa_local.configuration.merge import worker_queues
from mwaa_local.database.connection import DATABASE, USER, broker_config, broker_url, database_url
from mwaa_local.door.configuration import CommandServer
from mwaa_local.errors import DockerUnavailable
from mwaa_local.event import Event
from mwaa_local.files import write_private
from mwaa_local.isolation import MWAA_HOME_DIR
from mwaa_local.launch import Launch, make_plan
from mwaa_local.packages import PythonEnvironment
from mwaa_local.place import Place
from mwaa_local.plan import COMPONENT_OF, MWAA_COMPONENTS, Component, ExitedOk, Plan
from mwaa_local.project import MARK_VARIABLE
from mwaa_local.remarks import save_remarks
from mwaa_local.requirements import container as requirements_container
from mwaa_local.requirements import install as requirements_install
from mwaa_local.requirements import prepare as requirements
from mwaa_local.requirements.install import PIP_NETWORK_VARIABLES
from mwaa_local.runtime.compose.build import build_missing
from mwaa_local.runtime.compose.certificates import SEEN_PATH, ca_bundle, shell_of_containers
from mwaa_local.runtime.compose.container_values import container_values, database_password, with_database_password
from mwaa_local.runtime.compose.containers import OwnContainers, compose_name
from mwaa_local.runtime.compose.files import REQUIREMENTS_DIR, RUN_DIR, SHARED_NAME, ComposeFiles
from mwaa_local.runtime.compose.image import (
    COMPOSE_PATH,
    Image,
    image_tag,
    write_context,
)
from mwaa_local.runtime.compose.image import KEPT as AIRFLOW_IMAGE
from mwaa_local.runtime.compose.outcomes import ContainerOutcomes
from mwaa_local.runtime.compose.place import ENTRYPOINT, REDIS_PORT, ContainerPlace
from mwaa_local.runtime.compose.prepared import REQUIREMENTS_TIMEOUT_S, PreparedContainers
from mwaa_local.runtime.compose.startup_values import startup_values
from mwaa_local.runtime.compose.stored import ComposeProject
from mwaa_local.runtime.compose.variables import KEY_CHARACTERS, ComposeVariables, env_files, image_key
from mwaa_local.runtime.installed import constraint_remarks
from mwaa_local.runtime.memory import memory_of_machine
from mwaa_local.runtime.ports import check_ports
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
from mwaa_local.services.seeding import SCRIPT_PATH, seed_values
from mwaa_local.services.service import Service, ServiceImage
from mwaa_local.startup.script_run import STARTUP_SCRIPT_TIMEOUT_S
from mwaa_local.steps import Steps
from mwaa_local.wanted import Wanted

HOME_DIR = str(MWAA_HOME_DIR)
IN_IMAGE = PythonEnvironment(Path(HOME_DIR) / ".local", "", "")
# The image's own, or of this machine and without meaning in a container.
NOT_IN_CONTAINERS = frozenset(
    {
        "PATH",
        "PYTHON_VERSION",
        "TMPDIR",
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "SSL_CERT_DIR",
        MARK_VARIABLE,
    }
)


class ContainerPreparation:
    """One way from files to a plan of containers. `running` is the plan that runs now, if any."""

    def __init__(
        self,
        wanted: Wanted,
        running: Plan | None,
        on_event: Callable[[Event], None],
        own: OwnContainers,
        *,
        build_image: bool = True,  # `mwaa-local env` leaves that to Compose
    ) -> None:
        self.wanted = wanted
        self.project, self.environment, self.release = wanted.project, wanted.environment, wanted.release
        self.delivery, self.env = wanted.delivery, wanted.env
        self.running = running
        self.steps = Steps(on_event)
        self.own = own
        self.build_image = build_image
        self.user = User(wanted.cache_dir, wanted.project, DOCKER)
        memory_bytes = own.engine.memory_total_bytes() if build_image else memory_of_machine()
        self.remarks = [*wanted.remarks, *member_remarks(wanted.environment, memory_bytes)]
        self.workers = workers_of_start(wanted, running, memory_bytes)
        self.files = ComposeFiles.of(wanted.project)
        self._requirements: requirements.PreparedRequirements | None = None
        self._packages_key = ""
        self._seed_key = ""

    def prepare(self) -> PreparedContainers:
        make_state_dirs(self.project)
        seeds = Seeds.load(self.wanted)
        self.remarks += seeds.remarks
        ports = Ports.of(self.wanted, seeds, self.running, self._kept_port)
        if self.build_image:  # `env` starts nothing
            check_ports(ports.choose(), self.running.ports if self.running else {}, ports.asked)
        self.files.make()
        if self.running is None:
            self.files.forget_outcomes()
        secrets = with_database_password(
            load_secrets(self.project.state_dir), self.project, self.release, self.own, is_asked=self.build_image
        )
        place = ContainerPlace(ports.choose(), self.files.services_dir, self.files.run_dir, door_authority(self.wanted))
        values = container_values(secrets, self.release, place)
        services = seeds.variables(place)
        left_out = NOT_IN_CONTAINERS.difference(*services.values())
        shell = shell_of_containers(self.env)
        parts = (self.project, self.environment, self.release, values, HOME_DIR, shell, left_out)
        configuration = Configuration(*parts, services, webserver_variables(place))
        image = self._image()
        images = self._images(image, seeds.wanted_services)
        beside = seeds.components(place, secrets)
        self._packages_key = self._write_requirements(image)
        self._write_start_values(configuration, place)
        self._write_migration(secrets, seeds.settings)
        env_of = self._write_component_variables(configuration)
        self._write_server_files(secrets)
        launch = self._launch(secrets, place, values, env_of, ports.asked)
        plan = make_plan(self.environment, self.release, place, launch, [*beside, *self._steps()])
        self._write_compose_variables(plan, image, seeds.services)
        write_context(self.release, self.files.image_dir)
        self.own.use(self._compose)
        if self.build_image:
            build_missing(self.own, [item.tag for item in images], self.env, self.steps)
        save_remarks(self.project.run_dir, self.remarks)
        return PreparedContainers(
            plan,
            tuple(self.remarks),
            seeds.told(place),
            running=self.running,
            own=self.own,
            outcomes=ContainerOutcomes(self.project, self.delivery, self.release, self.files, self._requirements),
            user=self.user,
            steps=self.steps,
            packages_key=self._packages_key,
            image_key=image_key(images[0].tag),
        )

    @property
    def _compose(self) -> ComposeProject:
        return ComposeProject(
            compose_name(self.project), self.project.root_dir, COMPOSE_PATH.resolve(), self.files.env_path
        )

    def _kept_port(self, name: str) -> int:
        port = planned_port(self.running, name)
        # The engine takes ports when containers start, so one that is planned may have been somebody else's.
        return port if port and port in self._published_ports else 0

    @functools.cached_property
    def _published_ports(self) -> frozenset[int]:
        return frozenset(port for container in self.own.all() if container.is_up for port in container.ports)

    def _image(self) -> Image:
        try:
            rootless = self.own.engine.is_rootless()
        except DockerUnavailable:
            if self.build_image:
                raise
            rootless = False  # `env` needs no engine; without one it takes the ordinary kind
        return Image.of(self.release, self.environment.local, self.env, is_rootless=rootless)

    def _images(self, image: Image, services: Sequence[Service]) -> list[ServiceImage]:
        """Return the images that are needed, Airflow's first; note that this project uses them."""
        own = [service.image(image.base) for service in services]
        images = [ServiceImage(AIRFLOW_IMAGE, image_tag(self.release, image)), *filter(None, own)]
        for needed in images:
            self.user.note(needed.kind.kind, needed.tag)
        return images

    # What containers start from.

    def _write_requirements(self, image: Image) -> str:
        """Make the requirements file ready for a container; return what changes with anything that is installed."""
        path, work_dir = self.delivery.requirements_path, self.files.requirements_dir
        script = self.delivery.startup_script_path
        parts = [image_tag(self.release, image), script.read_bytes().hex() if script.is_file() else ""]
        self._requirements = None
        if path.is_file():
            home_map = self.delivery.by_seen_path
            prepared = requirements.prepare(path, self.release, work_dir, home_map=home_map)
            self.remarks += constraint_remarks(prepared)
            if not prepared.is_empty:
                mapping = {folder: seen for seen, folder in home_map.items()}
                parts.append(prepared.digest)
                self._requirements = requirements_container.for_container(
                    prepared, self.release, mapping, work_dir, REQUIREMENTS_DIR
                )
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:KEY_CHARACTERS]

    def _commands_argv(self, place: Place) -> list[str]:
        """Return what runs Airflow commands for the front door in the web server's container; tell the door where."""
        socket = place.shared(SOCKET_NAME)
        write_private(self.files.dir / SHARED_NAME / COMMANDS_NAME, CommandServer(socket).write())
        site_packages = IN_IMAGE.dir / "lib" / f"python{self.release.python_version}" / "site-packages"
        python = str(IN_IMAGE.python_path)
        program_argv = self.release.airflow_argv(python)[1:]
        return [
            *commands_argv(python, str(site_packages / COMMANDS_PROGRAM), socket, program_argv, self.release.preload)
        ]

    def _write_start_values(self, configuration: Configuration, place: Place) -> None:
        has_script = self.release.startup_script and self.delivery.startup_script_path.is_file()

        def values(component: str) -> dict[str, object]:
            container = configuration.container(IN_IMAGE, component)
            plain = startup_values(
                self.release, self.environment, configuration.values, component=component, container=container
            )
            return {**plain, "startup_script": has_script, "timeout_s": STARTUP_SCRIPT_TIMEOUT_S}

        for service, component in COMPONENT_OF.items():
            beside = {"beside": [self._commands_argv(place)]} if service == "webserver" else {}
            self.files.write_start(service, {**values(component), **beside})
        pip = None
        if self._requirements is not None:
            pip = {
                "argv": list(self._requirements.argv_tail),
                "timeout_s": requirements_install.REQUIREMENTS_INSTALL_TIMEOUT_S,
                "stop_timeout_s": requirements_install.PIP_STOP_TIMEOUT_S,
                # A start after a failure tries again, as MWAA does; applying another change does not.
                "retry_failed": self.running is None,
            }
        self.files.write_start("requirements", {**values("scheduler"), "pip": pip})

    def _write_migration(self, secrets: Secrets, settings: AirflowSettings) -> None:
        """Write what prepares the database, and the step after it that puts the user's settings in."""
        commands = [self.release.migrate_argv, self.release.users_argv]
        values: dict[str, object] = {
            "commands": [["airflow", *argv] for argv in commands if argv],
            "key": f"{self.release.airflow_version}:{image_tag(self.release, self._image())}",
        }
        shutil.copyfile(SCRIPT_PATH, self.files.dir / "run" / SCRIPT_PATH.name)
        if not settings.is_empty:
            seed = seed_values(settings, secrets.fernet_key)
            script = [ENTRYPOINT[0], "-I", f"{RUN_DIR}/{SCRIPT_PATH.name}", f"{RUN_DIR}/migrate-db.json"]
            self._seed_key = str(seed["mark"])
            values |= {"seed": seed, "then": [script]}
        self.files.write_start("migrate-db", values)

    def _write_component_variables(self, configuration: Configuration) -> dict[str, dict[str, str]]:
        """Write each service's variables as they are without a startup script; return MWAA's components' own."""
        merged = configuration.merged(IN_IMAGE, {})
        self.remarks += option_remarks(merged)
        env_of = {name: merged[name].as_env() for name in MWAA_COMPONENTS}
        for name, variables in env_of.items():
            self.files.write_variables(name, variables)
        network = {name: self.env[name] for name in PIP_NETWORK_VARIABLES if name in self.env}
        if "PIP_CERT" in network:
            network["PIP_CERT"] = SEEN_PATH
        self.files.write_variables("requirements", {**network, **env_of["scheduler"]})
        self.files.write_variables("migrate-db", configuration.merged_for("migrate-db", IN_IMAGE, {}).as_env())
        return env_of

    def _write_server_files(self, secrets: Secrets) -> None:
        password = database_password(secrets, self.release)
        names = {"POSTGRES_USER": USER, "POSTGRES_PASSWORD": password, "POSTGRES_DB": DATABASE}
        self.files.write_variables("postgres", names)
        self.files.write_variables("redis", {"REDISCLI_AUTH": secrets.broker_password})
        self.files.write_broker_configuration(
            broker_config(Path("/data"), REDIS_PORT, secrets.broker_password, host="0.0.0.0")
        )
        self.files.write_image_secrets(ca_bundle(self.env), self.env.get("PIP_INDEX_URL", ""))

    def _write_compose_variables(self, plan: Plan, image: Image, services: Sequence[Service]) -> None:
        for name, env in env_files(services, plan).items():
            self.files.write_variables(name, env)
        variables = ComposeVariables(self.wanted, self.files, plan, image, self._packages_key)
        self.files.write_variables("compose", variables.all(services))

    # The plan.

    def _launch(
        self,
        secrets: Secrets,
        place: Place,
        values: LocalValues,
        env_of: Mapping[str, Mapping[str, str]],
        ports_asked: Mapping[str, int],
    ) -> Launch:
        password = database_password(secrets, self.release)
        return Launch(
            python=f"{HOME_DIR}/.local/bin/python",
            database_url=database_url(place.ports["postgres"], password),
            broker_url=broker_url(place.ports["redis"], secrets.broker_password),
            worker_queues=worker_queues(self.release, values),
            postgres_argv=("postgres", "-c", "max_connections=200", "-c", "shared_buffers=32MB"),
            broker_argv=("redis-server", "/opt/mwaa/redis.conf"),
            env_of=env_of,
            workers=self.workers.names,
            leaving=self.workers.leaving,
            patient=self.wanted.graceful,
            ports_asked=ports_asked,
            folders=self.delivery.shown(self.environment.local.read_only_folders),
            plugins_version=tree_version(self.delivery.plugins_dir),
        )

    def _steps(self) -> list[Component]:
        """Return what must have ended well before Airflow's components start."""
        migration = Component(
            "migrate-db",
            (*ENTRYPOINT, "migrate"),
            {},
            ExitedOk(),
            ("postgres",),
            restart=False,
            reads=self._seed_key,
        )
        install = Component(
            "requirements", (*ENTRYPOINT, "install"), {}, ExitedOk(REQUIREMENTS_TIMEOUT_S), restart=False
        )
        return [migration, install]
