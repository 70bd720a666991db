"""What Docker says while it builds the image: which step it is at, and why one failed. Pure.

All that comes out of a build is one text, in which BuildKit, apt, pip and uv have their say; it is read here and
nowhere else. Our own part of it are the names of steps.
"""

from __future__ import annotations

import re
from pathlib import Path

from mwaa_local.errors import ImageBuildFailed, MwaaLocalError
from mwaa_local.runtime.compose.program import disk_full

PYPI_HOST = "pypi.org"
BUILD_LOG_NAME = "image_build.out"  # beside the other logs
SHOWN_LINES = 10
SHOWN_RETRIES = 2  # the same is said again and again
LINE_CHARACTERS = 300
_UNREACHABLE = re.compile(
    r"[Cc]onnection (?:broken|refused|timed out)|Could not (?:connect|resolve)|Cannot initiate the connection"
    r"|Temporary failure|Name or service not known|error sending request|dns error|[Ff]ailed to fetch|certificate"
)
# Each step of docker/Dockerfile begins with a word that does nothing: `: "step: system packages"`.
_STEP = re.compile(r'RUN .*?: "step: ([^"]+)"')
_NUMBER = re.compile(r"^#(\d+) ")
_FAILED = re.compile(r"^#(\d+) ERROR: (?:.*did not complete successfully: )?(.*)")
_OUTPUT = re.compile(r"^#\d+ [\d.]+ (.*)")
# How apt, pip, uv and BuildKit name the host that they did not reach.
_HOSTS = (
    re.compile(
        r"(?:Could not resolve|Cannot initiate the connection to|Could not connect to|Failed to fetch) '?"
        r"(?:https?://)?([A-Za-z0-9][A-Za-z0-9.-]*[A-Za-z0-9])"
    ),
    re.compile(r"host='([^']+)'"),
    re.compile(r"(?:error sending request for url \(|Failed to fetch: `|[Ff]ailed to fetch .*?)https?://([^/:`)\s]+)"),
    re.compile(r"https?://([^/:`)\s'\"]+)[^\n]*(?:dns error|connect error|timed out|Connection refused)"),
    re.compile(r"dial tcp: lookup ([^ ]+)"),
    re.compile(r"failed to resolve (?:source metadata for|reference \")\s*([^/\s:]+)"),
)
_BASE_IMAGE = re.compile(r"failed to resolve source metadata for ([^\s:]+:[^\s:]+)|pull access denied for ([^\s,]+)")


def step_of(line: str) -> str:
    """Return the step that a line of progress announces, or nothing."""
    match = _STEP.search(line)
    return match[1] if match and line.startswith("#") else ""


def build_error(output: str, log_path: Path, index_host: str = PYPI_HOST) -> MwaaLocalError:
    """Return what a failed build means for the user: the step, its last lines, the host that did not answer.

    `log_path` is where all of the output is kept. `index_host` is the package index that was to be asked: pip does not
    say it where it is told to be quiet.
    """
    if full := disk_full(output):
        return full
    lines = output.splitlines()
    if match := _BASE_IMAGE.search(output):
        image = next(filter(None, match.groups()))
        return ImageBuildFailed(
            f"cannot pull the base image {image}",
            _with_log(_last([line for line in lines if line.startswith("ERROR")]), log_path),
            "check that the registry answers, or name another image: `Local: {BaseImage: …}` in mwaa.yaml",
        )
    failed, how = next((match.groups() for line in lines if (match := _FAILED.match(line))), ("", ""))
    own = [line for line in lines if (number := _NUMBER.match(line)) and number[1] == failed]
    step = next((found for line in own if (found := step_of(line))), "")
    if not step:
        return ImageBuildFailed(
            "the image could not be built",
            _with_log(_last(lines), log_path),
            "check that `docker buildx version` answers: without buildx no image can be built",
        )
    said = [match[1] for line in own if (match := _OUTPUT.match(line))]
    unreachable = [line for line in said if _UNREACHABLE.search(line)]
    if not unreachable:
        last = _last(said)
        how = f"The step failed with {how}" + (", and these were its last lines:" if last else ", and printed nothing.")
        return ImageBuildFailed(
            f"the image could not be built, step {step!r}", _with_log([how, *last], log_path), _hint(said)
        )
    host = next((match[1] for pattern in _HOSTS if (match := pattern.search("\n".join(unreachable)))), index_host)
    return ImageBuildFailed(
        f"the image could not be built, step {step!r}: {host} could not be reached",
        _with_log(_last(unreachable)[-SHOWN_RETRIES:], log_path),
        "check the network; PIP_INDEX_URL names another package index, MWAA_LOCAL_DEBIAN_MIRROR another mirror of "
        "Debian, HTTPS_PROXY a proxy, SSL_CERT_FILE your own certificates",
    )


def _hint(said: list[str]) -> str:
    if any(line.startswith("E: Unable to locate package") for line in said):
        return "correct SystemPackages under `Local` in mwaa.yaml: they are packages of the base image's distribution"
    return "`mwaa-local env` writes the build's files and prints the command, to which `build` may be added"


def _last(lines: list[str]) -> list[str]:
    """Return the last lines, each once and none too long."""
    kept = list(dict.fromkeys(line.rstrip() for line in lines if line.strip()))[-SHOWN_LINES:]
    return [line if len(line) <= LINE_CHARACTERS else f"{line[:LINE_CHARACTERS]}…" for line in kept]


def _with_log(lines: list[str], log_path: Path) -> str:
    return "\n".join([*lines, f"The whole log: {log_path}"])
