"""What most commands begin with: a workspace found from the command line, and a console to speak on."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated

import typer

from mwaa_local.console import Console, standard
from mwaa_local.project import Project
from mwaa_local.runtime.protocol import Runtime
from mwaa_local.workspace import Workspace

ProjectOption = Annotated[Path, typer.Option("--project", help="The project's folder; by default the one you are in.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]


@dataclass(frozen=True)
class Session(Workspace):
    """One command's view of a project: the workspace, and the console of whoever gave the command."""

    console: Console
    chosen: Runtime | None = None  # where the command decided on one

    @cached_property
    def runtime(self) -> Runtime:
        return self.chosen or super().runtime


def open_session(project_dir: Path, *, verbose: bool = False) -> Session:
    env = dict(os.environ)
    return Session(Project.find(project_dir), env, standard(env, verbose=verbose))
