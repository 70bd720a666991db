"""`mwaa-local env`: what `docker compose` needs, for those who run it by hand."""

from __future__ import annotations

import shlex
from pathlib import Path

from mwaa_local.cli.killed import settle_killed
from mwaa_local.cli.parameters import JsonOption, ProjectOption
from mwaa_local.cli.session import open_session


def env(project_dir: ProjectOption = Path(), as_json: JsonOption = False) -> None:
    """Write the env files that docker-compose.yml reads, and print the command that runs it.

    Run it again after each change of mwaa.yaml, requirements, plugins or startup script. `status`, `logs`, `airflow`
    and `down` work with an environment started this way. This command starts nothing and does not need Docker.

    Examples:

      mwaa-local env

      eval "$(mwaa-local env) up --wait"
    """
    session = open_session(project_dir)
    settle_killed(session)
    environment = session.environment()
    with session.exclusive():
        written = session.lifecycle().write_compose_files(environment)
    for remark in written.remarks:
        session.console.show_remark(remark)
    session.console.say(
        f"wrote the files in {written.dir}; add `up --wait`, `ps`, `down` or another Compose command to"
    )
    if as_json:
        session.console.show_json({"command": list(written.command), "folder": str(written.dir)})
    else:
        session.console.show(shlex.join(written.command))
