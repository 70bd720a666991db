"""Callers out of the IAM of a local AWS: who made a key, and which policies its owner has."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from mwaa_local.api.aws_query import Absent, Aws, NoAnswer, listed
from mwaa_local.api.http.errors import INTERNAL, ServiceError, ours
from mwaa_local.api.iam.callers import ADMIN, AnyCaller, Identity
from mwaa_local.api.iam.roles import role_granted
from mwaa_local.iam.policies import Statement, statements

URL_LASTS_S = 5.0  # asking a runtime where its AWS is takes longer than all the rest of a call
REGION = "us-east-1"  # IAM has none
NOT_FOUND = 404
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
        found = self._ask("GetCallerIdentity", lambda aws: aws.sts("GetCallerIdentity"), access_key_id)
        arn = str((found or {}).get("Arn", "")).strip()
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
        for group in listed(self._iam("ListGroupsForUser", UserName=name).get("Groups")):
            yield from self._policies("Group", group["GroupName"])

    def _of_role(self, name: str) -> Iterator[Statement]:
        yield from self._policies("Role", name)

    def _policies(self, kind: str, name: str) -> Iterator[Statement]:
        """Yield the statements of all policies of a user, group or role, its own and those attached to it."""
        owner = {f"{kind}Name": name}
        for policy in listed(self._iam(f"List{kind}Policies", **owner).get("PolicyNames")):
            yield from _statements(self._iam(f"Get{kind}Policy", PolicyName=policy, **owner), "PolicyDocument")
        for attached in listed(self._iam(f"ListAttached{kind}Policies", **owner).get("AttachedPolicies")):
            arn = attached["PolicyArn"]
            policy = self._iam("GetPolicy", PolicyArn=arn).get("Policy") or {}
            if version := policy.get("DefaultVersionId"):
                found = self._iam("GetPolicyVersion", PolicyArn=arn, VersionId=version)
                yield from _statements(found.get("PolicyVersion") or {}, "Document")

    def _iam(self, action: str, **members: str) -> Mapping[str, Any]:
        return self._ask(action, lambda aws: aws.iam(action, **members)) or {}

    def _ask(
        self, action: str, call: Callable[[Aws], Mapping[str, Any]], access_key_id: str = "local"
    ) -> Mapping[str, Any] | None:
        """Return what a call answers; None where there is no local AWS, or not what is asked for any more.

        Raises ServiceError where there is one that does not answer: a policy that is not seen may be one that denies.
        """
        if time.monotonic() >= self._is_good_until:
            self._url, self._is_good_until = self._find_url(), time.monotonic() + URL_LASTS_S
        if self._url is None:
            return None
        status = NOT_FOUND
        try:
            return call(Aws(self._url, REGION, access_key_id))
        except Absent as absent:
            if absent.code == GONE:
                return None
            error: Exception = absent
        except NoAnswer as silent:
            error, status = silent, silent.status
        if status:
            raise self._silent(f"answers {action} with status {status}") from error
        self._is_good_until = 0.0  # it may be elsewhere by now, or have been stopped
        raise self._silent("does not answer") from error

    def _silent(self, what: str) -> ServiceError:
        return ours(INTERNAL, SILENT.format(url=self._url, what=what))


def _statements(found: Mapping[str, Any], name: str) -> Iterator[Statement]:
    try:
        yield from statements(json.loads(unquote(found.get(name, ""))))
    except ValueError:
        return
