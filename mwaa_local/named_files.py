"""Files of the project that `mwaa.yaml` names by their keys in the source bucket.

A project may be laid out as its bucket is: `startup.sh` and `requirements.txt` at the top, for example. Every command
asks where these files are, so the two members are read here alone. Whether the file is right, `environment` says.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

WRAPPER = "Environment"  # `aws mwaa get-environment` puts the members under this name
REQUIREMENTS_MEMBER, STARTUP_MEMBER = "RequirementsS3Path", "StartupScriptS3Path"
PLUGINS_MEMBER, DAGS_MEMBER = "PluginsS3Path", "DagS3Path"
MEMBERS = (REQUIREMENTS_MEMBER, STARTUP_MEMBER, PLUGINS_MEMBER, DAGS_MEMBER)
S3_SCHEME = "s3://"  # an address with its bucket is a finding of its own; which file is meant is clear


def named_paths(environment_path: Path) -> dict[str, Path]:
    """Return member -> what it names, for those that name something that exists beside the environment file.

    Nothing for a file that is not there or cannot be read: whoever loads the environment reports that.
    """
    try:
        about = environment_path.stat()
        keys = _keys(environment_path, about.st_mtime_ns, about.st_size)
    except (OSError, ValueError):
        return {}
    root_dir = environment_path.parent
    return {member: root_dir / key for member, key in keys.items() if _is_there(root_dir, key)}


def _is_there(root_dir: Path, key: str) -> bool:
    try:
        # A link may lead out of the project; a key does not.
        return ".." not in PurePosixPath(key).parts and (root_dir / key).exists()
    except (OSError, ValueError):
        return False


@functools.lru_cache(maxsize=16)
def _keys(path: Path, _written_ns: int, _size: int) -> Mapping[str, str]:
    """Return member -> key. Raises OSError or ValueError for a file that is no text."""
    text = path.read_text(encoding="utf-8-sig")
    return dict(_members(text)) if any(member in text for member in MEMBERS) else {}


def _members(text: str) -> Iterator[tuple[str, str]]:
    """Yield the members with a text for a value, at the top of the file or in the answer of get-environment.

    Events instead of values: they need no recursion, however deep or entangled the file is.
    """
    import yaml  # most projects name no file, and their commands should not pay for it

    outer: list[str] = []  # the key under which each mapping or list around here stands
    key: str | None = None  # what the next value belongs to
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.CollectionStartEvent):
                outer.append(key or "")
                key = None
            elif isinstance(event, yaml.CollectionEndEvent):
                outer.pop()
                key = None
            elif isinstance(event, yaml.ScalarEvent) and key is None:
                key = event.value
            elif isinstance(event, (yaml.ScalarEvent, yaml.AliasEvent)):
                if key in MEMBERS and outer in ([""], ["", WRAPPER]) and isinstance(event, yaml.ScalarEvent):
                    yield key, _key_of(event.value)
                key = None
    except yaml.YAMLError:
        return


def _key_of(value: str) -> str:
    if value.startswith(S3_SCHEME):
        value = value.removeprefix(S3_SCHEME).partition("/")[2]
    return value.strip("/")
