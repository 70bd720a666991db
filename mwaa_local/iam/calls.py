"""Call: one request to a service of AWS, as far as IAM looks at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Call:
    """One call. `operation` is "" where it could not be told, `parameters` are those that were in reach."""

    signing_name: str
    operation: str
    region: str = "us-east-1"
    account_id: str = "000000000000"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    has_parameters: bool = True  # else nothing is known of what it asked for


@dataclass(frozen=True, order=True)
class Need:
    """What IAM must grant for a call: an action, with its prefix, on a resource, which is "" where it is not known."""

    action: str
    resource: str = ""
