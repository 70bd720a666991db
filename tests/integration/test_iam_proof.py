"""An EMR step DAG in a real Airflow: refused for its step, then allowed by the printed policy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.environments import LATEST, TEST_DAGS_DIR, RunningEnvironment, start, stopped_at_the_end
from tests.integration.aws_server import client

pytestmark = [pytest.mark.network, pytest.mark.full]
ROLE = "orders"
MISSING = "elasticmapreduce:AddJobFlowSteps"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "airflow-env.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEnvironment]:
    with stopped_at_the_end(tmp_path_factory.mktemp("iam")) as runner:
        settings = {
            "AirflowVersion": LATEST,
            "ExecutionRoleArn": f"arn:aws:iam::123456789012:role/{ROLE}",
            "Local": {"Aws": "local", "EnforceIam": True, "Runtime": "process"},
        }
        dag = (TEST_DAGS_DIR / "emr_steps.py").read_text()
        runner.write({"mwaa.yaml": json.dumps(settings), "dags/emr_steps.py": dag})
        yield start(runner, LATEST)


def iam_of(environment: RunningEnvironment) -> Any:
    return client("iam", f"http://localhost:{environment.plan().ports['aws']}")


def put(environment: RunningEnvironment, document: str) -> None:
    iam_of(environment).put_role_policy(RoleName=ROLE, PolicyName="dags", PolicyDocument=document)


def run(environment: RunningEnvironment, report: Path) -> dict[str, Any]:
    outcome = environment.run("smoke", "emr_steps", "--json", "--no-check", "--iam-report", str(report))
    found: dict[str, Any] = json.loads(outcome.stdout)
    return found


def test_step_is_refused_and_then_allowed_by_the_printed_policy(
    environment: RunningEnvironment, tmp_path: Path
) -> None:
    remarks = json.loads(environment.run("up", "--json").stdout)["remarks"]
    assert [each["what"] for each in remarks if each["subject"] == "execution role"] == [
        f"the local IAM has no role {ROLE}, so every call of your tasks to the local AWS is refused"
    ]
    iam_of(environment).create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(TRUST))
    before = {"Effect": "Allow", "Action": ["elasticmapreduce:RunJobFlow", "iam:PassRole"], "Resource": "*"}
    describe = {"Effect": "Allow", "Action": "elasticmapreduce:Describe*", "Resource": "*"}
    put(environment, json.dumps({"Version": "2012-10-17", "Statement": [before, describe]}))

    refused = run(environment, tmp_path / "refused.json")
    tasks = {task["name"]: task for task in refused["runs"][0]["tasks"]}
    assert (tasks["cluster"]["state"], tasks["steps"]["state"]) == ("success", "failed")
    log = "\n".join(tasks["steps"]["log"])
    assert "An error occurred (AccessDeniedException) when calling the AddJobFlowSteps operation: User: " in log
    assert f"is not authorized to perform: {MISSING} on resource: " in log
    report = json.loads((tmp_path / "refused.json").read_text())
    assert [need["action"] for need in report["not_granted"]] == [MISSING]
    (row,) = [row for row in report["calls"] if row["action"] == MISSING]
    assert (row["dag"], row["caller"], row["refused"]) == ("emr_steps", "EmrAddStepsOperator", 1)

    told = environment.run("iam")
    assert told.exit_code == 1
    assert f"not granted: {MISSING} on arn:aws:elasticmapreduce:" in told.stdout
    put(environment, environment.run("iam", "--only-policy").stdout)
    allowed = run(environment, tmp_path / "allowed.json")
    assert allowed["outcome"] == "success", allowed
    assert environment.run("iam").exit_code == 0
