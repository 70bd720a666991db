"""The local AWS: moto's server, on an interpreter that has moto, as a component of the plan.

That interpreter is the launcher's own where the extra `aws` is installed, else one of a virtual environment that uv
makes in the cache, once for all projects.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from mwaa_local.cache import locks
from mwaa_local.cache.kept import CacheKind, is_virtual_environment
from mwaa_local.cache.users import User
from mwaa_local.command import Request, run
from mwaa_local.configuration.base import ACCOUNT_ID, reads_endpoint
from mwaa_local.errors import PackagesUnavailable
from mwaa_local.network import build_env
from mwaa_local.plan import SERVER_STOP_TIMEOUT_S, STOP_STAGE_SERVERS, Component, HttpReady
from mwaa_local.release import Release
from mwaa_local.remarks import WARNING, Remark

AWS = "aws"  # the component
MOTO_VERSION = "5.2.5"
MOTO_REQUIREMENT = f"moto[server]=={MOTO_VERSION}"  # also the extra `aws` in pyproject.toml
SCRIPT_PATH = Path(__file__).parents[1] / "guest" / "aws_server.py"
READY_PAGE = "/moto-api/"
INSTALL_TIMEOUT_S = 600.0
COMPLETE_NAME = "complete"
# No credentials, settings or account of anybody's, wherever moto or boto3 may look for them.
SERVER_VARIABLES = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "MOTO_ACCOUNT_ID": ACCOUNT_ID,
}
ERROR_LINES = 15


def _is_whole(path: Path) -> bool:
    return (path / COMPLETE_NAME).is_file()


KEPT = CacheKind("local AWS", "aws", r"moto-[\w.]+-python\d+\.\d+", is_virtual_environment, _is_whole)


def aws_python(cache_dir: Path, env: Mapping[str, str], say: Callable[[str], None], user: User | None = None) -> str:
    """Return an interpreter that has moto, making one the first time.

    Raises PackagesUnavailable when moto is not to be had.
    """
    if importlib.util.find_spec("moto") and importlib.util.find_spec("flask"):
        return sys.executable
    name = f"moto-{MOTO_VERSION}-python{sys.version_info.major}.{sys.version_info.minor}"
    target_dir = KEPT.path(cache_dir, name)
    if user is not None:
        user.note(KEPT.kind, name)
    while not (_is_whole(target_dir) and locks.hold(target_dir)):  # it may be removed between the two
        with locks.taken(locks.lock_path(target_dir)):
            if not _is_whole(target_dir):
                say(f"installing {MOTO_REQUIREMENT}, once for all projects")
                _install(target_dir, env)
    return str(target_dir / "bin" / "python")


def _install(target_dir: Path, env: Mapping[str, str]) -> None:
    from uv import find_uv_bin

    shutil.rmtree(target_dir, ignore_errors=True)
    uv = (find_uv_bin(), "--no-progress", "--color", "never")
    python = str(target_dir / "bin" / "python")
    for argv in (
        (*uv, "venv", "--python", sys.executable, str(target_dir)),
        (*uv, "pip", "install", "--python", python, "--compile-bytecode", MOTO_REQUIREMENT),
    ):
        completed = run(Request(argv, build_env(env), Path("/"), INSTALL_TIMEOUT_S))
        if not completed.ok:
            raise PackagesUnavailable(
                f"could not install {MOTO_REQUIREMENT} for the local AWS",
                "\n".join(completed.output.strip().splitlines()[-ERROR_LINES:]),
                "check that the package index answers, or install the extra yourself: pip install 'mwaa-local[aws]';"
                " without `Aws: local` in mwaa.yaml it is not needed",
            )
    (target_dir / COMPLETE_NAME).touch()


def aws_component(
    argv: tuple[str, ...], env: Mapping[str, str], published_port: int, fixtures_version: str
) -> Component:
    """Return the component; the port answers when all fixtures are in."""
    return Component(
        AWS,
        argv,
        env,
        HttpReady(f"http://127.0.0.1:{published_port}{READY_PAGE}"),
        reads=fixtures_version,
        stop_timeout_s=SERVER_STOP_TIMEOUT_S,
        stop_stage=STOP_STAGE_SERVERS,
    )


def server_argv(python: str, host: str, port: int, values_path: str) -> tuple[str, ...]:
    """Return the server's command."""
    return (python, "-I", str(SCRIPT_PATH), host, str(port), values_path)


def old_boto3_remarks(release: Release) -> list[Remark]:
    """Tell where the release's boto3 does not find the local AWS by itself."""
    if reads_endpoint(release):
        return []
    boto3 = release.packages.base["boto3"]
    return [
        Remark(
            WARNING,
            AWS,
            f"boto3 {boto3} of Airflow {release.airflow_version} does not read AWS_ENDPOINT_URL",
            "Hooks reach the local AWS by the connection aws_default; boto3 alone asks AWS, and is refused there.",
            'boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"])',
        )
    ]
