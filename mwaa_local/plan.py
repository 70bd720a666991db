"""Environment + Release + Place -> Plan: the components, their commands, order and readiness.

Pure: nothing here touches a disk, a network or a clock. Both runtimes carry out the same plan.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from mwaa_local.errors import ComponentUnknown
from mwaa_local.naming import meant
from mwaa_local.place import HOST, url_of

if TYPE_CHECKING:  # the supervisor imports this module and must not pay for pydantic
    from mwaa_local.environment.environment import Environment
    from mwaa_local.place import Place
    from mwaa_local.release import Release

# MWAA waits 90 s between SIGTERM and SIGKILL for every Airflow process (mwaa/subprocess, "patience" 90 s).
STOP_TIMEOUT_S = 90.0
SERVER_STOP_TIMEOUT_S = 20.0
# On two cores, eight starts at once made a web server take more than 120 s; twice that is a hang, not slowness.
READY_TIMEOUT_S = 300.0
# The airflow component whose startup-script variables dag-processor and triggerer share: on MWAA they run in the
# scheduler's container (amazon-mwaa-docker-images, execute_command.py).
COMPONENT_OF = {
    "scheduler": "scheduler",
    "dag-processor": "scheduler",
    "triggerer": "scheduler",
    "worker": "worker",
    "webserver": "webserver",
}
# MWAA's own option to leave the triggerer out (MWAA user guide, "Using Apache Airflow configuration options").
TRIGGERER_OPTION = "mwaa.triggerer_enabled"
NAME = "{name}"  # in a component's words: its own name
MWAA_COMPONENTS = ("scheduler", "worker", "webserver")
# Homes where components have their own; a worker's bears its name.
SCHEDULER_HOME, WEBSERVER_HOME = "scheduler", "webserver"


@dataclass(frozen=True)
class TcpReady:
    """Ready when the port accepts a connection."""

    port: int
    timeout_s: float = READY_TIMEOUT_S


@dataclass(frozen=True)
class HttpReady:
    """Ready when `url` answers 200."""

    url: str
    timeout_s: float = READY_TIMEOUT_S


@dataclass(frozen=True)
class LogReady:
    """Ready when a line of output contains `text`."""

    text: str
    timeout_s: float = READY_TIMEOUT_S


@dataclass(frozen=True)
class HeartbeatReady:
    """Ready when the metadata database has a heartbeat of this job type newer than the launch."""

    job_type: str
    timeout_s: float = READY_TIMEOUT_S


@dataclass(frozen=True)
class DatabaseReady:
    """Ready when the metadata database answers a query."""

    timeout_s: float = READY_TIMEOUT_S


@dataclass(frozen=True)
class BrokerReady:
    """Ready when the broker answers a ping."""

    timeout_s: float = READY_TIMEOUT_S


@dataclass(frozen=True)
class ExitedOk:
    """Ready when the process has ended with exit code 0; it is not restarted."""

    timeout_s: float = 300.0  # MWAA waits 300 s for the migration's lock (mwaa-image, advisory lock 1234)


ReadyCheck = TcpReady | HttpReady | LogReady | HeartbeatReady | DatabaseReady | BrokerReady | ExitedOk
# The web server needs the most time to start, so on few cores it must not share one: the others stand back a little.
BACKGROUND_NICENESS = 5
# Tasks of Airflow 3 report to the web server until they end, so it goes after the workers; servers go last.
STOP_STAGE_WEBSERVER = 1
STOP_STAGE_SERVERS = 2

READY_CHECKS: tuple[type[Any], ...] = (
    TcpReady,
    HttpReady,
    LogReady,
    HeartbeatReady,
    DatabaseReady,
    BrokerReady,
    ExitedOk,
)


@dataclass(frozen=True)
class Component:
    """A part of Airflow or what it needs. `argv` is complete; `airflow_argv` is set where it is an Airflow command."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    ready: ReadyCheck
    depends_on: tuple[str, ...] = ()
    restart: bool = True
    stop_timeout_s: float = STOP_TIMEOUT_S
    stop_signal: str = "SIGTERM"
    stop_group: bool = False  # the signal goes to the whole process group, as on MWAA, not only to its leader
    stop_helpers_first: bool = False  # it goes to the leader's helpers, and to the leader once they have ended
    stop_stage: int = 0  # components of a stage stop together, after those of all lower stages are gone
    airflow_argv: tuple[str, ...] = ()
    name_argv: tuple[str, ...] = ()  # the last words of both, where they name the component: `{name}` stands for it
    unprivileged: bool = False  # must not run as root (PostgreSQL refuses to)
    niceness: int = 0  # scheduling priority it starts with, as nice(1) counts
    reads: str = ""  # changes with files that it reads only when it starts, plugins above all
    home: str = ""  # the one of the plan's homes that it lives in; "" for what has none of its own
    exec_argv: tuple[str, ...] = ()  # what runs an Airflow command beside it, where that is not how it runs itself

    @property
    def command_argv(self) -> tuple[str, ...]:
        """The words before those of an Airflow command that is to run in this component's environment."""
        return self.exec_argv or self.argv[: len(self.argv) - len(self.airflow_argv)]

    def called(self, name: str) -> Component:
        """Return a component like this one under another name."""
        argv, airflow_argv = (
            (*words[: len(words) - len(self.name_argv)], *_named(self.name_argv, name))
            for words in (self.argv, self.airflow_argv)
        )
        home = name if self.home == self.name else self.home
        return replace(self, name=name, argv=argv, airflow_argv=airflow_argv if self.airflow_argv else (), home=home)

    @property
    def program_argv(self) -> tuple[str, ...]:
        """What the interpreter gets to run Airflow: the words between it and those of an Airflow command."""
        return self.command_argv[1:]


