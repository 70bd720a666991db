"""ServiceError: what an operation answers with when it does not do what was asked, in the service's own terms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ACCESS_DENIED = "AccessDeniedException"
INTERNAL = "InternalServerException"
NOT_FOUND = "ResourceNotFoundException"
REST_CLIENT = "RestApiClientException"
REST_SERVER = "RestApiServerException"
UNAVAILABLE = "ServiceUnavailableException"
VALIDATION = "ValidationException"
# AWS's own, of no service's model (IAM user guide and API Gateway documentation, "Common errors").
MISSING_SIGNATURE = "MissingAuthenticationTokenException"
THROTTLING = "ThrottlingException"
TOO_LATE = "RequestTimeoutException"
TOO_LARGE = "RequestEntityTooLargeException"
UNKNOWN_OPERATION = "UnknownOperationException"
COMMON_STATUSES = {THROTTLING: 400, MISSING_SIGNATURE: 403, UNKNOWN_OPERATION: 404, TOO_LATE: 408, TOO_LARGE: 413}
OURS = "mwaa-local: "  # begins each message whose words are not the service's


class ServiceError(Exception):
    """An error of MWAA's model: `code` is the name of its shape, from which the status of the answer follows.

    `message` is in the service's words where these are known; otherwise it is ours, and `ours` makes it. `members` are
    further members of the error's shape, such as `RestApiStatusCode`.
    """

    def __init__(self, code: str, message: str = "", members: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.members = dict(members or {})


def ours(code: str, message: str) -> ServiceError:
    """Return the error with a message that says whose words it has."""
    return ServiceError(code, OURS + message)


def not_found(name: str) -> ServiceError:
    """Return the error for an environment that does not exist."""
    return ours(NOT_FOUND, f"there is no environment {name!r} here")
