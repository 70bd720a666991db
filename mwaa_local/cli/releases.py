"""`mwaa-local releases`: every Airflow version MWAA has had."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from mwaa_local.console import table
from mwaa_local.release import Release

HEADERS = ("airflow", "python", "amazon provider", "state", "on MWAA since", "end of support", "")
SHOWN = ("airflow_version", "python_version", "amazon_provider_version", "state", "available_since", "end_of_support")
NOTHING = "-"


def releases(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List every Airflow version MWAA has had, oldest first.

    Set one as AirflowVersion in mwaa.yaml. With --json, also the date of the image that each is modelled on.

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
        "image_date": release.image_date,
        "packages_date": release.packages_date,
    }


def as_row(release: Release) -> tuple[str, ...]:
    plain = as_plain(release)
    return (*(plain[key] or NOTHING for key in SHOWN), "default" if release.is_default else "")
