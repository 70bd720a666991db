"""`mwaa-local check dags`: every DAG file as MWAA's dag-processor would see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mwaa_local.cli.formats import Format, FormatOption, findings_for_ci, format_of
from mwaa_local.cli.parameters import AllOption, JsonOption, ProjectOption, ReleaseOption, StrictOption
from mwaa_local.cli.session import Session, open_session
from mwaa_local.console import table

if TYPE_CHECKING:
    from mwaa_local.check.dags.check import CheckedDags
    from mwaa_local.check.dags.import_results import ImportedFile

WHOLE = "mwaa-local check dags --all"
SLOWEST = 10  # rows of the table of import times
ELAPSED_DECIMALS = 3


def dags(
    strict: StrictOption = False,
    every: AllOption = False,
    explain: Annotated[
        str, typer.Option("--explain", metavar="RULE", help="Explain a rule of any check, then exit.")
    ] = "",
    output: FormatOption = None,
    as_json: JsonOption = False,
    airflow_version: ReleaseOption = None,
    project_dir: ProjectOption = Path(),
) -> None:
    """Import every DAG file as MWAA's dag-processor would, and find what will fail on MWAA.

    Each file is imported in a separate process, with the release's Airflow, the project's plugins, requirements and
    startup script, and within Airflow's limits of time. There is no database: Variables and Connections that are
    in no AIRFLOW_VAR_ or AIRFLOW_CONN_ variable and not in airflow_settings.yaml get placeholders and are listed. To
    suppress a finding, end its line with the comment `# mwaa-local: ignore[RULE]`.
    Exit codes: 0 nothing is wrong, 1 something is, 3 they could not be checked.

    Examples:

      mwaa-local check dags

      mwaa-local check dags --strict --format github

      mwaa-local check dags --explain docker-operator
    """
    from mwaa_local.check.report.problems import findings_exit_code

    if explain:
        _explain(explain)
        return
    wanted = format_of(output, as_json=as_json)
    session = open_session(project_dir, airflow_version=airflow_version)
    checked = _checked(session, strict=strict)
    _show(session, checked, wanted, every=every)
    raise typer.Exit(findings_exit_code(checked.findings))


def _checked(session: Session, *, strict: bool) -> CheckedDags:
    from mwaa_local.check.project import components_for_dags, dags_check, startup_trials
    from mwaa_local.check.python import python_findings
    from mwaa_local.check.release_signs import release_assumed
    from mwaa_local.check.settings import load_settings
    from mwaa_local.errors import FileMissing
    from mwaa_local.finding import in_order
    from mwaa_local.steps import Steps

    project = session.project
    if not project.dags_dir.is_dir():
        raise FileMissing(f"there is no {project.dags_dir}", "mwaa-local looks for DAG files there.", "make the folder")
    environment = session.environment()
    release = session.release(environment)
    steps = Steps(session.console.show_event)
    context = session.check_context(environment, release, steps)
    with startup_trials(context, components_for_dags(context)) as trials:
        checked = dags_check(context, trials, steps, strict=strict).run()
    _, of_settings = load_settings(project)  # which say what there is that DAGs may ask for
    stand_in = python_findings(project, context.base)
    assumed = release_assumed(project, environment)
    before = (assumed, *stand_in) if assumed else stand_in
    return replace(checked, findings=in_order([*before, *checked.findings, *of_settings]))


def _show(session: Session, checked: CheckedDags, output: Format, *, every: bool) -> None:
    from mwaa_local.check.report import formats as report

    console = session.console
    if output is Format.JSON:
        console.show_json({**report.findings_json(checked.findings), **_imported_json(checked)})
    elif output is not Format.TEXT:
        console.show(findings_for_ci(output, checked.findings, "dags"))
    else:
        if checked.findings:
            whole_by = "" if every else WHOLE
            told = report.findings_text(checked.findings, colour=console.colour_shown, whole_by=whole_by)
            console.show(f"{told}\n")
        console.show(_files_text(checked))


def _imported_json(checked: CheckedDags) -> dict[str, Any]:
    """Return `files`, each with `path`, `seconds`, `dags`, `variables` and `connections`, and `import_limit_s`."""
    return {
        "import_limit_s": checked.imported.limits.first.seconds,
        "files": [
            {
                "path": file.path,
                "seconds": round(file.seconds, ELAPSED_DECIMALS),
                "dags": [asdict(dag) for dag in file.dags],
                "variables": _asked(file, "variable"),
                "connections": _asked(file, "connection"),
            }
            for file in _slowest(checked)
        ],
    }


def _asked(file: ImportedFile, kind: str) -> list[str]:
    return sorted({asked.name for asked in file.asked if asked.kind == kind})


def _slowest(checked: CheckedDags) -> Sequence[ImportedFile]:
    return sorted(checked.imported.files, key=lambda file: -file.seconds)


def _files_text(checked: CheckedDags) -> str:
    from mwaa_local.check.showing import shown_line
    from mwaa_local.finding import counted

    files = _slowest(checked)
    count = sum(len(file.dags) for file in files)
    limit = checked.imported.limits.first
    rows = [
        (f"{file.seconds:.2f} s", shown_line(file.path), shown_line(", ".join(dag.dag_id for dag in file.dags)) or "-")
        for file in files[:SLOWEST]
    ]
    about = f"{counted(count, 'DAG')} in {counted(len(files), 'file')} on Airflow {checked.airflow_version}"
    blocks = [f"{about}; each may take {limit.seconds:g} s"]
    if rows:
        blocks.insert(0, table(("import", "slowest files", "DAGs"), rows))
    return "\n".join(blocks)


def _explain(name: str) -> None:
    """Print what there is to say of a rule, of any check. Raises BadParameter for an unknown one."""
    from mwaa_local.check.explained.all_rules import ALL_RULES, explained, near_names

    if name not in ALL_RULES:
        near = near_names(name)
        hint = f"did you mean {' or '.join(near)}?" if near else "findings name their rule in brackets: error[RULE]"
        raise typer.BadParameter(f"there is no rule {name!r}; {hint}")
    print(explained(ALL_RULES[name]))
