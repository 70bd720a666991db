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
    from collections.abc import Callable

    from mwaa_local.lifecycle import Lifecycle, Listener
    from mwaa_local.upgrade.carrying_out.carrying import Watch
    from mwaa_local.upgrade.carrying_out.journal import Journal


@dataclass(frozen=True)
class Session(Workspace):
    """One command's view of a project: the workspace, and the console to write to."""

    console: Console

    def lifecycle(self) -> Lifecycle:
        """Return the project's Lifecycle, which reports to the console."""
        from mwaa_local.lifecycle import Lifecycle

        return Lifecycle(self, self._listener)

    def watch(self, on_step: Callable[[Journal], None] | None = None) -> Watch:
        """Return who is told of an upgrade: the console, and whoever wants to know its steps."""
        from mwaa_local.upgrade.carrying_out.carrying import Watch

        return Watch(self._listener, on_step) if on_step else Watch(self._listener)

    @property
    def _listener(self) -> Listener:
        from mwaa_local.lifecycle import Listener

        console = self.console
        return Listener(console.show_event, console.show_remark, lambda: console.say("stopping what was started"))


def open_session(project_dir: Path, *, verbose: bool = False, airflow_version: str | None = None) -> Session:
    """Return the session of one command. Raises ProjectNotFound, or ReleaseUnknown for a version unknown to MWAA."""
    if airflow_version:
        from mwaa_local.release import Release

        Release.load(airflow_version)
    env = dict(os.environ)
    project = Project.find(project_dir)
    return Session(project, env, standard(env, verbose=verbose), airflow_version=airflow_version)
