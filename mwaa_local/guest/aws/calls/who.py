"""Who calls: an environment's own components, by the key that they have, and within them DAG and operator.

Hooks of Airflow's Amazon provider add `Caller/OPERATOR DagRunKey/UUID` to the user agent (8.0 and newer), with the UUID
of a DAG's id (RFC 9562, version 5, of the namespace for object identifiers).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

KEY_PREFIX = "task."  # of access keys, before the environment's name: configuration/base.py
_CALLER = re.compile(r"\bCaller/([\w.-]{1,100})")
_DAG = re.compile(r"\bDagRunKey/([0-9a-f-]{36})")
NOBODYS = ("Unknown", "00000000-0000-0000-0000-000000000000")


def environment_of(access_key_id: str) -> str:
    """Return the environment whose component has that key; "" for anybody else's."""
    return access_key_id[len(KEY_PREFIX) :] if access_key_id.startswith(KEY_PREFIX) else ""


def caller_of(environ: Mapping[str, Any]) -> tuple[str, str]:
    """Return the key of a DAG and the name of an operator or hook, each "" where the client does not say."""
    agent = environ.get("HTTP_USER_AGENT", "")
    dag, caller = _DAG.search(agent), _CALLER.search(agent)
    found = (dag[1] if dag else "", caller[1] if caller else "")
    return tuple("" if each in NOBODYS else each for each in found)  # type: ignore[return-value]
