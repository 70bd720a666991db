"""`mwaa-local check requirements` where no constraints hold: the versions that pip takes, and what to write instead."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import ProjectRunner
from tests.wheels import make_wheel

MakeProject = Callable[..., ProjectRunner]
FILE = "requirements/requirements.txt"
OWN_WHEELS = "--no-index\n--find-links /usr/local/airflow/plugins\n"
OPT_OUT = "# no -c here\n"


@pytest.fixture
def runner(project: MakeProject) -> ProjectRunner:
    """A project whose alpha 2 wants another Jinja2 than any image has, and whose delta 2 wants another Airflow."""
    made = project({"mwaa.yaml": "", "dags/a.py": "", FILE: ""})
    wheels = made.root_dir / "plugins"
    make_wheel(wheels, "alpha", "1.0")
    make_wheel(wheels, "alpha", "2.0", ["jinja2<2.9"])
    make_wheel(wheels, "jinja2", "2.8")
    make_wheel(wheels, "gamma", "1.0", ["alpha"])
    make_wheel(wheels, "delta", "1.0")
    make_wheel(wheels, "delta", "2.0", ["apache-airflow>=9"])
    make_wheel(wheels, "apache_airflow", "9.1", ["markupsafe>=9"])
    make_wheel(wheels, "markupsafe", "9.0")
    return made


def checked(runner: ProjectRunner, text: str, version: str) -> dict[str, Any]:
    runner.write({FILE: text})
    outcome = runner.run("check", "requirements", "--json", "--airflow-version", version)
    assert "Traceback" not in outcome.stderr, outcome.stderr
    [one] = json.loads(outcome.stdout)["checked"]
    assert isinstance(one, dict)
    return one


def changes(one: dict[str, Any]) -> dict[str, str]:
    return {item["name"]: item["version"] for item in one["changes"]}


def finding(one: dict[str, Any], rule: str) -> dict[str, Any]:
    [found] = [item for item in one["findings"] if item["rule"] == rule]
    assert isinstance(found, dict)
    return found


@pytest.mark.network  # the release's packages, and its pip
@pytest.mark.parametrize("version", ["3.3.1", "2.2.2"])  # a pip that can do a dry run, and one from before that
def test_newest_release_is_taken_though_the_image_has_to_change(runner: ProjectRunner, version: str) -> None:
    """uv would take alpha 1.0, with which Jinja2 stays."""
    one = checked(runner, f"{OWN_WHEELS}{OPT_OUT}jinja2\ngamma\n", version)
    assert changes(one) == {"alpha": "2.0", "gamma": "1.0", "jinja2": "2.8"}
    by_name = {item["name"]: item["reasons"] for item in one["changes"]}
    assert by_name["alpha"] == ["gamma"]
    assert by_name["jinja2"] == ["requirements.txt:4", "alpha"]


def test_pip_is_not_asked_where_everything_is_at_its_newest(runner: ProjectRunner) -> None:
    runner.write({FILE: f"{OWN_WHEELS}{OPT_OUT}gamma\nalpha<2\n"})
    outcome = runner.run("check", "requirements", "--airflow-version", "3.3.1")
    assert outcome.exit_code == 0
    assert "asking pip" not in outcome.stderr


def test_provider_that_replaces_airflow_is_told_once_with_versions_that_leave_it(runner: ProjectRunner) -> None:
    one = checked(runner, f"{OWN_WHEELS}delta\nmarkupsafe==9.0\n", "2.2.2")
    assert one["exit_code"] == 1
    found = finding(one, "replaces-airflow")
    assert (found["line"], found["what"]) == (3, "pip would replace Airflow 2.2.2 by 9.1")
    assert found["hint"] == "ask for what goes with Airflow 2.2.2: delta==1.0"
    assert {item["rule"] for item in one["findings"]} == {"replaces-airflow"}


def test_version_of_another_airflow_is_not_told_where_pip_may_take_one_that_changes_more(runner: ProjectRunner) -> None:
    """uv takes 9.1, with which Jinja2 stays."""
    make_wheel(runner.root_dir / "plugins", "apache_airflow", "9.2", ["jinja2<2.9"])
    one = checked(runner, f"{OWN_WHEELS}delta\njinja2\nmarkupsafe==9.0\n", "2.2.2")
    assert changes(one)["apache-airflow"] == "9.1"
    assert finding(one, "replaces-airflow")["what"] == "pip would replace Airflow 2.2.2 by a newer one"


def test_airflow_that_the_file_asks_for_is_told_at_that_line(runner: ProjectRunner) -> None:
    one = checked(runner, f"{OWN_WHEELS}delta\napache-airflow==9.1\nmarkupsafe==9.0\n", "2.2.2")
    found = finding(one, "replaces-airflow")
    assert (found["line"], found["hint"].partition(";")[0]) == (4, "remove the line")
    assert {item["rule"] for item in one["findings"]} == {"replaces-airflow"}


def test_provider_of_airflow_2_on_1_10_gets_the_name_of_its_backport(runner: ProjectRunner) -> None:
    wheels = runner.root_dir / "plugins"
    make_wheel(wheels, "flask_swagger", "0.2.14")  # Airflow 1.10.12 asks for it, and the image has removed it
    make_wheel(wheels, "apache_airflow_providers_telegraph", "1.0", ["apache-airflow>=9"])
    make_wheel(wheels, "apache_airflow_backport_providers_telegraph", "0.9", ["apache-airflow<2"])
    one = checked(runner, f"{OWN_WHEELS}apache-airflow-providers-telegraph\n", "1.10.12")
    hint = finding(one, "replaces-airflow")["hint"]
    assert hint.startswith("write apache-airflow-backport-providers-telegraph==0.9 instead; ")
    assert "--constraint" not in json.dumps(one["findings"])


def test_pinned_provider_gets_a_version_that_leaves_airflow(runner: ProjectRunner) -> None:
    one = checked(runner, f"{OWN_WHEELS}delta==2.0\nmarkupsafe==9.0\n", "2.2.2")
    assert finding(one, "replaces-airflow")["hint"] == "write delta==1.0, which goes with Airflow 2.2.2"


def test_provider_without_any_way_out_is_to_be_left_out(runner: ProjectRunner) -> None:
    make_wheel(runner.root_dir / "plugins", "epsilon", "1.0", ["apache-airflow>=9"])
    one = checked(runner, f"{OWN_WHEELS}epsilon\n", "1.10.12")
    assert finding(one, "replaces-airflow")["hint"] == "no version of epsilon goes with Airflow 1.10.12: leave it out"
