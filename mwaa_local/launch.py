"""Launch: what one start decided. With it, Environment + Release + Place -> Plan.

Pure: nothing here touches a disk, a network or a clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mwaa_local.home import Folder
from mwaa_local.plan import (
    COMPONENT_OF,
    NAME,
    SCHEDULER_HOME,
    SERVER_STOP_TIMEOUT_S,
    STOP_STAGE_SERVERS,
    STOP_STAGE_WEBSERVER,
    BrokerReady,
    Component,
    DatabaseReady,
    ExitedOk,
    HeartbeatReady,
    LogReady,
    Plan,
    ReadyCheck,
    named,
)

if TYPE_CHECKING:
    from mwaa_local.environment.environment import Environment
    from mwaa_local.place import Place
    from mwaa_local.release import Release

# MWAA's own option to leave the triggerer out (MWAA user guide, "Using Apache Airflow configuration options").
TRIGGERER_OPTION = "mwaa.triggerer_enabled"
# The web server needs the most time to start, so on few cores it must not share one: the others stand back a little.
BACKGROUND_NICENESS = 5


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
    workers: tuple[str, ...]  # their names, by number
    ports_asked: Mapping[str, int] = field(default_factory=dict)
    folders: Mapping[str, Folder] = field(default_factory=dict)
    plugins_version: str = ""
    forkserver: str = ""  # path of the fork server's module; empty switches it off
    homes_dir: str = ""
    leaving: Mapping[str, float] = field(default_factory=dict)  # workers of the plan before, which go on for a while
    patient: bool = False  # whatever changes


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
        leaving=launch.leaving,
        patient=launch.patient,
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
        webserver_argv = release.webserver_argv + (release.webserver_https_argv if place.authority else ())
        # The web server first: nothing takes longer.
        commands: dict[str, tuple[tuple[str, ...] | None, ReadyCheck]] = {
            "webserver": (webserver_argv, place.page("webserver", release.health_path)),
            "scheduler": (release.scheduler_argv, HeartbeatReady("SchedulerJob")),
            "dag-processor": (release.dag_processor_argv, HeartbeatReady("DagProcessorJob")),
            "triggerer": (release.triggerer_argv, HeartbeatReady("TriggererJob")),
        }
        if environment.airflow_configuration_options.get(TRIGGERER_OPTION, "True").lower() == "false":
            del commands["triggerer"]
        host, port = place.listens("webserver")
        words = {"host": host, "port": str(port), "workers": "1"}
        # The first keeps the name that a single one has: whoever asks for the scheduler means it.
        more = {
            f"scheduler.{number}": (release.scheduler_argv, HeartbeatReady("SchedulerJob", count=number))
            for number in range(2, environment.schedulers_here + 1)
        }
        return [
            *(
                self._component(name, _fill(argv, words), ready)
                for name, (argv, ready) in {**commands, **more}.items()
                if argv
            ),
            *(self._worker(name, words) for name in self.launch.workers),
        ]

    def _worker(self, name: str, words: Mapping[str, str]) -> Component:
        argv = (*_fill(self.release.worker_argv, words), "-q", ",".join(self.launch.worker_queues))
        # Several workers on one machine must have names of their own, and for older Airflow files for their pids. One
        # has the same that it has beside others: it is not restarted when they come or go.
        pid_path = f"{self.place.home_dir}/airflow-{NAME}.pid"
        name_argv = () if self.place.own_hosts else (*self.release.worker_name_argv(NAME), "--pid", pid_path)
        return self._component(name, (*argv, *named(name_argv, name)), LogReady(" ready."), name_argv)

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
            stop_group=name.split(".")[0] == "scheduler",
            stop_helpers_first=name in ("dag-processor", "triggerer"),
        )

    @staticmethod
    def _home(name: str) -> str:
        return SCHEDULER_HOME if COMPONENT_OF[name.split(".")[0]] == "scheduler" else name


def _fill(argv: tuple[str, ...], words: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(word.format_map(words) for word in argv)
