"""CloudWatch's filter patterns as our commands take them."""

from __future__ import annotations

from collections.abc import Callable

from mwaa_local.errors import PatternInvalid
from mwaa_local.guest.aws.patterns import pattern as patterns

HINT = (
    'words such as ERROR, phrases in double quotes, { $.level = "error" } for events that are JSON,'
    " [time, level = ERROR, ...] for columns"
)


def matcher(pattern: str) -> Callable[[str], bool]:
    """Return what tells whether a message matches. Raises PatternInvalid."""
    try:
        return patterns.matcher(pattern)
    except ValueError as error:
        raise PatternInvalid(f"the filter pattern {pattern!r} is not valid", f"{error}.", HINT) from None
