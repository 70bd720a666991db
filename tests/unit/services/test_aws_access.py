"""What shells and profiles of AWS's clients are given, with a local AWS and without one."""

from __future__ import annotations

import configparser

import pytest

from mwaa_local.services.aws_access import AwsAccess

URL, MWAA_URL = "http://localhost:4566", "http://localhost:4567"
SHELL = {"AWS_PROFILE": "prod", "AWS_SESSION_TOKEN": "real", "AWS_ENDPOINT_URL_S3": "https://real.example", "A": "b"}


def test_with_a_local_aws_all_services_are_asked_there_as_nobody() -> None:
    access = AwsAccess("eu-west-1", URL)
    assert access.variables == {
        "AWS_ENDPOINT_URL": URL,
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
    }
    assert access.unset(SHELL) == ["AWS_ENDPOINT_URL_S3", "AWS_PROFILE", "AWS_SESSION_TOKEN"]


@pytest.mark.parametrize("name", ["S3;id", "S3 x", "$(id)", "S3\n", "`id`", "s3"])
def test_name_that_no_sdk_reads_is_not_given_to_the_shell_to_run(name: str) -> None:
    assert AwsAccess("eu-west-1", URL).unset({f"AWS_ENDPOINT_URL_{name}": "x", **SHELL}) == [
        "AWS_ENDPOINT_URL_S3",
        "AWS_PROFILE",
        "AWS_SESSION_TOKEN",
    ]


def test_without_one_mwaa_alone_is_asked_there_and_the_shell_stays_as_it_is() -> None:
    access = AwsAccess("eu-west-1", mwaa_url=MWAA_URL, prefixes_resolve=True)
    assert access.variables == {"AWS_ENDPOINT_URL_MWAA": MWAA_URL}
    assert access.unset(SHELL) == []
    assert any("`Local: {Aws: local}`" in note for note in access.notes)


def test_shell_that_has_neither_region_nor_keys_gets_both_and_any_other_keeps_its_own() -> None:
    access = AwsAccess("eu-west-1", mwaa_url=MWAA_URL)
    keys = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
    region = {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1"}
    assert access.lacking({}, has_files=False) == {**region, **keys}
    assert access.lacking({"AWS_DEFAULT_REGION": "us-west-2"}, has_files=False) == keys
    assert access.lacking({"AWS_PROFILE": "prod"}, has_files=False) == region
    assert access.lacking({"AWS_ACCESS_KEY_ID": "AKIA", "AWS_REGION": "us-west-2"}, has_files=False) == {}
    assert access.lacking({}, has_files=True) == {}
    assert AwsAccess("eu-west-1", URL).lacking({}, has_files=False) == {}, "its variables have all"


def test_prefix_is_switched_off_for_all_only_where_its_names_lead_nowhere() -> None:
    access = AwsAccess("eu-west-1", mwaa_url=MWAA_URL)
    assert access.variables["AWS_DISABLE_HOST_PREFIX_INJECTION"] == "true"
    assert any("S3 Control" in note for note in access.notes)


def test_emulator_of_somebody_else_does_not_answer_for_mwaa() -> None:
    access = AwsAccess("eu-west-1", URL, MWAA_URL)
    assert (access.variables["AWS_ENDPOINT_URL"], access.variables["AWS_ENDPOINT_URL_MWAA"]) == (URL, MWAA_URL)


@pytest.mark.parametrize("name", ["mine", "default"])
def test_profile_of_mwaa_alone_leads_only_mwaa_there(name: str) -> None:
    parser = configparser.ConfigParser()
    parser.read_string(AwsAccess("eu-west-1", mwaa_url=MWAA_URL).profile(name))
    section = dict(parser["default" if name == "default" else f"profile {name}"])
    assert section["services"] == f"{name}-services"
    assert "endpoint_url" not in section
    assert parser[f"services {name}-services"]["mwaa"].split() == ["endpoint_url", "=", MWAA_URL]


def test_command_gets_nothing_of_the_users_aws() -> None:
    env = AwsAccess("eu-west-1", mwaa_url=MWAA_URL).of_command({**SHELL, "no_proxy": "localhost"})
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3", "no_proxy"} & env.keys()
    assert (env["A"], env["AWS_ENDPOINT_URL_MWAA"], env["http_proxy"]) == ("b", MWAA_URL, MWAA_URL)
    assert env["AWS_ENDPOINT_URL"] == MWAA_URL, "else another service would be asked of AWS"
    assert env["AWS_ACCESS_KEY_ID"] == "local"
