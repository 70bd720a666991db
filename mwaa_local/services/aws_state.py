"""What the local AWS keeps of a project, as the launcher sees it: where, with which key, what to tell, and its end.

Not for writing or reading it: `guest/aws/state` does that, in the component.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from pathlib import Path

from mwaa_local.cache.keys import user_key
from mwaa_local.errors import NotRunning, StateCorrupted
from mwaa_local.files import make_private, remove_tree
from mwaa_local.place import HOST
from mwaa_local.project import Project
from mwaa_local.remarks import Remark

STATE_NAME = "aws"  # below `.mwaa-local/`
KEPT_PATH, REMARKS_NAME = "kept/state", "remarks.json"  # of guest/aws/state
EMPTY_PATH = "/_mwaa-local/aws/empty"  # of guest/aws/dispatcher.py
EMPTY_TIMEOUT_S = 120.0
KEY_NAME = "aws-state"
KEEP_VARIABLE, IN_MEMORY = "MWAA_LOCAL_AWS_STATE", "memory"
SUBJECT = "local AWS"


def keeps(env: Mapping[str, str]) -> bool:
    """Say whether anything is kept; for tests, nothing need be."""
    return env.get(KEEP_VARIABLE) != IN_MEMORY


def state_dir(project: Project) -> Path:
    """Return the folder; both runtimes have the same."""
    return project.state_dir / STATE_NAME


def make_state_dir(project: Project) -> Path:
    """Make the folder, private, before Docker would, as root. Raises DiskFull."""
    return make_private(state_dir(project))


def is_kept(project: Project) -> bool:
    return (state_dir(project) / KEPT_PATH).exists()


def state_key(cache_dir: Path) -> str:
    """Return the key with which what is kept is signed, making it the first time. Raises DiskFull."""
    return user_key(cache_dir, KEY_NAME)


def state_remarks(project: Project) -> tuple[Remark, ...]:
    """Return what the component has to tell since its last start."""
    try:
        told = json.loads((state_dir(project) / REMARKS_NAME).read_text(encoding="utf-8"))
        return tuple(
            Remark(str(one["severity"]), SUBJECT, str(one["what"]), str(one["why"]), str(one["hint"])) for one in told
        )
    except (OSError, ValueError, TypeError, KeyError):
        return ()


def remove_state(project: Project) -> bool:
    """Remove all that is kept; return whether there was anything. Raises StateCorrupted where it cannot be."""
    folder = state_dir(project)
    was_there = is_kept(project)
    try:
        remove_tree(folder)
    except OSError as error:
        raise StateCorrupted(f"cannot remove {folder}", str(error), "remove that folder yourself") from error
    return was_there


def empty_running(port: int) -> None:
    """Let a running one forget everything and put the fixtures in. Raises NotRunning, with what it says."""
    connection = http.client.HTTPConnection(HOST, port, timeout=EMPTY_TIMEOUT_S)
    try:
        connection.request("POST", EMPTY_PATH)
        answer = connection.getresponse()
        said = answer.read()
    except (OSError, http.client.HTTPException) as error:
        hint = "run `mwaa-local down`, then this command again"
        raise NotRunning("the local AWS does not answer, so it was not emptied", str(error), hint) from error
    finally:
        connection.close()
    if answer.status != http.HTTPStatus.OK:
        raise NotRunning("the local AWS was not emptied", _message(said), "see `mwaa-local logs aws`")


def _message(said: bytes) -> str:
    try:
        return str(json.loads(said)["message"])
    except (ValueError, TypeError, KeyError):
        return said.decode(errors="replace")[:200]
