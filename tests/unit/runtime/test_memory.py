"""How many processes the kernel has killed for lack of memory, as it tells it in each place."""

from __future__ import annotations

from pathlib import Path

import pytest

from mwaa_local.runtime.memory import kills_in, kills_on_machine, memory_of_machine


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("pgfault 1\noom_kill 3\nnuma_hit 2\n", id="/proc/vmstat"),
        pytest.param("low 0\nhigh 0\nmax 21\noom 4\noom_kill 3\noom_group_kill 1\n", id="memory.events"),
        pytest.param("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n", id="memory.oom_control"),
    ],
)
def test_kills_are_counted_alone(text: str) -> None:
    assert kills_in(text) == 3


def test_kernel_that_does_not_count_them_says_nothing(tmp_path: Path) -> None:
    assert kills_in("oom_kill_disable 0\nunder_oom 0\n") is None
    assert kills_on_machine(tmp_path / "nosuch") is None


def test_memory_is_that_of_the_machine_or_less_where_a_control_group_has_less(tmp_path: Path) -> None:
    whole = memory_of_machine(())
    assert whole is not None
    limited, unlimited = tmp_path / "limited", tmp_path / "unlimited"
    limited.write_text("1048576\n")
    unlimited.write_text("max\n")
    assert memory_of_machine((unlimited, tmp_path / "none")) == whole
    assert memory_of_machine((unlimited, limited)) == 1 << 20
