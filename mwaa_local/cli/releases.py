"""`mwaa-local releases`: every Airflow version MWAA has had."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from mwaa_local.console import table
from mwaa_local.release import Release

HEADERS = ("airflow", "python", "amazon provider", "state", "on MWAA since", "end of support", "")
NOTHING = "-"


def releases(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List every Airflow version MWAA has had, oldest first.

    Set one as AirflowVersion in mwaa.yaml.

    Examples:

      mwaa-local releases

      mwaa-local releases --json
    """
    known = Release.all()
    if as_json:
        print(json.dumps([as_plain(release) for release in known], indent=2))
    else:
        print(table(HEADERS, [as_row(release) for release in known]))


def as_plain(release: Release) -> dict[str, Any]:
    """Return what is shown of a release as JSON values; dates as in ISO 8601, null where there is none."""
    return {
        "airflow_version": release.airflow_version,
        "python_version": release.python_version,
        "amazon_provider_version": release.providers.get("amazon"),
        "state": release.state,
        "available_since": release.available_since,
        "end_of_support": release.end_of_support or None,
        "default": release.is_default,
    }


def as_row(release: Release) -> tuple[str, ...]:
    *values, default = as_plain(release).values()
    return (*(value or NOTHING for value in values), "default" if default else "")
