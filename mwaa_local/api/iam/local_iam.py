"""Callers out of the IAM of a local AWS: who made a key, and which policies its owner has."""

from __future__ import annotations

import http.client
import json
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

from mwaa_local.api.http.errors import INTERNAL, ServiceError, ours
from mwaa_local.api.iam.callers import ADMIN, AnyCaller, Identity
from mwaa_local.api.iam.policies import Statement, role_granted, statements

TIMEOUT_S = 5.0
URL_LASTS_S = 5.0  # asking a runtime where its AWS is takes longer than all the rest of a call
VERSIONS = {"iam": "2010-05-08", "sts": "2011-06-15"}  # of these services' APIs; there never was another
REGION = "us-east-1"  # IAM has none
OF_IAM = ":iam::"  # in the ARN of a user that IAM knows; STS names whoever is unknown a user of its own
USER, ASSUMED_ROLE = "user", "assumed-role"
GONE = "NoSuchEntity"  # what was listed a moment ago
SILENT = (
    "nobody knows what the caller may do: the IAM of the local AWS at {url} {what};"
    " see `mwaa-local status` and `mwaa-local logs aws`, and run `mwaa-local up`"
)


class LocalIam:
    """Callers of a machine on which a local AWS may run. `url` says where, or None; it is asked every few seconds."""

    def __init__(self, url: Callable[[], str | None]) -> None:
        self._find_url = url
        self._url: str | None = None
        self._is_good_until = 0.0

    def identity(self, access_key_id: str) -> Identity:
        """Return the user or role to whom the local IAM gave that key; others are as they say. Raises ServiceError."""
        found = self._ask("sts", access_key_id, "GetCallerIdentity")
        arn = next(_texts(found, "Arn"), "")
        if found is not None and not arn:
            raise self._silent("does not say who the caller is")
        kind, _, name = arn.rpartition(":")[2].partition("/")
        is_known = (kind == USER and OF_IAM in arn) or kind == ASSUMED_ROLE
        return Identity(f"{kind}/{name}", is_known=True) if is_known else AnyCaller().identity(access_key_id)

    def role(self, identity: Identity, action: str, role_arn_base: str) -> str | None:
        if not identity.is_known:
            return ADMIN
        kind, _, name = identity.name.partition("/")
        found = (
            self._of_role(name.partition("/")[0]) if kind == ASSUMED_ROLE else self._of_user(name.rpartition("/")[2])
        )
        return role_granted(list(found), f"airflow:{action}", role_arn_base)

    def _of_user(self, name: str) -> Iterator[Statement]:
        yield from self._policies("User", name)
        for group in _texts(self._iam("ListGroupsForUser", UserName=name), "GroupName"):
            yield from self._policies("Group", group)

    def _of_role(self, name: str) -> Iterator[Statement]:
        yield from self._policies("Role", name)

    def _policies(self, kind: str, name: str) -> Iterator[Statement]:
        """Yield the statements of all policies of a user, group or role, its own and those attached to it."""
        owner = {f"{kind}Name": name}
        for policy in _texts(self._iam(f"List{kind}Policies", **owner), "PolicyNames/member"):
            yield from _statements(self._iam(f"Get{kind}Policy", PolicyName=policy, **owner), "PolicyDocument")
        for arn in _texts(self._iam(f"ListAttached{kind}Policies", **owner), "PolicyArn"):
            for version in _texts(self._iam("GetPolicy", PolicyArn=arn), "DefaultVersionId"):
                yield from _statements(self._iam("GetPolicyVersion", PolicyArn=arn, VersionId=version), "Document")

    def _iam(self, action: str, **members: str) -> ET.Element | None:
        return self._ask("iam", "local", action, **members)

    def _ask(self, service: str, access_key_id: str, action: str, **members: str) -> ET.Element | None:
        """Return what a service answers without its namespaces; None where there is no local AWS, or not that any more.

        Raises ServiceError where there is one that does not answer: a policy that is not seen may be one that denies.
        """
        if time.monotonic() >= self._is_good_until:
            self._url, self._is_good_until = self._find_url(), time.monotonic() + URL_LASTS_S
        if self._url is None:
            return None
        parts = urlsplit(self._url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
        scope = f"{access_key_id}/20000101/{REGION}/{service}/aws4_request"
        headers = {
            # The signature is not checked.
            "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
            "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
        }
        try:
            connection.request(
                "POST", "/", urlencode({"Action": action, "Version": VERSIONS[service], **members}), headers
            )
            answer = connection.getresponse()
            found = _without_namespaces(answer.read())
        except (OSError, http.client.HTTPException, ET.ParseError) as error:
            self._is_good_until = 0.0  # it may be elsewhere by now, or have been stopped
            raise self._silent("does not answer") from error
        finally:
            connection.close()
        if answer.status == http.client.OK:
            return found
        if GONE in _texts(found, "Code"):
            return None
        raise self._silent(f"answers {action} with status {answer.status}")

    def _silent(self, what: str) -> ServiceError:
        return ours(INTERNAL, SILENT.format(url=self._url, what=what))


def _without_namespaces(text: bytes) -> ET.Element:
    root = ET.fromstring(text)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def _texts(found: ET.Element | None, path: str) -> Iterator[str]:
    for element in found.iterfind(f".//{path}") if found is not None else ():
        if element.text:
            yield element.text.strip()


def _statements(found: ET.Element | None, path: str) -> Iterator[Statement]:
    for text in _texts(found, path):
        plain: Any = None
        try:
            plain = json.loads(unquote(text))
        except ValueError:
            continue
        yield from statements(plain)
