"""What Docker says while it builds the image: which step it is at, and why one failed. Pure."""

from __future__ import annotations

import re

from mwaa_local.errors import ImageBuildFailed, MwaaLocalError
from mwaa_local.runtime.engine import disk_full

SHOWN_LINES = 6
# Each step of docker/Dockerfile begins with a word that does nothing: `: "step: system packages"`.
_STEP = re.compile(r'RUN .*?: "step: ([^"]+)"')
_NUMBER = re.compile(r"^#(\d+) ")
_FAILED = re.compile(r"^#(\d+) ERROR: ")
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


def build_error(output: str) -> MwaaLocalError | None:
    """Return what a failed build means for the user, naming the step and the host; None when it names no step."""
    if full := disk_full(output):
        return full
    lines = output.splitlines()
    if match := _BASE_IMAGE.search(output):
        image = next(filter(None, match.groups()))
        return ImageBuildFailed(
            f"the base image {image} is not to be had",
            _last(lines),
            "check that the registry answers, or name another image: `Local: {BaseImage: …}` in mwaa.yaml",
        )
    failed = next((match[1] for line in lines if (match := _FAILED.match(line))), "")
    own = [line for line in lines if (number := _NUMBER.match(line)) and number[1] == failed]
    step = next((found for line in own if (found := step_of(line))), "")
    if not step:
        return None
    text = "\n".join(own)
    host = next((match[1] for pattern in _HOSTS if (match := pattern.search(text))), "")
    reached = f": {host} could not be reached" if host else ""
    return ImageBuildFailed(
        f"the image could not be built, step {step!r}{reached}",
        _last([match[1] for line in own if (match := _OUTPUT.match(line))] or own),
        "check that the package index answers; PIP_INDEX_URL names another one, MWAA_LOCAL_DEBIAN_MIRROR another "
        "mirror of Debian, HTTPS_PROXY a proxy, SSL_CERT_FILE your own certificates",
    )


def _last(lines: list[str]) -> str:
    return "\n".join([line for line in lines if line.strip()][-SHOWN_LINES:])
