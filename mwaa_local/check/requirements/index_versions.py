"""Which versions of a package an index has. uv, which resolves, does not list them.

Only for numbers in messages: whoever asks gets nothing when the index does not answer, and says less.

Source: PEP 691 (pages as JSON), PEP 700 (`versions`), PEP 503 (pages as HTML).
"""

from __future__ import annotations

import json
import re
import ssl
import urllib.request
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

ANSWER_TIMEOUT_S = 10.0
_ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.1"
_LINK = re.compile(r'href="([^"#]+)')


def newer_versions(index_url: str, name: str, than: str, env: Mapping[str, str]) -> int:
    """Return how many final releases the index has that are newer; 0 where it does not answer."""
    try:
        start = Version(than)
        return sum(1 for version in _versions(index_url, name, env) if version > start and not version.is_prerelease)
    except (OSError, ValueError):  # also an address that is none, and a page that cannot be read
        return 0


def _versions(index_url: str, name: str, env: Mapping[str, str]) -> set[Version]:
    kind, text = _page(f"{index_url.rstrip('/')}/{canonicalize_name(name)}/", env)
    if "json" in kind:
        page = json.loads(text)
        if "versions" in page:
            return {version for item in page["versions"] if (version := _version(str(item)))}
        files = [str(item["filename"]) for item in page["files"]]
    else:
        files = [unquote(urlsplit(link).path).rpartition("/")[2] for link in _LINK.findall(text)]
    return {version for file in files if (version := _version_of(file))}


def _page(url: str, env: Mapping[str, str]) -> tuple[str, str]:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        raise ValueError(f"not an index on the network: {parts.scheme}")
    host = parts.netloc.rpartition("@")[2]
    request = urllib.request.Request(urlunsplit(parts._replace(netloc=host)), headers={"Accept": _ACCEPT})
    if parts.username:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        request.add_header("Authorization", f"Basic {b64encode(pair.encode()).decode()}")
    given = {
        name.lower().removesuffix("_proxy"): value for name, value in env.items() if name.lower().endswith("_proxy")
    }
    bundle = next((env[name] for name in ("PIP_CERT", "SSL_CERT_FILE") if Path(env.get(name, "")).is_file()), None)
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({scheme: value for scheme, value in given.items() if scheme in ("http", "https")}),
        urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=bundle)),
    )
    with opener.open(request, timeout=ANSWER_TIMEOUT_S) as answer:
        return answer.headers.get_content_type(), answer.read().decode()


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None


def _version_of(file_name: str) -> Version | None:
    try:
        return parse_wheel_filename(file_name)[1] if file_name.endswith(".whl") else parse_sdist_filename(file_name)[1]
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return None
