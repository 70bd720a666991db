"""What containers wrote, brought into the same log files that the process runtime has.

A container takes its log along when it is removed, so lines are fetched into `<logs_dir>/<component>.log` before that,
and whenever someone reads them. Who reads twice finds no line twice: how far each container was read is remembered.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

from mwaa_local import flock
from mwaa_local.event import LogLine
from mwaa_local.files import write_private
from mwaa_local.runtime import logfile
from mwaa_local.runtime.compose.engine import Engine
from mwaa_local.runtime.compose.engine_log import NANOSECONDS

MARKS_NAME = "containers.json"
FETCH_PAUSE_S = 0.5
MARKS_KEPT = 200  # of containers; those that are gone are never asked again

Marks = dict[str, dict[str, int]]  # container -> stream -> nanoseconds of the last line that was taken


class ContainerLogs:
    """The log files of one project's containers."""

    def __init__(self, logs_dir: Path) -> None:
        self.dir = logs_dir

    def fetch(self, engine: Engine, names: Mapping[str, str], up: AbstractSet[str]) -> None:
        """Append what is new; `names` is {container id: component}, `up` those that may go on writing."""
        with self._alone():
            before = self._marks()
            marks = {key: dict(value) for key, value in before.items()}
            for container_id, name in names.items():
                self._fetch_one(engine, container_id, name, marks, ended=container_id not in up)
            if marks != before:
                write_private(self.dir / MARKS_NAME, json.dumps(dict(list(marks.items())[-MARKS_KEPT:])))

    def _fetch_one(self, engine: Engine, container_id: str, name: str, marks: Marks, *, ended: bool) -> None:
        taken = marks.get(container_id, {})
        lines = engine.output(container_id, taken, ended=ended)
        file = logfile.LogFile(self.dir / f"{name}.log")
        if lines and not taken:
            file.mark_start()
        for line in lines:
            file.write(line.stream, line.text, line.time_ns / NANOSECONDS)
            if file.problem:
                break  # the engine still has it when there is room again
            taken = {**taken, line.stream: line.time_ns}
        file.close()
        if taken:
            marks[container_id] = taken

    def read(
        self, paths: dict[str, Path], fetch: Callable[[], None], *, follow: bool, from_end: bool
    ) -> Iterator[LogLine]:
        """Yield lines as `logfile.read` does; with `follow`, new ones are fetched on another thread all the time."""
        if not follow:
            yield from logfile.read(paths, follow=False, from_end=from_end)
            return
        ended = threading.Event()

        def go_on() -> None:
            while not ended.wait(FETCH_PAUSE_S):
                fetch()

        thread = threading.Thread(target=go_on, daemon=True)
        thread.start()
        try:
            yield from logfile.read(paths, follow=True, from_end=from_end)
        finally:
            ended.set()

    def tail(self, name: str) -> Sequence[str]:
        return logfile.tail(self.dir / f"{name}.log")

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep two readers from fetching the same lines."""
        self.dir.mkdir(parents=True, exist_ok=True)
        with flock.held(self.dir / f"{MARKS_NAME}.lock"):
            yield

    def _marks(self) -> Marks:
        try:
            plain = json.loads((self.dir / MARKS_NAME).read_text(encoding="utf-8"))
            return {str(key): {str(name): int(mark) for name, mark in value.items()} for key, value in plain.items()}
        except (OSError, ValueError, AttributeError, TypeError):
            return {}
