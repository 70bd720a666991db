"""The record of calls: bounded, private, and forgotten when it is wished."""

from __future__ import annotations

import stat
import time
from pathlib import Path

from mwaa_local.iam.ledger import FORGOTTEN, MAX_ENTRIES, MAX_RESOURCES, SUFFIX, Called, Ledger, left_out, read_all


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
    assert len(found) == MAX_RESOURCES + 1
    assert found["arn:aws:s3:::b/*"] == 2 * MAX_RESOURCES


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
