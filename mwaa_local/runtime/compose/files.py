"""The files below `.mwaa-local/docker/` that `docker-compose.yml` reads: variables, secrets, what is started from.

Written anew by every `up` and `mwaa-local env`; all of it private, since it holds the environment's secrets.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mwaa_local.files import write_private
from mwaa_local.project import Project
from mwaa_local.startup import outcome as startup_outcome
from mwaa_local.startup.run import WRAPPER_PATH

ENV_FILE = "compose.env"
SHARED_NAME = "shared"  # what the front door and the web server both see, as `ContainerPlace.shared`
CA_BUNDLE_NAME = "ca-bundle.pem"
# Where the compose file shows these folders in containers.
RUN_DIR = "/opt/mwaa/run"
REQUIREMENTS_DIR = f"{RUN_DIR}/requirements"


@dataclass(frozen=True)
class ComposeFiles:
    """The folder of one project's files for Docker."""

    dir: Path

    @classmethod
    def of(cls, project: Project) -> ComposeFiles:
        return cls(project.state_dir / "docker")

    @property
    def env_path(self) -> Path:
        """What the compose file's own variables are read from."""
        return self.dir / ENV_FILE

    @property
    def image_dir(self) -> Path:
        return self.dir / "image"

    @property
    def run_dir(self) -> Path:
        """What all containers of Airflow see."""
        return self.dir / "run"

    @property
    def requirements_dir(self) -> Path:
        return self.run_dir / "requirements"

    @property
    def services_dir(self) -> Path:
        """Below it what services beside Airflow start from, each in the folder that bears its name."""
        return self.dir / "services"

    @property
    def empty_dir(self) -> Path:
        """What a container sees in place of a folder that the project does not have."""
        return self.dir / "empty"

    def outcome_dir(self, service: str) -> Path:
        """Where a container of that service leaves how its startup script and pip ended."""
        return self.dir / "outcomes" / service

    def make(self) -> None:
        """Make the folders. Others may pass through none of them: the servers' users read single files of it."""
        self.dir.mkdir(exist_ok=True, mode=0o700)
        for name in ("run", "outcomes", "image-secrets", "aws", "services", "empty", SHARED_NAME):
            (self.dir / name).mkdir(exist_ok=True)
        shutil.copyfile(WRAPPER_PATH, self.dir / "run" / WRAPPER_PATH.name)

    def write_variables(self, name: str, variables: Mapping[str, str]) -> None:
        """Write `<name>.env`."""
        write_private(self.dir / f"{name}.env", env_file(variables))

    def write_start(self, service: str, values: Mapping[str, Any]) -> None:
        """Write what the entry point of that service starts from."""
        write_private(self.dir / "run" / f"{service}.json", json.dumps(values, sort_keys=True))

    def write_broker_configuration(self, text: str) -> None:
        """Write the broker's configuration; its user in the container is not ours, so the file itself is open."""
        path = self.dir / "redis.conf"
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
        path.chmod(0o644)

    def write_image_secrets(self, ca_bundle: Path | None, index_url: str) -> None:
        """Write what the build may know and the image must not keep; both may be empty."""
        bundle = ca_bundle.read_text(encoding="utf-8", errors="replace") if ca_bundle else ""
        write_private(self.dir / "image-secrets" / "ca_bundle.pem", bundle)
        write_private(self.dir / "image-secrets" / "index_url", index_url)
        if bundle:
            write_private(self.dir / "run" / CA_BUNDLE_NAME, bundle)

    def forget_script(self, service: str) -> None:
        """Forget how the startup script ended in that service's container, which may not run it again."""
        (self.outcome_dir(service) / startup_outcome.OUTCOME_NAME).unlink(missing_ok=True)

    def forget_outcomes(self) -> None:
        shutil.rmtree(self.dir / "outcomes", ignore_errors=True)
        (self.dir / "outcomes").mkdir(exist_ok=True)


def env_file(variables: Mapping[str, str]) -> str:
    """Return the text of an env file that gives exactly these values, whatever characters they hold.

    Compose expands `$` and takes escapes within double quotes, and knows no escape within single ones.
    """
    return "".join(f"{name}={_quoted(value)}\n" for name, value in sorted(variables.items()))


def _quoted(value: str) -> str:
    for character, escape in (("\\", "\\\\"), ('"', '\\"'), ("$", "\\$"), ("\n", "\\n"), ("\r", "\\r")):
        value = value.replace(character, escape)
    return f'"{value}"'
