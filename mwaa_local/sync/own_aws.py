"""A bucket of a local AWS of ours, read by its own paths: two requests for a sync, one for none."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from mwaa_local.sync.names import Item
from mwaa_local.sync.reading import BucketMissing, BucketUnreadable, Fetched, Listing, write

BUCKETS_PATH = "/_mwaa-local/buckets/"  # of guest/aws/dispatcher.py
READY_PATH = "/_mwaa-local/aws"
TIMEOUT_S = 60.0  # for it to go on: it may be busy with somebody else's request
PIECE_BYTES = 1 << 20
START_HINT = "start the local AWS: `mwaa-local up` in the project that has it"


class OwnAwsBucket:
    """One bucket at one endpoint."""

    def __init__(self, endpoint_url: str, name: str) -> None:
        self._url = endpoint_url
        self._name = name

    def listing(self, prefix: str, mark: str = "") -> Listing | None:
        """Return what is below a prefix; None where it is as it was at that mark. Raises BucketUnreadable."""
        with closing(self._connected()) as connection:
            headers = {"If-None-Match": mark} if mark else {}
            answer = self._asked(connection, "GET", f"?{urlencode({'prefix': prefix})}", headers)
            if answer.status == http.client.NOT_MODIFIED:
                return None
            plain = self._understood(lambda: json.loads(answer.read()))
        items = tuple(_item(one) for one in plain["objects"])
        return Listing(items, answer.headers.get("ETag", ""), bool(plain["versioned"]), bool(plain["closed"]))

    def fetch(self, items: Mapping[Path, Item]) -> Iterator[tuple[Path, Fetched]]:
        """Write objects to files, and yield those. Raises BucketUnreadable."""
        if not items:
            return
        with closing(self._connected()) as connection:
            wanted = json.dumps([[item.key, item.version] for item in items.values()]).encode()
            answer = self._asked(connection, "POST", "", {}, wanted)
            for path in items:
                about = self._understood(lambda: json.loads(answer.readline()))
                if "etag" in about:
                    yield path, Fetched(about["etag"], about["size"], write(path, self._pieces(answer, about["size"])))
            if not self._understood(lambda: json.loads(answer.readline())).get("end"):
                raise self._unreadable("its answer has no end")

    def _pieces(self, answer: http.client.HTTPResponse, size: int) -> Iterator[bytes]:
        while size > 0:
            piece = self._understood(partial(answer.read, min(size, PIECE_BYTES)))
            if not piece:
                raise self._unreadable("its answer ended in the middle of an object")
            size -= len(piece)
            yield piece

    def _connected(self) -> http.client.HTTPConnection:
        parts = urlsplit(self._url)
        return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_S)

    def _asked(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        query: str,
        headers: Mapping[str, str],
        body: bytes = b"",
    ) -> http.client.HTTPResponse:
        try:
            connection.request(method, f"{BUCKETS_PATH}{quote(self._name)}/objects{query}", body, dict(headers))
            answer = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise self._unreadable(str(error)) from error
        if answer.status == http.client.NOT_FOUND:
            hint = f"aws s3 mb s3://{self._name}, and upload the environment's files to it"
            raise BucketMissing(f"the bucket {self._name} does not exist", f"{self._url} says so.", hint)
        if answer.status not in (http.client.OK, http.client.NOT_MODIFIED):
            raise self._unreadable(f"it answered {answer.status}")
        return answer

    def _understood(self, read: Callable[[], Any]) -> Any:
        try:
            return read()
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self._unreadable(str(error)) from error

    def _unreadable(self, why: str) -> BucketUnreadable:
        return BucketUnreadable(f"cannot read s3://{self._name} at {self._url}", why, START_HINT)


def is_own_aws(endpoint_url: str) -> bool:
    """Return whether a local AWS of ours answers there."""
    parts = urlsplit(endpoint_url)
    if parts.scheme != "http":
        return False
    try:
        with closing(http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_S)) as connection:
            connection.request("GET", READY_PATH)
            return bool(json.loads(connection.getresponse().read()).get("ready"))
    except (OSError, http.client.HTTPException, ValueError, AttributeError):
        return False


def _item(plain: Mapping[str, Any]) -> Item:
    return Item(str(plain["key"]), str(plain["etag"]), int(plain["size"]), str(plain["version"]))
