"""Files that the startup script could not make on this machine, though it may on MWAA: they are missing at an import.

A command that calls what only MWAA's container has (`yum`, `aws` as the execution role) fails here and not there; what
it was to write, or to install, is then no mistake of the file that wants it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from mwaa_local.check.failures.failure import ImportFailure
from mwaa_local.isolation import MWAA_HOME_DIR
from mwaa_local.project import Project
from mwaa_local.startup.failed_commands import FailedCommand
from mwaa_local.startup.state import ContainerState

UPLOADED = ("dags", "plugins")  # folders below the home that a bucket fills, and seldom a script
OF_A_PERSON = ("home", "Users")  # folders at the root that no container has
COMMON = ("/", "usr", "local", "airflow")  # what many paths have in common


@dataclass(frozen=True)
class StartupFiles:
    """The commands of the startup script that failed for what only this machine lacks; `path` is the script's."""

    path: str = ""
    failed: Sequence[FailedCommand] = ()
    script: str = field(default="", repr=False)

    def command(self, failure: ImportFailure) -> FailedCommand | None:
        """Return the command for want of which the file or the module may be missing; None if none is likely."""
        if failure.missing:
            return self._naming([failure.missing.partition(".")[0]])
        if not failure.file:
            return None
        path = PurePosixPath(failure.file)
        parts = path.relative_to(MWAA_HOME_DIR).parts if path.is_relative_to(MWAA_HOME_DIR) else path.parts
        if not parts:  # the home itself
            return None
        if parts[0] in UPLOADED:
            return self._naming([path.name, *("/".join(parts[:length]) for length in range(len(parts) - 1, 1, -1))])
        if found := self._naming([name for name in reversed(parts) if name not in COMMON]):
            return found
        is_of_container = path.is_absolute() and parts[1:2] not in [(name,) for name in OF_A_PERSON]
        is_made_elsewhere = path.name in self.script  # by a line that did not fail
        return next(iter(self.failed), None) if is_of_container and not is_made_elsewhere else None

    def hint(self, failure: ImportFailure) -> str:
        """Return what to look at; "" if it has nothing to do with the script."""
        command = self.command(failure)
        if command is None:
            return ""
        what = failure.file or failure.missing
        return (
            f"{self.path}:{command.line} did not run to its end on this machine (`{command.text}`); if it makes {what} "
            "on MWAA, the file is imported there"
        )

    def _naming(self, names: Sequence[str]) -> FailedCommand | None:
        """Return the first command that has one of the names as a word of its own, the first name's before others'."""
        for name in names:
            word = re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])")
            if found := next((item for item in self.failed if word.search(item.whole)), None):
                return found
        return None


def startup_files(project: Project, state: ContainerState) -> StartupFiles:
    """Return what is known from running the script in the component whose state that is."""
    path = project.startup_script_path
    script = path.read_text(encoding="utf-8", errors="replace") if state.failed_here else ""
    return StartupFiles(path.relative_to(project.root_dir).as_posix(), state.failed_here, script)
