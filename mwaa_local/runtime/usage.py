"""What components use of the machine: the same two figures in every runtime."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Usage:
    """What one component has used since it began, and uses now. Only a difference of the counters means something."""

    cpu_s: float  # processor time, with all processes of its own
    memory_bytes: int  # now; of what processes share, each has its part
    received_bytes: int | None = None  # over the network; None where a component has no network of its own
    sent_bytes: int | None = None
