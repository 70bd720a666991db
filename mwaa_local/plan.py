"""Plan: the components, their commands, order and readiness, as plain values that both runtimes carry out.

`launch` makes one. Pure: nothing here touches a disk, a network or a clock, and the supervisor imports it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from mwaa_local.errors import ComponentUnknown
from mwaa_local.home import Folder, Home
from mwaa_local.naming import meant, next_names, number_of

# MWAA waits 90 s between SIGTERM and SIGKILL for every Airflow process (mwaa/subprocess, "patience" 90 s).
STOP_TIMEOUT_S = 90.0
# How long a worker that is to be no more may go on with its running tasks (amazon-mwaa-docker-images, task monitor).
LEAVE_TIMEOUT_S = 12 * 3600.0
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
    """Ready when `url` answers 200; with https, as somebody for whom the certificates in `authority` vouch."""

    url: str
    timeout_s: float = READY_TIMEOUT_S
    authority: str = ""  # path of a file


@dataclass(frozen=True)
class LogReady:
    """Ready when a line of output contains `text`."""

    text: str
    timeout_s: float = READY_TIMEOUT_S


@dataclass(frozen=True)
class HeartbeatReady:
    """Ready when the metadata database has a heartbeat of a job of this type that began after the launch.

    With a `count`, as many jobs must have sent one since: a row does not say which of several processes it is of, so
    the second scheduler is ready when two are.
    """

    job_type: str
    count: int = field(default=1, kw_only=True)
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
            (*words[: len(words) - len(self.name_argv)], *named(self.name_argv, name))
            for words in (self.argv, self.airflow_argv)
        )
        home = name if self.home == self.name else self.home
        return replace(self, name=name, argv=argv, airflow_argv=airflow_argv if self.airflow_argv else (), home=home)

    @property
    def program_argv(self) -> tuple[str, ...]:
        """What the interpreter gets to run Airflow: the words between it and those of an Airflow command."""
        return self.command_argv[1:]


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
    folders: Mapping[str, Folder] = field(default_factory=dict)  # what is shown below each Airflow home, by name
    preload: tuple[str, ...] = ()
    preload_argv: tuple[str, ...] = ()  # the fork server's command; empty switches it off
    preload_env: Mapping[str, str] = field(default_factory=dict)
    # Workers that are no part of it any more, and end as soon as their tasks do: since when, in epoch seconds, by name.
    leaving: Mapping[str, float] = field(default_factory=dict)
    patient: bool = False  # whether these also go on when those that are like them are started anew
    homes_dir: str = ""  # where components have homes of their own: the folder of these; "" where all share one

    def home(self, name: str) -> Home | None:
        """Return the home of that name; None where components share one."""
        return Home(f"{self.homes_dir}/{name}", self.folders) if self.homes_dir and name else None

    @property
    def homes(self) -> frozenset[str]:
        """The homes that components live in, by name."""
        leaving = self.leaving if self.homes_dir else ()
        return frozenset(item.home for item in self.components if item.home).union(leaving)

    def component(self, name: str) -> Component | None:
        return next((c for c in self.components if c.name == name), None)

    def meant(self, name: str) -> list[Component]:
        """Return the components that a person means by a name: `worker` is all workers, the first of them first."""
        by_name = {component.name: component for component in self.components}
        return [by_name[each] for each in meant(name, by_name)]

    def numbered(self, name: str) -> list[Component]:
        """Return the components of that name of which there can be several, by number.

        Raises ComponentUnknown where there is only one by nature.
        """
        found = [item for item in self.meant(name) if number_of(item.name)]
        if not found:
            able = {item.name.rpartition(".")[0] for item in self.components if number_of(item.name)}
            raise ComponentUnknown(
                f"{name!r} cannot be scaled", f"There can be several of: {', '.join(sorted(able)) or 'none'}."
            )
        return found

    def grown(self, name: str, count: int) -> Plan:
        """Return the plan with so many more of a numbered component, like those that are there, after these.

        Raises ComponentUnknown where there is only one of that name by nature.
        """
        last = self.numbered(name)[-1]
        taken = [*(item.name for item in self.components), *self.leaving]
        more = [last.called(each) for each in next_names(name, count, taken)]
        place = self.components.index(last) + 1
        return replace(self, components=(*self.components[:place], *more, *self.components[place:]))

    def retired(self, names: Collection[str], now: float) -> Plan:
        """Return the plan without these components, which leave from `now` on (epoch seconds)."""
        kept = tuple(item for item in self.components if item.name not in names)
        return replace(self, components=kept, leaving={**self.leaving, **dict.fromkeys(names, now)})

    def without_left(self, still_there: Collection[str]) -> Plan:
        """Return the plan without what had to leave and is gone."""
        leaving = {name: since for name, since in self.leaving.items() if name in still_there}
        return self if leaving == self.leaving else replace(self, leaving=leaving)

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
            folders={name: Folder(**item) for name, item in plain["folders"].items()},
            **{key: _tuples(plain[key]) for key in plain if key not in ("components", "folders")},
        )


def _component_from_json(plain: Mapping[str, Any]) -> Component:
    checks = {check.__name__: check for check in READY_CHECKS}
    ready = dict(plain["ready"])
    check = checks[ready.pop("check")]
    return Component(**{**{key: _tuples(value) for key, value in plain.items()}, "ready": check(**ready)})


def _tuples(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def named(argv: tuple[str, ...], name: str) -> tuple[str, ...]:
    """Return the words with the component's name in its place."""
    return tuple(word.replace(NAME, name) for word in argv)
