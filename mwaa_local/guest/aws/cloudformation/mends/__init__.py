"""What moto's resources leave out between a template and the service: settings dropped, updates and deletions missing.

Without these a bucket of a template has no versioning, a subnet no routes, and a deleted stack leaves its network.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Properties = Mapping[str, Any]


@dataclass(frozen=True)
class Where:
    """The account and region that a stack belongs to."""

    account_id: str
    region: str
    partition: str


@dataclass(frozen=True)
class Mend:
    """What is done for one type of resource, beside or in place of moto's own."""

    hidden: tuple[str, ...] = ()  # properties that moto's creation gets wrong
    created: Callable[[Where, Any, Properties], None] | None = None  # after moto's creation
    updated: Callable[[Where, Any, Properties, Properties], None] | None = None  # old, new; in place of moto's update
    deleted: Callable[[Where, Any, Properties], None] | None = None  # in place of moto's deletion


def table() -> dict[str, Mend]:
    """Return what is mended, by type of resource."""
    from .. import nested
    from . import ec2, iam, s3

    return {**ec2.MENDS, **iam.MENDS, **s3.MENDS, **nested.MENDS}
