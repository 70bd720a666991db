"""Parts of a check at once: each is told once it is done, and one that is cut short has no outcome."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from threading import Event as Flag

import pytest

from mwaa_local import command
from mwaa_local.check.at_once import AtOnce
from mwaa_local.check.part import UNCHECKED, Part
from mwaa_local.errors import ComponentFailed
from mwaa_local.event import Event
from mwaa_local.finding import ERROR, Finding
from mwaa_local.steps import Steps

FOUND = Finding("dag-import-crash", ERROR, "copy/dags", 0, "ended")


def test_part_that_an_interrupt_cut_short_has_no_outcome() -> None:
    told: list[Part] = []
    events: list[Event] = []
    at_once = AtOnce(told.append, Flag())

    def cut_short() -> Part:
        at_once.ended.set()  # as an interrupt on the main thread does
        with pytest.raises(ComponentFailed):
            Steps(events.append).until(at_once.ended).do("requirements", fail)
        return Part("dags", (FOUND,))

    def fail(_say: Callable[[str], None]) -> None:
        raise ComponentFailed("ended")

    at_once.done("options", lambda: Part("options"))
    at_once.done("dags", cut_short)
    assert ([part.name for part in told], events) == (["options"], [])


def test_what_a_user_can_mend_makes_a_part_that_was_not_checked() -> None:
    def fails() -> Part:
        raise ComponentFailed("it ended", "no room", "make room")

    told: list[Part] = []
    part = AtOnce(told.append, Flag()).done("dags", fails)
    assert (told, part.outcome, part.findings[0].hint) == ([part], UNCHECKED, "make room")


def test_findings_are_told_as_those_of_the_project() -> None:
    at_once = AtOnce(lambda part: None, Flag(), lambda finding: replace(finding, path="dags"))
    assert [item.path for item in at_once.done("dags", lambda: Part("dags", (FOUND,))).findings] == ["dags"]


def test_mistake_of_ours_ends_what_the_other_parts_wait_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "_is_interrupted", False)  # which holds for the whole process, and so for later tests
    at_once = AtOnce(lambda part: None, Flag())

    def mistake() -> Part:
        raise RuntimeError

    with pytest.raises(RuntimeError), at_once.threads(2) as pool:
        waiting = pool.submit(at_once.ended.wait, 60.0)
        pool.submit(at_once.done, "dags", mistake).result()
    assert waiting.result()
