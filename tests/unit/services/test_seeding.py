"""What the launcher takes from the seeding step is its answer; what that step tells people decides nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from typing import Any, cast

import pytest

from mwaa_local.errors import SeedingFailed
from mwaa_local.event import Event, LogLine
from mwaa_local.guest import seeding_script
from mwaa_local.plan import Component, ExitedOk, Plan
from mwaa_local.runtime.protocol import Runtime
from mwaa_local.seeding.airflow_settings import SETTINGS_FILE
from mwaa_local.services.seeding import HELD, PUT, REFUSED, SEED, Answer, raise_for_failure, read_answer, tell

PLAN = Plan((Component(SEED, ("a",), {}, ExitedOk(), reads="mark"),), "3.3.1", {}, "", "", "q", "/")
# Today's words, those of another outcome, and some that nobody wrote yet.
WORDS = ("put in 7 pools", f"{SETTINGS_FILE}:99: the pool p: KeyError: k", "the database holds all already", "perdu")
REFUSAL = {
    "outcome": REFUSED,
    "line": 4,
    "kind": "connection",
    "name": "a: b",
    "error": "DataError",
    "message": "too long: 501",
}


class Wrote:
    """A runtime in which the step has written these lines."""

    def __init__(self, *lines: str) -> None:
        self._lines = lines

    def logs(self, names: Sequence[str], *, follow: bool, from_end: bool = False) -> Iterator[LogLine]:
        assert list(names) == [SEED]
        return (LogLine(SEED, "out", line, time.time()) for line in self._lines)


def wrote(words: str, **answer: Any) -> Runtime:
    lines = (f"{seeding_script.SAID}{words}", f"{seeding_script.ANSWER}{json.dumps(answer)}", words)
    return cast("Runtime", Wrote(*lines))


def told(runtime: Runtime) -> list[str]:
    events: list[Event] = []
    tell(runtime, PLAN, 0.0, events.append)
    return [event.detail for event in events]


@pytest.mark.parametrize("words", WORDS)
def test_outcome_is_that_of_the_answer_whatever_the_words(words: str) -> None:
    put = wrote(words, outcome=PUT, counts={"connection": 2, "pool": 1})
    assert told(put) == [f"put in 2 connections, 1 pool, from {SETTINGS_FILE}"]
    raise_for_failure(put, PLAN, 0.0)
    held = wrote(words, outcome=HELD)
    assert told(held) == []
    raise_for_failure(held, PLAN, 0.0)
    refused = wrote(words, **REFUSAL)
    assert told(refused) == []
    with pytest.raises(SeedingFailed) as caught:
        raise_for_failure(refused, PLAN, 0.0)
    assert caught.value.what == f"{SETTINGS_FILE}:4: the connection a: b could not be loaded into the metadata database"
    assert caught.value.why == "DataError: too long: 501"


def test_words_alone_are_no_answer() -> None:
    assert read_answer([f"{seeding_script.SAID}{words}" for words in WORDS]) is None


@pytest.mark.parametrize(
    "garbage",
    ["", "{", "[1]", "7", '{"outcome": "x"}', '{"outcome": "put", "counts": [1]}', '{"outcome": "put", "y": 1}'],
)
def test_garbage_after_an_answer_does_not_hide_it(garbage: str) -> None:
    lines = [seeding_script.ANSWER + text for text in ('{"outcome": "held"}', garbage)]
    assert read_answer(lines) == Answer(HELD)
    assert read_answer(lines[1:]) is None


def test_answers_are_those_that_the_script_writes(capsys: pytest.CaptureFixture[str]) -> None:
    seeding_script.answer(PUT, counts={"pool": 1})
    assert read_answer(capsys.readouterr().out.splitlines()) == Answer(PUT, {"pool": 1})
    seeding_script.answer(**REFUSAL)
    assert read_answer(capsys.readouterr().out.splitlines()) == Answer(**REFUSAL)
