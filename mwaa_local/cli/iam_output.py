"""What `mwaa-local iam` and `smoke --iam-report` find and print."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mwaa_local.environment.kinds import AwsChoice, AwsMode
from mwaa_local.iam.report import IamReport, dag_key, needs_of_rows, policy_for, rows_of

if TYPE_CHECKING:
    from pathlib import Path

    from mwaa_local.cli.iam_sources import Source
    from mwaa_local.cli.session import Session
    from mwaa_local.console import Console
    from mwaa_local.environment.environment import Environment
    from mwaa_local.iam.calls import Need
    from mwaa_local.project import Project
    from mwaa_local.services.iam_data import IamData

DAGS_NAME = "dags.json"  # beside the ledgers: DAG ids by their keys, from when the environment last ran
# What MWAA's own execution role has beside what NEEDED lists (MWAA user guide, "Amazon MWAA execution role").
ALSO_OF_MWAA = ("airflow:PublishMetrics", "s3:GetObject", "s3:GetBucketLocation", "s3:ListBucket")
NOTHING = "nothing was called yet: run your DAGs"
# What calls of another AWS than the local one are known by: `guest/role/monitoring.py`.
NOTHING_ELSEWHERE = "; with `Aws: {aws}` only calls of botocore are noted, without their resources"


def report_of(session: Session, environment: Environment, source: Source, since: float = 0.0) -> IamReport:
    """Return what an environment's tasks called since that time, compared with the policies of a source."""
    from mwaa_local.api.prerequisites.role import NEEDED
    from mwaa_local.configuration.log_groups import ACCOUNT_ID
    from mwaa_local.iam.comparison import Comparison
    from mwaa_local.iam.ledger import forgotten_at, left_out, read_all
    from mwaa_local.local_aws import owner_of
    from mwaa_local.services.calls import calls_dir

    owner = owner_of(session.project)  # whose local AWS an environment of the API calls
    folder, folders = calls_dir(session.project), {calls_dir(session.project), calls_dir(owner)}
    _let_write(owner, session.env)
    found = [each for one in sorted(folders) for each in read_all(one)]
    since = max(since, forgotten_at(folder))
    calls = [(called, times) for called, times in found if times.last >= since]
    rows = rows_of(calls, environment.name, _dags(session, folder))
    needs = needs_of_rows(rows)
    data = _data(session) if needs else None
    account_id = (environment.execution_role_arn or "::::").split(":")[4] or ACCOUNT_ID
    statements, about = source
    of_mwaa = [action for actions in NEEDED.values() for action in actions] + list(ALSO_OF_MWAA)
    comparison = None if statements is None else Comparison.of(needs, statements, account_id, of_mwaa)
    return IamReport(
        environment.name,
        rows,
        policy_for(needs, account_id, data.takes_resources if data else lambda _action: None),
        comparison,
        about if comparison else "",
        "" if comparison else about,
        _unknown_resources(needs, data),
        tuple(sorted({need.action for need in needs if data and not data.exists(need.action)})),
        sum(map(left_out, folders)),
    )


def _let_write(owner: Project, env: Mapping[str, str]) -> None:
    """Have a running local AWS write down what it noted a moment ago."""
    from mwaa_local.local_aws import running_aws
    from mwaa_local.services.calls import write_running

    if url := running_aws(owner, env):
        write_running(urlsplit(url).port or 0)


def _unknown_resources(needs: Sequence[Need], data: IamData | None) -> tuple[str, ...]:
    unknown = {need.action for need in needs if not need.resource}
    return tuple(sorted(action for action in unknown if not data or data.takes_resources(action) is not False))


def _data(session: Session) -> IamData | None:
    """Return IAM's list of actions; None, and say so, where it is not to be had."""
    from mwaa_local.errors import PackagesUnavailable
    from mwaa_local.services.iam_data import IamData

    try:
        return IamData.load(session.cache_dir, session.env, session.console.say)
    except PackagesUnavailable as error:
        session.console.say(f"note: names are not compared with IAM's list of actions: {error.what}")
        return None


def _dags(session: Session, folder: Path) -> dict[str, str]:
    """Return the ids of DAGs by the keys that hooks make of them: of the environment that runs, or ran."""
    from mwaa_local.airflow import AirflowClient
    from mwaa_local.errors import MwaaLocalError
    from mwaa_local.files import write_private

    known: dict[str, str] = {}
    with contextlib.suppress(OSError, ValueError):
        known = dict(json.loads((folder / DAGS_NAME).read_text(encoding="utf-8")))
    with contextlib.suppress(MwaaLocalError):
        plan = session.runtime.running_plan()
        if plan is not None and folder.is_dir():
            client = AirflowClient(session.runtime, plan)
            found = {dag_key(dag.dag_id): dag.dag_id for dag in client.metadata().dags() or []}
            client.close()
            if found.items() - known.items():
                known |= found
                write_private(folder / DAGS_NAME, json.dumps(known))
    return known


def nothing_called(aws: AwsChoice) -> str:
    """Return what to do where nothing was called yet, for what `Aws` says."""
    if aws is AwsMode.NONE:
        return f"{NOTHING}, with `Local: {{Aws: local}}` in mwaa.yaml"
    return NOTHING if aws is AwsMode.LOCAL else NOTHING + NOTHING_ELSEWHERE.format(aws=str(aws))


def show(console: Console, report: IamReport, aws: AwsChoice) -> None:
    """Print the report as text; `aws` is which AWS the environment's tasks reach."""
    if not report.rows:
        console.say(nothing_called(aws))
        return
    from mwaa_local.console import table

    rows = [
        (row.dag, row.caller or "-", row.action, row.resource or "?", str(row.count), str(row.refused or "-"))
        for row in report.rows
    ]
    console.show(table(("DAG", "caller", "action", "resource", "calls", "refused"), rows))
    _show_comparison(console, report)
    if report.policy:
        console.show("\nminimal policy:")
        console.show_json(report.policy)
    if report.unknown_resources:
        console.say(f"note: on which resources is not known, so `*` is granted: {', '.join(report.unknown_resources)}")
    if report.unknown_actions:
        names = ", ".join(report.unknown_actions)
        console.say(f"note: IAM's list has no action {names}: look up which action that operation needs")
    if report.left_out:
        console.say(f"note: {report.left_out} calls were not noted, since too many different ones came before them")


def _show_comparison(console: Console, report: IamReport) -> None:
    found = report.comparison
    if found is None:
        console.say(f"not compared: {report.why_not}")
        return
    console.show(f"\ncompared with {report.compared_with}:")
    if not (found.not_granted or found.conditional or found.unused):
        console.show("  grants what was called, and nothing else")
    for title, needs in (("not granted", found.not_granted), ("depends on a condition", found.conditional)):
        for need in needs:
            console.show(f"  {title}: {need.action} on {need.resource or 'a resource that is not known'}")
    for unused in found.unused:
        console.show(f"  granted and unused: {unused.action} on {', '.join(unused.resources)}")
