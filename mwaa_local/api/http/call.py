"""Call: one request to the service, understood and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Caller:
    """Who asks, by the signature of the request. The secret is not checked, so this is what the client says."""

    access_key_id: str
    region: str  # for which the request was signed; "" where the signature is for several


@dataclass(frozen=True)
class Call:
    """One request. `members` are those of the operation's input shape, checked; what nobody gave is not there.

    Values have the types of the model: text, whole numbers, booleans, lists, dicts; timestamps are epoch seconds.
    """

    operation: str  # as the model names it: "GetEnvironment"
    members: Mapping[str, Any] = field(repr=False)  # option values are secret
    caller: Caller
