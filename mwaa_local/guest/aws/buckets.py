"""Buckets as the launcher reads them: whether one was written to, what is in it, and many objects in one answer.

    GET  /_mwaa-local/buckets/BUCKET/objects?prefix=P   the newest objects below P; 304 while nothing was written
    POST /_mwaa-local/buckets/BUCKET/objects            the bytes of those that the body names

S3's own API lists 10,000 objects in 4 to 7 s and hands them out in 50 to 60; in this process they are only looked at.
moto's store of a bucket notes each change itself, whoever makes it: a request, a stack, another service.
"""

from __future__ import annotations

import itertools
import json
import secrets
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from moto.s3.models import FakeKey, PublicAccessBlock, S3Backend, s3_backends  # type: ignore[import-not-found]
from moto.s3.utils import _VersionedKeyStore  # type: ignore[import-not-found]

from .answers import StartResponse, refuse, tell

PATH, OBJECTS = "/_mwaa-local/buckets/", "/objects"
NO_BUCKET = "NoSuchBucket"  # S3's code
CHANGED = "mwaa_local_changed"  # at a bucket's store: the mark of its last change, kept with it
OPENED = "mwaa_local_opened"  # at a bucket whose public access block was deleted, kept with it
WRITES = ("__setitem__", "setlist", "pop")  # of moto's store, all that it has
PIECE_BYTES = 1 << 20

_numbers = itertools.count(1)
_STARTED = secrets.token_hex(8)  # numbers begin anew with each start


def prepare(_services: object) -> None:
    """Have every store of moto's note its changes, and every bucket that its public access block was deleted."""
    for name in WRITES:
        setattr(_VersionedKeyStore, name, _counting(getattr(_VersionedKeyStore, name)))
    S3Backend.delete_public_access_block = _noting(S3Backend.delete_public_access_block)
    S3Backend.get_public_access_block = _closing(S3Backend.get_public_access_block)


def _counting(write: Callable[..., Any]) -> Callable[..., Any]:
    def counted(store: Any, *args: Any) -> Any:
        try:
            return write(store, *args)
        finally:  # not before: whoever looks meanwhile, without the lock, would take the old content for the new
            _mark(store)

    return counted


def _noting(delete: Callable[[Any, str], None]) -> Callable[[Any, str], None]:
    """For moto, a bucket without a block is one; S3 closes those that it makes (since April 2023), not these."""

    def noted(backend: Any, bucket_name: str) -> None:
        delete(backend, bucket_name)
        setattr(backend.get_bucket(bucket_name), OPENED, True)

    return noted


def _closing(get: Callable[[Any, str], Any]) -> Callable[[Any, str], Any]:
    """Have S3 answer for a bucket that nobody gave a block as AWS does: with the one that it makes new buckets with."""

    def got(backend: Any, bucket_name: str) -> Any:
        return _block(backend.get_bucket(bucket_name)) or get(backend, bucket_name)

    return got


def _block(bucket: Any) -> Any:
    """Return the public access block that a bucket has; None if its own was deleted."""
    if bucket.public_access_block is None and not getattr(bucket, OPENED, False):
        return PublicAccessBlock(True, True, True, True)
    return bucket.public_access_block


def _is_closed(bucket: Any) -> bool:
    block = _block(bucket)
    return block is not None and all(block.to_config_dict().values())


def _mark(store: Any) -> str:
    mark = f"{_STARTED}-{next(_numbers)}"
    setattr(store, CHANGED, mark)
    return mark


class Buckets:
    """Answers below `PATH`. `held` is the lock of S3."""

    def __init__(self, held: Callable[[], AbstractContextManager[None]]) -> None:
        self._held = held

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        name, _, rest = environ["PATH_INFO"].removeprefix(PATH).partition("/")
        if f"/{rest}" != OBJECTS or environ["REQUEST_METHOD"] not in ("GET", "POST"):
            return refuse(start_response, HTTPStatus.NOT_FOUND, "NotFound", "there is no such page")
        with self._held():
            bucket = _bucket(name)
            if bucket is None:
                return refuse(start_response, HTTPStatus.NOT_FOUND, NO_BUCKET, f"the bucket {name} does not exist")
            if environ["REQUEST_METHOD"] == "GET":
                return _list(bucket, environ, start_response)
        try:
            wanted = [(str(key), str(version)) for key, version in json.load(environ["wsgi.input"])]
        except (ValueError, TypeError):
            why = "the body is no JSON list of pairs of key and version"
            return refuse(start_response, HTTPStatus.BAD_REQUEST, "BadRequest", why)
        start_response("200 OK", [("Content-Type", "application/octet-stream")])
        return self._objects(name, deque(wanted))

    def _objects(self, name: str, wanted: deque[tuple[str, str]]) -> Iterator[bytes]:
        """Yield for each object a line of JSON and its bytes, and a line `{"end": true}` after the last one.

        Many small ones together: to send each by itself takes longer than to read it.
        """
        while wanted:
            piece = bytearray()
            with self._held():
                bucket = _bucket(name)
                while wanted and len(piece) < PIECE_BYTES:
                    key, version = wanted.popleft()
                    found = _version(bucket, key, version)
                    piece += json.dumps({"key": key} if found is None else _about(key, found)).encode() + b"\n"
                    piece += b"" if found is None else found.value
            yield bytes(piece)
        yield b'{"end": true}\n'


def _list(bucket: Any, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    store, is_closed = bucket.keys, _is_closed(bucket)
    # A store without a mark is as it was kept, or was made a moment ago.
    mark = getattr(store, CHANGED, "") or _mark(store)
    headers = [("ETag", f'"{mark}{"v" if bucket.is_versioned else ""}{"c" if is_closed else ""}"')]
    if environ.get("HTTP_IF_NONE_MATCH") == headers[0][1]:
        start_response(f"{HTTPStatus.NOT_MODIFIED.value} Not Modified", headers)
        return []
    prefix = parse_qs(environ.get("QUERY_STRING", "")).get("prefix", [""])[0]
    newest = ((key, versions[-1]) for key, versions in dict.items(store) if versions and key.startswith(prefix))
    objects = [_about(key, one) for key, one in newest if isinstance(one, FakeKey)]
    return tell(start_response, {"versioned": bucket.is_versioned, "closed": is_closed, "objects": objects}, headers)


def _about(key: str, found: Any) -> dict[str, Any]:
    return {"key": key, "version": found.version_id, "etag": found.etag.strip('"'), "size": found.size}


def _bucket(name: str) -> Any:
    """Return moto's bucket of that name; None where there is none."""
    partition, account = s3_backends.bucket_accounts.get(name, ("", ""))
    return s3_backends[account][partition].buckets.get(name) if account else None


def _version(bucket: Any, key: str, version: str) -> Any:
    versions: list[Any] = bucket.keys.getlist(key, []) if bucket is not None else []
    return next((one for one in versions if isinstance(one, FakeKey) and one.version_id == version), None)
