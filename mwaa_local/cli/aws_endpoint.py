"""Where AWS's clients find the project of a command: its local AWS while that runs, else MWAA's API alone."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mwaa_local.api.address import ApiFolder
from mwaa_local.cli.session import Session
from mwaa_local.errors import NotRunning
from mwaa_local.services.aws_clients import LOCALHOST

if TYPE_CHECKING:
    from mwaa_local.services.aws_access import AwsAccess

PREFIXED_NAME = f"api.{LOCALHOST}"


def find_access(session: Session) -> AwsAccess:
    """Return how the project is reached. Raises NotRunning where nothing of it answers."""
    from mwaa_local.configuration.base import region_of
    from mwaa_local.environment.kinds import AwsMode
    from mwaa_local.services.aws import AWS
    from mwaa_local.services.aws_access import AwsAccess

    plan = session.runtime.running_plan()
    address = ApiFolder.of(session.project.state_dir).address
    mwaa_url = address.url if address else ""
    region = region_of(session.env)
    if plan and AWS in plan.ports:
        return AwsAccess(region, f"http://{LOCALHOST}:{plan.ports[AWS]}", prefixes_resolve=prefixes_resolve())
    emulator_url = session.environment().local.aws if session.project.environment_path.is_file() else AwsMode.NONE
    if not isinstance(emulator_url, AwsMode):
        resolve = prefixes_resolve()
        return AwsAccess(region, emulator_url.rstrip("/"), mwaa_url, prefixes_resolve=resolve)
    if not mwaa_url:
        raise NotRunning(
            "nothing of this project answers AWS's clients",
            f"Neither its environment nor its MWAA API runs: {session.project.root_dir}",
            "start both with `mwaa-local up`; with `Local: {Aws: local}` in mwaa.yaml, other services answer, too",
        )
    return AwsAccess(region, mwaa_url=mwaa_url, prefixes_resolve=prefixes_resolve())


def variables_of(access: AwsAccess, shell: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that a shell needs to ask there, with those that it lacks."""
    return {**access.variables, **access.lacking(shell, has_files=_has_files(shell))}


def _has_files(shell: Mapping[str, str]) -> bool:
    """Say whether the AWS CLI's files of the shell's user are there."""
    folder = Path(shell.get("HOME") or "~").expanduser() / ".aws"
    named = {"AWS_SHARED_CREDENTIALS_FILE": "credentials", "AWS_CONFIG_FILE": "config"}
    return any(Path(shell.get(variable) or folder / name).is_file() for variable, name in named.items())


def prefixes_resolve() -> bool:
    """Say whether names below `localhost` lead to this machine here, as with systemd-resolved."""
    try:
        found = socket.getaddrinfo(PREFIXED_NAME, None, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return all(address[0] in ("127.0.0.1", "::1") for *_, address in found)
