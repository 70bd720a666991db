from datetime import datetime

from airflow.sdk import DAG, task
from airflow.providers.amazon.aws.operators.eks import EksPodOperator
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator

KUBE = {"config_file": "/usr/local/airflow/dags/kube_config.yaml", "in_cluster": False}

with DAG("pods", schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False):
    EksPodOperator(task_id="a", cluster_name="main", namespace="jobs", pod_name="a", image="a:1")
    KubernetesPodOperator(task_id="b", name="b", image="a:1", **KUBE)
    KubernetesPodOperator(task_id="c", name="c", image="a:1", kubernetes_conn_id="cluster")
    KubernetesPodOperator.partial(task_id="d", name="d", image="a:1", **KUBE).expand(cmds=[["a"], ["b"]])

    @task.kubernetes(image="python:3.12", config_file="/usr/local/airflow/dags/kube_config.yaml")
    def e():
        return open("/root/data").read()

    e()
