"""Which components a person means by a name, and which DAG by one that is not quite right."""

from __future__ import annotations

import pytest

from mwaa_local.naming import SHOWN_NAMES, kind_of, listed, meant, next_names, number_of, suggestion

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


def test_next_names_count_on_from_the_highest_that_is_taken() -> None:
    assert next_names("worker", 2, ()) == ["worker.1", "worker.2"]
    assert next_names("worker", 2, ("worker.1", "worker.7", "workers.9", "scheduler")) == ["worker.8", "worker.9"]
    assert next_names("worker", 0, ("worker.1",)) == []
    assert next_names("scheduler", 1, ("scheduler",)) == ["scheduler.1"]


@pytest.mark.parametrize(
    ("name", "kind", "number"),
    [
        ("worker.12", "worker", 12),
        ("worker", "worker", 0),
        ("a.b.3", "a.b", 3),
        ("3", "3", 0),
        ("dag-processor", "dag-processor", 0),
    ],
)
def test_name_is_a_kind_and_a_number(name: str, kind: str, number: int) -> None:
    assert (kind_of(name), number_of(name)) == (kind, number)


def test_names_are_listed_with_the_nearest_first() -> None:
    assert listed("loda", ["audit", "load", "zebra", "load"]) == "load, audit, zebra"
    assert listed("any", []) == "none"
    many = [f"dag_{number:02}" for number in range(SHOWN_NAMES + 3)]
    assert listed("other", many).endswith("dag_19 and 3 more")
    assert listed("dag_222", many).startswith("dag_22, ")  # which is beyond those that are shown


def test_name_that_is_like_none_has_no_suggestion() -> None:
    assert suggestion("loda", ["audit", "load"]) == "did you mean 'load'?"
    assert suggestion("other", ["audit", "load"]) == ""
