"""`mwaa-local options`: every variable of a component, who set it, and what of the user's had no effect."""

from __future__ import annotations

import difflib
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from mwaa_local.configuration.explain import Explanation, Step, explain
from mwaa_local.configuration.layers import EnvVar, Overruled
from mwaa_local.configuration.merge import COMPONENTS, MIGRATE_DB, MergedVariables, user_notes
from mwaa_local.configuration.option_names import option_name
from mwaa_local.configuration.shown import is_of_interest, merged_variables, read_startup_exports, value_text
from mwaa_local.console import table
from mwaa_local.environment.environment import Environment
from mwaa_local.errors import ComponentUnknown
from mwaa_local.project import Project
from mwaa_local.release import Release


def options(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    component: Annotated[str, typer.Option(help="Whose variables: " + ", ".join(COMPONENTS) + ".")] = "scheduler",
    show_all: Annotated[bool, typer.Option("--all", help="Also variables other than Airflow's and yours.")] = False,
    explain_name: Annotated[
        str, typer.Option("--explain", metavar="NAME", help="Show who set this option or variable, and why.")
    ] = "",
    show_secrets: Annotated[bool, typer.Option("--show-secrets", help="Do not mask passwords and keys.")] = False,
    project_dir: Annotated[Path, typer.Option("--project", help="The project's folder.")] = Path(),
) -> None:
    """Show Airflow's configuration and which layer set each value.

    Examples:

      mwaa-local options --component worker

      mwaa-local options --explain core.executor
    """
    check_component(component)
    project = Project.find(project_dir)
    environment = Environment.load(project)
    release = Release.load(environment.airflow_version)
    exports = read_startup_exports(project, component)
    merged = merged_variables(environment, release, component, exports)
    if exports is None and has_startup_variables(project, release, component):
        print("note: the startup script's variables are known only after `mwaa-local up`", file=sys.stderr)
    if explain_name:
        show_explanation(explain(merged, explain_name), merged, as_json=as_json, show_secrets=show_secrets)
    else:
        show_variables(merged, component, show_all=show_all, as_json=as_json, show_secrets=show_secrets)


def check_component(component: str) -> None:
    """Raise ComponentUnknown unless the name is one of COMPONENTS."""
    if component in COMPONENTS:
        return
    close = difflib.get_close_matches(component, COMPONENTS, n=1)
    raise ComponentUnknown(
        f"no component is called {component!r}",
        f"The components are {', '.join(COMPONENTS)}.",
        f"did you mean --component {close[0]}?" if close else "choose one of them",
    )


def has_startup_variables(project: Project, release: Release, component: str) -> bool:
    """Return whether a startup script can set variables of this component."""
    return release.startup_script and component != MIGRATE_DB and project.startup_script_path.exists()


def show_variables(
    merged: MergedVariables, component: str, *, show_all: bool, as_json: bool, show_secrets: bool
) -> None:
    """Print the variables by name, then, as notes on stderr, the user's values that have no effect."""
    shown = sorted((v for v in merged.variables.values() if show_all or is_of_interest(v)), key=lambda v: v.name)
    notes = user_notes(merged)
    if as_json:
        plain = {
            "component": component,
            "variables": [variable_json(variable, show_secrets) for variable in shown],
            "overruled": [overruled_json(note, show_secrets) for note in notes],
            "remarks": dict(merged.remarks),
        }
        print(json.dumps(plain, indent=2))
        return
    # The value comes last, as it may be long.
    print(table(("variable", "set by", "value"), [(v.name, v.source, value_text(v, show_secrets)) for v in shown]))
    for note in notes:
        what = note.said(note.name)
        print(f"note: {what}, set by {note.source.said}, has no effect: {note.reason}", file=sys.stderr)
    for name, remark in merged.remarks.items():
        print(f"note: {name} has no effect: {remark}", file=sys.stderr)


def show_explanation(explanation: Explanation, merged: MergedVariables, *, as_json: bool, show_secrets: bool) -> None:
    """Print each layer's value, weakest first, and the rule by which one of them won."""
    if as_json:
        print(json.dumps(explanation_json(explanation, show_secrets), indent=2))
        return
    print(f"{explanation.name}  ({explanation.option})" if explanation.option else explanation.name)
    if explanation.steps:
        rows = [
            (step.variable.source, value_text(step.variable, show_secrets), _verdict(step, explanation.winner))
            for step in explanation.steps
        ]
        print(table(("layer", "value", "outcome"), rows))
    print(explanation.documentation)
    close = [] if explanation.steps else similar_names(explanation.name, merged)
    if close:
        print(f"hint: did you mean {' or '.join(close)}?", file=sys.stderr)


def _verdict(step: Step, winner: EnvVar | None) -> str:
    if step.won:
        return "wins" if step.outcome == step.variable.source.rule else "set, but not read"
    # The winner's rule follows below the table; here it would stand once more in every line.
    return "loses" if winner and step.outcome == winner.source.rule else step.outcome


def similar_names(name: str, merged: MergedVariables) -> list[str]:
    """Return up to three set options or variables that `name` may have meant: the same key, or nearly the same."""
    names = [option_name(variable) or variable for variable in merged.variables]
    wanted = (option_name(name) or name).lower()
    same_key = [known for known in names if known.rpartition(".")[2] == wanted]
    return (same_key or difflib.get_close_matches(wanted, names, cutoff=0.75))[:3]


def variable_json(variable: EnvVar, show_secrets: bool) -> dict[str, Any]:
    return {
        "name": variable.name,
        "option": option_name(variable.name),
        "value": value_text(variable, show_secrets),
        "source": variable.source,
        "secret": variable.secret,
    }


def overruled_json(note: Overruled, show_secrets: bool) -> dict[str, Any]:
    return {
        "name": note.name,
        "value": value_text(note, show_secrets),
        "source": note.source,
        "winner": variable_json(note.winner, show_secrets),
        "reason": note.reason,
        "part": note.part or None,
    }


def explanation_json(explanation: Explanation, show_secrets: bool) -> dict[str, Any]:
    return {
        "name": explanation.name,
        "option": explanation.option,
        "winner": variable_json(explanation.winner, show_secrets) if explanation.winner else None,
        "steps": [
            {**variable_json(step.variable, show_secrets), "won": step.won, "outcome": step.outcome}
            for step in explanation.steps
        ],
        "documentation": explanation.documentation,
    }
