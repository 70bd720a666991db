"""Which moves are rehearsed, in which order, and what is left out."""

from __future__ import annotations

import pytest

from mwaa_local.release import Release
from mwaa_local.upgrade.rehearsal import moves


def planned(source: str, *targets: str) -> list[tuple[str, str, str]]:
    """Return from, to, and on the way to what, of each move."""
    found = moves(Release.load(source), [Release.load(version) for version in targets])
    return [(item.move.source.airflow_version, item.move.target.airflow_version, item.on_the_way_to) for item in found]


def test_hop_comes_before_what_it_leads_to() -> None:
    assert planned("2.10.3", "3.3.1") == [("2.10.3", "2.11.2", "3.3.1"), ("2.10.3", "3.3.1", "")]


def test_hop_of_several_targets_is_there_once() -> None:
    assert planned("2.10.3", "3.0.6", "3.3.1") == [
        ("2.10.3", "2.11.2", "3.0.6"),
        ("2.10.3", "3.0.6", ""),
        ("2.10.3", "3.3.1", ""),
    ]


def test_hop_that_was_asked_for_is_no_hop() -> None:
    assert planned("2.10.3", "3.3.1", "2.11.2") == [("2.10.3", "3.3.1", ""), ("2.10.3", "2.11.2", "")]


@pytest.mark.parametrize(
    ("source", "target", "why"),
    [
        ("3.3.1", "3.3.1", "nothing to do"),
        ("2.2.2", "2.4.3", "MWAA takes no environment to an ended release"),
        ("1.10.12", "2.11.2", ""),  # what a new environment would meet
        ("2.7.2", "2.11.2", ""),
    ],
)
def test_what_cannot_matter_is_not_looked_at(source: str, target: str, why: str) -> None:
    [wanted] = moves(Release.load(source), [Release.load(target)])
    assert wanted.leave_out == why
