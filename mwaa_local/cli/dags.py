"""`mwaa-local dags …`: quick work on single DAGs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mwaa_local.cli.session import ProjectOption, Session, open_session
from mwaa_local.errors import CommandUnavailable

if TYPE_CHECKING:
    from mwaa_local.plan import Plan

# What a DAG needs that is run in one process: no scheduler, worker, web server or queue.
NEEDED = ("postgres", "seed", "aws")

dags = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Work on single DAGs.\n\nExamples:\n\n  mwaa-local dags test my_dag",
)


@dags.callback()
def group() -> None:
    """Keep `test` a command of the group, though it is the only one."""


@dags.command()
def test(
    dag_id: Annotated[str, typer.Argument(metavar="DAG_ID", help="The DAG to run.")],
    logical_date: Annotated[str, typer.Argument(metavar="[DATE]", help="The run's logical date; by default now.")] = "",
    conf: Annotated[str, typer.Option(help="Configuration of the run: a JSON object.")] = "",
    project_dir: ProjectOption = Path(),
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show every change of state.")] = False,
) -> None:
    """Run one DAG from its first task to its last in a single process, and show what it prints.

    It is Airflow's own `dags test`, in the scheduler's environment. Where nothing runs, only a database is started for
    it, as a process, and stopped again; an environment that runs is used. The exit code is 1 when the DAG fails.

    Examples:

      mwaa-local dags test my_dag

      mwaa-local dags test my_dag 2026-01-01 --conf '{"full": true}'
    """
    session = open_session(project_dir, verbose=verbose)
    release = session.release(session.environment())
    if release.test_dag_argv is None:
        raise CommandUnavailable(
            f"Airflow {release.airflow_version} cannot run a DAG in a single process",
            "Its command line has no `dags test`.",
            f"`mwaa-local up --run {dag_id}` runs it through the scheduler and the worker",
        )
    date = logical_date or datetime.now(UTC).isoformat(timespec="seconds")
    words = (*release.test_dag_argv, *(("--conf", conf) if conf else ()), dag_id, date)
    if session.runtime.running:
        raise typer.Exit(session.runtime.run("scheduler", words))
    with session.exclusive():
        exit_code = _with_database(session, words)
    raise typer.Exit(exit_code)


test.__test__ = False  # type: ignore[attr-defined]  # pytest takes the name for one of its own


def _with_database(session: Session, words: tuple[str, ...]) -> int:
    """Run an Airflow command beside a database that is there for it alone; return its exit code."""
    from mwaa_local.preparation import Preparation
    from mwaa_local.runtime.process import ProcessRuntime

    environment = session.environment()
    release = session.release(environment)
    runtime = ProcessRuntime(session.project, session.env)
    console = session.console
    parts = (session.project, environment, release, session.env, session.cache_dir, None, console.show_event)
    try:
        prepared = Preparation(*parts, webserver_port=0).prepare()
        for remark in prepared.remarks:
            if remark.severity == "error":
                console.show_remark(remark)
        runtime.start(database_only(prepared.plan), console.show_event)
        return runtime.run("scheduler", words)
    finally:
        runtime.stop(now=True)


def database_only(plan: Plan) -> Plan:
    """Return the plan with its servers alone, and a scheduler that does nothing but lend its environment."""
    from dataclasses import replace

    from mwaa_local.plan import ExitedOk

    scheduler = plan.component("scheduler")
    assert scheduler is not None
    lender = replace(
        scheduler,
        argv=("true",),
        exec_argv=scheduler.command_argv,
        ready=ExitedOk(),
        depends_on=tuple(name for name in scheduler.depends_on if name in NEEDED),
        restart=False,
    )
    kept = tuple(component for component in plan.components if component.name in NEEDED)
    return replace(plan, components=(*kept, lender), preload=(), preload_argv=())
