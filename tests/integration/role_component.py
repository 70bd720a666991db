"""The component `iam` as a program of its own, and profiles of a user that give it credentials."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mwaa_local.runtime.ports import free_port
from mwaa_local.services.aws import IAM_DIR
from mwaa_local.services.role import CREDENTIALS_PATH, PROGRAM_DIR, READY_PATH
from tests.environments import wait_until
from tests.integration.aws_server import answers

TOKEN = "only the environment's components know it"
# Gives keys anew at each call, which end after some seconds; counts the calls in a file.
PROCESS = """\
import datetime, json, pathlib, sys
count = pathlib.Path(sys.argv[1])
number = int(count.read_text()) + 1 if count.exists() else 1
count.write_text(str(number))
end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=float(sys.argv[2]))
keys = {"AccessKeyId": sys.argv[3] or f"AKIA{number}", "SecretAccessKey": "tell-nobody", "SessionToken": "tell-nobody"}
print(json.dumps({"Version": 1, **keys, "Expiration": end.isoformat()}))
"""


def profile(folder: Path, url: str, lasts_s: float = 3600.0, key: str = "") -> dict[str, str]:
    """Write a profile `dev` that runs a program for its keys; return the variables that lead to it."""
    program, count = folder / "process.py", folder / "count"
    program.write_text(PROCESS)
    words = f"{sys.executable} {program} {count} {lasts_s} '{key}'"
    config = folder / "config"
    config.write_text(f"[profile dev]\nregion = us-east-1\nendpoint_url = {url}\ncredential_process = {words}\n")
    return {"AWS_CONFIG_FILE": str(config), "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "HOME": str(folder)}


@dataclass(frozen=True)
class RoleComponent:
    port: int
    log_path: Path

    @property
    def variables(self) -> dict[str, str]:
        """What tasks get."""
        return {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{self.port}{CREDENTIALS_PATH}",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": TOKEN,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CSM_ENABLED": "true",
            "AWS_CSM_HOST": "127.0.0.1",
            "AWS_CSM_PORT": str(self.port),
            "AWS_DEFAULT_REGION": "us-east-1",
            "PATH": os.environ["PATH"],
        }


@contextmanager
def role_component(folder: Path, env: Mapping[str, str], source: Mapping[str, Any] | None) -> Iterator[RoleComponent]:
    port = free_port()
    calls = folder / "calls"
    calls.mkdir(exist_ok=True, mode=0o700)
    values = {
        "listens": ["127.0.0.1", port],
        "names": ["127.0.0.1", "localhost"],
        "iam": str(IAM_DIR),
        "calls": str(calls),
        "environment": "orders",
        "source": source,
        "token": TOKEN if source else "",
    }
    (folder / "iam.json").write_text(json.dumps(values))
    log_path = folder / "iam.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-I", str(PROGRAM_DIR), str(folder / "iam.json")],
            env={"PATH": os.environ["PATH"], **env},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}{READY_PATH}"), 30, "the component answers")
        yield RoleComponent(port, log_path)
    finally:
        process.terminate()
        process.wait()
