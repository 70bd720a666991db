"""pod-operator-config: pods asked of a cluster that nothing names."""

from __future__ import annotations

from collections.abc import Iterator

from mwaa_local.check.dags.rule import DagRule, at
from mwaa_local.check.dags.source import Call, Source
from mwaa_local.finding import ERROR, WARNING, Finding

ID = "pod-operator-config"
WHY = (
    "MWAA's workers are not pods, so there is no cluster around them, and no ~/.kube/config unless a "
    "startup script writes one. The operator must be told which cluster to use."
)
HINT = (
    "use EksPodOperator(cluster_name=…), or upload a kubeconfig with the DAGs and give "
    'config_file="/usr/local/airflow/dags/kube_config.yaml", or give kubernetes_conn_id='
)
_OPERATOR = "KubernetesPodOperator"
_DECORATOR = ".task.kubernetes"
_TELLING = ("config_file", "kubernetes_conn_id")


def find(source: Source) -> Iterator[Finding]:
    """Yield pod operators that look for the cluster around them, or anywhere."""
    for call in source.calls:
        if call.name.startswith("airflow.") and (call.last_name == _OPERATOR or call.name.endswith(_DECORATOR)):
            yield from _found(source, call)


def _found(source: Source, call: Call) -> Iterator[Finding]:
    name = _OPERATOR if call.last_name == _OPERATOR else "@task.kubernetes"
    in_cluster = source.task_argument(call, "in_cluster")
    if in_cluster is not None and source.constant(in_cluster) is True:
        what = f"{name} has in_cluster=True, and MWAA is in no cluster"
        yield at(source, call.node, ID, ERROR, what, WHY, HINT)
        return
    given = [source.task_argument(call, item) for item in _TELLING]
    is_told = any(item is not None and source.constant(item) is not None for item in given)
    if not is_told and not call.is_open and not source.default_args.is_open:
        what = f"{name} is not told which cluster to use: it has no config_file and no kubernetes_conn_id"
        yield at(source, call.node, ID, WARNING, what, WHY, HINT)


RULE = DagRule(
    id=ID,
    severity=ERROR,
    meaning="KubernetesPodOperator is not told which cluster to use, or looks for the one around it.",
    why=WHY,
    bad="""\
from datetime import datetime

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk import DAG

with DAG("score", schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False):
    KubernetesPodOperator(task_id="score", name="score", image="my/score:1", in_cluster=True)
""",
    good="""\
from datetime import datetime

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk import DAG

with DAG("score", schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False):
    KubernetesPodOperator(
        task_id="score",
        name="score",
        image="my/score:1",
        in_cluster=False,
        config_file="/usr/local/airflow/dags/kube_config.yaml",
    )
""",
    find=find,
)
