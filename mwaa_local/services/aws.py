"""The local AWS: one endpoint for all services, on an interpreter that has moto, as a component of the plan.

That interpreter is the launcher's own where the extra `aws` is installed, else one of a virtual environment that uv
makes in the cache, once for all projects.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from packaging.version import Version

from mwaa_local import iam
from mwaa_local.cache.kept import CacheKind, ImageKind, is_virtual_environment
from mwaa_local.configuration.base import region_of
from mwaa_local.configuration.log_groups import ACCOUNT_ID
from mwaa_local.environment.kinds import AwsMode
from mwaa_local.event import Event
from mwaa_local.files import make_private
from mwaa_local.place import Notes, Place, url_of
from mwaa_local.plan import SERVER_STOP_TIMEOUT_S, STOP_STAGE_SERVERS, Component
from mwaa_local.project import Project
from mwaa_local.remarks import Remark
from mwaa_local.secrets import Secrets
from mwaa_local.seeding.aws_fixtures import FOLDER, Fixtures, fixtures_dir, fixtures_version
from mwaa_local.services.aws_clients import (
    LOCALHOST,
    endpoint_variables,
    host_names,
    host_of,
    is_this_machine,
    url_for_clients,
)
from mwaa_local.services.aws_mirror import mirror_version, mirrored_source
from mwaa_local.services.aws_state import is_kept, keeps, make_state_dir, state_dir, state_key
from mwaa_local.services.calls import enforced_roles, make_calls_dir
from mwaa_local.services.own_image import TAG_PATTERN, OwnImage, is_own_image
from mwaa_local.services.service import ImageBase, ServiceImage
from mwaa_local.services.tool import TOOLS_FOLDER, Tool, is_whole, tool_pattern
from mwaa_local.wanted import Wanted

AWS = "aws"  # the component
TITLE = "local AWS"
MOTO_VERSION = "5.2.5"
MOTO_PACKAGE = "moto[server]"
MOTO_REQUIREMENT = f"{MOTO_PACKAGE}=={MOTO_VERSION}"  # also the extra `aws` in pyproject.toml
PROGRAM_DIR = Path(__file__).parents[1] / "guest" / "aws"
IAM_DIR = Path(iam.__file__).parent
READY_PATH = "/_mwaa-local/aws"  # of guest/aws/dispatcher.py
START_NAME = "aws.json"  # what it starts from
FIXTURES_IN_CONTAINER = "/opt/mwaa/fixtures"  # docker-compose.yml
# Where what answers for MWAA itself is reached, in the project's state folder and in a container (docker-compose.yml).
API_DIR_NAME, API_SOCKET_NAME = "api", "api.sock"
API_IN_CONTAINER = "/opt/mwaa/api"
STATE_IN_CONTAINER = "/opt/mwaa/aws-state"  # docker-compose.yml
CALLS_IN_CONTAINER = "/opt/mwaa/calls"  # docker-compose.yml
MOTO_PYTHON = Version("3.10")  # the oldest that this moto runs on (its metadata)
IN_MEMORY = ":memory"  # what else it reads, where nothing is kept
NOT_FROM_CONTAINERS = ", which in a container is the container itself: name a host that containers reach"
# No credentials, settings or account of anybody's, wherever moto or boto3 may look for them.
SERVER_VARIABLES = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "MOTO_ACCOUNT_ID": ACCOUNT_ID,
}


KEPT = CacheKind("local AWS", TOOLS_FOLDER, tool_pattern("moto"), is_virtual_environment, is_whole)
KEPT_IMAGE = ImageKind("image, local AWS", "mwaa-local/aws", TAG_PATTERN, is_own_image)


MOTO = Tool(
    KEPT,
    f"moto-{MOTO_VERSION}",
    MOTO_REQUIREMENT,
    "for the local AWS",
    "or install the extra yourself: pip install 'mwaa-local[aws]'; without `Aws: local` in mwaa.yaml it is not needed",
)


def aws_python(cache_dir: Path, env: Mapping[str, str], say: Callable[[str], None], notes: Notes | None = None) -> str:
    """Return an interpreter that has moto, making one the first time.

    Raises PackagesUnavailable when moto is not to be had.
    """
    if importlib.util.find_spec("moto") and importlib.util.find_spec("flask"):
        return sys.executable
    return str(MOTO.find_or_make(cache_dir, env, say, notes) / "bin" / "python")


@dataclass(frozen=True)
class LocalAws:
    """The local AWS of one start: moto's server, with the project's fixtures in it."""

    wanted: Wanted
    fixtures: Fixtures | None  # None where it is not asked for
    emulator_url: str = ""  # of the one that is to be asked instead

    name: ClassVar[str] = AWS
    port: ClassVar[int] = 5000  # moto's own
    port_setting: ClassVar[str] = "AwsPort"

    @classmethod
    def load(cls, wanted: Wanted) -> Self:
        """Read the fixtures. Raises SettingsFileInvalid."""
        choice = wanted.environment.local.aws
        fixtures = Fixtures.load(wanted.project) if choice is AwsMode.LOCAL else None
        return cls(wanted, fixtures, "" if isinstance(choice, AwsMode) else choice.rstrip("/"))

    @property
    def is_wanted(self) -> bool:
        return self.fixtures is not None

    @property
    def remarks(self) -> tuple[Remark, ...]:
        return () if self.fixtures is None else self.fixtures.remarks

    @property
    def _keeps(self) -> bool:
        return keeps(self.wanted.env)

    def component(self, place: Place, secrets: Secrets) -> Component:
        """Return the component; its port answers when all fixtures are in."""
        assert self.fixtures is not None
        folder = fixtures_dir(self.wanted.project)
        fixtures = self.fixtures.to_json(region_of(self.wanted.env), place.folder(folder, FIXTURES_IN_CONTAINER))
        values = {
            "listens": place.listens(AWS),
            "names": host_names(host_of(place.reached(AWS))),
            "control_plane": f"{place.folder(api_dir(self.wanted.project), API_IN_CONTAINER)}/{API_SOCKET_NAME}",
            "state": place.folder(make_state_dir(self.wanted.project), STATE_IN_CONTAINER) if self._keeps else "",
            "state_key": state_key(self.wanted.cache_dir) if self._keeps else "",
            "iam": place.program(AWS, IAM_DIR),
            "calls": place.folder(make_calls_dir(self.wanted.project), CALLS_IN_CONTAINER),
            "enforced": enforced_roles(self.wanted.environment),
            "source": mirrored_source(self.wanted, place),
            "fixtures": fixtures,
        }
        python = place.interpreter(
            TITLE, lambda say, notes: aws_python(self.wanted.cache_dir, self.wanted.env, say, notes)
        )
        start_values = place.write(AWS, START_NAME, json.dumps(values))
        return Component(
            AWS,
            (*python, place.program(AWS, PROGRAM_DIR), start_values),
            {**place.server_env, **SERVER_VARIABLES},
            place.page(AWS, READY_PATH),
            reads=fixtures_version(fixtures, folder, secrets.fernet_key)
            + ("" if self._keeps else IN_MEMORY)
            + mirror_version(self.wanted)
            + "".join(f":{name}={arn}" for name, arn in enforced_roles(self.wanted.environment).items()),
            stop_timeout_s=SERVER_STOP_TIMEOUT_S,
            stop_stage=STOP_STAGE_SERVERS,
        )

    def variables(self, place: Place) -> dict[str, str]:
        url = self.emulator_url or (url_for_clients(place.reached(AWS)) if self.is_wanted else "")
        return endpoint_variables(self.wanted.release, place, url) if url else {}

    def local_names(self, place: Place) -> tuple[str, ...]:
        if self.is_wanted:
            return host_names(host_of(place.reached(AWS)))
        return host_names(LOCALHOST) if is_this_machine(self.emulator_url) else ()

    def told(self, place: Place) -> Event | None:
        if self.emulator_url:
            lost = place.own_hosts and is_this_machine(self.emulator_url)
            return Event(TITLE, "done", detail=f"tasks ask {self.emulator_url}{NOT_FROM_CONTAINERS if lost else ''}")
        if not self.is_wanted:
            return None
        counts = self.fixtures.counts if self.fixtures else ""
        before = "what it held before" if self._keeps and is_kept(self.wanted.project) else ""
        both = " and ".join(part for part in (counts, before) if part)
        here = url_of((LOCALHOST, place.ports[AWS]))
        return Event(TITLE, "done", detail=f"{here} holds {both or f'nothing, because {FOLDER}/ is empty'}")

    def image(self, base: ImageBase) -> ServiceImage:
        """Return the image with moto alone."""
        return OwnImage(KEPT_IMAGE, "MWAA_AWS", MOTO_PACKAGE, MOTO_VERSION, MOTO_PYTHON).on(base)

    def compose_variables(self, empty_dir: Path) -> dict[str, str]:
        fixtures = fixtures_dir(self.wanted.project)
        return {
            "MWAA_AWS_FIXTURES_DIR": str(fixtures if fixtures.is_dir() else empty_dir),
            "MWAA_AWS_STATE_DIR": str(state_dir(self.wanted.project)),
            "MWAA_API_DIR": str(api_dir(self.wanted.project)),
            "MWAA_CALLS_DIR": str(make_calls_dir(self.wanted.project)),
        }


def api_dir(project: Project) -> Path:
    """Return the folder of the socket of what answers for MWAA itself; it is made, since containers are shown it."""
    return make_private(project.state_dir / API_DIR_NAME)
