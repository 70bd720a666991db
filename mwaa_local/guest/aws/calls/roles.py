"""The policies of an execution role, as moto's IAM has them at this moment."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from mwaa_local.iam.policies import Statement, statements
else:
    from mwaa_iam.policies import statements


def role_policy(account_id: str, role_arn: str) -> list[Statement] | None:
    """Return the statements of all policies of a role, its own and attached; None where IAM does not know it."""
    from moto.iam.models import iam_backends  # type: ignore[import-not-found]

    partition, name = role_arn.split(":", 2)[1], role_arn.rpartition("/")[2]
    role: Any = _named(iam_backends[account_id][partition].roles, name)
    if role is None:
        return None
    # Another request may change them meanwhile: each is copied at once, which holds the interpreter's own lock.
    attached = [version for policy in list(role.managed_policies.values()) for version in list(policy.versions)]
    documents = [*list(role.policies.values()), *(version.document for version in attached if version.is_default)]
    return [each for document in documents for each in _statements(str(document))]


def _named(roles: Mapping[str, Any], name: str) -> Any | None:
    return next((role for role in list(roles.values()) if role.name == name), None)


@functools.lru_cache(maxsize=100)
def _statements(document: str) -> tuple[Statement, ...]:
    try:
        return tuple(statements(json.loads(unquote(document) if document.startswith("%") else document)))
    except ValueError:
        return ()
