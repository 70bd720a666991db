"""`python -m tests.integration.killed_upgrade FOLDER VERSION WHEN`: an upgrade whose process is killed at a point.

WHEN is a step of the journal, which is on the disk then, a text of an event in the middle of one, or IN_SNAPSHOT, where
a database server runs for the command alone.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from mwaa_local.database.snapshots import Snapshots
from mwaa_local.event import Event
from mwaa_local.lifecycle import Listener
from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.upgrade.carrying_out.carrying import Upgrade, Watch, carry_out
from mwaa_local.upgrade.carrying_out.journal import Journal
from mwaa_local.workspace import Workspace
from tests.conftest import RUNTIME_VARIABLE

IN_SNAPSHOT = "in the middle of the snapshot"


def main(folder: str, version: str, when: str) -> None:
    workspace = Workspace(Project(Path(folder).resolve()), dict(os.environ))

    def on_event(event: Event) -> None:
        print(event.component, event.state, event.detail, flush=True)
        if when in f"{event.component} {event.state} {event.detail}" and event.component != "upgrade":
            os.kill(os.getpid(), signal.SIGKILL)

    def on_step(at: Journal) -> None:
        print(at.step, flush=True)
        if at.step == when:
            os.kill(os.getpid(), signal.SIGKILL)

    if when == IN_SNAPSHOT:
        Snapshots.take = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[assignment, method-assign]
    environment = workspace.environment()
    source, target, runtime = workspace.release(environment), Release.load(version), os.environ[RUNTIME_VARIABLE]
    wanted = Upgrade(source, target, runtime, port=0, dags=("history",))
    with workspace.exclusive():
        carry_out(workspace, wanted, Watch(Listener(on_event), on_step))


if __name__ == "__main__":
    main(*sys.argv[1:])
