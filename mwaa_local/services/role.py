"""The component `iam`, where tasks go to an AWS that is not the local one: it notes what they call, and with
`Aws: profile` hands them the user's own credentials.

It runs on the launcher's own interpreter, which has botocore anyway: for MWAA's service model. In Docker it runs in the
front door's image, where it only notes.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from mwaa_local.cache.kept import DIGEST_CHARACTERS
from mwaa_local.configuration.base import region_of
from mwaa_local.environment.kinds import AwsMode
from mwaa_local.errors import CredentialsUnavailable, RuntimeUnavailable
from mwaa_local.event import Event
from mwaa_local.iam.credentials import NoCredentials, Source
from mwaa_local.place import HOST, Notes, Place, url_of
from mwaa_local.plan import SERVER_STOP_TIMEOUT_S, STOP_STAGE_SERVERS, Component
from mwaa_local.remarks import Remark
from mwaa_local.secrets import Secrets, load_secrets
from mwaa_local.services.aws import CALLS_IN_CONTAINER, IAM_DIR
from mwaa_local.services.calls import make_calls_dir
from mwaa_local.services.service import ImageBase, ServiceImage
from mwaa_local.wanted import Wanted

ROLE = "iam"  # the component
TITLE = "AWS credentials"
PROGRAM_DIR = Path(__file__).parents[1] / "guest" / "role"
CONFIGURATION_NAME = "iam.json"
READY_PATH, CREDENTIALS_PATH = "/_mwaa-local/iam", "/_mwaa-local/credentials"  # of guest/role/server.py
DEFAULT_PROFILE = "default"
SAID_AFTER_S = 1.5  # keys of a file take 0.1 s; who asks a program or STS may wait
# Of the shell: what botocore and the programs that it runs for credentials may need. Keys and tokens are not among
# them, since what a component starts with is kept in a file.
PASSED = (
    "AWS_CA_BUNDLE",
    "AWS_CONFIG_FILE",
    "AWS_ENDPOINT_URL_STS",
    "AWS_SHARED_CREDENTIALS_FILE",
    "DBUS_SESSION_BUS_ADDRESS",
    "DISPLAY",
    "HOME",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "LANG",
    "LOGNAME",
    "NO_PROXY",
    "PATH",
    "SSH_AUTH_SOCK",
    "USER",
    "WAYLAND_DISPLAY",
    "XDG_RUNTIME_DIR",
)


@dataclass(frozen=True)
class Role:
    """What stands beside tasks of one start that go to a real AWS."""

    wanted: Wanted

    name: ClassVar[str] = ROLE
    port: ClassVar[int] = 8126
    port_setting: ClassVar[str] = "IamPort"

    @classmethod
    def load(cls, wanted: Wanted) -> Self:
        return cls(wanted)

    @property
    def is_wanted(self) -> bool:
        return self.wanted.environment.local.aws not in (AwsMode.NONE, AwsMode.LOCAL)

    @property
    def hands_out(self) -> bool:
        return self.wanted.environment.local.aws is AwsMode.PROFILE

    @property
    def source(self) -> Source:
        environment = self.wanted.environment
        profile = profile_of(environment.local.aws_profile, self.wanted.env)
        return Source(profile, region_of(self.wanted.env), environment.execution_role_arn or "")

    @property
    def remarks(self) -> tuple[Remark, ...]:
        return ()

    def component(self, place: Place, secrets: Secrets) -> Component:
        """Return the component. Raises RuntimeUnavailable in Docker, and CredentialsUnavailable."""
        if self.hands_out and place.own_hosts:
            raise RuntimeUnavailable(
                "Aws: profile works with components as processes alone",
                "In a container, the programs and logins of your machine that give credentials are not there.",
                "write Runtime: process under Local in mwaa.yaml, or Aws: host, which shows containers your ~/.aws",
            )
        # First, since tasks would fail much later.
        python = place.interpreter(TITLE, self._look) if self.hands_out else place.interpreter(ROLE, _own_python)
        values: dict[str, Any] = {
            "listens": place.listens(ROLE),
            "names": [HOST, "localhost", *place.names_of(ROLE)],
            "iam": place.program(ROLE, IAM_DIR),
            "calls": place.folder(make_calls_dir(self.wanted.project), CALLS_IN_CONTAINER),
            "environment": self.wanted.environment.name,
            "source": vars(self.source) if self.hands_out else None,
            "token": token_of(secrets) if self.hands_out else "",
        }
        text = json.dumps(values, sort_keys=True)
        shell = {name: value for name, value in self.wanted.env.items() if name.upper() in PASSED}
        return Component(
            ROLE,
            (*python, place.program(ROLE, PROGRAM_DIR), place.write(ROLE, CONFIGURATION_NAME, text)),
            {**place.server_env, **shell, "AWS_EC2_METADATA_DISABLED": "true"} if self.hands_out else place.server_env,
            place.page(ROLE, READY_PATH),
            reads=hashlib.sha256(text.encode()).hexdigest()[:DIGEST_CHARACTERS],
            stop_timeout_s=SERVER_STOP_TIMEOUT_S,
            stop_stage=STOP_STAGE_SERVERS,
        )

    def _look(self, say: Callable[[str], None], notes: Notes) -> str:
        """Return the interpreter when the profile gave credentials. Raises CredentialsUnavailable."""
        with _said_late(say, f"asking the profile {self.source.profile} for credentials"):
            try:
                self.source.open().fetch(time.time())
            except NoCredentials as error:
                raise CredentialsUnavailable(error.what, error.why, error.hint) from error
        return _own_python(say, notes)

    def variables(self, place: Place) -> Mapping[str, str]:
        if not self.is_wanted:
            return {}
        host, port = place.reached(ROLE)
        found = {"AWS_CSM_ENABLED": "true", "AWS_CSM_HOST": host, "AWS_CSM_PORT": str(port)}
        if self.hands_out:
            found["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = url_of((host, port)) + CREDENTIALS_PATH
            found["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = token_of(load_secrets(self.wanted.project.state_dir))
        return found

    def local_names(self, place: Place) -> tuple[str, ...]:
        return ()

    def told(self, place: Place) -> Event | None:
        if not self.hands_out:
            return None
        return Event(TITLE, "done", detail=f"tasks get those of the profile {self.source.profile}, through {ROLE}")

    def image(self, base: ImageBase) -> ServiceImage | None:
        return None  # the front door's, which is always there

    def compose_variables(self, empty_dir: Path) -> Mapping[str, str]:
        return {}


def profile_of(chosen: str | None, env: Mapping[str, str]) -> str:
    """Return the name of the profile: the file's, or the shell's, as botocore reads it."""
    return chosen or env.get("AWS_PROFILE") or env.get("AWS_DEFAULT_PROFILE") or DEFAULT_PROFILE


def token_of(secrets: Secrets) -> str:
    """Return what shows that somebody who asks for credentials is of the environment."""
    return hmac.digest(secrets.door_key.encode(), b"container credentials", "sha256").hex()


@contextlib.contextmanager
def _said_late(say: Callable[[str], None], text: str) -> Iterator[None]:
    """Say it if what is done meanwhile takes long."""
    timer = threading.Timer(SAID_AFTER_S, say, [text])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


def _own_python(_say: Callable[[str], None], _notes: Notes) -> str:
    return sys.executable
