"""What the launcher takes from the seeding step is its answer; what that step tells people decides nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from mwaa_local.errors import SeedingFailed
from mwaa_local.guest import seeding_script
from mwaa_local.plan import Component, ExitedOk, Plan
from mwaa_local.seeding.airflow_settings import SETTINGS_FILE
from mwaa_local.services.seeding import (
    HELD,
    MIGRATE_DB,
    PUT,
    REFUSED,
    SEED,
    Answer,
    put_in,
    raise_for_refusal,
    read_answer,
    step_of,
)

PLAN = Plan((), "3.3.1", {}, "", "", "q", "/")
# Today's words, those of another outcome, and some that nobody wrote yet.
WORDS = ("put in 7 pools", f"{SETTINGS_FILE}:99: the pool p: KeyError: k", "the database holds all already", "perdu")
REFUSAL: dict[str, Any] = {
    "outcome": REFUSED,
    "line": 4,
    "kind": "connection",
    "name": "a: b",
    "error": "DataError",
    "message": "too long: 501",
}


def answered(words: str, **answer: Any) -> Answer | None:
    """Return what is read from a step that wrote this answer between words for people."""
    return read_answer((f"{seeding_script.SAID}{words}", f"{seeding_script.ANSWER}{json.dumps(answer)}", words))


@pytest.mark.parametrize("words", WORDS)
def test_outcome_is_that_of_the_answer_whatever_the_words(words: str) -> None:
    put = answered(words, outcome=PUT, counts={"connection": 2, "pool": 1})
    assert put_in(put) == f"put in 2 connections, 1 pool, from {SETTINGS_FILE}"
    raise_for_refusal(put)
    held = answered(words, outcome=HELD)
    assert put_in(held) == ""
    raise_for_refusal(held)
    refused = answered(words, **REFUSAL)
    assert put_in(refused) == ""
    with pytest.raises(SeedingFailed) as caught:
        raise_for_refusal(refused)
    assert caught.value.what == f"{SETTINGS_FILE}:4: the connection a: b could not be loaded into the metadata database"
    assert caught.value.why == "DataError: too long: 501"


@pytest.mark.parametrize("name", [SEED, MIGRATE_DB])
def test_step_is_there_where_it_has_something_to_put_in(name: str) -> None:
    step = Component(name, ("a",), {}, ExitedOk(), reads="mark")
    assert step_of(replace(PLAN, components=(step,))) == step
    assert step_of(replace(PLAN, components=(replace(step, reads=""),))) is None
    assert step_of(PLAN) is None
    assert put_in(None) == ""
    raise_for_refusal(None)


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
