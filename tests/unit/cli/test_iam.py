"""`mwaa-local iam` on a record that is there, without an environment that runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mwaa_local.iam.ledger import SUFFIX, Called, Ledger
from mwaa_local.iam.report import dag_key
from tests.conftest import ProjectRunner

ROLE_ARN = "arn:aws:iam::123456789012:role/orders"
SETTINGS = {"Name": "dev", "ExecutionRoleArn": ROLE_ARN, "Local": {"Aws": "local"}}
QUEUE = "arn:aws:sqs:us-east-1:000000000000:q"
GRANTED = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:us-east-1:123456789012:q"}
TEMPLATE = {
    "Resources": {
        "Bucket": {"Type": "AWS::S3::Bucket"},
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {}}},
        "Other": {"Type": "AWS::IAM::Role", "Properties": {}},
        "Policy": {
            "Type": "AWS::IAM::Policy",
            "Properties": {
                "Roles": [{"Ref": "Role"}],
                "PolicyDocument": {
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Action": "sqs:SendMessage",
                            "Resource": {"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":sqs:*:*:q"]]},
                        }
                    ]
                },
            },
        },
        "Environment": {
            "Type": "AWS::MWAA::Environment",
            "Properties": {"ExecutionRoleArn": {"Fn::GetAtt": ["Role", "Arn"]}},
        },
    }
}
TEMPLATE_YAML = """\
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement: [{Effect: Allow, Principal: {Service: airflow-env.amazonaws.com}, Action: 'sts:AssumeRole'}]
      Policies:
        - PolicyName: p
          PolicyDocument:
            Statement:
              - Effect: Allow
                Action: sqs:SendMessage
                Resource: !Sub arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:q
