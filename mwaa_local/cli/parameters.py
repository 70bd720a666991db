"""Options and arguments that several commands take, each declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mwaa_local.environment.kinds import RuntimeKind

AIRFLOW_VERSION_OPTION = "--airflow-version"


def known_version(context: typer.Context, parameter: typer.CallbackParam, value: str | None) -> str | None:
    """Return the version that an option names. Raises BadParameter for several, or none, as an unset variable gives."""
    if value is not None and not context.resilient_parsing:
        if "," in value.strip(", "):
            raise typer.BadParameter("this works for one release at a time: name one")
        _require_known(str(parameter.opts[0]), value)
    return value


def known_versions(context: typer.Context, parameter: typer.CallbackParam, value: list[str] | None) -> list[str] | None:
    """Return what an option names that may be given again, or with commas. Raises what `known_version` raises."""
    if value and not context.resilient_parsing:
        for item in value:
            for version in [each for each in item.split(",") if each.strip()] or [""]:
                _require_known(str(parameter.opts[0]), version.strip())
    return value


def _require_known(option: str, version: str) -> None:
    """Raise BadParameter for an empty version, ReleaseUnknown for one that MWAA never had."""
    from mwaa_local.release import Release

    if not version.strip():
        raise typer.BadParameter("it is empty; name an Airflow version, or leave the option out")
    Release.load(version, f"write {option}")


ProjectOption = Annotated[Path, typer.Option("--project", help="The project's folder; by default the one you are in.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="Show every change of state.")]
PortOption = Annotated[int | None, typer.Option(min=0, max=65535, help="The web server's port; 0 picks a free one.")]
RuntimeOption = Annotated[
    RuntimeKind | None,
    typer.Option(
        "--runtime", envvar="MWAA_LOCAL_RUNTIME", help="Docker or processes; auto chooses Docker if it works."
    ),
]
StrictOption = Annotated[bool, typer.Option("--strict", help="Treat unknown Variables and Connections as errors.")]
AllOption = Annotated[bool, typer.Option("--all", help="Show every finding with every place, however many.")]
ReleaseOption = Annotated[
    str | None,
    typer.Option(
        AIRFLOW_VERSION_OPTION,
        metavar="VERSION",
        help="This release instead of the one in mwaa.yaml.",
        callback=known_version,
    ),
]
RequirementsArgument = Annotated[Path | None, typer.Argument(help="By default the project's requirements file.")]
