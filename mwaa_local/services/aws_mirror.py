"""The source bucket that the project's folders stand for, as the local AWS is told of it. `guest/aws/mirror` does it.

A project whose `mwaa.yaml` names a bucket has, in the local AWS, that bucket with what is in its folders, so that
scripts that read it find on this machine what they find in their account.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mwaa_local.configuration.base import region_of
from mwaa_local.delivery import REQUIREMENTS_FILE, STARTUP_SCRIPT
from mwaa_local.environment.environment import Environment
from mwaa_local.place import Place
from mwaa_local.wanted import Wanted

IN_CONTAINER = "/opt/mwaa/source"  # docker-compose.yml
BUCKET_ARN_PREFIX = ":s3:::"
# Keys of a bucket as MWAA's guide has them, where mwaa.yaml names no others.
DAGS_PATH, PLUGINS_KEY, REQUIREMENTS_KEY, STARTUP_KEY = "dags", "plugins.zip", "requirements.txt", "startup.sh"


@dataclass(frozen=True)
class Part:
    """A folder below a prefix, or a file or a folder's zip under a key. `rest` is below the folder of that name."""

    kind: str  # of guest/aws/mirror/parts.py
    key: str
    name: str
    rest: str = ""


def bucket_of(environment: Environment) -> str:
    """Return the name of the source bucket; "" where the environment names none."""
    return (environment.source_bucket_arn or "").partition(BUCKET_ARN_PREFIX)[2]


def parts_of(environment: Environment) -> list[Part]:
    """Return which of the project's folders and files are which objects of the bucket."""
    path = (environment.dag_s3_path or DAGS_PATH).strip("/")
    requirements, startup = (name.partition("/")[::2] for name in (REQUIREMENTS_FILE, STARTUP_SCRIPT))
    return [
        Part("folder", f"{path}/" if path else "", "dags"),
        Part("zip", _key(environment.plugins_s3_path, PLUGINS_KEY), "plugins"),
        Part("file", _key(environment.requirements_s3_path, REQUIREMENTS_KEY), *requirements),
        Part("file", _key(environment.startup_script_s3_path, STARTUP_KEY), *startup),
    ]


def mirrored_source(wanted: Wanted, place: Place) -> dict[str, Any]:
    """Return the bucket and its parts, as a service sees them; {} where the environment names no bucket."""
    bucket = bucket_of(wanted.environment)
    if not bucket:
        return {}
    folders = wanted.delivery.folders

    def plain(part: Part) -> dict[str, str]:
        seen = Path(place.folder(folders[part.name], f"{IN_CONTAINER}/{part.name}"), part.rest)
        return {"kind": part.kind, "key": part.key, "path": str(seen), "shown": str(folders[part.name] / part.rest)}

    parts = [plain(part) for part in parts_of(wanted.environment)]
    key = wanted.environment.kms_key or ""
    return {"bucket": bucket, "region": region_of(wanted.env), "key": key, "parts": parts}


def mirror_version(wanted: Wanted) -> str:
    """Return what differs when another bucket, another path in it or another key is named."""
    environment = wanted.environment
    if not environment.source_bucket_arn:
        return ""
    paths = (environment.plugins_s3_path, environment.requirements_s3_path, environment.startup_script_s3_path)
    named = [environment.source_bucket_arn, environment.dag_s3_path, *paths]
    return ":" + json.dumps([*named, environment.kms_key] if environment.kms_key else named)


def _key(named: str | None, usual: str) -> str:
    return (named or usual).lstrip("/")
