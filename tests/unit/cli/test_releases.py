"""`mwaa-local releases`: a table for people, JSON for programs."""

from __future__ import annotations

import json

import typer
from typer.testing import CliRunner

from mwaa_local.cli.releases import releases
from mwaa_local.release import Release


def run(*arguments: str) -> str:
    app = typer.Typer()
    app.command()(releases)
    outcome = CliRunner().invoke(app, arguments)
    assert outcome.exit_code == 0
    return outcome.stdout


def test_table_has_a_line_per_release_and_marks_the_default() -> None:
    headers, *lines = run().splitlines()
    assert headers.split()[:2] == ["airflow", "python"]
    assert [line.split()[0] for line in lines] == list(Release.versions())
    assert [line.split()[0] for line in lines if line.endswith("default")] == ["3.3.1"]
    assert "3.3.1    3.12    9.34.0" in lines[-1]


def test_table_says_when_support_ended_or_that_no_end_is_known() -> None:
    lines = {line.split()[0]: line.split() for line in run().splitlines()}
    assert lines["2.2.2"][-2:] == ["2022-01-27", "2024-06-27"]
    assert lines["2.10.3"][-2:] == ["2024-12-18", "-"]


def test_release_without_an_amazon_provider_has_a_dash() -> None:
    assert run().splitlines()[1].split() == ["1.10.12", "3.7", "-", "ended", "2020-11-24", "2024-02-21"]


def test_json_has_the_same_and_null_for_what_is_not_there() -> None:
    listed = json.loads(run("--json"))
    assert [release["airflow_version"] for release in listed] == list(Release.versions())
    assert listed[0]["amazon_provider_version"] is None
    assert listed[-1] == {
        "airflow_version": "3.3.1",
        "python_version": "3.12",
        "amazon_provider_version": "9.34.0",
        "state": "offered",
        "available_since": "2026-09-01",
        "end_of_support": None,
        "default": True,
        "image_date": "2026-09-08",
        "packages_date": "2026-08-12",
    }
