"""The mirror: folders put into the bucket when it is read, and kept from being written there.

Nothing is done before the first read. A read costs a look at the folders, and no more than a tenth of all time goes
into looks; only files that changed are read. What else is in the bucket stays.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from http import HTTPStatus
from typing import Any
from xml.sax.saxutils import escape

from ..answers import SAID, StartResponse
from ..signing import signing_name
from .encryption import encrypt, key_arn
from .parts import Body, Part, Stamp
from .requests import copies_from, key_in, reads_list, written_keys

S3 = ("s3", "")  # signing names; a request without a signature is S3's
SHARE = 10  # of looks: so many times as long as one took, the next one is not due
MIRRORED = "mwaa_local_mirrored"  # at an object of ours, kept with it
BLOCK = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
UNREADABLE = "s3://{bucket}/{key} is not brought up to date: {error}"
REFUSED = "s3://{bucket}/{key} shows {shown}, so it cannot be written here: change the file there"


class Mirror:
    """The source bucket of one environment. `held` is the lock of S3, `wrote` is called after a change."""

    def __init__(
        self,
        source: Mapping[str, Any],
        held: Callable[[], AbstractContextManager[None]],
        wrote: Callable[[], None],
        account: str,
    ) -> None:
        self._bucket = str(source.get("bucket", ""))
        self._region = str(source.get("region", ""))
        self._key = str(source.get("key", ""))
        self._parts = [Part(**part) for part in source.get("parts", ())]
        self._held, self._wrote, self._account = held, wrote, account
        self._stamps: dict[str, Stamp] = {}
        self._known: Any = None  # moto's bucket that the stamps are about
        self._unreadable: set[str] = set()  # keys, which the log has named
        self._due = 0.0
        self.is_on = False

    def look(self, environ: Mapping[str, Any], start_response: StartResponse) -> Iterable[bytes] | None:
        """Refuse to write what is mirrored; before anybody reads it, bring it up to date. None for all else."""
        if not (self.is_on and self._bucket and signing_name(environ) in S3):
            return None
        key = key_in(environ, self._bucket)
        if key is None:
            if reads_list(environ) or copies_from(environ, self._bucket):
                self.refresh()
            return None
        for written in written_keys(environ, key, environ["wsgi.input"].getvalue()):
            part = next((part for part in self._parts if part.has(written)), None)
            if part is not None:
                return self._refuse(start_response, written, part)
        self.refresh()
        return None

    def refresh(self, name: str = "") -> None:
        """Bring the bucket up to date, unless that was done a moment ago; or where another one is meant."""
        if not (self.is_on and self._bucket and name in ("", self._bucket)):
            return
        with self._held():
            began = time.monotonic()
            backend, bucket = self._made()
            if bucket is not self._known:
                self._known, self._stamps = bucket, {}
            elif began < self._due:
                return
            bodies = dict(one for part in self._parts for one in part.bodies())
            took = time.monotonic() - began  # without what is put: the next look need not put that again
            changed = [self._put(backend, bucket, key, body) for key, body in bodies.items()]
            changed += [self._deleted(backend, key) for key in self._gone(bucket, bodies)]
            if any(changed):
                self._wrote()
            self._due = time.monotonic() + took * SHARE

    def _made(self) -> tuple[Any, Any]:
        """Return moto's backend and the bucket, which is made as MWAA wants it where it is not there.

        One of that name that is there stays as its user made it. But versioning that nobody ever set is enabled, else
        the first look would overwrite for good what is under the keys of files.
        """
        from moto.s3.models import s3_backends  # type: ignore[import-not-found]

        partition, account = s3_backends.bucket_accounts.get(self._bucket, ("aws", self._account))
        backend = s3_backends[account][partition]
        if self._bucket not in backend.buckets:
            backend.create_bucket(self._bucket, self._region)
            backend.put_bucket_versioning(self._bucket, "Enabled")
            backend.put_public_access_block(self._bucket, BLOCK)
            self._wrote()
        elif backend.buckets[self._bucket].versioning_status is None:
            backend.put_bucket_versioning(self._bucket, "Enabled")
            self._wrote()
        if self._key and (arn := key_arn(self._key, account, self._region)) and encrypt(backend, self._bucket, arn):
            self._wrote()
        return backend, backend.buckets[self._bucket]

    def _put(self, backend: Any, bucket: Any, key: str, body: Body) -> bool:
        """Put a file that changed since, or whose object did; return whether there is a new version of its object.

        Not all writes are requests that can be refused: another service of moto's may make them, too.
        """
        present = bucket.keys.get(key)
        if self._stamps.get(key) == body.stamp and getattr(present, MIRRORED, False):
            return False
        try:
            content = body.read()
        except FileNotFoundError:  # gone meanwhile: the next look sees that
            return False
        except OSError as error:
            self._tell_unreadable(key, error)
            return False
        self._stamps[key] = body.stamp
        self._unreadable.discard(key)
        digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
        if getattr(present, "etag", "").strip('"') == digest:
            is_new = False
        else:
            present, is_new = backend.put_object(self._bucket, key, content, disable_notification=True), True
        setattr(present, MIRRORED, True)
        return is_new

    def _tell_unreadable(self, key: str, error: OSError) -> None:
        if key not in self._unreadable:
            self._unreadable.add(key)
            said = UNREADABLE.format(bucket=self._bucket, key=key, error=error)
            print(f"{SAID}{ascii(said)[1:-1]}", flush=True)

    def _gone(self, bucket: Any, bodies: Mapping[str, Body]) -> list[str]:
        """Return the keys of objects of ours whose files are gone."""
        newest = ((key, versions[-1]) for key, versions in dict.items(bucket.keys) if versions)
        return [key for key, one in newest if key not in bodies and getattr(one, MIRRORED, False)]

    def _deleted(self, backend: Any, key: str) -> bool:
        backend.delete_object(self._bucket, key)
        self._stamps.pop(key, None)
        return True

    def _refuse(self, start_response: StartResponse, key: str, part: Part) -> Iterable[bytes]:
        said = SAID + REFUSED.format(bucket=self._bucket, key=key, shown=part.shown)
        text = (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code><Message>{escape(said)}</Message>'
            f"<Resource>{escape(f'/{self._bucket}/{key}')}</Resource></Error>"
        )
        body = text.encode(errors="replace")
        status = HTTPStatus.FORBIDDEN
        headers = [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))]
        start_response(f"{status.value} {status.phrase}", headers)
        return [body]
