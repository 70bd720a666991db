"""The AirflowVersion of an environment file, changed in its place: every other character of the file stays as it is."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from mwaa_local.errors import EnvironmentFileInvalid

KEY = "AirflowVersion"
WRAPPER = "Environment"  # around all members in what `aws mwaa get-environment` prints
BOM = b"\xef\xbb\xbf"


def with_version(content: bytes | None, version: str) -> bytes:
    """Return the content of a readable environment file with that version; None stands for no file.

    A value keeps its place, and what is before and behind it; without one, a line is added. Raises
    EnvironmentFileInvalid where the value refers to another part of the file, or that to it.
    """
    bom = BOM if content and content.startswith(BOM) else b""
    text = _text(content)
    try:
        changed = _changed(text, version)
        as_wanted = _data(changed) == _with(_data(text) or {}, version)
    except yaml.YAMLError:
        as_wanted = False
    if not as_wanted:
        raise EnvironmentFileInvalid(
            f"cannot change {KEY} in the environment file",
            "Its value is not a plain one in one line, or refers to another part of the file, or that to it.",
            f'write it as {KEY}: "VERSION", in a line of its own',
        )
    return bom + changed.encode("utf-8")


def version_of(content: bytes | None) -> str | None:
    """Return the version that an environment file names, as it is written; None where it names none.

    Raises EnvironmentFileInvalid for one that cannot be read.
    """
    try:
        data = _data(_text(content))
    except yaml.YAMLError as error:
        raise _unreadable(" ".join(str(error).split())) from error
    members = data.get(WRAPPER, data) if isinstance(data, dict) else {}
    return members.get(KEY) if isinstance(members, dict) else None


def _text(content: bytes | None) -> str:
    try:
        return (content or b"").removeprefix(BOM).decode("utf-8")
    except UnicodeDecodeError as error:
        raise _unreadable(str(error)) from error


def _unreadable(why: str) -> EnvironmentFileInvalid:
    return EnvironmentFileInvalid("the environment file cannot be read", why, "mend it: YAML or JSON, in UTF-8")


def _changed(text: str, version: str) -> str:
    quoted = json.dumps(version)
    end_of_line = "\r\n" if "\r\n" in text else "\n"
    members = _members(yaml.compose(text, Loader=yaml.SafeLoader))  # not libyaml's: its marks count otherwise
    if members is None:  # nothing but comments
        between = end_of_line if text and not text.endswith("\n") else ""
        return f"{text}{between}{KEY}: {quoted}{end_of_line}"
    for key, value in members.value:
        if key.value == KEY and key.end_mark.index < value.start_mark.index < value.end_mark.index:
            return text[: value.start_mark.index] + quoted + text[value.end_mark.index :]
    start = members.start_mark.index
    if members.flow_style:
        between = ", " if members.value else ""
        return f"{text[: start + 1]}{json.dumps(KEY)}: {quoted}{between}{text[start + 1 :]}"
    return f"{text[:start]}{KEY}: {quoted}{end_of_line}{' ' * members.start_mark.column}{text[start:]}"


def _members(root: yaml.Node | None) -> yaml.MappingNode | None:
    """Return the mapping in which the members are; None where there is none."""
    if not isinstance(root, yaml.MappingNode):
        return None
    wrapped = (value for key, value in root.value if key.value == WRAPPER and isinstance(value, yaml.MappingNode))
    return next(wrapped, root)


def _with(data: dict[str, Any], version: str) -> dict[str, Any]:
    if isinstance(data.get(WRAPPER), dict):
        return {**data, WRAPPER: {**data[WRAPPER], KEY: version}}
    return {**data, KEY: version}


def _data(text: str) -> Any:
    return yaml.load(text, Loader=_AllText)  # which makes nothing but text, lists and mappings


class _AllText(yaml.SafeLoader):
    """Reads scalars as they are written: which of them are numbers plays no part here."""


_AllText.yaml_implicit_resolvers = {"<": [("tag:yaml.org,2002:merge", re.compile("^<<$"))]}
