"""Whether the new release has the DAGs that are to run at the end of an upgrade: else it is rolled back. Pure.

Judged by what the rehearsal imported with that release's packages.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from mwaa_local.check.part import SKIPPED, UNCHECKED, Part
from mwaa_local.finding import ERROR, WARNING, Finding, in_order
from mwaa_local.naming import listed, suggestion
from mwaa_local.release import Release

UNKNOWN_RUN = "upgrade-run"
RULES = {UNKNOWN_RUN: "a DAG that `--run` names is not there with the new release"}
FOLDER = "dags"
CANNOT_TELL = (
    "Files that cannot be imported here, ask for a Variable or Connection that is not here, or call something outside "
    "may make it. If none does, the run fails and the upgrade is rolled back."
)
HOW_TO_TELL = "see `mwaa-local check dags` for these files, or leave the DAG out and run it afterwards"


def with_runs(part: Part, dag_ids: Sequence[str], target: Release) -> Part:
    """Return the part of the DAGs with a finding for each DAG that is to run and that is not among them."""
    is_known = part.has_all_dags or part.outcome not in (SKIPPED, UNCHECKED)
    if not is_known or not (found := tuple(_findings(part, dag_ids, target))):
        return part
    return replace(part, findings=in_order([*part.findings, *found]), skipped="", summary=part.skipped or part.summary)


def _findings(part: Part, dag_ids: Sequence[str], target: Release) -> Iterator[Finding]:
    for dag_id in dict.fromkeys(dag_ids):
        if dag_id in part.dag_ids:
            continue
        why = f"DAGs that exist: {listed(dag_id, part.dag_ids)}."
        hint = suggestion(dag_id, part.dag_ids)
        if part.has_all_dags:
            what = f"no DAG {dag_id!r} with Airflow {target.airflow_version}, so --run cannot run it"
            yield Finding(UNKNOWN_RUN, ERROR, FOLDER, 0, what, why, hint or "name a DAG that exists with --run")
        else:
            what = f"cannot tell whether there is a DAG {dag_id!r} with Airflow {target.airflow_version}"
            yield Finding(UNKNOWN_RUN, WARNING, FOLDER, 0, what, f"{why} {CANNOT_TELL}", hint or HOW_TO_TELL)
