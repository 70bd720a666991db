from datetime import datetime

from airflow.sdk import DAG
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator

with DAG("pods", schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False):
    KubernetesPodOperator(  # expect: pod-operator-config
        task_id="a",
        name="a",
        namespace="jobs",
        image="busybox",
        cmds=["sh", "-c", "ls /home/user"],
    )
    KubernetesPodOperator(  # expect: pod-operator-config
        task_id="b",
        name="b",
        image="busybox",
        in_cluster=False,
        kubernetes_conn_id=None,
    )
