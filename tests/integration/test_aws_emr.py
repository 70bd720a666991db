"""EMR of the local AWS: steps end though nothing of them runs, and clusters with them; asked by boto3."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.environments import wait_until
from tests.integration.aws_endpoint import endpoint

pytestmark = pytest.mark.network
STEP = {"ActionOnFailure": "CONTINUE", "HadoopJarStep": {"Jar": "command-runner.jar", "Args": ["spark-submit"]}}
TIMEOUT_S = 60.0


@pytest.fixture(scope="module")
def emr(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A client of one local AWS."""
    with endpoint(tmp_path_factory.mktemp("emr")) as aws:
        yield aws.client("emr", read_timeout=TIMEOUT_S)


def cluster(emr: Any, *, stays: bool, steps: int = 0) -> str:
    found = emr.run_job_flow(
        Name="orders",
        ReleaseLabel="emr-7.1.0",
        Instances={"MasterInstanceType": "m5.xlarge", "InstanceCount": 1, "KeepJobFlowAliveWhenNoSteps": stays},
        JobFlowRole="EMR_EC2_DefaultRole",
        ServiceRole="EMR_DefaultRole",
        Steps=[{"Name": f"step {number}", **STEP} for number in range(steps)],
    )
    return str(found["JobFlowId"])


def test_steps_end_one_after_the_other_and_the_cluster_waits(emr: Any) -> None:
    name = cluster(emr, stays=True)
    ids = emr.add_job_flow_steps(JobFlowId=name, Steps=[{"Name": each, **STEP} for each in "ab"])["StepIds"]

    def statuses() -> list[dict[str, Any]]:
        return [emr.describe_step(ClusterId=name, StepId=each)["Step"]["Status"] for each in ids]

    assert [each["State"] for each in statuses()] == ["RUNNING", "PENDING"]
    assert emr.describe_cluster(ClusterId=name)["Cluster"]["Status"]["State"] == "RUNNING"
    wait_until(lambda: {each["State"] for each in statuses()} == {"COMPLETED"}, TIMEOUT_S, "both steps ended")
    first, second = (each["Timeline"] for each in statuses())
    assert first["CreationDateTime"] <= first["StartDateTime"] < first["EndDateTime"]
    assert first["EndDateTime"] <= second["StartDateTime"] < second["EndDateTime"]
    assert emr.describe_cluster(ClusterId=name)["Cluster"]["Status"]["State"] == "WAITING"


def test_cluster_ends_with_its_last_step_unless_it_is_to_stay(emr: Any) -> None:
    name = cluster(emr, stays=False, steps=1)
    waiter = emr.get_waiter("step_complete")
    (step,) = emr.list_steps(ClusterId=name)["Steps"]
    waiter.wait(ClusterId=name, StepId=step["Id"], WaiterConfig={"Delay": 1, "MaxAttempts": int(TIMEOUT_S)})
    assert emr.describe_cluster(ClusterId=name)["Cluster"]["Status"]["State"] == "TERMINATED"


def test_steps_of_a_cluster_that_is_terminated_are_cancelled(emr: Any) -> None:
    name = cluster(emr, stays=True, steps=2)
    emr.terminate_job_flows(JobFlowIds=[name])
    assert {step["Status"]["State"] for step in emr.list_steps(ClusterId=name)["Steps"]} == {"CANCELLED"}
