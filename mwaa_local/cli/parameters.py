"""Options and arguments that several commands take, each declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mwaa_local.environment.kinds import RuntimeKind

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
    typer.Option("--airflow-version", metavar="VERSION", help="This release instead of the one in mwaa.yaml."),
]
RequirementsArgument = Annotated[Path | None, typer.Argument(help="By default the project's requirements file.")]
