"""DAGs that a file makes while it is imported, and that Airflow does not see: findings. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from mwaa_local.check.dags.import_results import ImportedFile
from mwaa_local.finding import WARNING, Finding
from mwaa_local.release import Release

RULE = "dag-not-registered"
REGISTERS_SINCE = "2.4.0"  # `auto_register` of airflow.models.dag.DAG
MAX_IDS = 5  # in one headline
HINT = "give each DAG a name of its own at the top level, as in globals()[dag.dag_id] = dag"


def lost_findings(file: ImportedFile, known_ids: Collection[str], release: Release) -> Iterator[Finding]:
    """Yield one finding for each line that makes such DAGs. `known_ids` are those that some file of the project has."""
    lines: dict[int, list[str]] = {}
    for dag in file.lost:
        if dag.dag_id not in known_ids:
            lines.setdefault(dag.line, []).append(dag.dag_id)
    why = "Airflow takes the DAGs that names at the file's top level hold when its import is over"
    if release.is_at_least(REGISTERS_SINCE):
        why = f"{why}, and those of `with DAG(…)` and `@dag` unless they have auto_register=False"
    for line, ids in lines.items():
        shown = ", ".join(ids[:MAX_IDS]) + (f" and {len(ids) - MAX_IDS} more" if len(ids) > MAX_IDS else "")
        what = f"DAG{'s' if len(ids) > 1 else ''} {shown} made here will not appear in Airflow"
        yield Finding(RULE, WARNING, file.path, line, what, f"{why}.", HINT)
