"""What a container uses, out of what the engine tells of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mwaa_local.runtime.compose.engine_log import NANOSECONDS
from mwaa_local.runtime.usage import Usage

# File caches that the kernel gives up first, in both versions of control groups: `docker stats` takes them off, too.
RECLAIMABLE = ("inactive_file", "total_inactive_file")


def usage_from(stats: Mapping[str, Any]) -> Usage | None:
    """Return what the engine's statistics say; None of a container that has ended meanwhile."""
    memory, cpu = stats.get("memory_stats") or {}, stats.get("cpu_stats") or {}
    if "usage" not in memory:
        return None
    details = memory.get("stats") or {}
    cache = next((int(details[name]) for name in RECLAIMABLE if name in details), 0)
    networks = (stats.get("networks") or {}).values()
    return Usage(
        cpu_s=int((cpu.get("cpu_usage") or {}).get("total_usage", 0)) / NANOSECONDS,
        memory_bytes=max(int(memory["usage"]) - cache, 0),
        received_bytes=sum(int(each.get("rx_bytes", 0)) for each in networks),
        sent_bytes=sum(int(each.get("tx_bytes", 0)) for each in networks),
    )
