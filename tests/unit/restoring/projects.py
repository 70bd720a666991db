"""What tests of restores ask of a project's database."""

from __future__ import annotations

from mwaa_local.runtime.databases import Databases
from mwaa_local.runtime.process.runtime import ProcessRuntime
from mwaa_local.workspace import Workspace
from tests.contract.databases import execute

VERSION = "2.10.3"


def databases(workspace: Workspace) -> Databases:
    return ProcessRuntime(workspace.project, workspace.env).databases


def ask(workspace: Workspace, *statements: str) -> None:
    with databases(workspace).opened(VERSION) as url:
        for statement in statements:
            execute(url, statement)
