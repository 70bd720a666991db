"""Whether members may be what they are: the limits of botocore's model, and what AWS allows besides.

Rules between the members of an environment hold for what an update makes of it, so `environments.members` has them.

Clients check required members, types and least values alone; the rest is for the server. How MWAA words a refusal is
not documented, so the words here are ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mwaa_local.api.http.errors import NOT_FOUND, VALIDATION, ServiceError, ours
from mwaa_local.api.http.routes import Operation
from mwaa_local.environment.service_model import Check, ServiceModel, Violation, dotted

NAMED_VIOLATIONS = 10  # in one message; whoever has more has them all alike
RESERVED_TAG_PREFIX = "aws:"  # AWS General Reference, "Tag naming limits and requirements"
TAGS = "Tags"


def check_members(model: ServiceModel, operation: Operation, members: Mapping[str, Any]) -> None:
    """Raise the operation's ServiceError unless its members keep within the model, and tags and keys within AWS's."""
    found = [*Check(model).violations(operation.input_shape, members, ()), *_service_rules(members)]
    if found:
        raise refusal(operation, _listed(found))


def refusal(operation: Operation, words: str) -> ServiceError:
    """Return the error of the operation's model for members that cannot be right."""
    # CreateCliToken has no ValidationException: what is no environment's name is the name of none.
    return ours(VALIDATION if VALIDATION in operation.errors else NOT_FOUND, words)


def _service_rules(members: Mapping[str, Any]) -> Iterator[Violation]:
    for key in members.get(TAGS, ()):
        if key.lower().startswith(RESERVED_TAG_PREFIX):
            yield Violation((TAGS, key), f"must not begin with {RESERVED_TAG_PREFIX}, which is AWS's own", "")
    if ":alias/" in members.get("KmsKey", "") or members.get("KmsKey", "").startswith("alias/"):
        # MWAA user guide, "Using customer managed keys for encryption".
        yield Violation(("KmsKey",), "must be the key's id or ARN: MWAA takes no alias", "")


def _listed(found: Iterable[Violation]) -> str:
    told = [f"{dotted(each.path)} {each.rule}".strip() for each in found]
    more = f"; and {len(told) - NAMED_VIOLATIONS} more" if len(told) > NAMED_VIOLATIONS else ""
    return "; ".join(told[:NAMED_VIOLATIONS]) + more
