"""Leave out of one part of a check what another part tells better: one cause, one finding. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mwaa_local.check.part import Part
from mwaa_local.check.requirements.resolution import CONFLICT, INSTALL_FAILED, UNREADABLE_LINE
from mwaa_local.check.requirements.source_findings import NO_WHEEL
from mwaa_local.finding import ERROR, NOT_CHECKED

# Rules that say why pip cannot install a file, or why that is not known: that it could not do so here follows.
REASONS = frozenset({CONFLICT, UNREADABLE_LINE, NO_WHEEL, NOT_CHECKED})


def folded(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Return the parts without a failed install of a file of which another part says why it is refused."""
    told = {item.path for part in parts for item in part.findings if item.rule in REASONS and item.severity == ERROR}
    return tuple(
        replace(
            part,
            findings=tuple(item for item in part.findings if item.rule != INSTALL_FAILED or item.path not in told),
        )
        for part in parts
    )
