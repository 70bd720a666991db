"""Which requests are about one bucket of S3, and which objects they would write."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape
from typing import Any
from urllib.parse import unquote

READING = ("GET", "HEAD", "OPTIONS")
COPY_SOURCE = "HTTP_X_AMZ_COPY_SOURCE"
_KEY = re.compile(rb"<Key>(.*?)</Key>", re.DOTALL)  # of DeleteObjects
_FORM_KEY = re.compile(rb'name="key"\r?\n(?:[^\r\n]+\r?\n)*\r?\n(.*?)\r?\n', re.DOTALL)  # of a form that uploads


def reads_list(environ: Mapping[str, Any]) -> bool:
    """Say whether a request lists all buckets."""
    return environ["REQUEST_METHOD"] == "GET" and _path(environ) == "/"


def key_in(environ: Mapping[str, Any], bucket: str) -> str | None:
    """Return the key that a request names in the bucket, "" for the bucket itself; None for a request elsewhere."""
    path = _path(environ).removeprefix("/")
    if environ.get("HTTP_HOST", "").lower().startswith(f"{bucket}."):
        return path
    name, _, key = path.partition("/")
    return key if name == bucket else None


def copies_from(environ: Mapping[str, Any], bucket: str) -> bool:
    """Say whether a request copies an object out of the bucket."""
    return unquote(environ.get(COPY_SOURCE, "")).removeprefix("/").startswith(f"{bucket}/")


def written_keys(environ: Mapping[str, Any], key: str, body: bytes) -> list[str]:
    """Return the keys that a request to the bucket would write or delete; none for one that only reads."""
    if environ["REQUEST_METHOD"] in READING:
        return []
    if key:
        query = environ.get("QUERY_STRING", "")
        return [] if query.startswith("select") or "&select" in query else [key]
    if environ["REQUEST_METHOD"] != "POST":
        return []
    found = (*_KEY.findall(body), *_FORM_KEY.findall(body))
    return [unescape(one.decode(errors="replace")) for one in found]


def _path(environ: Mapping[str, Any]) -> str:
    """Return the path as it is in UTF-8; WSGI has it in Latin-1 (PEP 3333)."""
    return str(environ.get("PATH_INFO", "")).encode("latin-1", "replace").decode(errors="replace")
