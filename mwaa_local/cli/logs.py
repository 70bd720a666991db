"""`mwaa-local logs`: what components wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mwaa_local.cli.parameters import ProjectOption
from mwaa_local.cli.session import open_session


def logs(
    components: Annotated[
        list[str] | None, typer.Argument(metavar="COMPONENT", help="Only these; worker means all workers.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Follow new lines until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many of the newest lines; 0 for all.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")] = False,
    project_dir: ProjectOption = Path(),
) -> None:
    """Show what components wrote, ordered by time. Works on a stopped environment too.

    Task logs are in the web server's pages and below .mwaa-local/airflow/logs.

    Examples:

      mwaa-local logs -n 50

      mwaa-local logs -f worker scheduler
    """
    import json
    from collections import deque

    session = open_session(project_dir)
    show = session.console.log_printer()
    if as_json:

        def show(line: object) -> None:
            session.console.show(json.dumps(vars(line)))

    if lines:
        for line in deque(session.runtime.logs(components or [], follow=False), maxlen=lines):
            show(line)
        if not follow:
            return
    for line in session.runtime.logs(components or [], follow=follow, from_end=bool(lines)):
        show(line)
