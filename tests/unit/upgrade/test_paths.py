"""Which moves between releases MWAA takes: every pair of the sixteen, against the rules as its guide has them."""

from __future__ import annotations

from itertools import pairwise, product

import pytest

from mwaa_local.errors import MoveRefused
from mwaa_local.release import Release
from mwaa_local.upgrade.paths import Direction, Move, checked_move, move, nearest_offered

OFFERED = ("2.7.2", "2.8.1", "2.9.2", "2.10.1", "2.10.3", "2.11.0", "2.11.2", "3.0.6", "3.2.1", "3.3.1")
NEWEST_2_11, OF_2_11 = "2.11.2", ("2.11.0", "2.11.2")


def between(source: str, target: str) -> Move:
    return move(Release.load(source), Release.load(target))


def expected_hops(source: str, target: str) -> tuple[str, ...]:
    """Return the way as the user guide says it, written down a second time and by another road than the code."""
    if source == target or target not in OFFERED:
        return ()
    majors = source[0], target[0]
    if "1" in majors:
        return ()
    if majors == ("2", "3") and source != NEWEST_2_11:
        return (NEWEST_2_11, target)
    if majors == ("3", "2") and target not in OF_2_11:
        return (NEWEST_2_11, target)
    return (target,)


def test_every_pair_of_releases() -> None:
    pairs = list(product(Release.versions(), repeat=2))
    found = {pair: between(*pair) for pair in pairs}
    hops = {pair: tuple(release.airflow_version for release in item.hops) for pair, item in found.items()}
    assert hops == {pair: expected_hops(*pair) for pair in pairs}
    assert {pair for pair, item in found.items() if item.is_nothing} == {pair for pair in pairs if len({*pair}) == 1}
    assert {pair for pair, item in found.items() if item.is_allowed} == {
        pair for pair in pairs if hops[pair] == pair[1:]
    }
    refused = {pair for pair, item in found.items() if item.why}
    assert refused == {pair for pair, item in found.items() if not item.is_nothing and not item.is_allowed}
    assert refused == {pair for pair, item in found.items() if item.hint}


def test_each_hop_of_a_way_is_a_move_that_mwaa_takes() -> None:
    for pair in product(Release.versions(), repeat=2):
        found = between(*pair)
        stops = (found.source, *found.hops)
        assert all(move(one, after).is_allowed for one, after in pairwise(stops)), pair


@pytest.mark.parametrize(
    ("source", "target", "direction"),
    [("2.10.3", "2.11.2", "upgrade"), ("2.10.3", "2.10.1", "downgrade"), ("2.10.3", "2.10.3", "none")],
)
def test_direction(source: str, target: str, direction: str) -> None:
    assert between(source, target).direction is Direction(direction)


def test_refused_move_names_the_way_and_why() -> None:
    with pytest.raises(MoveRefused) as raised:
        checked_move(Release.load("2.7.2"), Release.load("3.3.1"))
    assert raised.value.what == "MWAA refuses the update from Airflow 2.7.2 to 3.3.1"
    assert raised.value.why == "MWAA upgrades to Airflow 3 only from the newest 2.11.x, which is 2.11.2."
    assert raised.value.hint == "go step by step: 2.7.2 → 2.11.2 → 3.3.1"


def test_way_back_from_airflow_3_leads_through_2_11() -> None:
    found = between("3.0.6", "2.8.1")
    assert found.route == "3.0.6 → 2.11.2 → 2.8.1"
    assert found.why == "From Airflow 3, MWAA downgrades only to 2.11.x."


def test_ended_target_has_its_date_and_the_nearest_release_that_can_be_had() -> None:
    found = between("2.2.2", "2.4.3")
    assert found.why.startswith("MWAA ended Airflow 2.4.3 on 2025-12-30:")
    assert found.hint == "choose Airflow 2.7.2: 2.2.2 → 2.7.2"
    assert between("1.10.12", "2.4.3").hint == "create a new environment with Airflow 2.7.2"


def test_airflow_1_is_never_left_in_place() -> None:
    found = between("1.10.12", "2.11.2")
    assert (found.route, found.hint) == ("", "create a new environment with Airflow 2.11.2")
    assert found.why == "MWAA has no in-place change between Airflow 1 and Airflow 2."


def test_same_version_is_nothing_to_do_and_no_error() -> None:
    release = Release.load("2.2.2")
    assert checked_move(release, release).is_nothing
    assert between("2.2.2", "2.2.2").what == "the environment has Airflow 2.2.2 already"


def test_allowed_move_passes() -> None:
    assert checked_move(Release.load("2.11.2"), Release.load("3.0.6")).route == "2.11.2 → 3.0.6"


@pytest.mark.parametrize(("version", "nearest"), [("2.4.3", "2.7.2"), ("2.10.1", "2.10.1"), ("1.10.12", "2.7.2")])
def test_nearest_release_that_can_be_had(version: str, nearest: str) -> None:
    assert nearest_offered(Release.load(version)).airflow_version == nearest
