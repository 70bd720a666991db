"""Face: what operations stand on. The environments that there are, the clock, and where the answers say that we are.

`api.environments` has the registry; what is asked of it stands here as protocols, so that operations are written and
tried without one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from mwaa_local.api.iam.callers import AnyCaller, Callers
from mwaa_local.web_address import WebAddress

SERVICE = "airflow"  # signing name of MWAA, and its name in ARNs


class ServedEnvironment(Protocol):
    """One environment, as the registry has it at this moment."""

    @property
    def name(self) -> str: ...

    @property
    def members(self) -> Mapping[str, Any]:
        """Members as CreateEnvironment takes them, without `Tags`; defaults included, where there are any."""

    @property
    def tags(self) -> Mapping[str, str]: ...

    @property
    def created_at(self) -> float:
        """Epoch seconds."""

    @property
    def status(self) -> str:
        """A word of the model's EnvironmentStatus, true when it is asked for."""

    @property
    def last_update(self) -> Mapping[str, Any] | None:
        """Members of the model's LastUpdate; None where nothing was updated yet."""

    def answered(self, region: str) -> Mapping[str, Any]:
        """Return members that only GetEnvironment's answer has: names of endpoint services, where there are any."""

    @property
    def door(self) -> WebAddress | None:
        """Where the environment's front door answers; None where there is none now."""

    @property
    def door_key(self) -> str:
        """The key with which tokens for that door are signed."""

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Add or replace tags. Raises ServiceError where the environment would have more than MWAA allows."""

    def remove_tags(self, keys: Iterable[str]) -> None: ...

    def update(self, members: Mapping[str, Any]) -> None:
        """Begin an update. Raises ServiceError where the environment's status does not allow one."""

    def delete(self) -> None:
        """Begin the deletion. Raises ServiceError where the environment's status does not allow one."""


class Registry(Protocol):
    """The environments that this process serves. Methods are called from several threads at once."""

    def names(self) -> list[str]:
        """Return all names, sorted."""

    def find(self, name: str) -> ServedEnvironment:
        """Return the environment of that name. Raises ServiceError, `ResourceNotFoundException`."""

    def create(self, members: Mapping[str, Any]) -> None:
        """Begin to make an environment of members of CreateEnvironment, `Tags` among them. Raises ServiceError."""


@dataclass(frozen=True)
class Face:
    """What an operation gets besides the call."""

    registry: Registry
    region: str
    account_id: str
    partition: str = "aws"
    callers: Callers = field(default_factory=AnyCaller)
    clock: Callable[[], float] = time.time

    def arn(self, name: str) -> str:
        """Return the ARN of an environment, as MWAA forms it."""
        return self._arn(f"environment/{name}")

    def role_arn_base(self, name: str) -> str:
        """Return how the ARNs of an environment's Airflow roles begin; the role's name follows."""
        return self._arn(f"role/{name}/")

    def _arn(self, resource: str) -> str:
        return f"arn:{self.partition}:{SERVICE}:{self.region}:{self.account_id}:{resource}"


Operation = Callable[[Any, Face], Any]  # (Call, Face) -> members of the answer, or something to await for them
