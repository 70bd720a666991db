"""Components that did not come up: which of them to blame, and the error for it. Shared by the runtimes.

Both go by a component's cause, never by the words of its detail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from mwaa_local.errors import QUOTED, ComponentFailed, ComponentNotReady
from mwaa_local.event import DEPENDENCY_FAILED, NOT_READY, Cause

T = TypeVar("T")


def roots_first(failed: Iterable[T], cause_of: Callable[[T], Cause]) -> list[T]:
    """Return failed components in their order, after all others those that only another one's failure kept down."""
    return sorted(failed, key=lambda item: cause_of(item) == DEPENDENCY_FAILED)


def component_error(
    name: str, cause: Cause, detail: str, last_lines: Sequence[str], log_path: Path
) -> ComponentFailed | ComponentNotReady:
    """Return the error for a component that failed for this cause."""
    kind, verb = (ComponentNotReady, "did not become ready") if cause == NOT_READY else (ComponentFailed, "failed")
    lines = "\n".join(f"{QUOTED}{line}" for line in last_lines) or "  (none)"
    return kind(
        f"{name} {verb}: {detail}",
        f"Its last lines:\n{lines}\nThe whole log: {log_path}",
        f"mwaa-local logs {name}; the other components are still up, `mwaa-local down` stops them",
    )
