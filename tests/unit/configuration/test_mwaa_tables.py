"""The merged environment of a task beside MWAA's tables, for every release: each difference is a documented one."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from mwaa_local.configuration.merge import merge
from mwaa_local.configuration.option_names import option_name
from mwaa_local.environment.environment import Environment
from mwaa_local.release import Release
from tests.conftest import difference_anchors
from tests.mwaa_tables import ONLY_HERE, OWN, rows_of
from tests.unit.configuration.merging import VALUES

every_release = pytest.mark.parametrize("release", Release.all(), ids=lambda release: release.airflow_version)


def environment_of_a_task(release: Release) -> dict[str, str]:
    """Return what is set for a worker beyond its container, by the names of options, else of variables."""
    environment = Environment(name="e", airflow_version=release.airflow_version)
    merged = merge(release, environment, VALUES, component="worker", container={})
    return {option_name(name) or name: value for name, value in merged.as_env().items()}


@every_release
def test_environment_of_a_task_is_that_of_the_tables_but_for_documented_differences(release: Release) -> None:
    found = environment_of_a_task(release)
    rows = {row.name: row for row in rows_of(release)}
    differing = {name for name, row in rows.items() if found.get(name) != row.value}
    assert {name: (rows[name].value, found.get(name)) for name in differing if not rows[name].see} == {}
    assert {name for name in found if name not in rows and name not in ONLY_HERE} == set()
    # a reason beside what is the same would hide the next difference
    assert [name for name, row in rows.items() if row.see and name not in differing] == []


@pytest.mark.parametrize(
    ("version", "teams", "value"),
    [
        ("3.3.1", {}, "False"),
        (
            "3.3.1",
            {"red-team": {"SourceBucketArn": "arn:aws:s3:::red", "DagS3Path": "dags"}},
            "False",
        ),  # differences: teams
        ("3.2.1", {"red-team": {"SourceBucketArn": "arn:aws:s3:::red", "DagS3Path": "dags"}}, "False"),
    ],
)
def test_multi_team_is_off_whatever_options_and_teams_say(version: str, teams: dict[str, Any], value: str) -> None:
    members = {"Name": "e", "AirflowVersion": version, **({"Teams": teams} if teams else {})}
    environment = Environment.from_members({**members, "AirflowConfigurationOptions": {"core.multi_team": "True"}})
    merged = merge(Release.load(version), environment, VALUES, component="worker", container={})
    assert merged.as_env()["AIRFLOW__CORE__MULTI_TEAM"] == value


@every_release
def test_tables_name_each_option_once_for_a_release(release: Release) -> None:
    assert [name for name, count in Counter(row.name for row in rows_of(release)).items() if count > 1] == []
    assert all(row.see for row in rows_of(release) if row.value == OWN)


def test_every_reason_is_an_entry_of_the_known_differences() -> None:
    reasons = {row.see for release in Release.all() for row in rows_of(release) if row.see}
    assert reasons | set(ONLY_HERE.values()) <= difference_anchors()


def test_nothing_that_is_said_to_be_only_here_is_unused() -> None:
    used = {name for release in Release.all() for name in environment_of_a_task(release)}
    assert set(ONLY_HERE) <= used