@dataclass(frozen=True)
class Home:
    """An Airflow home of its own: a folder of this machine, and what is shown in it besides, name -> folder."""

    home_dir: str
    folders: Mapping[str, str]


@dataclass(frozen=True)
class Plan:
    """All components in start order, and what the supervisor needs to look after them."""

    components: tuple[Component, ...]
    airflow_version: str
    ports: Mapping[str, int]
    database_url: str  # libpq URL of the metadata database, for heartbeats
    broker_url: str
    queue: str  # the environment's one queue
    home_dir: str  # working directory of every Airflow component
    # Ports as the environment file had them: a running environment keeps its own until that changes.
    ports_asked: Mapping[str, int] = field(default_factory=dict)
    folders: Mapping[str, str] = field(default_factory=dict)  # which project folders are shown below the Airflow home
    preload: tuple[str, ...] = ()
    preload_argv: tuple[str, ...] = ()  # the fork server's command; empty switches it off
    preload_env: Mapping[str, str] = field(default_factory=dict)
    homes_dir: str = ""  # where components have homes of their own: the folder of these; "" where all share one
    shown: Mapping[str, str] = field(default_factory=dict)  # folders shown in each of them: name -> folder

    def home(self, name: str) -> Home | None:
        """Return the home of that name; None where components share one."""
        return Home(f"{self.homes_dir}/{name}", self.shown) if self.homes_dir and name else None

    def component(self, name: str) -> Component | None:
        return next((c for c in self.components if c.name == name), None)

    def meant(self, name: str) -> list[Component]:
        """Return the components that a person means by a name: `worker` is all workers, the first of them first."""
        by_name = {component.name: component for component in self.components}
        return [by_name[each] for each in meant(name, by_name)]

    def scaled(self, name: str, count: int) -> Plan:
        """Return the plan with so many of a numbered component, from `name.1` on, all like the first.

        Raises ComponentUnknown where there is only one of that name by nature.
        """
        first = self.component(f"{name}.1")
        if first is None:
            able = ", ".join(item.name.removesuffix(".1") for item in self.components if item.name.endswith(".1"))
            raise ComponentUnknown(f"{name!r} cannot be scaled", f"There can be several of: {able or 'none'}.")
        replicas = [first.called(f"{name}.{number}") for number in range(1, count + 1)]
        rest = [item for item in self.components if item not in self.meant(name)]
        place = self.components.index(first)
        return replace(self, components=(*rest[:place], *replicas, *rest[place:]))

    def to_json(self) -> dict[str, Any]:
        """Return plain values; ready checks carry their class name under `check`."""
        plain = asdict(self)
        for component, out in zip(self.components, plain["components"], strict=True):
            out["ready"]["check"] = type(component.ready).__name__
        return plain

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Plan:
        return cls(
            components=tuple(_component_from_json(item) for item in plain["components"]),
            **{key: _tuples(plain[key]) for key in plain if key != "components"},
        )


def _component_from_json(plain: Mapping[str, Any]) -> Component:
    checks = {check.__name__: check for check in READY_CHECKS}
    ready = dict(plain["ready"])
    check = checks[ready.pop("check")]
    return Component(**{**{key: _tuples(value) for key, value in plain.items()}, "ready": check(**ready)})


