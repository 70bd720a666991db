"""`mwaa-local reset-db`: an empty metadata database."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from mwaa_local.cli.confirm import confirm
from mwaa_local.cli.killed import settle_killed
from mwaa_local.cli.parameters import ProjectOption, ReleaseOption
from mwaa_local.cli.session import open_session
from mwaa_local.environment.chosen_release import forget_chosen, forget_last, last_release, up_as_last
from mwaa_local.secrets import end_sessions


def reset_db(
    project_dir: ProjectOption = Path(),
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    airflow_version: ReleaseOption = None,
) -> None:
    """Replace the metadata database with an empty one: DAG runs, connections, variables and users made here are gone.

    A running environment is stopped first; `mwaa-local up` starts it with the new database. That of another release,
    as an upgrade leaves one behind, is removed while the environment goes on.

    Examples:

      mwaa-local reset-db --yes

      mwaa-local reset-db --airflow-version 2.10.3
    """
    session = open_session(project_dir, airflow_version=airflow_version)
    settle_killed(session)
    project = session.project
    release = session.release(session.environment())
    is_other = release.airflow_version != replace(session, airflow_version=None).environment().airflow_version
    if is_other:
        session.check_has_database(release.airflow_version)
    confirm(f"Delete the {release.airflow_version} database of {project.root_dir}?", yes=yes)
    with session.exclusive():
        if is_other:
            session.remove_other_database(release.airflow_version)
            if release.airflow_version == last_release(project):
                forget_last(project)
            session.console.say(f"the metadata database of Airflow {release.airflow_version} is gone")
            return
        session.runtime.stop(now=True, on_event=session.console.show_event)
        forget_chosen(project)
        session.remove_database(release.airflow_version)
        end_sessions(project.state_dir)
    session.console.say(f"the metadata database is gone; `{up_as_last(project)}` makes a new one")
