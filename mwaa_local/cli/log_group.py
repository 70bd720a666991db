"""`mwaa-local logs --group`: the events of one of MWAA's log groups."""

from __future__ import annotations

import heapq
import json
import queue
import re
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime

import typer

from mwaa_local.cli.session import Session
from mwaa_local.environment.environment import Environment
from mwaa_local.errors import LogGroupOff
from mwaa_local.logs.events import MILLISECONDS, LogEvent
from mwaa_local.logs.files import stream_files
from mwaa_local.logs.groups import Group
from mwaa_local.logs.pattern import matcher
from mwaa_local.logs.reader import ComponentEvents, read_files
from mwaa_local.release import Release
from mwaa_local.runtime import logfile

UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
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

    def chosen(events: Iterator[LogEvent]) -> Iterator[LogEvent]:
        for event in events:
            if event.time_ms >= first_ms and event.is_let_through(module.log_level) and matches(event.message):
                yield event

    reader = _GroupReader(session, group, environment)
    if lines:
        kept = heapq.nlargest(lines, chosen(reader.events(follow=False)), key=lambda event: event.time_ms)
        for event in sorted(kept, key=lambda each: each.time_ms):
            show(event)
        if not follow:
            return
    for event in chosen(reader.events(follow=follow)):
        show(event)


def _elsewhere(group: Group) -> str:
    return f"mwaa-local logs {' '.join(group.components)}" if group.components else "the web server's pages"


def _printer(session: Session, name: str, *, as_json: bool) -> Callable[[LogEvent], None]:
    """Return what prints an event: as the AWS CLI's `logs tail` does, or as JSON with the API's names."""
    if as_json:
        return lambda event: session.console.show(
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
        session.console.show(f"{clock} {event.stream} {event.message}")

    return show


class _GroupReader:
    """Reads what a group gets: lines of its components, and files of Airflow's."""

    def __init__(self, session: Session, group: Group, environment: Environment) -> None:
        self._session, self._group = session, group
        release = Release.load(environment.airflow_version)
        self._components = ComponentEvents(airflow_3=release.generation == "3.x")

    def events(self, *, follow: bool) -> Iterator[LogEvent]:
        """Yield them by time; with `follow`, for ever."""
        sources = [
            self._of_components(follow=follow),
            read_files(lambda: stream_files(self._session.project, self._group), follow=follow),
        ]
        if not follow:
            return heapq.merge(*sources, key=lambda event: event.time_ms)
        return _both(sources)

    def _of_components(self, *, follow: bool) -> Iterator[LogEvent]:
        known = logfile.chosen(self._session.project.logs_dir, [])
        names = [name for name in known if self._group.gets_output_of(name)]
        if names:
            yield from map(self._components.of, self._session.runtime.logs(names, follow=follow))


def _both(sources: list[Iterator[LogEvent]]) -> Iterator[LogEvent]:
    """Yield of several endless sources what comes, each read on a thread of its own."""
    come: queue.SimpleQueue[LogEvent | Exception] = queue.SimpleQueue()

    def pass_on(source: Iterator[LogEvent]) -> None:
        try:
            for event in source:
                come.put(event)
        except Exception as error:  # noqa: BLE001  # whatever it is, the one who waits raises it
            come.put(error)

    for source in sources:
        threading.Thread(target=pass_on, args=(source,), daemon=True).start()
    while True:
        found = come.get()
        if isinstance(found, Exception):
            raise found
        yield found
