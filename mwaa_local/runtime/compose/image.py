"""The image of one release: what its build needs as files, and the name that changes with any of them.

Not for building: `engine` has Docker do that. Everything in the image comes from the distribution's and
Python's package indexes.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from mwaa_local.cache.kept import DIGEST, DIGEST_CHARACTERS, RELEASE, ImageKind, VolumeKind
from mwaa_local.environment.local import LocalSettings
from mwaa_local.local_settings import FILE_NAME as LOCAL_SETTINGS_NAME
from mwaa_local.local_settings import GUEST_PATH as LOCAL_SETTINGS_PATH
from mwaa_local.local_settings import is_apart
from mwaa_local.packages import SUPPORT_DIR, wanted_packages
from mwaa_local.release import CONSTRAINTS_FILE, ESSENTIAL_CONSTRAINTS_FILE, Release
from mwaa_local.services.service import ImageBase

REPOSITORY = "mwaa-local/airflow"
# The compose file and the folder `docker/` of the repository; in an installed package, copies of them.
COMPOSE_DIR = Path(__file__).parent / "shipped"
COMPOSE_PATH = COMPOSE_DIR / "docker-compose.yml"
DOCKER_DIR = COMPOSE_DIR / "docker"
POSTGRES_IMAGE = "postgres:16-alpine"  # docker-compose.yml
VERSION_LABEL = "mwaa-local.airflow-version"  # docker/Dockerfile


def _is_ours(configuration: Mapping[str, Any], tag: str) -> bool:
    return (configuration.get("Labels") or {}).get(VERSION_LABEL) == tag.partition("-")[0]


KEPT = ImageKind("image", REPOSITORY, f"{RELEASE}-(?P<key>{DIGEST})", _is_ours)
KEPT_VOLUMES = (
    VolumeKind("packages volume", "packages", is_data=False),
    VolumeKind("pip's downloads", "pip-cache", is_data=False),
    VolumeKind("database volume", "database", is_data=True),
    VolumeKind("queue volume", "queue", is_data=True),
)


@dataclass(frozen=True)
class Image:
    """What decides how one image comes out, besides the release's packages."""

    python_version: str  # minor
    base_image: str
    uid: int
    gid: int
    system_packages: tuple[str, ...] = ()  # beyond those of the Dockerfile, by the distribution's names
    debian_mirror: str = ""  # in place of deb.debian.org

    @classmethod
    def of(cls, release: Release, local: LocalSettings, env: Mapping[str, str], *, is_rootless: bool) -> Self:
        """Return the image of a release as the environment file and the caller's shell want it."""
        # A rootless engine shows its own user as root inside, so that is who the mounted folders belong to there.
        uid, gid = (0, 0) if is_rootless else (os.getuid(), os.getgid())
        return cls(
            python_version=release.python_version,
            base_image=local.base_image or release.base_image,
            uid=uid,
            gid=gid,
            system_packages=tuple(local.system_packages),
            debian_mirror=env.get("MWAA_LOCAL_DEBIAN_MIRROR", ""),
        )

    @property
    def base(self) -> ImageBase:
        """What images of services can stand on beside this one."""
        return ImageBase(self.base_image, self.python_version, (DOCKER_DIR / "Dockerfile").read_text(encoding="utf-8"))

    @property
    def uv_version(self) -> str:
        """The uv that installs packages in the image: the one that installs them here."""
        return importlib.metadata.version("uv")


def postgres_image(env: Mapping[str, str]) -> str:
    """Return the image of the database's server, as the compose file chooses it; `env` is the caller's shell."""
    return env.get("MWAA_POSTGRES_IMAGE") or POSTGRES_IMAGE


def context_files(release: Release) -> dict[str, str]:
    """Return {path: text} of the build context, the Dockerfile included."""
    packages = release.packages
    from_source = set(packages.from_source)
    # Only what is named is built from source; anything else without a wheel is a mistake in the catalogue.
    binary = sorted({*packages.base, *packages.unlisted} - from_source)
    files = {
        "packages.txt": _lines(wanted_packages(release)),
        "build_options.txt": _lines(f"--only-binary={name}" for name in binary),
        "hidden.txt": _lines(f"{name}=={version}" for name, version in packages.added.items()),
        "aws_cli_overrides.txt": _lines(release.aws_cli_overrides),
        f"etc/{CONSTRAINTS_FILE}": release.constraints_path.read_text(encoding="utf-8"),
        f"etc/{ESSENTIAL_CONSTRAINTS_FILE}": release.essential_constraints_path.read_text(encoding="utf-8"),
    }
    for path in sorted(SUPPORT_DIR.rglob("*.py")):
        files[f"support/{path.relative_to(SUPPORT_DIR)}"] = path.read_text(encoding="utf-8")
    if is_apart(release):  # before `plugins/` on the path
        files[f"support/{LOCAL_SETTINGS_NAME}"] = LOCAL_SETTINGS_PATH.read_text(encoding="utf-8")
    for path in [*DOCKER_DIR.glob("*"), *DOCKER_DIR.glob("entrypoint/*.py")]:
        if path.is_file():
            files[str(path.relative_to(DOCKER_DIR))] = path.read_text(encoding="utf-8")
    return files


def image_tag(release: Release, image: Image) -> str:
    """Return `mwaa-local/airflow:<version>-<digest>`; the digest changes with whatever would change the image."""
    parts = [sorted(context_files(release).items()), asdict(image), image.uv_version, release.aws_cli_version]
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:DIGEST_CHARACTERS]
    return f"{REPOSITORY}:{release.airflow_version}-{digest}"


def write_context(release: Release, context_dir: Path) -> None:
    """Write the build context anew; files that stay the same keep their time, so that Docker's cache holds."""
    files = context_files(release)
    for path in sorted(context_dir.rglob("*")) if context_dir.exists() else []:
        if path.is_file() and str(path.relative_to(context_dir)) not in files:
            path.unlink()
    for name, text in files.items():
        path = context_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def build_variables(release: Release, image: Image) -> Mapping[str, str]:
    """Return the compose file's variables that its `build` section reads."""
    return {
        "MWAA_IMAGE": image_tag(release, image),
        "MWAA_AIRFLOW_VERSION": release.airflow_version,
        "MWAA_PYTHON_VERSION": image.python_version,
        "MWAA_AWS_CLI_VERSION": release.aws_cli_version,
        "MWAA_BASE_IMAGE": image.base_image,
        "MWAA_UV_VERSION": image.uv_version,
        "MWAA_UID": str(image.uid),
        "MWAA_GID": str(image.gid),
        "MWAA_SYSTEM_PACKAGES": " ".join(image.system_packages),
        "MWAA_DEBIAN_MIRROR": image.debian_mirror,
    }


def _lines(items: Iterable[str]) -> str:
    return "".join(f"{item}\n" for item in items)
