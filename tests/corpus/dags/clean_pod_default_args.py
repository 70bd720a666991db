from datetime import datetime

from airflow.sdk import DAG
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator

default_args = dict(owner="ml", kubernetes_conn_id="cluster", in_cluster=False)

with DAG("pods", schedule="@daily", start_date=datetime(2024, 1, 1), default_args=default_args):
    KubernetesPodOperator(task_id="a", name="a", image="a:1")
