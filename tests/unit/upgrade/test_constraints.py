"""The constraints of the new release in the place of the old one's."""

from __future__ import annotations

import pytest

from mwaa_local.release import Release
from mwaa_local.upgrade.constraints import with_constraints_of

NEW = Release.load("3.3.1")
URL = "https://raw.githubusercontent.com/apache/airflow/constraints-{}/constraints-{}.txt"
OLD_URL, NEW_URL = URL.format("2.10.3", "3.11"), URL.format("3.3.1", "3.12")


@pytest.mark.parametrize("option", ["--constraint ", "-c ", "--constraint=", '  --constraint "'])
def test_official_constraints_become_those_of_the_release(option: str) -> None:
    text = f"# ours\n{option}{OLD_URL}\npandas\n"
    assert with_constraints_of(text, NEW) == f"# ours\n{option}{NEW_URL}\npandas\n"


def test_kind_of_constraints_stays() -> None:
    text = f"-c {OLD_URL.replace('/constraints-3', '/constraints-no-providers-3')}\n"
    assert "/constraints-3.3.1/constraints-no-providers-3.12.txt" in with_constraints_of(text, NEW)


@pytest.mark.parametrize(
    "line",
    [
        f"# --constraint {OLD_URL}",
        "--constraint /usr/local/airflow/dags/constraints.txt",
        "--constraint " + URL.format("${AIRFLOW_VERSION}", "${PYTHON_VERSION}"),
        f"--constraint {NEW_URL}",
        "pandas==2.1.1",
    ],
)
def test_other_lines_stay(line: str) -> None:
    assert with_constraints_of(f"{line}\n", NEW) == f"{line}\n"
