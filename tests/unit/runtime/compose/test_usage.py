"""What a container uses, out of what engines say of it, in the forms of the Engine API ("Get container stats")."""

from __future__ import annotations

from typing import Any

import pytest

from mwaa_local.runtime.compose.usage import usage_from
from mwaa_local.runtime.usage import Usage

MIB = 1 << 20
CPU = {"cpu_usage": {"total_usage": 2_500_000_000, "usage_in_usermode": 1}, "online_cpus": 2}
NETWORKS = {"eth0": {"rx_bytes": 100, "tx_bytes": 7}, "eth1": {"rx_bytes": 10, "tx_bytes": 1}}


@pytest.mark.parametrize(
    ("details", "memory_bytes"),
    [
        ({"inactive_file": 30 * MIB, "active_file": 5}, 70 * MIB),  # control groups, version 2
        ({"total_inactive_file": 40 * MIB, "total_rss": 5}, 60 * MIB),  # version 1
        ({}, 100 * MIB),
        ({"inactive_file": 200 * MIB}, 0),
    ],
)
def test_memory_is_without_what_the_kernel_gives_up_first(details: dict[str, int], memory_bytes: int) -> None:
    memory = {"usage": 100 * MIB, "stats": details}
    stats: dict[str, Any] = {"cpu_stats": CPU, "memory_stats": memory, "networks": NETWORKS}
    assert usage_from(stats) == Usage(2.5, memory_bytes, 110, 8)


@pytest.mark.parametrize("stats", [{}, {"memory_stats": {}, "cpu_stats": {"cpu_usage": {"total_usage": 0}}}])
def test_container_that_has_ended_uses_nothing_that_could_be_told(stats: dict[str, Any]) -> None:
    assert usage_from(stats) is None


def test_container_without_networks_has_sent_nothing() -> None:
    assert usage_from({"memory_stats": {"usage": 1}, "cpu_stats": CPU}) == Usage(2.5, 1, 0, 0)
