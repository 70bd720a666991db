"""What `check dags` says of DAGs in the words of Airflow 1, and of a loader, on a release of each generation."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ProjectRunner
from tests.environments import LATEST

OLDER = ("2.10.3", "2.7.2", "2.2.2", "1.10.12")
DAGS_DIR = Path(__file__).parent / "dags" / "generations" / "dags"
NEW_PLACE = "use `BashOperator` from `airflow.providers.standard.operators.bash`"
NO_EXAMPLES = "leave out include_examples: the DagBag of Airflow 3.3 and later never reads Airflow's examples"

pytestmark = pytest.mark.network


def errors(project: Callable[..., ProjectRunner], version: str) -> tuple[int, dict[str, str]]:
    """Return the exit code, and the hint of each error by its file."""
    files = {f"dags/{path.relative_to(DAGS_DIR)}": path.read_text() for path in DAGS_DIR.rglob("*.py")}
    del files["dags/seen.py"]  # which is about more than words
    runner = project({"mwaa.yaml": json.dumps({"AirflowVersion": version}), **files})
    outcome = runner.run("check", "dags", "--json")
    found = json.loads(outcome.stdout)["findings"]
    return outcome.exit_code, {item["path"]: item["hint"] for item in found if item["severity"] == "error"}


def test_newest_release_says_what_to_write_instead(project: Callable[..., ProjectRunner]) -> None:
    assert errors(project, LATEST) == (1, {"dags/old_words.py": NEW_PLACE, "dags/all_teams.py": NO_EXAMPLES})


@pytest.mark.full
@pytest.mark.parametrize("version", OLDER)
def test_older_releases_take_them(project: Callable[..., ProjectRunner], version: str) -> None:
    assert errors(project, version) == (0, {})
