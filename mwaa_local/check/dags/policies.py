"""Cluster policies that MWAA does not apply."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from mwaa_local.check.dags.source import Source
from mwaa_local.finding import WARNING, Finding
from mwaa_local.local_settings import FILE_NAME, is_apart
from mwaa_local.project import Project
from mwaa_local.release import Release

RULE = "policy-without-effect"
MEANINGS = {RULE: "airflow_local_settings.py has cluster policies, which MWAA does not apply since 3.2.1"}
# airflow.policies of 3.3.1: what Airflow takes out of the file.
POLICIES = frozenset(
    ("dag_policy", "get_airflow_context_vars", "get_dagbag_import_timeout", "pod_mutation_hook",
     "task_instance_mutation_hook", "task_policy")
)  # fmt: skip
WHY = (
    "MWAA's own airflow_local_settings.py comes first, and runs this file as a module apart: its functions never reach "
    "Airflow, without a word. They worked up to 3.0.6."
)
HINT = (
    "put the policies into a package with an entry point in the group airflow.policy, and its wheel into plugins/ and "
    "the requirements file"
)


def policy_findings(project: Project, release: Release) -> Iterator[Finding]:
    """Yield the policies in the project's files of local settings, for releases that ignore them."""
    if not is_apart(release):
        return
    for name in ("dags", "plugins"):
        path: Path = project.delivery.folders[name] / FILE_NAME
        if not path.is_relative_to(project.root_dir):
            continue
        source = Source.read(path, path.relative_to(project.root_dir).as_posix(), release)
        if source is None:
            continue
        for node, defined in _defined(source.tree):
            if defined in POLICIES:
                yield Finding(RULE, WARNING, source.path, node.lineno, f"{defined} has no effect on MWAA", WHY, HINT)


def _defined(module: ast.Module) -> Iterator[tuple[ast.stmt, str]]:
    """Yield what the module's own level defines or imports."""
    for node in module.body:
        if isinstance(node, ast.FunctionDef):
            yield node, node.name
        elif isinstance(node, ast.ImportFrom):
            yield from ((node, alias.asname or alias.name) for alias in node.names)
        elif isinstance(node, ast.Assign):
            yield from ((node, target.id) for target in node.targets if isinstance(target, ast.Name))
