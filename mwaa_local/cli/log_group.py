"""`mwaa-local logs --group`: the events of one of MWAA's log groups."""

from __future__ import annotations

import collections
import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import datetime

import typer

from mwaa_local.cli.session import Session
from mwaa_local.environment.environment import Environment
from mwaa_local.errors import LogGroupOff
from mwaa_local.logs.events import MILLISECONDS, LogEvent
from mwaa_local.logs.files import StreamFile, component_files, stream_files
from mwaa_local.logs.groups import Group
from mwaa_local.logs.pattern import matcher
from mwaa_local.logs.reader import Reader
from mwaa_local.release import Release

UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
FETCH_PAUSE_S = 0.5  # between two times that an engine is asked what containers wrote
AGO = re.compile(r"(\d+)([smhdw])")


def group_named(text: str) -> Group:
    """Return a group by its name, whole or short, in capitals or not. Raises BadParameter."""
    short = text.rpartition("-")[2] if text.startswith("airflow-") else text
    for group in Group:
        if group.value.lower() == short.lower():
            return group
    raise typer.BadParameter(f"{text!r} is none of {', '.join(Group)}", param_hint="--group")


def moment(text: str, now: float) -> int:
    """Return milliseconds since the epoch of `10m`, which is ago, or an ISO time. Raises BadParameter."""
    ago = AGO.fullmatch(text)
    if ago:
        return int((now - int(ago[1]) * UNITS_S[ago[2]]) * MILLISECONDS)
    try:
        return int(datetime.fromisoformat(text).astimezone().timestamp() * MILLISECONDS)
    except (ValueError, OverflowError, OSError):
        raise typer.BadParameter(
            f"{text!r} is neither a number with s, m, h, d or w, such as 10m, nor a time such as 2026-11-30T09:00",
            param_hint="--since",
        ) from None


def show_group(
    session: Session,
    group: Group,
    *,
    follow: bool,
    lines: int,
    since: str | None,
    pattern: str | None,
    as_json: bool,
) -> None:
    """Print a group's events. Raises LogGroupOff, PatternInvalid, and what reading the environment raises."""
    environment = session.environment()
    module = group.of(environment.logging_configuration)
    name = group.name_in(environment.name)
    if not module.enabled:
        raise LogGroupOff(
            f"the log group {name} is off",
            f"LoggingConfiguration has no {group.member} with Enabled: true, and MWAA would keep none of these logs.",
            f"write `LoggingConfiguration: {{{group.member}: {{Enabled: true, LogLevel: INFO}}}}` into mwaa.yaml,"
            f" or see what is kept here all the same: {_elsewhere(group)}",
        )
    matches = matcher(pattern or "")
    first_ms = moment(since, time.time()) if since else 0
    show = _printer(session, name, as_json=as_json)

    def is_chosen(event: LogEvent) -> bool:
        return event.time_ms >= first_ms and event.is_let_through(module.log_level) and matches(event.message)

    reader = Reader(_GroupFiles(session, group, environment))
    for event in collections.deque(reader.now(since_ms=first_ms, chosen=is_chosen), maxlen=lines or None):
        show(event)
    if follow:
        for event in filter(is_chosen, reader.follow(since_ms=first_ms)):
            show(event)


def _elsewhere(group: Group) -> str:
    return f"mwaa-local logs {' '.join(group.components)}" if group.components else "the web server's pages"


def _printer(session: Session, name: str, *, as_json: bool) -> Callable[[LogEvent], None]:
    """Return what prints an event: as the AWS CLI's `logs tail` does, or as JSON with the API's names."""
    if as_json:
        return lambda event: session.console.stream(
            json.dumps(
                {
                    "logGroupName": name,
                    "logStreamName": event.stream,
                    "timestamp": event.time_ms,
                    "message": event.message,
                }
            )
        )

    def show(event: LogEvent) -> None:
        clock = datetime.fromtimestamp(event.time_ms / MILLISECONDS).astimezone().isoformat(timespec="milliseconds")
        session.console.stream(f"{clock} {event.stream} {event.message}")

    return show


class _GroupFiles:
    """The files that have what a group gets: the output of its components, and Airflow's own."""

    def __init__(self, session: Session, group: Group, environment: Environment) -> None:
        self._session, self._group = session, group
        self._release = Release.load(environment.airflow_version)
        self._fetched_s = 0.0

    def __call__(self) -> Iterator[StreamFile]:
        project = self._session.project
        if self._group.components and time.monotonic() - self._fetched_s > FETCH_PAUSE_S:
            # Asked for lines, a runtime of containers brings what they wrote into the files, which are what is read.
            self._session.runtime.logs([], follow=False, from_end=True)
            self._fetched_s = time.monotonic()
        yield from component_files(
            project,
            self._group,
            airflow_3=self._release.generation == "3.x",
            parses_levels=self._release.output_levels_parsed,
        )
        yield from stream_files(project, self._group)
