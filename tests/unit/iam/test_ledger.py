"""The record of calls: bounded, private, and forgotten when it is wished."""

from __future__ import annotations

import stat
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from mwaa_local.iam.calls import Need
from mwaa_local.iam.comparison import Comparison
from mwaa_local.iam.ledger import FORGOTTEN, MAX_ENTRIES, MAX_RESOURCES, SUFFIX, Called, Ledger, left_out, read_all
from mwaa_local.iam.minimal import minimal_policy


def called(resource: str = "arn:aws:s3:::b/k", action: str = "s3:GetObject") -> Called:
    return Called("dev", action, resource, action)


def test_same_calls_are_counted_over_restarts(tmp_path: Path) -> None:
    path = tmp_path / f"endpoint{SUFFIX}"
    for _ in range(2):
        ledger = Ledger(path)
        ledger.add(called())
        ledger.add(called(), refused=True)
        ledger.write()
    ((found, times),) = read_all(tmp_path)
    assert (found, times.count, times.refused) == (called(), 4, 2)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_many_resources_of_one_action_become_a_pattern(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / f"endpoint{SUFFIX}")
    for number in range(3 * MAX_RESOURCES):
        ledger.add(called(f"arn:aws:s3:::b/{number}"))
    ledger.write()
    found = {each.resource: times.count for each, times in read_all(tmp_path)}
    assert len(found) == MAX_RESOURCES + 2  # with one more as a sample
    assert found["arn:aws:s3:::b/*"] == 2 * MAX_RESOURCES - 1


def written(folder: Path, resources: Iterable[str], action: str = "s3:PutObject") -> list[Need]:
    ledger = Ledger(folder / f"endpoint{SUFFIX}")
    for resource in resources:
        ledger.add(called(resource, action))
    ledger.write()
    return [Need(each.action, each.resource) for each, _ in read_all(folder)]


@pytest.mark.parametrize(
    ("keys", "granted"),
    [
        ([f"out/{number}.csv" for number in range(60)], ["out/*"]),
        ([f"out/2026-{number:03d}/x.csv" for number in range(200)], ["out/2026-*"]),
        ([f"{'ab'[number % 2]}/{number}/{each}" for number in range(80) for each in "xyz"], ["a/*", "b/*"]),
    ],
)
def test_many_objects_are_granted_by_what_grants_each(tmp_path: Path, keys: list[str], granted: list[str]) -> None:
    needs = written(tmp_path, [f"arn:aws:s3:::b/{key}" for key in keys])
    assert len(needs) < 2 * MAX_RESOURCES
    allow = {"Effect": "Allow", "Action": "s3:*", "Resource": [f"arn:aws:s3:::b/{pattern}" for pattern in granted]}
    assert Comparison.of(needs, [allow], "123456789012").not_granted == ()
    less = {**allow, "Resource": "arn:aws:s3:::b/another/*"}
    assert Comparison.of(needs, [less], "123456789012").not_granted


def test_many_objects_are_of_their_own_folder_in_the_policy(tmp_path: Path) -> None:
    needs = written(tmp_path, [f"arn:aws:s3:::b/out/{number}" for number in range(60)])
    (statement,) = minimal_policy(needs)["Statement"]
    assert statement["Resource"] == "arn:aws:s3:::b/out/*"


def test_log_groups_become_those_of_a_folder_or_all(tmp_path: Path) -> None:
    arns = [f"arn:aws:logs:r:1:log-group:{head}{number}:*" for head in ("/aws/x/", "y") for number in range(60)]
    needs = written(tmp_path, arns, "logs:PutLogEvents")
    assert Need("logs:PutLogEvents", "arn:aws:logs:r:1:log-group:/aws/x/*") in needs
    assert Need("logs:PutLogEvents", "arn:aws:logs:r:1:log-group:*") in needs


def test_what_could_not_be_written_is_written_the_next_time(tmp_path: Path) -> None:
    folder = tmp_path / "calls"
    ledger = Ledger(folder / f"endpoint{SUFFIX}")
    ledger.add(called())
    with pytest.raises(FileNotFoundError):
        ledger.write()
    folder.mkdir()
    ledger.write()
    assert [each for each, _ in read_all(folder)] == [called()]


def test_what_was_left_out_is_forgotten_and_outlives_the_writer(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / f"endpoint{SUFFIX}")
    for number in range(MAX_ENTRIES + 3):
        ledger.add(called("*", f"a:Action{number}"))
    ledger.write()
    again = Ledger(tmp_path / f"endpoint{SUFFIX}")
    again.add(called("*", "a:Another"))
    again.write()
    assert left_out(tmp_path) == 4
    (tmp_path / FORGOTTEN).write_text(str(time.time()))
    assert left_out(tmp_path) == 0
    again.add(called("*", "a:New"))
    again.write()
    assert (left_out(tmp_path), [each.action for each, _ in read_all(tmp_path)]) == (0, ["a:New"])


def test_it_is_bounded_and_says_what_it_left_out(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / f"endpoint{SUFFIX}")
    for number in range(MAX_ENTRIES + 7):
        ledger.add(called("*", f"a:Action{number}"))
    ledger.write()
    assert (len(read_all(tmp_path)), left_out(tmp_path)) == (MAX_ENTRIES, 7)


def test_what_is_forgotten_stays_so_for_the_writer_too(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / f"endpoint{SUFFIX}")
    ledger.add(called("*", "a:Old"))
    ledger.write()
    (tmp_path / FORGOTTEN).write_text(str(time.time()))
    assert read_all(tmp_path) == []
    ledger.add(called("*", "a:New"))
    ledger.write()
    assert [each.action for each, _ in read_all(tmp_path)] == ["a:New"]


def test_file_that_is_none_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / f"endpoint{SUFFIX}"
    for text in ("", "[]", '{"calls": 1}', '{"calls": [{"action": 1}]}', "\ud800".encode("utf-8", "replace").decode()):
        path.write_text(text)
        assert read_all(tmp_path) == []
        assert left_out(tmp_path) == 0
