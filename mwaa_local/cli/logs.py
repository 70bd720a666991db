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
    group: Annotated[
        str | None,
        typer.Option("--group", help="A log group of MWAA's: Task, Scheduler, Worker, WebServer or DAGProcessing."),
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", help="With --group: from 10m, 2h, 1d ago on, or from an ISO time on.")
    ] = None,
    pattern: Annotated[
        str | None, typer.Option("--filter", metavar="PATTERN", help="With --group: CloudWatch's filter pattern.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")] = False,
    project_dir: ProjectOption = Path(),
) -> None:
    """Show what components wrote, ordered by time. Works on a stopped environment too.

    Task logs are in the web server's pages and below .mwaa-local/airflow/logs; --group Task shows them, as
    CloudWatch would have them: of the level of LoggingConfiguration and above.

    Examples:

      mwaa-local logs -n 50

      mwaa-local logs -f worker scheduler

      mwaa-local logs --group Task --since 10m --filter "?ERROR ?Traceback"
    """
    import json
    from collections import deque

    session = open_session(project_dir)
    if group:
        from mwaa_local.cli.log_group import group_named, show_group

        if components:
            raise typer.BadParameter("a log group has its own components; name either it or them", param_hint="--group")
        show_group(
            session,
            group_named(group),
            follow=follow,
            lines=lines,
            since=since,
            pattern=pattern,
            as_json=as_json,
        )
        return
    if since or pattern:
        given = "--since" if since else "--filter"
        raise typer.BadParameter("it chooses events of a log group: add --group, as --group Task", param_hint=given)
    show = session.console.log_printer()
    if as_json:

        def show(line: object) -> None:
            session.console.stream(json.dumps(vars(line)))

    if lines:
        for line in deque(session.runtime.logs(components or [], follow=False), maxlen=lines):
            show(line)
        if not follow:
            return
    for line in session.runtime.logs(components or [], follow=follow, from_end=bool(lines)):
        show(line)
