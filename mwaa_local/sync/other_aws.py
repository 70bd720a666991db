"""A bucket of another AWS of this machine, such as LocalStack, read by S3's own API and without a client library.

Botocore costs a process that stays 36 MB. No signature is checked by what runs here, so none is made.
"""

from __future__ import annotations

import contextlib
import http.client
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import local
from urllib.parse import quote, unquote_plus, urlencode, urlsplit

from mwaa_local.sync.names import Item
from mwaa_local.sync.public_access import BLOCKS, is_closed
from mwaa_local.sync.reading import BucketMissing, BucketUnreadable, Fetched, Listing, write

TIMEOUT_S = 60.0
AT_ONCE = 8
PIECE_BYTES = 1 << 20
AUTHORIZATION = "AWS4-HMAC-SHA256 Credential=local/20000101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
START_HINT = "start what answers there, or update the environment while another AWS runs"
# What else a service of this machine would want, no signature of ours could give.
REFUSED = (http.client.UNAUTHORIZED, http.client.FORBIDDEN)
REFUSED_WHY = "It answered {status}{code}: it checks signatures or policies, and the sync reads without a user's keys."
REFUSED_HINT = (
    "turn that check off there, for LocalStack without ENFORCE_IAM;"
    " or have the bucket in this project's own local AWS: `Local: {Aws: local}` in mwaa.yaml"
)
MAX_ERROR_BYTES = 1 << 16  # read of an answer that is an error


class OtherAwsBucket:
    """One bucket at one endpoint."""

    def __init__(self, endpoint_url: str, name: str) -> None:
        self._url = endpoint_url.rstrip("/")
        self._name = name
        self._of_thread = local()

    def listing(self, prefix: str, mark: str = "") -> Listing | None:
        """Return what is below a prefix; it has no mark, since nothing tells of writes. Raises BucketUnreadable."""
        del mark
        return Listing(tuple(self._items(prefix)), "", self._is_versioned(), self._is_closed())

    def fetch(self, items: Mapping[Path, Item]) -> Iterator[tuple[Path, Fetched]]:
        """Write objects to files, several at once, and yield those. Raises BucketUnreadable."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            try:
                for path, fetched in pool.map(self._fetched, items.items()):
                    if fetched is not None:
                        yield path, fetched
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _fetched(self, wanted: tuple[Path, Item]) -> tuple[Path, Fetched | None]:
        path, item = wanted
        answer = self._asked("/" + quote(item.key))
        if answer.status == http.client.NOT_FOUND:
            b"".join(self._pieces(answer))
            return path, None
        etag = (answer.headers.get("ETag") or "").strip('"')
        digest = write(path, self._pieces(answer))
        return path, Fetched(etag, path.stat().st_size, digest)

    def _items(self, prefix: str) -> Iterator[Item]:
        more = {"list-type": "2", "encoding-type": "url", "prefix": prefix}
        while True:
            page = self._page(f"?{urlencode(more)}")
            if page is None:
                hint = f"aws s3 mb s3://{self._name}, and upload the environment's files to it"
                raise BucketMissing(f"the bucket {self._name} does not exist", f"{self._url} says so.", hint)
            for one in page.iterfind("{*}Contents"):
                key, etag = unquote_plus(_text(one, "Key")), _text(one, "ETag").strip('"')
                yield Item(key, etag, int(_text(one, "Size") or 0))
            token = _text(page, "NextContinuationToken")
            if not token:
                return
            more["continuation-token"] = token

    def _is_versioned(self) -> bool:
        page = self._page("?versioning")
        return page is not None and _text(page, "Status") == "Enabled"

    def _is_closed(self) -> bool:
        page = self._page("?publicAccessBlock")
        block = None if page is None else {name: _text(page, name) for name in BLOCKS}
        return is_closed(block, self._url)

    def _page(self, query: str) -> ET.Element | None:
        """Return what S3 answers; None where it says that there is no such thing."""
        answer = self._asked(query)
        text = b"".join(self._pieces(answer))
        if answer.status == http.client.NOT_FOUND:
            return None
        try:
            return ET.fromstring(text)
        except ET.ParseError as error:
            raise self._unreadable(str(error)) from error

    def _asked(self, path: str) -> http.client.HTTPResponse:
        """Ask once more by a new connection where an old one was closed meanwhile."""
        for is_last in (False, True):
            connection = self._connection()
            try:
                base = urlsplit(self._url).path
                connection.request("GET", f"{base}/{quote(self._name)}{path}", headers={"Authorization": AUTHORIZATION})
                answer = connection.getresponse()
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                if is_last:
                    raise self._unreadable(str(error)) from error
                continue
            if answer.status not in (http.client.OK, http.client.NOT_FOUND):
                with closing(connection):
                    raise self._refused(answer)
            return answer
        raise AssertionError

    def _connection(self) -> http.client.HTTPConnection:
        """Return the connection of this thread; it opens itself."""
        found: http.client.HTTPConnection | None = getattr(self._of_thread, "connection", None)
        if found is None:
            parts = urlsplit(self._url)
            connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
            found = self._of_thread.connection = connect(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
        return found

    def _pieces(self, answer: http.client.HTTPResponse) -> Iterator[bytes]:
        size, missing = answer.headers.get("Content-Length", ""), 0
        if not answer.chunked and size.isdecimal():
            missing = int(size)
        try:
            while piece := answer.read(PIECE_BYTES):
                missing -= len(piece)
                yield piece
        except (OSError, http.client.HTTPException) as error:
            raise self._unreadable(str(error)) from error
        if missing > 0:  # which http.client tells only of an answer that is read at once
            raise self._unreadable("its answer ended in the middle")

    def _refused(self, answer: http.client.HTTPResponse) -> BucketUnreadable:
        if answer.status not in REFUSED:
            return self._unreadable(f"it answered {answer.status}")
        code = ""
        with contextlib.suppress(OSError, http.client.HTTPException, ET.ParseError):
            code = _text(ET.fromstring(answer.read(MAX_ERROR_BYTES)), "Code")
        why = REFUSED_WHY.format(status=answer.status, code=f" ({code})" if code.isalnum() else "")
        return BucketUnreadable(f"not allowed to read s3://{self._name} at {self._url}", why, REFUSED_HINT)

    def _unreadable(self, why: str) -> BucketUnreadable:
        return BucketUnreadable(f"cannot read s3://{self._name} at {self._url}", why, START_HINT)


def _text(element: ET.Element, name: str) -> str:
    return element.findtext(f"{{*}}{name}") or ""
