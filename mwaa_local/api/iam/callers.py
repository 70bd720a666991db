"""Who a caller is in IAM, and in which Airflow role they may come.

A key that no local IAM made is everybody's here, as on a machine of one's own: an admin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

ADMIN = "Admin"


@dataclass(frozen=True)
class Identity:
    """A caller, as IAM names them: `user/NAME`, or `assumed-role/ROLE/SESSION`."""

    name: str
    is_known: bool = False  # to a local IAM, whose policies then say what they may


class Callers(Protocol):
    """What knows callers by the access key ids of their requests. May wait for a local IAM.

    Methods raise ServiceError where there is one that does not answer.
    """

    def identity(self, access_key_id: str) -> Identity: ...

    def role(self, identity: Identity, action: str, role_arn_base: str) -> str | None:
        """Return the highest Airflow role on which that action is granted; None for no role.

        `role_arn_base` is the beginning of the ARNs of an environment's roles, `arn:…:role/ENVIRONMENT/`.
        """


class AnyCaller:
    """Callers where there is no local IAM."""

    def identity(self, access_key_id: str) -> Identity:
        return Identity(f"user/{access_key_id}")

    def role(self, identity: Identity, action: str, role_arn_base: str) -> str | None:
        return ADMIN
