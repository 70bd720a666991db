"""An environment out of members and back, as an API, a deployment and an import speak of it; no file in between."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mwaa_local.environment.classes import ENVIRONMENT_CLASSES
from mwaa_local.environment.environment import Environment
from mwaa_local.environment.local import LocalSettings
from mwaa_local.errors import EnvironmentFileInvalid, MembersInvalid
from mwaa_local.release import Release
from tests.unit.environment.test_environment import ANSWER, project_with

MEMBERS: dict[str, Any] = ANSWER["Environment"]


def test_members_of_an_answer_are_those_that_a_file_would_have(tmp_path: Path) -> None:
    from_file = Environment.load(project_with(tmp_path, json.dumps(ANSWER)))
    made = Environment.from_members(MEMBERS)
    assert made == from_file
    assert "Arn" in made.ignored_members


@pytest.mark.parametrize("environment_class", ENVIRONMENT_CLASSES)
@pytest.mark.parametrize("version", Release.versions())
def test_members_make_the_same_environment_again(version: str, environment_class: str) -> None:
    try:
        made = Environment.from_members({"AirflowVersion": version, "EnvironmentClass": environment_class})
    except MembersInvalid:
        pytest.skip("MWAA has no such class for this release")
    assert Environment.from_members(made.members()) == made
    assert json.loads(json.dumps(made.members())) == made.members()


def test_members_of_an_answer_go_there_and_back() -> None:
    local = LocalSettings(workers=3)
    made = Environment.from_members(MEMBERS, local)
    members = made.members()
    assert "Local" not in members and "Arn" not in members
    assert members["NetworkConfiguration"] == MEMBERS["NetworkConfiguration"]
    assert members["LoggingConfiguration"]["SchedulerLogs"] == {"Enabled": True, "LogLevel": "WARNING"}
    again = Environment.from_members(members, local)
    assert again == made.model_copy(update={"ignored_members": ()})
    assert again.local.workers == 3


def test_members_break_the_same_rules_as_a_file(tmp_path: Path) -> None:
    wrong = {"AirflowVersion": "9.9.9", "MaxWorkers": "many", "Nmae": "x", "AirflowConfigurationOptions": {"a": 1}}
    with pytest.raises(MembersInvalid) as caught:
        Environment.from_members(wrong)
    # In a file the number would be taken for the text that a person means by it.
    text = json.dumps({**wrong, "AirflowConfigurationOptions": {"a": [1]}})
    with pytest.raises(EnvironmentFileInvalid) as in_file:
        Environment.load(project_with(tmp_path, text))
    rules = [line.partition(": ")[2] for line in in_file.value.why.splitlines()]
    said = caught.value.why.splitlines()
    assert [line for line in said if not line.startswith("AirflowConfigurationOptions")] == [
        line for line in rules if not line.startswith("AirflowConfigurationOptions")
    ]
    assert len(said) == len(rules)
    assert "DagS3Path" not in caught.value.why  # what MWAA requires need not be there here
    assert caught.value.hint


def test_values_of_secret_members_are_in_no_message() -> None:
    with pytest.raises(MembersInvalid) as caught:
        Environment.from_members({"AirflowConfigurationOptions": {"core.fernet_key": ["tell-nobody"]}})
    assert "tell-nobody" not in str(caught.value) + caught.value.why + caught.value.hint


def test_name_is_the_default_where_members_have_none() -> None:
    assert Environment.from_members({}) == Environment()
