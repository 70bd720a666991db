"""`mwaa.yaml` as it would be after the move: options that the release has under another name. Pure.

The text is edited, so that comments and order stay. An edit counts only if the file then says exactly what was meant;
what cannot be edited so is left to the user, who is told by a finding anyway.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

MEMBER, OPTIONS, WRAPPER = "AirflowVersion", "AirflowConfigurationOptions", "Environment"


def with_options(text: str, renamed: Mapping[str, str]) -> str:
    """Return the text with options under their new names; the line of one whose new name is "" is removed."""
    for old, new in renamed.items():
        text = _with_option(text, old, new)
    return text


def _with_option(text: str, old: str, new: str) -> str:
    wanted = _read(text)
    members = _members(wanted)
    options = members.get(OPTIONS) if isinstance(members, dict) else None
    if not isinstance(options, dict) or old not in options or new in options:
        return text
    members[OPTIONS] = {new if key == old else key: value for key, value in options.items() if key != old or new}
    members[OPTIONS] = members[OPTIONS] or None
    pattern = re.compile(rf"^(?P<before>[ \t]*[\"']?){re.escape(old)}(?P<after>[\"']?[ \t]*:.*(?:\n|$))", re.MULTILINE)
    edits = (
        text[: found.start()] + (f"{found['before']}{new}{found['after']}" if new else "") + text[found.end() :]
        for found in pattern.finditer(text)
    )
    return next((edited for edited in edits if _read(edited) == wanted), text)


def _read(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return None


def _members(data: Any) -> Any:
    return data[WRAPPER] if isinstance(data, dict) and isinstance(data.get(WRAPPER), dict) else data
