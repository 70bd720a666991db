"""`python -m tests.integration.killed_restore FOLDER FILE RUNTIME AFTER WHEN`: a restore that is killed at a point.

WHEN is a text of an event that comes after one with AFTER in it ("" for any), or BEFORE_COMMIT or AFTER_COMMIT.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from mwaa_local.cli.db_restore import asked_for
from mwaa_local.cli.session import open_session
from mwaa_local.database.load import Loaded
from mwaa_local.event import Event
from mwaa_local.restoring.record import Recorder
from mwaa_local.restoring.restore import Restoring
from mwaa_local.secrets import load_secrets

BEFORE_COMMIT, AFTER_COMMIT = "before the commit", "after the commit"


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Mortal(Restoring):
    """Dies before or after the transaction that replaces the rows of the project, if told to."""

    dies = ""

    def _end_what_was_of_before(self, recorder: Recorder, transaction: str) -> None:
        super()._end_what_was_of_before(recorder, transaction)
        if self.dies == BEFORE_COMMIT:
            die()

    def _load(self, *words: Any) -> Loaded:
        loaded = super()._load(*words)
        is_of_the_project = len(words) > 2  # beside, nothing is done before the commit
        if is_of_the_project and self.dies == AFTER_COMMIT:
            die()
        return loaded


def main(folder: str, file: str, runtime: str, after: str, when: str) -> None:
    session = open_session(Path(folder))
    is_seen = not after

    def tell(event: Event) -> None:
        nonlocal is_seen
        text = f"{event.component} {event.state} {event.detail}"
        print(text, flush=True)
        if is_seen and when in text:
            die()
        is_seen = is_seen or after in text

    environment = session.environment()
    key = load_secrets(session.project.state_dir).fernet_key
    asked = asked_for(session, Path(file), session.release(environment), None, key, False, ())
    with session.exclusive():
        lifecycle = session.lifecycle()
        restoring = Mortal(session, environment, lifecycle, tell, lifecycle.choose(runtime))
        restoring.dies = when
        restoring.restore(asked)


if __name__ == "__main__":
    main(*sys.argv[1:])
