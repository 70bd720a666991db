"""What most commands begin with: a workspace found from the command line, and a console to write to."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mwaa_local.console import Console, standard
from mwaa_local.project import Project
from mwaa_local.workspace import Workspace

if TYPE_CHECKING:
    from mwaa_local.lifecycle import Lifecycle


@dataclass(frozen=True)
class Session(Workspace):
    """One command's view of a project: the workspace, and the console to write to."""

    console: Console

    def lifecycle(self) -> Lifecycle:
        """Return the project's Lifecycle, which reports to the console."""
        from mwaa_local.lifecycle import Lifecycle, Listener

        console = self.console
        to_console = Listener(console.show_event, console.show_remark, lambda: console.say("stopping what was started"))
        return Lifecycle(self, to_console)


def open_session(project_dir: Path, *, verbose: bool = False, airflow_version: str | None = None) -> Session:
    """Return the session of one command. Raises ProjectNotFound, or ReleaseUnknown for a version unknown to MWAA."""
    if airflow_version:
        from mwaa_local.release import Release

        Release.load(airflow_version)
    env = dict(os.environ)
    project = Project.find(project_dir)
    return Session(project, env, standard(env, verbose=verbose), airflow_version=airflow_version)
