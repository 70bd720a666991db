"""What the product answers to projects after public reports is what experienced users of MWAA would say."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Outcome, ProjectRunner

CASES_PATH = Path(__file__).with_name("cases.toml")
WIDTH = {"COLUMNS": "1000"}  # so that no sentence is broken


@dataclass(frozen=True)
class Command:
    """One command in a case's project, and the right answer."""

    words: Sequence[str]
    exit_code: int
    findings: Sequence[str] | None = None
    says: Sequence[str] = ()
    never_says: Sequence[str] = ()


@dataclass(frozen=True)
class Case:
    """One project, what MWAA does with it, and what each command has to answer."""

    name: str
    mwaa: str
    files: Mapping[str, str]
    command: Sequence[Mapping[str, Any]]

    def commands(self) -> list[Command]:
        return [Command(**plain) for plain in self.command]


def load() -> list[Case]:
    return [Case(**plain) for plain in tomllib.loads(CASES_PATH.read_text(encoding="utf-8"))["case"]]


@pytest.mark.full  # each kind has a quicker test beside the code that answers
@pytest.mark.network
@pytest.mark.parametrize("case", load(), ids=lambda case: case.name)
def test_reported_project_gets_the_right_answer(case: Case, project: Callable[..., ProjectRunner]) -> None:
    runner = project({"dags/.gitkeep": "", **case.files})
    for command in case.commands():
        outcome = runner.run(*command.words, env=WIDTH)
        said = outcome.stdout + outcome.stderr
        assert "Traceback" not in outcome.stderr, outcome.stderr
        assert outcome.exit_code == command.exit_code, said
        assert [words for words in command.says if words not in said] == [], said
        assert [words for words in command.never_says if words in said] == [], said
        if command.findings is not None:
            found = findings(runner.run(*command.words, "--json"))
            assert Counter(found) == Counter(command.findings), said


def findings(outcome: Outcome) -> list[str]:
    """Return "severity rule" of each finding, wherever the command's JSON has them."""

    def within(plain: Any) -> list[str]:
        if isinstance(plain, dict):
            if {"rule", "severity"} <= plain.keys():
                return [f"{plain['severity']} {plain['rule']}"]
            return within(list(plain.values()))
        return [text for item in plain for text in within(item)] if isinstance(plain, list) else []

    return within(json.loads(outcome.stdout))


def test_each_case_says_what_mwaa_does_and_asserts_more_than_an_exit_code() -> None:
    for case in load():
        assert case.mwaa, case.name
        assert any(command.says or command.findings is not None for command in case.commands()) or any(
            command.never_says for command in case.commands()
        ), case.name
