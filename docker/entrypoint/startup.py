"""What a startup script exported, and a component's variables with that merged in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

# bash keeps these for itself, and the wrapper has names of its own.
BASH_OWN_NAMES = frozenset({"_", "SHLVL", "PWD", "OLDPWD"})
WRAPPER_PREFIX = "__mwaa_local_"
PROTECTED_PREFIX = "MWAA__"  # names that a startup script cannot change where the container has them


def exported(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str]:
    """Return what a startup script added or changed; what it unset stays, as on MWAA."""
    return {
        name: value
        for name, value in after.items()
        if before.get(name) != value and name not in BASH_OWN_NAMES and not name.startswith(WRAPPER_PREFIX)
    }


def merge(own: Mapping[str, str], exports: Mapping[str, str], values: Mapping[str, Any]) -> dict[str, str]:
    """Return the component's variables: the container's own, which hold all but the exports, with these merged in."""
    always_locked, locked_if_set = set(values["locked"]), set(values["locked_if_set"])

    def is_locked(name: str) -> bool:
        # Set by the image or the engine, of whose variables the launcher knows nothing.
        set_elsewhere = name in own and name not in values["view"]
        protected = name in locked_if_set or name.startswith(PROTECTED_PREFIX)
        return name in always_locked or (set_elsewhere and protected)

    env = dict(own)
    for name in exports:
        for other, value in values["yields"].get(name, {}).items():
            if value is None:
                env.pop(other, None)
            else:
                env[other] = value
    celery = values["celery"]
    if celery is not None and celery["option"] in exports:
        theirs = read_celery_config(exports[celery["option"]])
        kept = {key: value for key, value in theirs.items() if key not in celery["not_theirs"]}
        env.update(dict.fromkeys(celery["variables"], json.dumps({**celery["ours"], **kept})))
    env.update((name, value) for name, value in exports.items() if not is_locked(name))
    return env


def read_celery_config(text: str) -> dict[str, Any]:
    """Return the JSON object; an empty one for what MWAA ignores as a whole."""
    try:
        plain = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return plain if isinstance(plain, dict) else {}
