"""Members of mwaa.yaml that hold here, and that MWAA or AWS's tools would not take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from mwaa_local.check.environment import odd_findings, refused_findings
from mwaa_local.environment.environment import Environment
from mwaa_local.errors import EnvironmentFileInvalid
from mwaa_local.finding import ERROR, WARNING, Finding
from mwaa_local.project import Project


def findings(tmp_path: Path, text: str) -> list[Finding]:
    (tmp_path / "mwaa.yaml").write_text(text)
    project = Project(tmp_path)
    Environment.load(project)  # nothing here keeps an environment from starting
    return list(odd_findings(project))


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("DagS3Path: s3://b/dags", "write DagS3Path: dags"),
        ("RequirementsS3Path: s3://b/config/requirements.txt", "write RequirementsS3Path: config/requirements.txt"),
        ("PluginsS3Path: arn:aws:s3:::b/plugins.zip", "write PluginsS3Path: plugins.zip"),
        ("StartupScriptS3Path: https://b.s3.eu-west-1.amazonaws.com/up.sh", "write StartupScriptS3Path: up.sh"),
        ("DagS3Path: s3://b", "write DagS3Path: …"),
    ],
)
def test_path_with_its_bucket_is_an_error_with_the_path_to_write(tmp_path: Path, line: str, hint: str) -> None:
    [finding] = findings(tmp_path, f"AirflowVersion: 2.10.3\nSourceBucketArn: arn:aws:s3:::b\n{line}\n")
    assert (finding.rule, finding.severity, finding.line) == ("s3-path-address", ERROR, 3)
    assert finding.hint == hint
    assert "another bucket" not in finding.why


def test_path_in_another_bucket_than_the_source_is_told_of(tmp_path: Path) -> None:
    [finding] = findings(tmp_path, "SourceBucketArn: arn:aws:s3:::b\nDagS3Path: s3://other/dags\n")
    assert "SourceBucketArn has another bucket, b." in finding.why


@pytest.mark.parametrize("path", ["dags", "team/dags/", "/dags", "s3", "arn/dags"])
def test_path_in_the_bucket_is_nothing_to_tell(tmp_path: Path, path: str) -> None:
    assert findings(tmp_path, f"DagS3Path: {path}\n") == []


@pytest.mark.parametrize(
    ("written", "kind", "hint"),
    [
        ("64", "a number", 'core.a: "64"'),
        ("1e3", "", ""),
        ("1.50", "a number", '"1.50"'),
        ("True", "a Boolean", '"True"'),
    ],
)
def test_option_that_is_no_text_is_reported_with_its_quotes(tmp_path: Path, written: str, kind: str, hint: str) -> None:
    found = findings(tmp_path, f"AirflowConfigurationOptions:\n  core.a: {written}\n  core.b: '{written}'\n")
    assert [(item.rule, item.severity, item.line) for item in found] == [("value-not-text", WARNING, 2)] * bool(kind)
    assert all(kind in item.what and hint in item.hint for item in found)


def test_options_of_a_pasted_answer_and_tags_are_looked_at_too(tmp_path: Path) -> None:
    found = findings(tmp_path, "Environment:\n  AirflowConfigurationOptions:\n    core.a: 1\n  Tags:\n    cost: 7\n")
    assert [(item.line, item.hint) for item in found] == [(3, 'write core.a: "1"'), (5, 'write cost: "7"')]


def test_number_that_is_a_secret_is_not_repeated(tmp_path: Path) -> None:
    [finding] = findings(tmp_path, "AirflowConfigurationOptions:\n  app.db_password: 4711471147\n")
    assert "4711" not in repr(finding)
    assert finding.hint == "put the value in quotes"


@pytest.mark.parametrize(("value", "refused"), [(64, True), (True, True), ("64", False)])
def test_what_is_reported_is_what_boto3_refuses(value: Any, refused: bool) -> None:
    service = ServiceModel(Loader().load_service_model("mwaa", "service-2"))
    shape = service.shape_for("CreateEnvironmentInput").members["AirflowConfigurationOptions"]
    report = ParamValidator().validate({"core.parallelism": value}, shape)
    assert report.has_errors() is refused


def test_paths_are_told_of_beside_what_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mwaa.yaml").write_text("DagS3Path: s3://b/dags\nWebserverAccessMode: Private network\n")
    project = Project(tmp_path)
    with pytest.raises(EnvironmentFileInvalid) as caught:
        Environment.load(project)
    found = refused_findings(project, caught.value)
    assert [(item.rule, item.line) for item in found] == [("s3-path-address", 1), ("environment-invalid", 2)]


def test_team_has_a_path_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "mwaa.yaml").write_text("Teams:\n  one:\n    DagS3Path: s3://b/one\n")
    [finding] = odd_findings(Project(tmp_path))
    assert (finding.line, finding.hint) == (3, "write DagS3Path: one")
