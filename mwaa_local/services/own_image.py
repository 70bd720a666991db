"""The image of a service: one package of the index on a base as Airflow's own (docker/Dockerfile, `service`)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from packaging.version import Version

from mwaa_local.cache.kept import DIGEST, DIGEST_CHARACTERS, ImageKind
from mwaa_local.release import DEFAULT_AIRFLOW_VERSION, Release
from mwaa_local.services.service import ImageBase, ServiceImage

ENTRYPOINT = ["/opt/service/bin/python", "-I"]
TAG_PATTERN = rf"[\w.]+-(?P<key>{DIGEST})"


def is_own_image(configuration: Mapping[str, Any], _tag: str) -> bool:
    """Whether an image in the engine was made as these are."""
    return list(configuration.get("Entrypoint") or []) == ENTRYPOINT


@dataclass(frozen=True)
class OwnImage:
    """What the image of one service has in it."""

    kept: ImageKind
    prefix: str  # of the variables that docker-compose.yml reads, as in MWAA_AWS_IMAGE
    package: str  # with extras, as in moto[server]
    version: str
    oldest_python: Version  # on which that version runs

    def on(self, base: ImageBase) -> ServiceImage:
        """Return the image, on a base that Airflow's image has where that Python will do."""
        base_image, python_version = base.base_image, base.python_version
        if Version(python_version) < self.oldest_python:
            newest = Release.load(DEFAULT_AIRFLOW_VERSION)
            base_image, python_version = newest.base_image, newest.python_version
        parts = [{"base_image": base_image, "python_version": python_version}, base.dockerfile]
        digest = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:DIGEST_CHARACTERS]
        tag = f"{self.kept.repository}:{self.version}-{digest}"
        values = {
            "IMAGE": tag,
            "BASE_IMAGE": base_image,
            "PYTHON_VERSION": python_version,
            "REQUIREMENT": f"{self.package}=={self.version}",
        }
        return ServiceImage(self.kept, tag, {f"{self.prefix}_{name}": value for name, value in values.items()})
