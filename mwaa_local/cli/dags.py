"""`mwaa-local dags …`: quick work on single DAGs."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import typer

from mwaa_local.cli.groups import command_group
from mwaa_local.cli.killed import settle_killed
from mwaa_local.cli.parameters import ProjectOption, VerboseOption
from mwaa_local.cli.run_arguments import NoLogicalDateOption, conf_of, date_of, run_date_of
from mwaa_local.cli.session import Session, open_session
from mwaa_local.errors import CommandUnavailable, NotRunning
from mwaa_local.guest import dag_test_script

if TYPE_CHECKING:
    from mwaa_local.plan import Plan

# What a DAG needs that is run in one process: no scheduler, worker, web server or queue.
NEEDED = ("postgres", "seed", "aws")
SCRIPT_PATH = Path(str(dag_test_script.__file__))
DATES_PATH = SCRIPT_PATH.with_name("dag_test_dates.py")  # alone, where no file can be handed over

dags = command_group(no_args_is_help=True, help="Work on single DAGs.\n\nExamples:\n\n  mwaa-local dags test my_dag")


@dags.callback()
def group() -> None:
    """Keep `test` a command of the group, though it is the only one."""


@dags.command()
def test(
    dag_id: Annotated[str, typer.Argument(metavar="DAG_ID", help="The DAG to run.")],
    logical_date: Annotated[
        str, typer.Argument(metavar="[DATE]", help="Logical date; by default that of MWAA's last run.")
    ] = "",
    conf: Annotated[str, typer.Option(metavar="JSON", help="Configuration of the run: an object, or @FILE.")] = "",
    no_logical_date: NoLogicalDateOption = False,
    project_dir: ProjectOption = Path(),
    verbose: VerboseOption = False,
) -> None:
    """Run one DAG from its first task to its last in a single process, and show what it prints.

    It is Airflow's own `dags test`, in the scheduler's environment, with the dates of the DAG's last scheduled run that
    is due. It uses the running environment; if there is none, it starts only a database, as a process, and stops it
    afterwards. The exit code is 1 if the DAG fails, 2 if there is no such DAG. Ctrl-C ends the run, and what its tasks
    have started.

    Examples:

      mwaa-local dags test my_dag

      mwaa-local dags test my_dag 2026-01-01 --conf '{"full": true}'
    """
    from mwaa_local.smoke.selection import require_dag_files

    date_of(logical_date)
    configuration = conf_of(conf)
    if not dag_id.strip():
        raise typer.BadParameter("DAG_ID is empty; name the DAG to run")
    session = open_session(project_dir, verbose=verbose)
    settle_killed(session, if_free=True)  # an environment runs DAGs also while a dump is loaded beside
    release = session.release(session.environment())
    if release.test_dag_argv is None:
        raise CommandUnavailable(
            f"Airflow {release.airflow_version} cannot run a DAG in a single process",
            "Its command line has no `dags test`.",
            f"`mwaa-local up --run {dag_id}` runs it through the scheduler and the worker",
        )
    date = run_date_of(logical_date, release, no_logical_date=no_logical_date)
    require_dag_files(session.project.dags_dir)
    # Airflow 2 wants a date where a run takes ours in its place.
    now = datetime.now(UTC).isoformat(timespec="seconds")
    words = (date, *release.test_dag_argv, *(("--conf", configuration) if configuration else ()), dag_id, now)
    if session.runtime.running:
        raise typer.Exit(_in_environment(session, dag_id, words))
    with session.exclusive():
        exit_code = _with_database(session, dag_id, words)
    raise typer.Exit(exit_code)


test.__test__ = False  # type: ignore[attr-defined]  # pytest takes the name for one of its own


def _in_environment(session: Session, dag_id: str, words: tuple[str, ...]) -> int:
    """Run the DAG in the environment that runs; return its exit code.

    `words` are the date, as in a WantedRun, and those of Airflow's command. Raises SelectionWrong where there is no
    such DAG.
    """
    from mwaa_local.airflow import AirflowClient
    from mwaa_local.runtime.choice import runs_as_processes
    from mwaa_local.smoke.selection import unknown_dag

    runtime = session.runtime
    plan = runtime.running_plan()
    if plan is None:
        raise NotRunning("the environment was stopped just now", hint="run it again")
    if runs_as_processes(session.project, session.env):
        return _run_script(session, plan, dag_id, words)
    client = AirflowClient(runtime, plan)
    dags = client.metadata().dags()
    client.close()
    known = [dag.dag_id for dag in dags or ()]
    if dags is None or dag_id in known:
        return _interruptible(lambda: runtime.run("scheduler", words, script=DATES_PATH))
    # It may be in a file that the environment has not parsed yet, so Airflow is asked; its traceback says nothing more.
    exit_code, output = runtime.capture("scheduler", words, DATES_PATH)
    if exit_code and dag_test_script.is_no_such_dag(output):
        raise unknown_dag(dag_id, known)
    session.console.show(output.rstrip("\n"))
    return exit_code


def _with_database(session: Session, dag_id: str, words: tuple[str, ...]) -> int:
    """Run an Airflow command on a DAG beside a database that is there for it alone; return its exit code.

    Raises SelectionWrong where there is no such DAG.
    """
    from mwaa_local.runtime.choice import PROCESS, open_runtime
    from mwaa_local.runtime.protocol import Prepared
    from mwaa_local.wanted import Wanted

    environment = session.environment()
    release = session.release(environment)
    runtime = open_runtime(PROCESS, session.project, session.env)
    console = session.console
    wanted = Wanted(session.project, environment, release, session.env, session.cache_dir, webserver_port=0)
    try:
        prepared = runtime.prepare(wanted, console.show_event)
        for remark in prepared.remarks:
            if remark.severity == "error":
                console.show_remark(remark)
        runtime.start(Prepared(database_only(prepared.plan)), console.show_event)
        return _run_script(session, prepared.plan, dag_id, words)
    finally:
        runtime.stop(now=True)


def _run_script(session: Session, plan: Plan, dag_id: str, words: tuple[str, ...]) -> int:
    """Run an Airflow command on a DAG through our script; return its exit code. Raises SelectionWrong."""
    from mwaa_local.runtime.choice import run_script
    from mwaa_local.smoke.selection import unknown_dag

    place = (session.project, session.env, "scheduler")
    answer_path = session.project.run_dir / f"dag-test-{uuid4().hex}.json"  # several may run in an environment
    try:
        exit_code = _interruptible(lambda: run_script(*place, SCRIPT_PATH, (str(answer_path), *words)))
        if not answer_path.exists():
            return exit_code
        answer = json.loads(answer_path.read_text(encoding="utf-8"))
    finally:
        answer_path.unlink(missing_ok=True)
    raise unknown_dag(dag_id, answer["dags"], _shown(answer["import_errors"], PurePosixPath(plan.home_dir) / "dags"))


def _interruptible(run: Callable[[], int]) -> int:
    """Return the exit code of a command to which our signals are passed on; but one that came ends us, too.

    Airflow takes Ctrl-C for a failure of the task that runs.
    """
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        theirs.setblocking(False)
        before = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
        try:
            exit_code = run()
        finally:
            signal.set_wakeup_fd(before)
        with contextlib.suppress(BlockingIOError):
            number = ours.recv(1)[0]
            handler = signal.getsignal(number)
            if callable(handler):
                handler(number, None)
    return exit_code


def _shown(import_errors: Mapping[str, str], dags_dir: PurePosixPath) -> dict[str, str]:
    """Return the errors with files named as the user knows them; Airflow 3 names them below dags/ already."""
    return {
        f"dags/{PurePosixPath(path).relative_to(dags_dir) if path.startswith(f'{dags_dir}/') else path}": trace
        for path, trace in import_errors.items()
    }


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
