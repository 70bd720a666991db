"""The files that hold what log groups get, beside the components' own output."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from mwaa_local.logs import streams
from mwaa_local.logs.events import time_in
from mwaa_local.logs.groups import Group
from mwaa_local.project import Project

LOGS_FOLDER = "logs"  # Airflow's own, below its home
# Output of what runs in each container before its component: one file for all, or one for each kind.
SCRIPT_FILE = re.compile(rf"(?:({streams.REQUIREMENTS})|{streams.STARTUP}_(scheduler|worker|webserver)(\.\d+)?)\.out")
# The containers that install requirements, on MWAA each for itself; here they are installed once for all.
INSTALLING = {Group.SCHEDULER: "scheduler", Group.WORKER: "worker", Group.WEB_SERVER: "webserver"}
FIRST_LINE_BYTES = 64


class Kind(StrEnum):
    """Who wrote a file, and so what its lines are."""

    AIRFLOW = "airflow"  # Airflow's formatters, or JSON; a line of text may go on with the one before
    SCRIPT = "script"  # the launcher, of requirements and startup script: the time, and what was said
    COMPONENT = "component"  # the launcher, of a component's output: the time, out or err, and what was said


@dataclass(frozen=True)
class StreamFile:
    """A file, and the stream that has its lines on MWAA."""

    path: Path
    stream: str  # empty for a component's: each start of the component has one of its own
    kind: Kind = Kind.AIRFLOW
    airflow_3: bool = True  # what writes it; streams of components are named by that
    parses_levels: bool = True  # whether MWAA looks for the level of each line of a component's output

    @property
    def is_put_aside(self) -> bool:
        """Whether it is put aside when it is full, as `NAME.1` and so on, and a new one goes on in its place."""
        return self.kind is Kind.COMPONENT or self.stream == streams.MANAGER_STREAM


def airflow_logs_dir(project: Project) -> Path:
    return project.airflow_home_dir / LOGS_FOLDER


def stream_files(project: Project, group: Group) -> Iterator[StreamFile]:
    """Yield the files that belong to a group: Airflow's own, and those of requirements and startup script."""
    if group in (Group.TASK, Group.DAG_PROCESSING):
        root = airflow_logs_dir(project)
        for folder, folders, names in os.walk(root):
            folders.sort()
            for name in sorted(names):
                path = Path(folder, name)
                its_group, stream = streams.of_airflow_file(path.relative_to(root).as_posix())
                if its_group is group and not path.is_symlink() and not streams.is_older(path.as_posix()):
                    yield StreamFile(path, stream)
    else:
        for path in sorted(project.logs_dir.glob("*.out")):
            found = script_file(path, group)
            if found is not None:
                yield found


def component_files(
    project: Project, group: Group, *, airflow_3: bool, parses_levels: bool = True
) -> Iterator[StreamFile]:
    """Yield the files of the components whose output belongs to a group."""
    for path in sorted(project.logs_dir.glob("*.log")):
        if group.gets_output_of(path.stem):
            yield StreamFile(path, "", Kind.COMPONENT, airflow_3, parses_levels)


def script_file(path: Path, group: Group) -> StreamFile | None:
    """Return a file of requirements or startup script as that group has it; None where it has not, or is empty."""
    found = SCRIPT_FILE.fullmatch(path.name)
    if not found or group not in INSTALLING or (found[2] and found[2] != INSTALLING[group]):
        return None
    began_ms = _began_ms(path)
    if began_ms is None:
        return None
    name = found[1] or streams.STARTUP_STREAM
    return StreamFile(path, streams.of_script(name, (found[2] or "") + (found[3] or ""), began_ms), Kind.SCRIPT)


def _began_ms(path: Path) -> int | None:
    try:
        with path.open("rb") as file:
            return time_in(file.read(FIRST_LINE_BYTES).decode("utf-8", "replace"))
    except OSError:
        return None
