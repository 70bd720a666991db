"""S3's DeleteObjects, of which each object is decided by itself: what is granted is deleted, the rest told as errors.

Source: Amazon S3 API reference, DeleteObjects: "for each key, Amazon S3 performs a delete operation and returns the
result of that delete, success or failure, in the response".
"""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from ..answers import StartResponse
from .refusals import CODE_OF_QUERY, Refusal

OPERATION = "DeleteObjects"
OBJECTS = "Objects"  # the parameter, as botocore's model names the member of `Delete`
REFUSED = "mwaa_local.refused_deletions"  # of an environment of WSGI: elements for the answer
XMLNS = "http://s3.amazonaws.com/doc/2006-03-01/"
HEAD = f'<?xml version="1.0" encoding="UTF-8"?>\n<DeleteResult xmlns="{XMLNS}">'
END = b"</DeleteResult>"
EMPTY = b"<DeleteResult/>"

Environ = dict[str, Any]  # WSGI's (PEP 3333)


def objects_of(body: bytes) -> list[dict[str, str]]:
    """Return what a request names, each with `Key` and perhaps `VersionId`; nothing of what is no such request."""
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError:
        return []
    elements = [each for each in root if _name(each) == "Object"]
    return [{_name(part): part.text or "" for part in each} for each in elements]


def leave_out(environ: Environ, refused: Collection[tuple[str, str]], errors: str) -> bool:
    """Take the objects of these keys and versions out of a request; False where none would stay.

    `errors` are for the answer: see `answered`.
    """
    root = ElementTree.fromstring(environ["wsgi.input"].getvalue())
    kept = []
    for each in root:
        parts = {_name(part): part.text or "" for part in each}
        if _name(each) != "Object" or (parts.get("Key", ""), parts.get("VersionId", "")) not in refused:
            kept.append(each)
    if not any(_name(each) == "Object" for each in kept):
        return False
    body = f'<Delete xmlns="{XMLNS}">{"".join(map(_plain, kept))}</Delete>'.encode()
    environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(body), str(len(body))
    environ[REFUSED] = errors
    return True


def error_of(wanted: Mapping[str, str], refusal: Refusal) -> str:
    """Return the element that tells of one object why it is not deleted."""
    version = f"<VersionId>{escape(wanted['VersionId'])}</VersionId>" if wanted.get("VersionId") else ""
    about = f"<Code>{CODE_OF_QUERY}</Code><Message>{escape(refusal.message)}</Message>"
    return f"<Error><Key>{escape(wanted.get('Key', ''))}</Key>{version}{about}</Error>"


def tell(start_response: StartResponse, errors: str) -> Iterable[bytes]:
    """Answer that nothing was deleted."""
    body = HEAD.encode() + errors.encode() + END
    start_response("200 OK", [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
    return [body]


def answered(
    environ: Environ, start_response: StartResponse, application: Callable[[Environ, StartResponse], Iterable[bytes]]
) -> Iterable[bytes]:
    """Answer as the application does, and tell besides what `leave_out` took out of the request."""
    errors = environ.get(REFUSED)
    if not errors:
        return application(environ, start_response)
    said: list[Any] = []

    def keep(status: str, headers: list[tuple[str, str]], *_more: Any) -> Callable[[bytes], None]:
        said[:] = [status, headers]
        return lambda _data: None

    body = b"".join(application(environ, keep)).replace(EMPTY, HEAD.encode() + END)
    if str(said[0]).startswith("200"):
        body = body.replace(END, errors.encode() + END)
    headers = [(name, value) for name, value in said[1] if name.lower() != "content-length"]
    start_response(said[0], [*headers, ("Content-Length", str(len(body)))])
    return [body]


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _plain(element: ElementTree.Element) -> str:
    name = _name(element)
    return f"<{name}>{escape(element.text or '') if not len(element) else ''}{''.join(map(_plain, element))}</{name}>"