"""


@pytest.fixture
def runner(project: Callable[..., ProjectRunner]) -> ProjectRunner:
    made = project({"mwaa.yaml": json.dumps(SETTINGS), "dags/a.py": ""})
    folder = made.root_dir / ".mwaa-local" / "iam"
    folder.mkdir(parents=True, mode=0o700)
    ledger = Ledger(folder / f"endpoint{SUFFIX}")
    key = dag_key("orders")
    ledger.add(Called("dev", "sqs:SendMessage", QUEUE, "sqs:SendMessage", key, "SqsPublishOperator"))
    ledger.add(Called("dev", "", "", "sts:GetCallerIdentity"))
    ledger.add(Called("another", "sns:Publish", "*", "sns:Publish"))
    ledger.write()
    (folder / "dags.json").write_text(json.dumps({key: "orders"}))
    return made


def write(runner: ProjectRunner, name: str, value: Any) -> str:
    path = runner.root_dir / name
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return str(path)


@pytest.mark.network
def test_calls_and_a_minimal_policy_are_shown(runner: ProjectRunner) -> None:
    outcome = runner.run("iam")
    assert outcome.exit_code == 0
    lines = [line.split() for line in outcome.stdout.splitlines()]
    assert ["orders", "SqsPublishOperator", "sqs:SendMessage", QUEUE, "1", "-"] in lines
    assert ["some", "task", "-", "sts:GetCallerIdentity", "?", "1", "-"] in lines
    assert "sns:Publish" not in outcome.stdout
    assert "not compared: no local AWS runs" in outcome.stderr
    policy = json.loads(runner.run("iam", "--only-policy").stdout)
    assert policy["Statement"] == [{"Sid": "Sqs", **GRANTED, "Action": ["sqs:SendMessage"]}]


@pytest.mark.network
@pytest.mark.parametrize(
    ("document", "exit_code", "said"),
    [
        ({"Statement": [GRANTED]}, 0, "grants what was called, and nothing else"),
        ({"PolicyVersion": {"Document": {"Statement": GRANTED}}}, 0, "grants what was called, and nothing else"),
        ({"Statement": []}, 1, f"not granted: sqs:SendMessage on {QUEUE}"),
        ({"Statement": [{**GRANTED, "Effect": "Deny"}]}, 1, f"not granted: sqs:SendMessage on {QUEUE}"),
        (
            {"Statement": [{**GRANTED, "Condition": {"Bool": {"aws:ViaAWSService": "true"}}}]},
            0,
            f"depends on a condition: sqs:SendMessage on {QUEUE}",
        ),
        (
            {"Statement": [GRANTED, {**GRANTED, "Action": "sqs:DeleteQueue"}]},
            0,
            "granted and unused: sqs:DeleteQueue on arn:aws:sqs:us-east-1:123456789012:q",
        ),
    ],
)
def test_calls_are_compared_with_a_policy_file(runner: ProjectRunner, document: Any, exit_code: int, said: str) -> None:
    outcome = runner.run("iam", "--policy", write(runner, "policy.json", document))
    assert outcome.exit_code == exit_code
    assert said in outcome.stdout


@pytest.mark.network
def test_calls_are_compared_with_a_template(runner: ProjectRunner) -> None:
    path = write(runner, "stack.template.json", TEMPLATE)
    outcome = runner.run("iam", "--template", path, "--json")
    assert outcome.exit_code == 0
    plain = json.loads(outcome.stdout)
    assert (plain["not_granted"], plain["compared_with"]) == ([], f"the role Role of {path}")
    assert runner.run("iam", "--template", path, "--role", "Other").exit_code == 1
    yaml_path = write(runner, "stack.yaml", TEMPLATE_YAML)
    assert runner.run("iam", "--template", yaml_path).exit_code == 0


@pytest.mark.parametrize(
    ("name", "text", "words", "what", "hint"),
    [
        ("p.json", "{", ("--policy",), "is not JSON", "write it as JSON"),
        ("p.json", "{}", ("--policy",), "is no IAM policy", "a policy document in JSON"),
        ("t.json", "{}", ("--template",), "is no CloudFormation template", "cdk synth"),
        ("t.yaml", "a: [", ("--template",), "is not YAML", "as JSON"),
        ("t.json", '{"Resources": {}}', ("--template",), "which role of", "--role LOGICAL_ID"),
        ("t.json", '{"Resources": {}}', ("--role", "Mine", "--template"), "has no role Mine", "--role LOGICAL_ID"),
    ],
)
def test_file_that_is_no_policy_is_refused(
    runner: ProjectRunner, name: str, text: str, words: tuple[str, ...], what: str, hint: str
) -> None:
    outcome = runner.run("iam", *words, write(runner, name, text))
    assert outcome.exit_code == 3
    assert what in outcome.stderr
    assert hint in outcome.stderr


def test_missing_file_and_wrong_usage(runner: ProjectRunner, tmp_path: Path) -> None:
    outcome = runner.run("iam", "--policy", str(tmp_path / "none.json"))
    assert (outcome.exit_code, "cannot read" in outcome.stderr) == (3, True)
    for words in (("--role", "R"), ("--policy", "a", "--template", "b"), ("--json", "--only-policy")):
        assert runner.run("iam", *words).exit_code == 2


def test_what_was_called_is_forgotten(runner: ProjectRunner) -> None:
    assert runner.run("iam", "--forget").exit_code == 0
    outcome = runner.run("iam")
    assert outcome.exit_code == 0
    assert "nothing was called yet" in outcome.stderr
    plain = json.loads(runner.run("iam", "--json").stdout)
    assert (plain["calls"], plain["policy"]) == ([], None)


@pytest.mark.network
def test_environment_of_the_api_is_shown_what_was_noted_for_its_owner(runner: ProjectRunner) -> None:
    made = ProjectRunner(runner.root_dir / ".mwaa-local" / "environments" / "another", runner.env)
    made.write({"mwaa.yaml": json.dumps({**SETTINGS, "Name": "another"}), "dags/a.py": ""})
    (made.root_dir / ".mwaa-local").mkdir()
    assert [row["action"] for row in json.loads(made.run("iam", "--json").stdout)["calls"]] == ["sns:Publish"]
    assert made.run("iam", "--forget").exit_code == 0
    assert json.loads(made.run("iam", "--json").stdout)["calls"] == []
    assert len(json.loads(runner.run("iam", "--json").stdout)["calls"]) == 2


@pytest.mark.parametrize(
    ("aws", "said"),
    [
        ("local", "nothing was called yet: run your DAGs\n"),
        ("none", "run your DAGs, with `Local: {Aws: local}` in mwaa.yaml\n"),
        ("profile", "run your DAGs; with `Aws: profile` only calls of botocore are noted, without their resources\n"),
        ("host", "run your DAGs; with `Aws: host` only calls of botocore are noted, without their resources\n"),
        ("http://localhost:4566", "run your DAGs; with `Aws: http://localhost:4566` only calls of botocore are noted"),
    ],
)
def test_without_calls_it_says_what_fits_the_aws(aws: str, said: str, project: Callable[..., ProjectRunner]) -> None:
    settings = {"Name": "dev", "Local": {"Aws": aws}}
    outcome = project({"mwaa.yaml": json.dumps(settings), "dags/a.py": ""}).run("iam")
    assert outcome.exit_code == 0
    assert said in outcome.stderr
