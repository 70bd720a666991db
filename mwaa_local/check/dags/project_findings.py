"""What is found in a project beside imports and sources: its tasks, `.airflowignore`, `airflow_local_settings.py`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mwaa_local.check.context import CheckContext
from mwaa_local.check.dags.ignore_file import ignore_findings, ignore_syntax
from mwaa_local.check.dags.import_results import ImportedDags
from mwaa_local.check.dags.policies import policy_findings
from mwaa_local.check.dags.source import Source
from mwaa_local.check.dags.task_findings import Defined, task_findings
from mwaa_local.check.dags.task_places import TaskPlaces
from mwaa_local.finding import Finding
from mwaa_local.seeding.airflow_settings import KnownValues

BACKENDS = ("AIRFLOW__SECRETS__BACKEND", "AIRFLOW__WORKERS__SECRETS_BACKEND")
FOLDERS = ("dags", "plugins")  # that may have an `.airflowignore`


def project_findings(
    context: CheckContext, imported: ImportedDags, known: KnownValues, variables: Mapping[str, str]
) -> Iterator[Finding]:
    """Yield the findings; `variables` are those of a scheduler of the environment."""
    project, release = context.project, context.release
    places = TaskPlaces(lambda path: Source.read(project.root_dir / path, path, release))
    defined = Defined(known.pools, any(variables.get(name) for name in BACKENDS))
    yield from task_findings(imported, release, project, places, defined)
    folders = [folder for name, folder in context.folders.items() if name in FOLDERS]
    yield from ignore_findings(project.root_dir, folders, release, ignore_syntax(release, variables))
    yield from policy_findings(project, release)
