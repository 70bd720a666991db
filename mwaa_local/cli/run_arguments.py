"""Arguments of the commands that run DAGs, validated before anything is started: configuration and date."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from mwaa_local.dag_run import AS_SCHEDULED, NO_DATE
from mwaa_local.release import Release

LogicalDateOption = Annotated[
    str, typer.Option("--logical-date", metavar="DATE", help="Logical date; by default that of MWAA's last run.")
]
NoLogicalDateOption = Annotated[
    bool, typer.Option("--no-logical-date", help="Run without a logical date; Airflow 3 only.")
]
CONF_EXAMPLE = '\'{"day": "2026-01-01"}\''


def conf_of(given: str) -> str:
    """Return the configuration, an object or `@FILE`, as JSON of one line; "" where none was given.

    Raises BadParameter for what is no JSON object.
    """
    if not given:
        return ""
    of_file = f" {given}" if given.startswith("@") else ""
    try:
        plain = json.loads(Path(given[1:]).read_text(encoding="utf-8") if of_file else given)
    except OSError as error:
        raise typer.BadParameter(f"--conf{of_file} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise typer.BadParameter(f"--conf{of_file} is not JSON: {error}; an example: {CONF_EXAMPLE}") from error
    if not isinstance(plain, dict):
        raise typer.BadParameter(f"--conf{of_file} has to be a JSON object, such as {CONF_EXAMPLE}")
    return json.dumps(plain)


def run_date_of(logical_date: str, release: Release, *, no_logical_date: bool) -> str:
    """Return the date of a run, as a WantedRun has it. Raises BadParameter for what is no date, or cannot be."""
    if no_logical_date and logical_date:
        raise typer.BadParameter("a run cannot have a logical date and none; leave one of the two out")
    if no_logical_date and not release.runs_without_date:
        why = f"in Airflow {release.airflow_version} every run has a logical date"
        raise typer.BadParameter(f"--no-logical-date: {why}; leave the option out")
    return NO_DATE if no_logical_date else date_of(logical_date) or AS_SCHEDULED


def date_of(given: str) -> str:
    """Return a logical date as ISO 8601, as it was given; "" for none. Raises BadParameter for what is no date."""
    if not given:
        return ""
    try:
        return datetime.fromisoformat(given).isoformat()
    except ValueError as error:
        raise typer.BadParameter(
            f"{given!r} is not a date; write 2026-01-01, or 2026-01-01T06:00:00+00:00 with a time"
        ) from error
