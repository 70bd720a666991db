"""The report of `mwaa-local check` on a project with one fault in many files and no environment file."""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.conftest import ProjectRunner

FILES = 6
TEAM = "from datetime import datetime\nfrom airflow.sdk import DAG\nfrom team import stage\n"
ABSENT = "from airflow.sdk import DAG\nimport absent_module\n"
FAULTS = {
    "docker/Dockerfile": "FROM amazonlinux\nARG AIRFLOW_VERSION=2.8.1\n",
    "dags/team.py": 'import os\n\nstage = os.environ["NOBODY_SETS_THIS"]\n',
    **{f"dags/t{number}.py": TEAM for number in range(FILES)},
    **{f"dags/a{number}.py": ABSENT for number in range(FILES)},
}


def test_release_is_named_first_and_each_fault_once(project: Callable[..., ProjectRunner]) -> None:
    outcome = project(FAULTS).run("check", env={"COLUMNS": "40", "NO_COLOR": "1"})
    assert outcome.exit_code == 1
    table, *findings, total = outcome.stdout.strip().split("\n\n")
    assert "no mwaa.yaml: MWAA's newest, 3.3.1, is assumed" in table
    assert [block.split(" error[")[0].split(" warning[")[0] for block in findings] == [
        "mwaa.yaml:",
        "dags/a0.py:2:",
        "dags/team.py:3:",
    ]
    assert 'hint: write into mwaa.yaml: AirflowVersion: "2.8.1"' in findings[0]
    assert "in 6 files: dags/a0.py:2, dags/a1.py:2, dags/a2.py:2 and 3 more" in findings[1]
    assert "imported by 6 files: dags/t0.py, dags/t1.py, dags/t2.py and 3 more" in findings[2]
    assert total == "12 errors, 1 warning; 3 causes; see all: mwaa-local check --all"


# What is imported once for all files.

LOADED = 'import sys\nassert "airflow.sdk.definitions.decorators" in sys.modules, "imported anew for each file"\n'
LAZY = "from datetime import datetime\nfrom airflow.sdk import DAG, task\n"
OLD_NAME = "from airflow import Dataset\n"  # Airflow warns each time it is first asked for
USER_MODULE = 'import sys\nassert "helper" not in sys.modules, "loaded before the file"\nimport helper\n'
HELPER = "import airflow.sdk\nfrom airflow.sdk import DAG\nairflow.sdk.marked = getattr(airflow.sdk, 'marked', 0) + 1\n"
MARKED = f'{USER_MODULE}import airflow.sdk\nassert airflow.sdk.marked == 1, "another file was seen"\n'


def test_names_of_the_sdk_are_resolved_once_and_nothing_of_the_project_is(
    project: Callable[..., ProjectRunner],
) -> None:
    files = {f"dags/{name}.py": f"{LOADED}{LAZY}{OLD_NAME}{MARKED}" for name in ("a", "b", "c")}
    runner = project({"mwaa.yaml": 'AirflowVersion: "3.3.1"\n', "dags/helper.py": HELPER, **files})
    outcome = runner.run("check", "dags", "--json")
    found = json.loads(outcome.stdout)["findings"]
    assert not [item for item in found if item["rule"] == "dag-import-error"], found
    old = {item["path"] for item in found if "Dataset" in item["what"] + item["why"]}
    assert old == files.keys()
