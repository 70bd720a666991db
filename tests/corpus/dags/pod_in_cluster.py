from datetime import datetime

from airflow.sdk import dag, task
from airflow.providers.cncf.kubernetes.operators.kubernetes_pod import KubernetesPodOperator as Pod


@dag(schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False, default_args={"in_cluster": True})
def pods():
    # expect: pod-operator-config
    Pod(task_id="a", name="a", image="busybox", config_file="/usr/local/airflow/dags/kube.yaml")

    @task.kubernetes(image="python:3.12", namespace="jobs")  # expect: pod-operator-config
    def b():
        return 1

    b()


pods()
