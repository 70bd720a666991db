"""docs/generations.md says of each release what the catalogue has."""

from __future__ import annotations

import pytest

from mwaa_local.release import Release
from tests.conftest import REPOSITORY_DIR

PAGE = REPOSITORY_DIR / "docs" / "generations.md"
CATCHUP, OVERRIDES = "scheduler.catchup_by_default", "core.dag_run_conf_overrides_params"
UNTIL = " \u2013 "
OLD_LOG, NEW_LOG = "`DAG/TASK/DATE/N.log`", "`dag_id=DAG/run_id=RUN/task_id=TASK/attempt=N.log`"


def rows() -> tuple[list[str], dict[str, list[str]]]:
    """Return the headings of the columns, and the cells of each row by its name."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return cells[0][1:], {first: rest for first, *rest in cells[2:]}


def words(argv: tuple[str, ...], count: int) -> str:
    return f"`{' '.join(argv[:count])}`"


def yes(is_so: object) -> str:
    return "yes" if is_so else "no"


def true_of(release: Release) -> dict[str, str]:
    """Return what each row has to say of a release."""
    is_first, options = not release.is_at_least("2.0"), release.default_options
    auth = options.get("api.auth_backend", "session" if release.is_at_least("2.7") else "deny_all")
    token = release.generation == "3.x"
    return {
        "Python": release.python_version,
        "database is migrated by": words(release.migrate_argv, 2),
        "web server": words(release.webserver_argv, 1),
        "worker": words(release.worker_argv, 1 if is_first else 2),
        "DAGs are listed by": words(release.list_dags_argv, 2),
        "triggerer": yes(release.triggerer_argv),
        "DAG processor of its own": yes(release.dag_processor_argv),
        "startup script": yes(release.startup_script),
        "constraints are added to requirements": yes(release.constraints_injected),
        "login here": f"`{release.login}`" if release.login else "none",
        "REST API": f"`{release.rest_base}`",
        "… lets in": "a token" if token else "nobody" if "deny_all" in auth else "a session",
        "`conf` of a run overrides `params`": yes(not is_first and options.get(OVERRIDES) != "False"),
        "catchup, if a DAG says nothing": yes(not token and options.get(CATCHUP) != "False"),
        "a task's log below `logs/`": NEW_LOG if release.is_at_least("2.3") else OLD_LOG,
    }


def test_columns_are_all_releases() -> None:
    columns, _ = rows()
    ends = [end for column in columns for end in column.split(UNTIL)]
    versions = list(Release.versions())
    assert [versions.index(end) for end in ends] == sorted(versions.index(end) for end in ends)
    assert (ends[0], ends[-1]) == (versions[0], versions[-1])
    assert sum(len(of_column(column)) for column in columns) == len(versions)


def of_column(column: str) -> list[str]:
    first, last = (*column.split(UNTIL), column.split(UNTIL)[-1])[:2]
    versions = list(Release.versions())
    return versions[versions.index(first) : versions.index(last) + 1]


@pytest.mark.parametrize("version", Release.versions())
def test_table_is_true_of_the_release(version: str) -> None:
    columns, table = rows()
    column = next(index for index, each in enumerate(columns) if version in of_column(each))
    assert {name: said(cells[column], Release.load(version)) for name, cells in table.items()} == true_of(
        Release.load(version)
    )


def said(cell: str, release: Release) -> str:
    """Return what a cell says of the release: `A`, or `A, from VERSION on B`."""
    before, _, later = cell.partition(", from ")
    since, _, value = later.partition(" on ")
    return value if since and release.is_at_least(since) else before
