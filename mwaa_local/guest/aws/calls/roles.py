"""The policies of an execution role, as moto's IAM has them at this moment."""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from mwaa_local.iam.policies import Statement, statements
else:
    from mwaa_iam.policies import statements

PARTITION = "aws"


def role_policy(account_id: str, role_arn: str) -> list[Statement] | None:
    """Return the statements of all policies of a role, its own and attached; None where IAM does not know it."""
    from moto.iam.exceptions import NotFoundException  # type: ignore[import-not-found]
    from moto.iam.models import iam_backends  # type: ignore[import-not-found]

    try:
        role: Any = iam_backends[account_id][PARTITION].get_role(role_arn.rpartition("/")[2])
    except NotFoundException:
        return None
    attached = (version for policy in role.managed_policies.values() for version in policy.versions)
    documents = [*role.policies.values(), *(version.document for version in attached if version.is_default)]
    return [each for document in documents for each in _statements(str(document))]


@functools.lru_cache(maxsize=100)
def _statements(document: str) -> tuple[Statement, ...]:
    try:
        return tuple(statements(json.loads(unquote(document) if document.startswith("%") else document)))
    except ValueError:
        return ()
