"""Which components a person means by a name."""

from __future__ import annotations

import pytest

from mwaa_local.naming import meant

KNOWN = ("scheduler", "worker.10", "worker.2", "worker.1", "worker.old", "workers.1", "listener.1")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("scheduler", ["scheduler"]),
        ("worker", ["worker.1", "worker.2", "worker.10"]),
        ("worker.2", ["worker.2"]),
        ("worker.1", ["worker.1"]),
        ("listener.1", ["listener.1"]),
        ("worker.3", []),
        ("work", []),
        ("", []),
    ],
)
def test_name_without_number_means_all_that_have_one(name: str, expected: list[str]) -> None:
    assert meant(name, KNOWN) == expected


def test_one_that_has_no_number_comes_first() -> None:
    """As in an environment of an older version, whose single worker has a log of its own."""
    assert meant("worker", ("worker.1", "worker")) == ["worker", "worker.1"]