def _tuples(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


@dataclass(frozen=True)
class Launch:
    """What this start decided: programs, folders, addresses. `env_of` is the merged environment per MWAA component."""

    python: str  # the release's interpreter, with all packages
    database_url: str
    broker_url: str
    worker_queues: tuple[str, ...]  # the environment's own first
    postgres_argv: tuple[str, ...]
    broker_argv: tuple[str, ...]
    env_of: Mapping[str, Mapping[str, str]]
    worker_count: int
    ports_asked: Mapping[str, int] = field(default_factory=dict)
    folders: Mapping[str, str] = field(default_factory=dict)
    plugins_version: str = ""
    forkserver: str = ""  # path of the fork server's module; empty switches it off
    homes_dir: str = ""
    shown: Mapping[str, str] = field(default_factory=dict)


def make_plan(
    environment: Environment, release: Release, place: Place, launch: Launch, beside: Sequence[Component] = ()
) -> Plan:
    """Return the plan of this environment: servers first, then Airflow's components, which start in parallel.

    `beside` is what runs beside Airflow: services, and steps that must have ended well before Airflow starts.
    """
    # Compose has no way, in all versions that will do, to wait for a service that may not be there; steps always are.
    awaited = [item.name for item in beside if not place.own_hosts or isinstance(item.ready, ExitedOk)]
    airflow = _Airflow(release, place, launch, ("postgres", "redis", *awaited))
    return Plan(
        components=(*_servers(place, launch), *beside, *airflow.components(environment)),
        airflow_version=release.airflow_version,
        ports=place.ports,
        database_url=launch.database_url,
        broker_url=launch.broker_url,
        queue=launch.worker_queues[0],
        home_dir=place.home_dir,
        ports_asked=launch.ports_asked,
        folders=launch.folders,
        preload=release.preload if launch.forkserver else (),
        preload_argv=(launch.python, launch.forkserver) if launch.forkserver else (),
        preload_env=launch.env_of["scheduler"],
        homes_dir=launch.homes_dir,
        shown=launch.shown,
    )


def _servers(place: Place, launch: Launch) -> list[Component]:
    return [
        Component(
            name="postgres",
            argv=launch.postgres_argv,
            env=place.server_env,
            ready=DatabaseReady(),
            stop_signal="SIGINT",  # PostgreSQL's fast shutdown: ends sessions, writes a checkpoint
            stop_timeout_s=SERVER_STOP_TIMEOUT_S,
            stop_stage=STOP_STAGE_SERVERS,
            unprivileged=True,
        ),
        Component(
            name="redis",
            argv=launch.broker_argv,
            env=place.server_env,
            ready=BrokerReady(),
            stop_timeout_s=SERVER_STOP_TIMEOUT_S,
            stop_stage=STOP_STAGE_SERVERS,
        ),
    ]


@dataclass(frozen=True)
class _Airflow:
    """Airflow's own components, which all wait for the same."""

    release: Release
    place: Place
    launch: Launch
    depends_on: tuple[str, ...]

    def components(self, environment: Environment) -> list[Component]:
        release, place = self.release, self.place
        health_url = url_of((HOST, place.ports["webserver"])) + release.health_path
        # The web server first: nothing takes longer.
        commands: dict[str, tuple[tuple[str, ...] | None, ReadyCheck]] = {
            "webserver": (release.webserver_argv, HttpReady(health_url)),
            "scheduler": (release.scheduler_argv, HeartbeatReady("SchedulerJob")),
            "dag-processor": (release.dag_processor_argv, HeartbeatReady("DagProcessorJob")),
            "triggerer": (release.triggerer_argv, HeartbeatReady("TriggererJob")),
        }
        if environment.airflow_configuration_options.get(TRIGGERER_OPTION, "True").lower() == "false":
            del commands["triggerer"]
        host, port = place.listens("webserver")
        words = {"host": host, "port": str(port), "workers": "1"}
        return [
            *(self._component(name, _fill(argv, words), ready) for name, (argv, ready) in commands.items() if argv),
            *(self._worker(f"worker.{number}", words) for number in range(1, self.launch.worker_count + 1)),
        ]

    def _worker(self, name: str, words: Mapping[str, str]) -> Component:
        argv = (*_fill(self.release.worker_argv, words), "-q", ",".join(self.launch.worker_queues))
        # Several workers on one machine must have names of their own, and for older Airflow files for their pids. One
        # has the same that it has beside others: it is not restarted when they come or go.
        pid_path = f"{self.place.home_dir}/airflow-{NAME}.pid"
        name_argv = () if self.place.own_hosts else (*self.release.worker_name_argv(NAME), "--pid", pid_path)
        return self._component(name, (*argv, *_named(name_argv, name)), LogReady(" ready."), name_argv)

    def _component(
        self, name: str, argv: tuple[str, ...], ready: ReadyCheck, name_argv: tuple[str, ...] = ()
    ) -> Component:
        return Component(
            name=name,
            argv=(*self.place.airflow_argv(self.release, self.launch.python), *argv),
            airflow_argv=argv,
            name_argv=name_argv,
            exec_argv=self.place.exec_argv,
            env=self.launch.env_of[COMPONENT_OF[name.split(".")[0]]],
            ready=ready,
            depends_on=self.depends_on,
            home=self._home(name) if self.launch.homes_dir else "",
            reads=self.launch.plugins_version,
            stop_stage=STOP_STAGE_WEBSERVER if name == "webserver" else 0,
            niceness=0 if name == "webserver" else BACKGROUND_NICENESS,
            # A worker's pool must not get the signal: its tasks would be lost instead of finished. Why others' helpers
            # get it before the leader is told in runtime/process/stop_order.py.
            stop_group=name == "scheduler",
            stop_helpers_first=name in ("dag-processor", "triggerer"),
        )

    @staticmethod
    def _home(name: str) -> str:
        return SCHEDULER_HOME if COMPONENT_OF[name.split(".")[0]] == "scheduler" else name


def _named(argv: tuple[str, ...], name: str) -> tuple[str, ...]:
    return tuple(word.replace(NAME, name) for word in argv)


def _fill(argv: tuple[str, ...], words: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(word.format_map(words) for word in argv)
