"""Faults are set, counted down, cleared and shown, and calls fail as they say."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mwaa_local.api.environments.faults import CREATE_FAILS, SLOW, THROTTLE, Fault, FaultAsked, Faults
from mwaa_local.api.http.errors import ServiceError
from mwaa_local.project import Project
from tests.conftest import ProjectRunner


@pytest.fixture
def faults(tmp_path: Path) -> Faults:
    return Faults.of(Project(tmp_path))


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("throttle", "ThrottlingException"),
        ("unavailable", "ServiceUnavailableException"),
        ("internal-error", "InternalServerException"),
    ],
)
def test_calls_are_refused_until_the_fault_is_cleared(faults: Faults, name: str, code: str) -> None:
    faults.set(Fault(name, time.time()))
    for _ in range(2):
        with pytest.raises(ServiceError) as refused:
            faults.at_call()
        assert refused.value.code == code
    assert faults.clear([name]) == [name]
    assert faults.at_call() == 0.0


def test_fault_works_as_often_as_it_was_asked_to(faults: Faults) -> None:
    faults.set(Fault(THROTTLE, time.time(), times=8))
    refused: list[ServiceError] = []

    def call() -> None:
        for _ in range(5):
            try:
                faults.at_call()
            except ServiceError as error:
                refused.append(error)

    callers = [threading.Thread(target=call) for _ in range(4)]
    for each in callers:
        each.start()
    for each in callers:
        each.join()
    assert len(refused) == 8
    assert faults.listed() == []


def test_slow_says_for_how_long(faults: Faults) -> None:
    faults.set(Fault(SLOW, time.time(), seconds=3.5))
    assert faults.at_call() == 3.5


def test_fault_of_an_environment_or_of_whom_it_was_made_for_holds(tmp_path: Path) -> None:
    owner = Project(tmp_path / "owner")
    made = Project(owner.state_dir / "environments" / "demo")
    other = Project(tmp_path / "other")
    Faults.of(owner).set(Fault(CREATE_FAILS, time.time()))
    with pytest.raises(FaultAsked, match="CreateEnvironment was made to fail"):
        Faults.around(made).fail(CREATE_FAILS, "CreateEnvironment")
    Faults.around(other).fail(CREATE_FAILS, "CreateEnvironment")


def test_command_sets_lists_and_clears(project: Callable[..., ProjectRunner]) -> None:
    runner = project({"dags/none.py": ""})
    assert "set throttle" in runner.call("fault", "set", "throttle", "--times", "2").stderr
    listed = json.loads(runner.call("fault", "list", "--json").stdout)
    assert [(each["name"], each["times"]) for each in listed["set"]] == [("throttle", 2)]
    assert {"worker-lost", "memory-kill"} <= listed["known"].keys()
    status = runner.call("status")
    assert "the fault throttle" in status.stderr
    assert json.loads(runner.call("status", "--json").stdout)["service"]["faults"][0]["name"] == "throttle"
    assert "cleared throttle" in runner.call("fault", "clear").stderr
    assert "no fault was set" in runner.call("fault", "clear").stderr


def test_fault_that_is_not_set_is_told_and_a_name_of_none_is_refused(project: Callable[..., ProjectRunner]) -> None:
    runner = project({"dags/none.py": ""})
    runner.call("fault", "set", "slow")
    refused = runner.call("fault", "clear", "slow", "trottle")
    assert (refused.exit_code, "throttle, unavailable" in " ".join(refused.stderr.split())) == (2, True)
    assert "slow" in runner.call("fault", "list", "--json").stdout.partition('"known"')[0]  # nothing was cleared
    cleared = runner.call("fault", "clear", "slow", "throttle")
    assert (cleared.exit_code, cleared.stderr) == (0, "cleared slow\nthrottle was not set\n")


@pytest.mark.parametrize(
    ("times", "why", "hint"),
    [
        (0, "The fault create-failed is set until you clear it.", "mwaa-local fault clear"),
        (2, "The fault create-failed is set, 1 more.", "mwaa-local fault clear"),
        (1, "The fault create-failed was set for this time, and is no more.", "try again"),
    ],
)
def test_failure_says_whether_the_fault_is_set_still(faults: Faults, times: int, why: str, hint: str) -> None:
    faults.set(Fault(CREATE_FAILS, time.time(), times=times))
    with pytest.raises(FaultAsked) as failed:
        faults.fail(CREATE_FAILS, "CreateEnvironment")
    assert (failed.value.why, failed.value.hint) == (why, hint)
    assert bool(faults.listed()) == ("is set" in why)


def test_refused_call_says_whether_the_fault_is_set_still(faults: Faults) -> None:
    said = []
    faults.set(Fault("unavailable", time.time(), times=2))
    for _ in range(2):
        with pytest.raises(ServiceError) as refused:
            faults.at_call()
        said.append(refused.value.message)
    assert said == [
        "mwaa-local: the fault unavailable is set, 1 more; mwaa-local fault clear",
        "mwaa-local: the fault unavailable was set for this time, and is no more; try again",
    ]


def test_unknown_fault_is_refused_with_the_names_that_there_are(project: Callable[..., ProjectRunner]) -> None:
    outcome = project({"dags/none.py": ""}).call("fault", "set", "meteor")
    assert outcome.exit_code == 2
    assert "update-failed" in outcome.stderr


@pytest.mark.parametrize(
    ("fault", "says"), [("worker-lost", "no worker runs here"), ("memory-kill", "no worker runs a task here")]
)
def test_no_worker_can_be_hit_where_none_runs(project: Callable[..., ProjectRunner], fault: str, says: str) -> None:
    outcome = project({"dags/none.py": ""}).call("fault", "set", fault)
    assert outcome.exit_code == 3
    assert says in outcome.stderr


def test_damaged_list_of_faults_says_what_to_do(project: Callable[..., ProjectRunner]) -> None:
    runner = project({"dags/none.py": "", ".mwaa-local/mwaa/faults.json": "{"})
    outcome = runner.call("status")
    assert outcome.exit_code == 3
    assert "list of faults" in outcome.stderr
    assert "remove the file" in outcome.stderr
