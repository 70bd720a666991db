"""The front door: MWAA's own paths, and Airflow behind all others, on the web server's public port.

On MWAA a load balancer and a sidecar stand before the web server; here a small proxy does (`mwaa_local/door`), on an
interpreter that has aiohttp: the launcher's own, or that of an image of its own.
"""

from __future__ import annotations

import datetime
import hashlib
import importlib.metadata
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from packaging.version import Version

from mwaa_local import door
from mwaa_local.cache.kept import DIGEST_CHARACTERS, ImageKind
from mwaa_local.event import Event
from mwaa_local.https.place import CERTIFICATE_NAME, authority_path, certified_names, is_of_this_machine
from mwaa_local.place import Notes, Place
from mwaa_local.plan import SERVER_STOP_TIMEOUT_S, STOP_STAGE_WEBSERVER, Component
from mwaa_local.remarks import WARNING, Remark
from mwaa_local.secrets import Secrets
from mwaa_local.services.own_image import TAG_PATTERN, OwnImage, is_own_image
from mwaa_local.services.service import ImageBase, ServiceImage
from mwaa_local.wanted import Wanted
from mwaa_local.web_address import DOOR

TITLE = "front door"
PROGRAM_DIR = Path(str(door.__file__)).parent
CONFIGURATION_NAME = "door.json"
COMMANDS_NAME = "commands.json"  # how Airflow commands are run beside the web server; read anew when they are first
USED_TOKENS_NAME = "used-tokens.json"
SOCKET_NAME = "commands.sock"
COMMANDS_PROGRAM = "mwaa_support/cli_server.py"  # below the site-packages of the release's package set
COMMANDS_IDLE_S = 600.0  # how long what has imported Airflow waits for another command
READY_PATH = "/_mwaa-local/door"  # of mwaa_local/door/app.py, which the launcher does not import: it needs aiohttp
# Airflow divides it at spaces up to 2.x, and at commas from 3.0 on.
ORIGINS_OPTION, ORIGINS_SEPARATOR = "api.access_control_allow_origins", re.compile(r"[,\s]+")
DOOR_PYTHON = Version("3.10")  # the oldest that this aiohttp runs on (its metadata)


KEPT_IMAGE = ImageKind("image, front door", "mwaa-local/door", TAG_PATTERN, is_own_image)


@dataclass(frozen=True)
class FrontDoor:
    """The front door of one start."""

    wanted: Wanted

    name: ClassVar[str] = DOOR
    port: ClassVar[int] = 8080  # the web server's, on MWAA too
    port_setting: ClassVar[str] = "WebserverPort"
    is_wanted: ClassVar[bool] = True

    @classmethod
    def load(cls, wanted: Wanted) -> Self:
        return cls(wanted)

    @property
    def remarks(self) -> tuple[Remark, ...]:
        local = self.wanted.environment.local
        others = [name for name in local.webserver_names if not is_of_this_machine(name)]
        if not local.https or not others:
            return ()
        what = f"browsers and clients will not trust https by the name {', '.join(others)}"
        why = "The local authority vouches for localhost, names below it and loopback addresses alone."
        return (Remark(WARNING, "https", what, why, "use a name below localhost, as my-project.localhost"),)

    def component(self, place: Place, secrets: Secrets) -> Component:
        certificate = self._certificate() if place.authority else ""
        values = self._values(place, secrets)
        if certificate:
            values["certificate"] = place.write(DOOR, CERTIFICATE_NAME, certificate)
        text = json.dumps(values, sort_keys=True)
        python = place.interpreter(TITLE, _own_python)
        return Component(
            DOOR,
            (*python, place.program(DOOR, PROGRAM_DIR), place.write(DOOR, CONFIGURATION_NAME, text)),
            place.server_env,
            place.page(DOOR, READY_PATH),
            reads=hashlib.sha256((text + certificate).encode()).hexdigest()[:DIGEST_CHARACTERS],
            stop_timeout_s=SERVER_STOP_TIMEOUT_S,
            stop_stage=STOP_STAGE_WEBSERVER,
        )

    def _certificate(self) -> str:
        """Return the project's certificate with its key. Raises what `project_certificate` raises."""
        from mwaa_local.https.certificate import project_certificate  # most projects need no cryptography

        names = certified_names(self.wanted.environment.local.webserver_names)
        state_dir, now = self.wanted.project.state_dir, datetime.datetime.now(datetime.UTC)
        return project_certificate(state_dir, names, self.wanted.env, now)

    def _values(self, place: Place, secrets: Secrets) -> dict[str, Any]:
        release, environment = self.wanted.release, self.wanted.environment
        return {
            "environment": environment.name,
            "version": release.airflow_version,
            "generation": release.generation,
            "rest_base": release.rest_base,
            "listens": place.listens(DOOR),
            "upstream": place.reached("webserver"),
            "names": [*environment.local.webserver_names, *place.names_of(DOOR)],
            "origins": _origins(environment.airflow_configuration_options.get(ORIGINS_OPTION, "")),
            "login": str(environment.local.login),
            "keys": {"door": secrets.door_key, "jwt": secrets.jwt_secret},
            "used_tokens": place.shared(USED_TOKENS_NAME),
            "commands": place.shared(COMMANDS_NAME),
            "allowed": list(release.cli_commands),
        }

    def variables(self, place: Place) -> Mapping[str, str]:
        return {}

    def local_names(self, place: Place) -> tuple[str, ...]:
        return ()

    def told(self, place: Place) -> Event | None:
        return None

    def image(self, base: ImageBase) -> ServiceImage:
        """Return the image with aiohttp alone."""
        aiohttp_version = importlib.metadata.version("aiohttp")
        return OwnImage(KEPT_IMAGE, "MWAA_DOOR", "aiohttp", aiohttp_version, DOOR_PYTHON).on(base)

    def compose_variables(self, empty_dir: Path) -> Mapping[str, str]:
        return {}


def door_authority(wanted: Wanted) -> str:
    """Return the file of who vouches for the front door that is wanted; "" for one that speaks http."""
    return str(authority_path(wanted.env)) if wanted.environment.local.https else ""


def webserver_variables(place: Place) -> Mapping[str, str]:
    """Return what the web server, and nothing else, needs behind the front door."""
    # Of gunicorn and uvicorn: it believes that it is reached by https. Nobody but the door asks it.
    return {"FORWARDED_ALLOW_IPS": "*"} if place.authority else {}


def _origins(option: str) -> list[str]:
    return list(filter(None, ORIGINS_SEPARATOR.split(option)))


def commands_argv(
    python: Path | str, program: str, socket: str, program_argv: Sequence[str], preload: Sequence[str]
) -> tuple[str, ...]:
    """Return the command of what runs Airflow commands beside the web server."""
    return (str(python), program, socket, str(COMMANDS_IDLE_S), *program_argv, "--", *preload)


def _own_python(_say: Callable[[str], None], _notes: Notes) -> str:
    return sys.executable
