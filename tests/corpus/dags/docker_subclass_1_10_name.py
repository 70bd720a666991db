# release: 2.2.2
from airflow.models import DAG
from airflow.operators.docker_operator import DockerOperator
from airflow.utils import timezone


class CleanDockerOperator(DockerOperator):  # expect: docker-operator
    """Removes its container."""

    def __init__(self, **kwargs):
        super().__init__(auto_remove=True, **kwargs)


dag = DAG("clean", schedule_interval="@daily", start_date=timezone.datetime(2024, 1, 1))
CleanDockerOperator(task_id="clean", image="a:1", dag=dag)
