"""`mwaa-local airflow`: Airflow's own command line inside the environment."""

from __future__ import annotations

import inspect
import os
from pathlib import Path
from typing import Annotated

import typer

from mwaa_local.cli.session import open_session

HELP_WORDS = ("--help", "-h")


def airflow(
    words: Annotated[list[str] | None, typer.Argument(metavar="WORD...", help="Airflow's command and options.")] = None,
) -> None:
    """Run an Airflow command inside the running environment, with the scheduler's variables.

    Everything after `airflow` is Airflow's, so `mwaa-local airflow dags --help` is Airflow's own help. Its exit code
    is this command's. Set MWAA_LOCAL_PROJECT to name a project from elsewhere.

    Examples:

      mwaa-local airflow dags list

      mwaa-local airflow tasks test my_dag my_task 2026-01-01
    """
    if not words or words[0] in HELP_WORDS:
        typer.echo(inspect.getdoc(airflow))
        return
    session = open_session(Path(os.environ.get("MWAA_LOCAL_PROJECT", ".")))
    env = {name: os.environ[name] for name in ("TERM", "COLUMNS", "LINES") if name in os.environ}
    raise typer.Exit(session.runtime.run("scheduler", words, env))


airflow.context_settings = {  # type: ignore[attr-defined]
    "ignore_unknown_options": True,
    "allow_extra_args": True,
    "help_option_names": [],
}
