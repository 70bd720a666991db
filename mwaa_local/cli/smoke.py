"""`mwaa-local smoke`: one command for a CI job: check, up, import, run, report, down."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mwaa_local.cli.killed import settle_killed
from mwaa_local.cli.parameters import JsonOption, PortOption, ProjectOption, ReleaseOption, RuntimeOption, VerboseOption
from mwaa_local.cli.run_arguments import LogicalDateOption, NoLogicalDateOption, conf_of, run_date_of
from mwaa_local.cli.session import Session, open_session

if TYPE_CHECKING:
    from mwaa_local.check.part import Part
    from mwaa_local.cli.smoke_output import SmokeOutput
    from mwaa_local.environment.environment import Environment
    from mwaa_local.finding import Finding
    from mwaa_local.lifecycle import Lifecycle
    from mwaa_local.plan import Plan
    from mwaa_local.remarks import Remark
    from mwaa_local.smoke.run import SmokeContext
    from mwaa_local.smoke.selection import Selection

DEFAULT_PARALLEL = 4  # below the 5 tasks that a worker of mw1.small runs at once, the smallest but one
DEFAULT_DAG_TIMEOUT_S = 600.0
DEFAULT_TIMEOUT_S = 1800.0
# Only what was asked for is to run: unpausing a DAG would make the scheduler begin its scheduled runs as well.
NO_SCHEDULE_OPTION = "scheduler.use_job_schedule"
# Rules of `check` whose subject the phases after it look at: see `_checks`.
LEFT_TO_LATER_PHASES = frozenset(
    {
        "not-checked",
        "dag-import-error",
        "dag-import-timeout",
        "dag-import-crash",
        "provider-module-missing",
        "provider-missing",
    }
)


def smoke(
    dag_ids: Annotated[list[str] | None, typer.Argument(metavar="DAG_ID", help="Run these DAGs.")] = None,
    tags: Annotated[
        list[str] | None, typer.Option("--tag", metavar="TAG", help="Run the DAGs with this tag; may be repeated.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Run all DAGs.")] = False,
    conf: Annotated[str, typer.Option(metavar="JSON", help="Configuration of each run: an object, or @FILE.")] = "",
    logical_date: LogicalDateOption = "",
    no_logical_date: NoLogicalDateOption = False,
    parallel: Annotated[
        int, typer.Option(metavar="NUMBER", min=1, help="How many DAG runs at once.")
    ] = DEFAULT_PARALLEL,
    dag_timeout_s: Annotated[
        float, typer.Option("--dag-timeout", metavar="SECONDS", min=1, help="Limit for each DAG run.")
    ] = DEFAULT_DAG_TIMEOUT_S,
    timeout_s: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", min=1, help="Limit for everything up to the last run.")
    ] = DEFAULT_TIMEOUT_S,
    expected_failures: Annotated[
        list[str] | None,
        typer.Option("--expect-failure", metavar="DAG_ID[.TASK_ID]", help="Must fail; may be repeated."),
    ] = None,
    expected_import_errors: Annotated[
        list[str] | None,
        typer.Option("--expect-import-error", metavar="FILE", help="Must not import; may be repeated."),
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start with an empty database and local AWS.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the environment running.")] = False,
    no_check: Annotated[bool, typer.Option("--no-check", help="Skip the check phase.")] = False,
    port: PortOption = 0,
    runtime: RuntimeOption = None,
    airflow_version: ReleaseOption = None,
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", dir_okay=False, help="Write JUnit XML, a case for each task.")
    ] = None,
    artifacts: Annotated[
        Path | None, typer.Option(metavar="DIR", file_okay=False, help="Copy logs and all reports into this folder.")
    ] = None,
    iam_report: Annotated[
        Path | None,
        typer.Option(metavar="FILE", dir_okay=False, help="Write which IAM actions DAGs need, as JSON; - shows it."),
    ] = None,
    github: Annotated[
        bool | None,
        typer.Option(
            "--github/--no-github", help="Annotations and step summary; on by default if GITHUB_ACTIONS=true."
        ),
    ] = None,
    as_json: JsonOption = False,
    project_dir: ProjectOption = Path(),
    verbose: VerboseOption = False,
) -> None:
    """Start the environment, import all DAGs, run some, report, and stop what was started. For CI.

    It stops what it started, also after Ctrl-C and SIGTERM. It uses the project's database; --fresh starts with an
    empty one. Schedules are off: only the DAGs you name run, paused or not. Each run has the dates of the DAG's last
    scheduled run that is due. If an environment is running already, it is used and left running.

    Exit codes: 0 all as expected, 1 a DAG run failed, 2 wrong usage, 3 the environment failed, 4 a DAG file cannot be
    imported, 5 a time limit was reached, 6 the check phase found errors, 70 a bug, 129, 130 or 143 interrupted.

    Examples:

      mwaa-local smoke my_dag other_dag

      mwaa-local smoke --all --junit smoke.xml --artifacts smoke-logs

      mwaa-local smoke --all --airflow-version 2.10.3

      mwaa-local smoke --tag ci --conf '{"day": "2026-01-01"}' --expect-failure my_dag.load
    """
    from mwaa_local.cli.smoke_iam import IamOutput
    from mwaa_local.cli.smoke_output import SmokeOutput
    from mwaa_local.environment.chosen_release import forget_chosen
    from mwaa_local.smoke.result import SmokeReport
    from mwaa_local.smoke.run import SmokeRequest, SmokeRun
    from mwaa_local.smoke.running import RunLimits
    from mwaa_local.smoke.selection import require_dag_files
    from mwaa_local.smoke.signals import signals_taken

    given = {"DAG_ID": dag_ids, "--tag": tags, "--expect-failure": expected_failures}
    _require_words({**given, "--expect-import-error": expected_import_errors})
    session = open_session(project_dir, verbose=verbose, airflow_version=airflow_version)
    settle_killed(session)
    selection = _selection(session, dag_ids or [], tags or [], every=every)
    require_dag_files(session.project.dags_dir)
    broken = _broken_files(session.project.dags_dir, expected_import_errors or [])
    environment = session.environment()
    output = SmokeOutput(session, as_json, junit, artifacts, github, IamOutput.of(session, environment, iam_report))
    output.require_writable()
    date = run_date_of(logical_date, session.release(environment), no_logical_date=no_logical_date)
    request = SmokeRequest(
        selection=selection,
        conf=conf_of(conf),
        limits=RunLimits(parallel, dag_timeout_s),
        timeout_s=timeout_s,
        expected_failures=tuple(expected_failures or ()),
        expected_import_errors=broken,
        keep=keep,
        date=date,
    )
    with contextlib.ExitStack() as held:
        held.enter_context(session.exclusive())
        lifecycle = session.lifecycle()
        kind = lifecycle.choose(runtime or environment.local.runtime)
        context = _context(output, environment, lifecycle, selection, port, fresh=fresh, no_check=no_check)
        if context.is_used:
            held.close()  # others may look at, change or stop what is not ours
        remarks = list(lifecycle.unapplied()) if context.is_used else []
        report = SmokeReport(airflow_version=environment.airflow_version, runtime=kind, remarks=remarks)
        SmokeRun(context, request, report).run()
        if not lifecycle.runtime.running:
            forget_chosen(session.project)
    with signals_taken() as signals:
        signals.only_note()  # what a run of minutes has found is written to its end
        output.show(report)
    raise typer.Exit(report.exit_code)


def _require_words(given: Mapping[str, Sequence[str] | None]) -> None:
    """Refuse empty names, such as those of a shell variable that is not set. Raises BadParameter."""
    for option, words in given.items():
        if any(not word.strip() for word in words or ()):
            raise typer.BadParameter(f"{option} is empty; name something, or leave it out")


def _selection(session: Session, dag_ids: Sequence[str], tags: Sequence[str], *, every: bool) -> Selection:
    """Return which DAGs to run. Raises BadParameter where nothing was named, or names beside --all."""
    from mwaa_local.smoke.selection import Selection

    selection = Selection(tuple(dag_ids), tuple(tags), every)
    if selection.is_empty:
        raise typer.BadParameter(f"name the DAGs to run, or use --tag or --all{_known_dags(session)}")
    if every and (dag_ids or tags):
        raise typer.BadParameter(f"--all runs every DAG; leave out --all, or {'the names' if dag_ids else '--tag'}")
    return selection


def _broken_files(dags_dir: Path, names: Sequence[str]) -> tuple[str, ...]:
    """Return the files that must not import, relative to dags/. Raises SelectionWrong where there is no such file."""
    from mwaa_local.smoke.selection import SelectionWrong, relative_to_dags

    broken = tuple(relative_to_dags(name) for name in names)
    for name in broken:
        places = (Path(name), *Path(name).parents)  # in a zip, the zip is what is there
        if not any((dags_dir / place).is_file() for place in places):
            raise SelectionWrong(f"--expect-import-error {name}: there is no such file", f"Looked for in {dags_dir}.")
    return broken


def _known_dags(session: Session) -> str:
    """Return which DAGs there are, where an environment runs that can tell."""
    from mwaa_local.airflow import AirflowClient
    from mwaa_local.errors import MwaaLocalError

    try:
        plan = session.runtime.running_plan()
    except MwaaLocalError:
        return ""
    if plan is None:
        return ""
    client = AirflowClient(session.runtime, plan)
    names = [dag.dag_id for dag in client.metadata().dags() or []]
    client.close()
    return f"; DAGs that exist: {', '.join(names)}" if names else ""


def _context(
    output: SmokeOutput,
    environment: Environment,
    lifecycle: Lifecycle,
    selection: Selection,
    port: int | None,
    *,
    fresh: bool,
    no_check: bool,
) -> SmokeContext:
    """Return where the smoke run happens; nothing is started yet."""
    from mwaa_local.smoke.report_mask import ReportMask
    from mwaa_local.smoke.run import SmokeContext

    session = output.session
    is_used = lifecycle.runtime.running
    running = lifecycle.runtime.running_plan() if is_used and session.airflow_version else None
    if running is not None and running.airflow_version != session.airflow_version:
        raise typer.BadParameter(
            f"an environment of Airflow {running.airflow_version} is running, which a smoke run would use; "
            "run `mwaa-local down` first"
        )
    if is_used and fresh:
        raise typer.BadParameter(
            "--fresh would empty the database of the running environment; run `mwaa-local down` first"
        )
    if is_used:
        session.console.say("using the environment that is already running; it will be left running")

    def start() -> tuple[Plan, Sequence[Remark]]:
        start = lifecycle.start_empty if fresh else lifecycle.start
        started = start(without_schedule(environment), port)
        return started.plan, started.remarks

    return SmokeContext(
        project=session.project,
        runtime=lifecycle.runtime,
        is_used=is_used,
        check=None if no_check else _checks(session, selection),
        start=start,
        on_event=session.console.show_event,
        on_run=output.say_run,
        collect=output.collect_logs,
        report_mask=lambda plan: ReportMask.of(session.project, environment, plan),
    )


def without_schedule(environment: Environment) -> Environment:
    """Return the environment with schedules off, unless the user's options say otherwise."""
    options = {NO_SCHEDULE_OPTION: "False", **environment.airflow_configuration_options}
    return environment.model_copy(update={"airflow_configuration_options": options})


def _checks(session: Session, selection: Selection) -> Callable[[], Sequence[Finding]]:
    """Return what the check phase does: all that `mwaa-local check` does, before anything is started.

    What could not be checked ends nothing here, and neither does a file that cannot be imported: the phases after it
    show how it really is. A DAG that was named and that none of the files defines ends it here, as SelectionWrong.
    """

    def check() -> Sequence[Finding]:
        from mwaa_local.check.project import all_findings
        from mwaa_local.cli.check_all import all_parts
        from mwaa_local.finding import has_error

        parts = all_parts(session, strict=False, judge=left_to_later_phases)
        findings = all_findings(parts)
        for part in parts if not has_error(findings) else ():
            if part.has_all_dags:
                selection.require_known(part.dag_ids)
        return findings

    return check


def left_to_later_phases(part: Part) -> Part:
    """Return the part with errors that later phases show better turned into warnings."""
    from mwaa_local.finding import WARNING

    findings = (
        replace(item, severity=WARNING) if item.rule in LEFT_TO_LATER_PHASES else item for item in part.findings
    )
    return replace(part, findings=tuple(findings))
