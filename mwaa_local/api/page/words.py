"""How statuses, times and amounts of members are said on the page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from mwaa_local.api.environments.status import (
    AVAILABLE,
    CREATE_FAILED,
    CREATING,
    DELETING,
    PENDING,
    ROLLING_BACK,
    UPDATE_FAILED,
    UPDATING,
)
from mwaa_local.api.page.html import Markup, element
from mwaa_local.event import FAILED, LEAVING, READY, RESTARTING, STARTING, STOPPING, WAITING

GOOD, BUSY, BAD = "good", "busy", "bad"
# Looks of a status, besides its word.
LOOKS = {
    AVAILABLE: GOOD,
    READY: GOOD,
    **dict.fromkeys((CREATING, UPDATING, DELETING, PENDING, ROLLING_BACK), BUSY),
    **dict.fromkeys((WAITING, STARTING, STOPPING, LEAVING), BUSY),
    **dict.fromkeys((CREATE_FAILED, UPDATE_FAILED, FAILED, RESTARTING), BAD),
}


def status(word: str) -> Markup:
    """Return a status, in its colour."""
    return element("span", word, class_=f"status {LOOKS.get(word, '')}".rstrip())


def when(at: float) -> Markup:
    """Return a time (epoch seconds) as this machine's clock shows it."""
    local = datetime.fromtimestamp(at).astimezone()
    return element("time", local.strftime("%Y-%m-%d %H:%M:%S %Z"), datetime=local.isoformat(timespec="seconds"))


def counts(members: Mapping[str, Any], what: str) -> str:
    """Return how many there may be of what the members Min… and Max… count: "1 to 5"."""
    least, most = members.get(f"Min{what}"), members.get(f"Max{what}")
    if least is None or most is None:
        return "-"
    return str(least) if least == most else f"{least} to {most}"
