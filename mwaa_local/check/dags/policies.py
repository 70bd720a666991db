"""Cluster policies in the project's own airflow_local_settings.py: they take effect here, and not on newer MWAA.

MWAA's image has a file of that name, which comes first on Python's path, runs yours as a module apart and hands none of
its functions on (amazon-mwaa-docker-images, `config/airflow_local_settings.py`; docs/differences.md, local-settings).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from mwaa_local.check.modules.places import TOPS
from mwaa_local.finding import WARNING, Finding
from mwaa_local.project import Project
from mwaa_local.release import Release

RULE = "policy-without-effect"
FILE = "airflow_local_settings.py"
# Reported as without effect on 3.2.1 and 3.3.1, and as working on 3.0.6 (amazon-mwaa-docker-images, issue 627).
HIDDEN_SINCE = "3.1.0"
VIOLATIONS = ("AirflowClusterPolicyViolation", "AirflowClusterPolicySkipDag")
# Source: Airflow, "Cluster Policies".
POLICIES = frozenset(
    (
        "dag_policy",
        "get_airflow_context_vars",
        "get_dagbag_import_timeout",
        "pod_mutation_hook",
        "policy",
        "task_instance_mutation_hook",
        "task_policy",
    )
)
WHY = (
    "From Airflow 3.2.1 on, MWAA's image has an airflow_local_settings.py of its own, which runs this file without "
    "handing its functions to Airflow. Here they take effect (docs/differences.md, local-settings)."
)
HINT = "register the policies by a package of yours with the entry point `airflow.policy`"


def are_hidden(release: Release) -> bool:
    """Whether MWAA's own file hides the functions of the user's."""
    return release.is_at_least(HIDDEN_SINCE)


def policy_findings(project: Project, release: Release) -> Iterator[Finding]:
    """Yield the policies that have no effect on MWAA."""
    for top in TOPS if are_hidden(release) else ():
        path = project.root_dir / top / FILE
        try:
            body = ast.parse(path.read_bytes()).body
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        for node in body:
            if isinstance(node, ast.FunctionDef) and node.name in POLICIES:
                what = f"{node.name} has no effect on MWAA with Airflow {release.airflow_version}"
                yield Finding(RULE, WARNING, f"{top}/{FILE}", node.lineno, what, WHY, HINT)
