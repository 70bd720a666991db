"""`AWS::MWAA::Environment`: its properties beside the calls that they become."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.loaders import Loader

from mwaa_local.guest.aws.cloudformation import properties as known

# Members that the resource does not have (schema in aws-cdk 2.1148.1).
NOT_IN_TEMPLATES = {"IdentityCenterConfiguration", "Teams"}


def members(operation: str) -> set[str]:
    shapes = Loader().load_service_model("mwaa", "service-2")["shapes"]
    return set(shapes[f"{operation}Input"]["members"]) - NOT_IN_TEMPLATES


def test_every_member_of_the_calls_is_a_property_of_the_resource() -> None:
    assert {name for name, one in known.PROPERTIES.items() if one.in_create} == members("CreateEnvironment")
    assert {name for name, one in known.PROPERTIES.items() if one.in_update} == members("UpdateEnvironment")


def test_create_gets_texts_numbers_and_booleans_as_the_service_has_them() -> None:
    template = {
        "Name": "one",
        "MaxWorkers": "3",
        "AirflowConfigurationOptions": {"core.parallelism": 32, "core.load_examples": False, "core.x": "y"},
        "LoggingConfiguration": {"TaskLogs": {"Enabled": "true", "LogLevel": "INFO", "CloudWatchLogGroupArn": "arn:x"}},
        "WorkerReplacementStrategy": "FORCED",
    }
    assert known.create_members(template) == {
        "Name": "one",
        "MaxWorkers": 3,
        "AirflowConfigurationOptions": {"core.parallelism": "32", "core.load_examples": "false", "core.x": "y"},
        "LoggingConfiguration": {"TaskLogs": {"Enabled": True, "LogLevel": "INFO"}},
    }


def test_update_gets_neither_subnets_nor_tags_nor_key_but_may_empty_the_options() -> None:
    template = {
        "Name": "one",
        "KmsKey": "k",
        "Tags": {"a": "b"},
        "AirflowConfigurationOptions": {},
        "NetworkConfiguration": {"SubnetIds": ["s"], "SecurityGroupIds": ["g"]},
        "WorkerReplacementStrategy": "GRACEFUL",
    }
    assert known.update_members(template) == {
        "Name": "one",
        "AirflowConfigurationOptions": {},
        "NetworkConfiguration": {"SecurityGroupIds": ["g"]},
        "WorkerReplacementStrategy": "GRACEFUL",
    }
    assert known.update_members({"NetworkConfiguration": {"SubnetIds": ["s"]}}) == {}


@pytest.mark.parametrize(
    ("changes", "replaced"),
    [
        ({"Name": "two"}, ["Name"]),
        ({"KmsKey": "other"}, ["KmsKey"]),
        ({"EndpointManagement": "CUSTOMER"}, ["EndpointManagement"]),
        ({"NetworkConfiguration": {"SubnetIds": ["c"], "SecurityGroupIds": ["g"]}}, ["NetworkConfiguration/SubnetIds"]),
        ({"NetworkConfiguration": {"SubnetIds": ["a"], "SecurityGroupIds": ["h"]}}, []),
        ({"MaxWorkers": 9, "AirflowVersion": "3.3.1", "Tags": {"a": "b"}}, []),
    ],
)
def test_a_new_environment_is_made_for_what_cannot_be_changed(changes: dict[str, Any], replaced: list[str]) -> None:
    before = {"Name": "one", "NetworkConfiguration": {"SubnetIds": ["a"], "SecurityGroupIds": ["g"]}}
    assert known.replaced_by(before, {**before, **changes}) == replaced
