"""Files of one environment that may have something new for a log group."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.logs import streams
from mwaa_local.logs.files import Kind, StreamFile, airflow_logs_dir, script_file
from mwaa_local.logs.groups import Group
from mwaa_local.logs.shipping.tree import Seen, Tree
from mwaa_local.project import Project

COMPONENT_SUFFIX, SCRIPT_SUFFIX = ".log", ".out"


@dataclass(frozen=True)
class Candidate:
    """A file, as it was seen a moment ago, for one group."""

    group: Group
    seen: Seen
    kind: Kind
    stream: str = ""

    @property
    def state(self) -> tuple[int, int, float]:
        """Inode, size and time of change: while they stay the same there is nothing new."""
        return self.seen.inode, self.seen.size, self.seen.changed_s

    def file(self, *, airflow_3: bool, parses_levels: bool = True) -> StreamFile | None:
        """Return what to read; None where the file has nothing for that group."""
        path = Path(self.seen.path)
        if self.kind is Kind.SCRIPT:
            return script_file(path, self.group)
        return StreamFile(path, self.stream, self.kind, airflow_3, parses_levels)


class Candidates:
    """All candidates of a project, some of them in each round: `Tree` says which."""

    def __init__(self, project: Project) -> None:
        self._logs_dir = project.logs_dir
        self._airflow_logs = str(airflow_logs_dir(project))
        self._tree = Tree(self._airflow_logs)

    def of(self, groups: Collection[Group]) -> Iterator[Candidate]:
        """Yield those for these groups whose turn it is."""
        for path in sorted(self._logs_dir.glob("*")):
            yield from self._of_launcher(path, groups)
        for seen in self._tree.seen():
            group, stream = streams.of_airflow_file(seen.path[len(self._airflow_logs) + 1 :])
            if group in groups and not streams.is_older(seen.path):
                yield Candidate(group, seen, Kind.AIRFLOW, stream)

    def _of_launcher(self, path: Path, groups: Collection[Group]) -> Iterator[Candidate]:
        if path.suffix not in (COMPONENT_SUFFIX, SCRIPT_SUFFIX):
            return
        try:
            about = path.lstat()
        except OSError:
            return
        seen = Seen(str(path), about.st_ino, about.st_size, about.st_mtime)
        for group in groups:
            if path.suffix == SCRIPT_SUFFIX:
                yield Candidate(group, seen, Kind.SCRIPT)
            elif group.gets_output_of(path.stem):
                yield Candidate(group, seen, Kind.COMPONENT)
