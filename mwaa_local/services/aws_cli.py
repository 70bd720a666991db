"""The AWS CLI for `mwaa-local aws`: the user's own where it reads AWS_ENDPOINT_URL, else one that is installed here.

Not for calling it: that is the command's part.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from packaging.version import Version

from mwaa_local.cache.kept import CacheKind, is_virtual_environment
from mwaa_local.command import Request, run
from mwaa_local.errors import ToolMissing
from mwaa_local.files import write_private
from mwaa_local.place import Notes
from mwaa_local.services.tool import TOOLS_FOLDER, Tool, is_whole, tool_pattern

COMMAND = "aws"
CLI_VERSION = "1.46.3"
CLI_REQUIREMENT = f"awscli=={CLI_VERSION}"
ENDPOINT_CLI = Version("2.13")  # the first of version 2 that reads AWS_ENDPOINT_URL (its changelog)
VERSION_TIMEOUT_S = 30.0  # of one that is read from disk for the first time
KNOWN_NAME = "aws-cli.json"  # which one was found last, and its version: asking it takes up to a second
_VERSION = re.compile(r"aws-cli/(\d+(?:\.\d+)+)")

KEPT = CacheKind("AWS CLI", TOOLS_FOLDER, tool_pattern("awscli"), is_virtual_environment, is_whole)
CLI = Tool(
    KEPT,
    f"awscli-{CLI_VERSION}",
    CLI_REQUIREMENT,
    "for `mwaa-local aws`",
    f"or install version {ENDPOINT_CLI} or newer of the AWS CLI yourself: it is used if it is on PATH",
)


def own_cli(env: Mapping[str, str], run_dir: Path) -> str:
    """Return the path of the user's `aws`; "" where none is on PATH, or one that does not read AWS_ENDPOINT_URL."""
    path = shutil.which(COMMAND, path=env.get("PATH", ""))
    if path is None:
        return ""
    version = _known_version(path, env, run_dir / KNOWN_NAME)
    return path if version and Version(version) >= ENDPOINT_CLI else ""


def cli_of_index(
    cache_dir: Path, env: Mapping[str, str], say: Callable[[str], None], notes: Notes | None = None
) -> str:
    """Return the path of an `aws` of our own, which is installed the first time. Raises PackagesUnavailable."""
    return str(CLI.find_or_make(cache_dir, env, say, notes) / "bin" / COMMAND)


def _known_version(path: str, env: Mapping[str, str], known_path: Path) -> str:
    about = Path(path).stat()
    mark = [path, about.st_size, about.st_mtime_ns]
    try:
        known = json.loads(known_path.read_bytes())
        if known["mark"] == mark:
            return str(known["version"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    version = _version(path, env)
    if known_path.parent.is_dir():
        write_private(known_path, json.dumps({"mark": mark, "version": version}))
    return version


def _version(path: str, env: Mapping[str, str]) -> str:
    """Return what the command says of its version; "" where it is not the AWS CLI, or does not run."""
    try:
        said = run(Request((path, "--version"), env, Path("/"), VERSION_TIMEOUT_S))
    except ToolMissing:
        return ""
    found = _VERSION.search(said.output)
    return found[1] if found and said.ok else ""
