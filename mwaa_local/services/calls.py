"""What the environment's tasks call of AWS: where it is noted, and whose policies it must have."""

from __future__ import annotations

import contextlib
import http.client
import json
import time
from pathlib import Path

from mwaa_local.environment.environment import Environment
from mwaa_local.environment.kinds import AwsMode
from mwaa_local.files import make_private, write_private
from mwaa_local.iam.ledger import FORGOTTEN
from mwaa_local.place import HOST
from mwaa_local.project import Project

WRITE_PATH = "/_mwaa-local/aws/calls"  # of guest/aws/calls/gate.py
WRITE_TIMEOUT_S = 10.0
ROLES_NAME = "roles.json"  # environment that the API made -> ARN of its execution role
CALLS_NAME = "iam"  # below `.mwaa-local/`


def calls_dir(project: Project) -> Path:
    """Return the folder of the ledgers; both runtimes have the same."""
    return project.state_dir / CALLS_NAME


def make_calls_dir(project: Project) -> Path:
    """Make the folder, private, before Docker would, as root. Raises DiskFull."""
    return make_private(calls_dir(project))


def forget_calls(project: Project) -> None:
    """Let only what is called from now on count, also for those who go on noting. Raises DiskFull."""
    write_private(calls_dir(project) / FORGOTTEN, str(time.time()))


def note_role(owner: Project, name: str, role_arn: str | None) -> None:
    """Note the role of an environment that the API made for a project, whose local AWS it calls; None where it ends.

    The local AWS runs meanwhile: guest/aws/calls/made.py reads it. Raises DiskFull.
    """
    folder = calls_dir(owner)
    if not folder.is_dir():  # the project has no local AWS
        return
    path = folder / ROLES_NAME
    roles: dict[str, str] = {}
    with contextlib.suppress(OSError, ValueError):
        roles = dict(json.loads(path.read_text(encoding="utf-8")))
    roles.pop(name, None)
    write_private(path, json.dumps({**roles, name: role_arn} if role_arn else roles))


def write_running(port: int) -> None:
    """Let a running local AWS write down what it noted. One that does not answer has written it some seconds ago."""
    connection = http.client.HTTPConnection(HOST, port, timeout=WRITE_TIMEOUT_S)
    with contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("POST", WRITE_PATH)
        connection.getresponse().read()
    connection.close()


def enforced_roles(environment: Environment) -> dict[str, str]:
    """Return environment -> ARN of its execution role, where its tasks may call only what that grants."""
    local, role_arn = environment.local, environment.execution_role_arn
    return {environment.name: role_arn} if local.enforce_iam and local.aws is AwsMode.LOCAL and role_arn else {}
