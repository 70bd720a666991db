"""What a template says about order, and what moto's parser needs to be told."""

from __future__ import annotations

from typing import Any

import pytest

from mwaa_local.guest.aws.cloudformation import template

LOG_GROUP = "LoggingConfiguration.TaskLogs.CloudWatchLogGroupArn"


def resource(**properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::A::B", "Properties": properties}


def test_each_resource_comes_after_all_that_it_names_in_any_way() -> None:
    resources = {
        "Last": {**resource(), "DependsOn": ["Sub", "Att"]},
        "Sub": resource(Text={"Fn::Sub": "arn:${AWS::Region}:${Ref}/${Own.Arn}/${!Last}"}),
        "Att": resource(Deep=[{"Key": {"Fn::GetAtt": ["Own", "Arn"]}}]),
        "Ref": resource(Vpc={"Ref": "Own"}),
        "Own": {**resource(Region={"Ref": "AWS::Region"}), "DependsOn": "First"},
        "First": resource(Text={"Fn::Sub": ["${Name}", {"Name": "x"}]}),
    }
    assert template.needs(resources)["Sub"] == {"Ref", "Own"}
    assert template.in_order(template.needs(resources)) == ["First", "Own", "Att", "Ref", "Sub", "Last"]


def test_a_circle_is_told_with_its_names() -> None:
    resources = {"A": resource(x={"Ref": "B"}), "B": resource(x={"Ref": "A"}), "C": resource()}
    with pytest.raises(template.TemplateInvalid, match=r"Circular dependency between resources: \[A, B\]"):
        template.in_order(template.needs(resources))


@pytest.mark.parametrize("block", ["Resources", "Outputs"])
def test_a_name_that_is_not_there_is_told_with_its_block(block: str) -> None:
    body: dict[str, Any] = {"Parameters": {"P": {}}, "Resources": {"A": resource(p={"Ref": "P"})}, "Outputs": {}}
    template.check(body)
    body[block]["B"] = {"Type": "AWS::A::B", "Properties": {"x": {"Ref": "Gone"}}, "Value": {"Ref": "Gone"}}
    with pytest.raises(template.TemplateInvalid, match=rf"\[Gone\] in the {block} block of the template"):
        template.check(body)


def test_attributes_with_dots_stay_whole() -> None:
    parts = LOG_GROUP.split(".")
    assert template.normalized({"Fn::GetAtt": ["Env", *parts]}) == {"Fn::GetAtt": ["Env", LOG_GROUP]}
    assert template.normalized({"Fn::GetAtt": f"Env.{LOG_GROUP}"}) == {"Fn::GetAtt": ["Env", LOG_GROUP]}
    text, names = template.normalized({"Fn::Sub": f"a ${{Env.{LOG_GROUP}}} ${{Env.Arn}}"})["Fn::Sub"]
    (name,) = names
    assert text == f"a ${{{name}}} ${{Env.Arn}}"
    assert names[name] == {"Fn::GetAtt": ["Env", LOG_GROUP]}
    untouched = {"Fn::Sub": "${Env.Arn}", "x": [{"Ref": "A"}, 1, None]}
    assert template.normalized(untouched) == untouched
