"""Everything between a user's files and a plan of containers: image, variables, secrets, what containers start from.

What the process runtime does while it prepares (startup script, pip, first migration), containers do for themselves;
how that ended they leave in files, and `judge` turns these into the same remarks and errors.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from mwaa_local.cache.users import DOCKER, User
from mwaa_local.configuration.base import region_of
from mwaa_local.configuration.configuration import Configuration
from mwaa_local.configuration.merge import QUEUE_NAME, LocalValues, worker_queues
from mwaa_local.database.connection import DATABASE, USER, broker_config, broker_url, database_url
from mwaa_local.environment.classes import Size
from mwaa_local.environment.kinds import AwsMode
from mwaa_local.errors import DockerUnavailable, StateCorrupted
from mwaa_local.event import Event
from mwaa_local.files import write_private
from mwaa_local.isolation import MWAA_HOME_DIR
from mwaa_local.masking import Mask, secrets_of_variables
from mwaa_local.packages import PythonEnvironment
from mwaa_local.plan import COMPONENT_OF, MWAA_COMPONENTS, Component, ExitedOk, Launch, Plan, make_plan
from mwaa_local.project import MARK_VARIABLE
from mwaa_local.remarks import Remark, save_remarks
from mwaa_local.requirements import container as requirements_container
from mwaa_local.requirements import install as requirements_install
from mwaa_local.requirements import prepare as requirements
from mwaa_local.requirements.install import PIP_NETWORK_VARIABLES
from mwaa_local.runtime.compose.files import CA_BUNDLE_NAME, REQUIREMENTS_DIR, RUN_DIR, ComposeFiles
from mwaa_local.runtime.compose.image import (
    COMPOSE_PATH,
    AwsImage,
    Image,
    build_variables,
    default_base_image,
    image_tag,
    write_context,
)
from mwaa_local.runtime.compose.image import KEPT as AIRFLOW_IMAGE
from mwaa_local.runtime.compose.image import KEPT_AWS as AWS_IMAGE
from mwaa_local.runtime.compose.image_build import BUILD_LOG_NAME, PYPI_HOST, build_error, step_of
from mwaa_local.runtime.compose.outcomes import ContainerOutcomes
from mwaa_local.runtime.compose.runtime import ComposeRuntime, compose_name
from mwaa_local.runtime.compose.startup_values import startup_values
from mwaa_local.runtime.compose.stored import ComposeProject
from mwaa_local.runtime.installed import constraint_remarks
from mwaa_local.runtime.ports import check_ports, port_variables
from mwaa_local.runtime.preparation import (
    AWS_FILE,
    Ports,
    Seeds,
    folder_identities,
    make_state_dirs,
    member_remarks,
    option_remarks,
    planned_port,
    tree_version,
)
from mwaa_local.runtime.protocol import Prepared, Wanted
from mwaa_local.secrets import Secrets, load_secrets
from mwaa_local.seeding.airflow_settings import AirflowSettings
from mwaa_local.seeding.aws_fixtures import Fixtures, fixtures_dir, fixtures_version
from mwaa_local.services.aws import AWS, SERVER_VARIABLES, aws_component
from mwaa_local.services.aws import SCRIPT_PATH as AWS_SCRIPT_PATH
from mwaa_local.services.seeding import SCRIPT_PATH, SEED_TIMEOUT_S, seed_values
from mwaa_local.startup.script_run import STARTUP_SCRIPT_TIMEOUT_S
from mwaa_local.steps import Say, Steps

HOME_DIR = str(MWAA_HOME_DIR)
# How the image runs what runs in it (docker/Dockerfile, ENTRYPOINT).
ENTRYPOINT = ("/opt/mwaa/base/bin/python", "-I", "/usr/local/bin/entrypoint")
WEBSERVER_PORT = 8080  # inside; outside it is the environment file's
POSTGRES_PORT = 5432
REDIS_PORT = 6379
AWS_PORT = 5000
AWS_DIR = "aws-local"  # below the folder of files for Docker
# Where the compose file shows that folder and the project's fixtures.
AWS_IN_CONTAINER = "/opt/mwaa/aws"
FIXTURES_IN_CONTAINER = "/opt/mwaa/fixtures"
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
CERTIFICATE_VARIABLES = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE")
NO_LIMIT = ("0", "0")
SETUP_SERVICES = ("migrate-db", "requirements")
REQUIREMENTS_TIMEOUT_S = requirements_install.REQUIREMENTS_INSTALL_TIMEOUT_S + STARTUP_SCRIPT_TIMEOUT_S + 60.0
KEY_CHARACTERS = 12


@dataclass(frozen=True)
class PreparedContainers(Prepared):
    """A plan of containers, and the preparation that knows what comes around their start."""

    preparation: ContainerPreparation = field(kw_only=True)

    def set_up(self) -> None:
        self.preparation.set_up(self.plan)

    def judge(self) -> tuple[Remark, ...]:
        return tuple(self.preparation.judge())

    def settle(self) -> None:
        self.preparation.forget_replaced()
        self.preparation.user.settle()


class ContainerPreparation:
    """One way from files to a plan of containers. `running` is the plan that runs now, if any."""

    def __init__(
        self,
        wanted: Wanted,
        running: Plan | None,
        on_event: Callable[[Event], None],
        runtime: ComposeRuntime,
        *,
        build_image: bool = True,  # `mwaa-local env` leaves that to Compose
    ) -> None:
        self.project, self.environment, self.release = wanted.project, wanted.environment, wanted.release
        self.env = wanted.env
        self.running = running
        self.on_event = on_event
        self.runtime = runtime
        self.build_image = build_image
        self.remarks = [*wanted.remarks, *member_remarks(wanted.environment)]
        self.user = User(wanted.cache_dir, wanted.project, DOCKER)
        self.files = ComposeFiles.of(wanted.project)
        self._ports = Ports.of(wanted.environment, wanted.webserver_port, running, self._kept_port)
        self._requirements: requirements.PreparedRequirements | None = None
        self._packages_key = ""
        self._seed_key = ""
        self._image_key = ""  # what the image's tag ends with

    def prepare(self) -> PreparedContainers:
        make_state_dirs(self.project)
        seeds = Seeds.load(self.project, self.environment, self.release)
        self.remarks += seeds.remarks
        if self.build_image:  # `env` starts nothing
            check_ports(self._ports.choose(), self.running.ports if self.running else {}, self._ports.asked)
        self.files.make()
        if self.running is None:
            self.files.forget_outcomes()
        secrets = self._with_database_password(load_secrets(self.project.state_dir))
        ports = self._ports.choose()
        values = self._container_values(secrets, ports)
        aws_url = f"http://{AWS}:{AWS_PORT}" if AWS in ports else ""
        parts = (self.project, self.environment, self.release, values, HOME_DIR, self._shell, NOT_IN_CONTAINERS)
        configuration = Configuration(*parts, aws_url)
        image = self._image()
        aws = self._write_aws(seeds.fixtures, secrets, ports)
        self._image_key = image_tag(self.release, image).rpartition(":")[2]
        self.user.note(AIRFLOW_IMAGE.kind, image_tag(self.release, image))
        if aws:
            self.user.note(AWS_IMAGE.kind, AwsImage.beside(image).tag)
        self._packages_key = self._write_requirements(image)
        self._write_start_values(configuration)
        self._write_migration(secrets, seeds.settings)
        env_of = self._write_component_variables(configuration)
        self._write_server_files(secrets)
        plan = self._plan(secrets, ports, values, env_of, aws)
        self._write_compose_variables(plan, image)
        write_context(self.release, self.files.image_dir)
        self.runtime.use(self._compose)
        if self.build_image:
            self._build(image, aws)
        save_remarks(self.project.run_dir, self.remarks)
        return PreparedContainers(plan, tuple(self.remarks), preparation=self)

    @property
    def _compose(self) -> ComposeProject:
        return ComposeProject(
            compose_name(self.project), self.project.root_dir, COMPOSE_PATH.resolve(), self.files.env_path
        )

    @property
    def _shell(self) -> Mapping[str, str]:
        """The caller's environment with certificates where containers see them."""
        shell = {name: value for name, value in self.env.items() if name not in CERTIFICATE_VARIABLES}
        if self._ca_bundle() is not None:
            shell |= dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"), f"{RUN_DIR}/{CA_BUNDLE_NAME}")
        return shell

    def _ca_bundle(self) -> Path | None:
        """Return the certificates that the caller's shell names."""
        named = (Path(self.env[name]) for name in CERTIFICATE_VARIABLES if self.env.get(name))
        return next((path for path in named if path.is_file()), None)

    def _kept_port(self, name: str) -> int:
        port = planned_port(self.running, name)
        # The engine takes ports when containers start, so one that is planned may have been somebody else's.
        return port if port and port in self._published_ports else 0

    @functools.cached_property
    def _published_ports(self) -> frozenset[int]:
        return frozenset(port for container in self.runtime.containers() if container.is_up for port in container.ports)

    # Secrets and values.

    def _with_database_password(self, secrets: Secrets) -> Secrets:
        key = self._password_key
        if key in secrets.database_passwords:
            return secrets
        volume = self.runtime.database_volume(self.release.airflow_version)
        if self.build_image and volume in self.runtime.engine.volumes(compose_name(self.project)):
            raise StateCorrupted(
                f"the password of the database in the volume {volume} is lost",
                "The file of secrets was lost or changed after the database was made.",
                "restore the file, or run `mwaa-local reset-db` for a new database",
            )
        secrets = secrets.with_database(key, os.urandom(16).hex())
        secrets.save(self.project.state_dir)
        return secrets

    @property
    def _password_key(self) -> str:
        return f"docker {self.release.airflow_version}"

    def _container_values(self, secrets: Secrets, ports: Mapping[str, int]) -> LocalValues:
        password = secrets.database_passwords[self._password_key]
        database = f"postgresql+psycopg2://{USER}:{password}@postgres:{POSTGRES_PORT}/{DATABASE}"
        return LocalValues(
            database_url=database,
            result_backend=f"db+{database}",
            broker_url=f"redis://:{secrets.broker_password}@redis:{REDIS_PORT}/0",
            default_queue=QUEUE_NAME,
            fernet_key=secrets.fernet_key,
            secret_key=secrets.secret_key,
            jwt_secret=secrets.jwt_secret,
            web_url=f"http://localhost:{ports['webserver']}",
            execution_api_url=f"http://webserver:{WEBSERVER_PORT}/execution/",
            airflow_home=HOME_DIR,
        )

    def _image(self) -> Image:
        local = self.environment.local
        try:
            rootless = self.runtime.engine.is_rootless()
        except DockerUnavailable:
            if self.build_image:
                raise
            rootless = False  # `env` needs no engine; without one it takes the ordinary kind
        # A rootless engine shows its own user as root inside, so that is who the mounted folders belong to there.
        uid, gid = (0, 0) if rootless else (os.getuid(), os.getgid())
        return Image(
            python_version=self.release.python_version,
            base_image=local.base_image or default_base_image(self.release),
            uid=uid,
            gid=gid,
            system_packages=tuple(local.system_packages),
            debian_mirror=self.env.get("MWAA_LOCAL_DEBIAN_MIRROR", ""),
        )

    # What containers start from.

    def _write_requirements(self, image: Image) -> str:
        """Make the requirements file ready for a container; return what changes with anything that is installed."""
        path, work_dir = self.project.requirements_path, self.files.requirements_dir
        script = self.project.startup_script_path
        parts = [image_tag(self.release, image), script.read_bytes().hex() if script.is_file() else ""]
        self._requirements = None
        if path.is_file():
            home_map = {f"{HOME_DIR}/{name}": folder for name, folder in self.project.mwaa_folders.items()}
            prepared = requirements.prepare(path, self.release, work_dir, home_map=home_map)
            self.remarks += constraint_remarks(prepared)
            if not prepared.is_empty:
                mapping = {folder: f"{HOME_DIR}/{name}" for name, folder in self.project.mwaa_folders.items()}
                parts.append(prepared.digest)
                self._requirements = requirements_container.for_container(
                    prepared, self.release, mapping, work_dir, REQUIREMENTS_DIR
                )
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:KEY_CHARACTERS]

    def _write_start_values(self, configuration: Configuration) -> None:
        container = configuration.container(IN_IMAGE)
        has_script = self.release.startup_script and self.project.startup_script_path.is_file()

        def values(component: str) -> dict[str, object]:
            plain = startup_values(
                self.release, self.environment, configuration.values, component=component, container=container
            )
            return {**plain, "startup_script": has_script, "timeout_s": STARTUP_SCRIPT_TIMEOUT_S}

        for service, component in COMPONENT_OF.items():
            self.files.write_start(service, values(component))
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
        commands = [self.release.migrate_argv, self.release.create_user_argv]
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
            network["PIP_CERT"] = f"{RUN_DIR}/{CA_BUNDLE_NAME}"
        self.files.write_variables("requirements", {**network, **env_of["scheduler"]})
        self.files.write_variables("migrate-db", configuration.merged_for("migrate-db", IN_IMAGE, {}).as_env())
        return env_of

    def _write_server_files(self, secrets: Secrets) -> None:
        password = secrets.database_passwords[self._password_key]
        names = {"POSTGRES_USER": USER, "POSTGRES_PASSWORD": password, "POSTGRES_DB": DATABASE}
        self.files.write_variables("postgres", names)
        self.files.write_variables("redis", {"REDISCLI_AUTH": secrets.broker_password})
        self.files.write_broker_configuration(
            broker_config(Path("/data"), REDIS_PORT, secrets.broker_password, host="0.0.0.0")
        )
        self.files.write_image_secrets(self._ca_bundle(), self.env.get("PIP_INDEX_URL", ""))

    def _write_aws(self, fixtures: Fixtures | None, secrets: Secrets, ports: Mapping[str, int]) -> Component | None:
        """Write what the local AWS starts from, and return it as a component, where it is asked for."""
        self.files.write_variables(AWS, SERVER_VARIABLES)
        if fixtures is None:
            return None
        folder = self.files.dir / AWS_DIR
        folder.mkdir(exist_ok=True, mode=0o700)
        (folder / "none").mkdir(exist_ok=True)
        shutil.copyfile(AWS_SCRIPT_PATH, folder / AWS_SCRIPT_PATH.name)
        values = fixtures.to_json(region_of(self.env), FIXTURES_IN_CONTAINER)
        write_private(folder / AWS_FILE, json.dumps(values))
        version = fixtures_version(values, fixtures_dir(self.project), secrets.fernet_key)
        script, start_values = f"{AWS_IN_CONTAINER}/{AWS_SCRIPT_PATH.name}", f"{AWS_IN_CONTAINER}/{AWS_FILE}"
        argv = (script, "0.0.0.0", str(AWS_PORT), start_values)
        return aws_component(argv, SERVER_VARIABLES, ports[AWS], version)

    def _aws_variables(self, plan: Plan, image: Image) -> dict[str, str]:
        """Return the compose file's variables for the local AWS."""
        aws, fixtures = plan.component(AWS), fixtures_dir(self.project)
        return {
            **AwsImage.beside(image).variables(),
            "COMPOSE_PROFILES": AWS if aws else "",
            "MWAA_AWS_KEY": aws.reads if aws else "",
            "MWAA_AWS_FIXTURES_DIR": str(fixtures if fixtures.is_dir() else self.files.dir / AWS_DIR / "none"),
        }

    # The plan.

    def _plan(
        self,
        secrets: Secrets,
        ports: Mapping[str, int],
        values: LocalValues,
        env_of: Mapping[str, Mapping[str, str]],
        aws: Component | None,
    ) -> Plan:
        password = secrets.database_passwords[self._password_key]
        launch = Launch(
            python=f"{HOME_DIR}/.local/bin/python",
            home_dir=HOME_DIR,
            ports=ports,
            database_url=database_url(ports["postgres"], password),
            broker_url=broker_url(ports["redis"], secrets.broker_password),
            worker_queues=worker_queues(self.release, values),
            postgres_argv=("postgres", "-c", "max_connections=200", "-c", "shared_buffers=32MB"),
            broker_argv=("redis-server", "/opt/mwaa/redis.conf"),
            server_env={},
            env_of=env_of,
            worker_count=self.environment.worker_count,
            ports_asked=self._ports.asked,
            folders=folder_identities(self.project),
            plugins_version=tree_version(self.project.plugins_dir),
            airflow_argv=(*ENTRYPOINT, "run", "airflow"),
            exec_argv=(*ENTRYPOINT, "exec", "airflow"),
            listen=("0.0.0.0", WEBSERVER_PORT),
            own_hosts=True,
            aws=aws,
            one_time=(
                Component(
                    "migrate-db",
                    (*ENTRYPOINT, "migrate"),
                    {},
                    ExitedOk(),
                    ("postgres",),
                    restart=False,
                    reads=self._seed_key,
                ),
                Component(
                    "requirements", (*ENTRYPOINT, "install"), {}, ExitedOk(REQUIREMENTS_TIMEOUT_S), restart=False
                ),
            ),
        )
        return make_plan(self.environment, self.release, launch)

    def _write_compose_variables(self, plan: Plan, image: Image) -> None:
        folders = self.project.mwaa_folders
        shown = {
            f"MWAA_{name.upper()}_DIR": str(folder if folder.is_dir() else self.project.airflow_home_dir / name)
            for name, folder in folders.items()
        }
        aws_dir = self.files.dir / "aws"
        own_aws_dir = Path(self.env.get("HOME", "/")) / ".aws"
        if self.environment.local.aws is AwsMode.HOST and own_aws_dir.is_dir():
            aws_dir = own_aws_dir
        commands = {
            f"MWAA_{name.upper().replace('-', '_')}_COMMAND": " ".join(component.airflow_argv)
            for name in COMPONENT_OF
            for component in plan.meant(name)[:1]
        }
        # The key stands for the startup script, too.
        started_from = _content(self.files.dir / "run", without=SETUP_SERVICES)
        reads = [plan.folders, tree_version(self.project.plugins_dir), self._packages_key, started_from]
        versions = {name: importlib.metadata.version(name) for name in ("mwaa-local",)}
        variables = {
            "MWAA_DAG_PROCESSOR_COMMAND": "",
            "MWAA_TRIGGERER_COMMAND": "",
            **build_variables(self.release, image),
            **shown,
            **commands,
            **self._limits(),
            **self._aws_variables(plan, image),
            "MWAA_PROJECT": compose_name(self.project),
            "MWAA_DOCKER_DIR": str(self.files.dir),
            "MWAA_LOGS_DIR": str(self.project.airflow_home_dir / "logs"),
            "MWAA_AWS_DIR": str(aws_dir),
            "MWAA_IMAGE_KEY": self._image_key,
            "MWAA_PACKAGES_KEY": self._packages_key,
            "MWAA_READS": hashlib.sha256(json.dumps([reads, versions]).encode()).hexdigest()[:KEY_CHARACTERS],
            "MWAA_HEALTH_PATH": self.release.health_path,
            **port_variables(plan.ports),
            "MWAA_WORKER_COUNT": str(self.environment.worker_count),
            "MWAA_DAG_PROCESSOR_COUNT": str(int(plan.component("dag-processor") is not None)),
            "MWAA_TRIGGERER_COUNT": str(int(plan.component("triggerer") is not None)),
            **{name: self.env[name] for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY") if name in self.env},
        }
        self.files.write_variables("compose", variables)

    def _limits(self) -> dict[str, str]:
        facts = self.environment.environment_class_facts
        limits: dict[str, str] = {}
        for name, size in (("SCHEDULER", facts.scheduler), ("WORKER", facts.worker), ("WEBSERVER", facts.webserver)):
            cpus, memory = _limit(size) if self.environment.local.enforce_class else NO_LIMIT
            limits |= {f"MWAA_{name}_CPUS": cpus, f"MWAA_{name}_MEMORY": memory}
        return limits

    # The image.

    def _build(self, image: Image, aws: Component | None) -> None:
        tags = [image_tag(self.release, image), *([AwsImage.beside(image).tag] if aws else [])]
        missing = [tag for tag in tags if not self.runtime.engine.has_image(tag)]
        if missing:
            Steps(self.on_event).do("image", lambda say: self._build_images(say, missing))

    def _build_images(self, say: Say, tags: Sequence[str]) -> None:
        say(f"building {' and '.join(tags)}, once for this release")
        told, output = "", list[str]()
        mask = Mask(secrets_of_variables(self.env))  # an address of an index or a proxy may have a password in it

        def follow(line: str) -> None:
            nonlocal told
            output.append(line)
            step = step_of(line)
            if step and step != told:
                told = step
                say(f"installing: {step}")

        log_path = self.project.logs_dir / BUILD_LOG_NAME
        try:
            done = self.runtime.build(follow)
        finally:  # also of a build that was interrupted
            write_private(log_path, mask.text("".join(f"{line}\n" for line in output)))
        if done.returncode != 0 or not all(map(self.runtime.engine.has_image, tags)):
            raise build_error(mask.text(done.stdout), log_path, self._index_host)

    @property
    def _index_host(self) -> str:
        return urlsplit(self.env.get("PIP_INDEX_URL", "")).hostname or PYPI_HOST

    # Around the start.

    def set_up(self, plan: Plan) -> None:
        """Where an environment runs, try script and requirements first, so that a failure leaves it running.

        Raises StartupScriptFailed where MWAA's containers would not start.
        """
        if self.running is None:
            return
        self._seed_again()
        self._remove_aws(plan)
        self.files.forget_script("requirements")  # it does not run again where nothing is to be installed
        # What containers run with was installed before they started.
        if self._packages_key not in self.runtime.packages_in_use():
            Steps(self.on_event).do("requirements", self._install)

    def _remove_aws(self, plan: Plan) -> None:
        """Remove a local AWS that is not asked for any more: Compose leaves services of other profiles alone."""
        names = [item.name for item in self.runtime.containers() if item.service == AWS]
        if names and plan.component(AWS) is None:
            self.runtime.engine.compose(self._compose, "--profile", AWS, "rm", "--stop", "--force", AWS)

    def _seed_again(self) -> None:
        """Put changed settings into the database that runs; a new container for the step would replace all others."""
        assert self.running is not None
        before = self.running.component("migrate-db")
        same_release = self.running.airflow_version == self.release.airflow_version
        if self._seed_key and before and same_release and before.reads != self._seed_key:
            self.runtime.run_once("migrate-db", SEED_TIMEOUT_S)

    def _install(self, say: Say) -> None:
        say("running the startup script, then pip, in a separate container")
        try:
            self.runtime.run_once("requirements", REQUIREMENTS_TIMEOUT_S)
        finally:  # where the startup script is the cause of a failure, that is what to say
            self._outcomes.startup_script("requirements", "scheduler")

    def forget_replaced(self) -> None:
        """Remove the packages of earlier images. Those of earlier requirements went when containers were replaced."""
        self.runtime.remove_unused_volumes("packages", self._packages_volume)

    @property
    def _packages_volume(self) -> str:
        """The name that the compose file gives it."""
        return f"{compose_name(self.project)}-packages-{self._image_key}"

    def judge(self) -> list[Remark]:
        """Return this preparation's remarks and what the containers found. Raises StartupScriptFailed as `set_up`."""
        remarks = [*self.remarks, *self._outcomes.remarks()]
        save_remarks(self.project.run_dir, remarks)
        return remarks

    @property
    def _outcomes(self) -> ContainerOutcomes:
        return ContainerOutcomes(self.project, self.release, self.files, self._requirements)


def _limit(size: Size) -> tuple[str, str]:
    return str(size.vcpus), f"{size.memory_gb}g"


def _content(folder: Path, without: Sequence[str]) -> str:
    """Return what changes with any file of the folder but those of these services."""
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.stem not in without:
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
