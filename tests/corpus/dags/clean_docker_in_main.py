from datetime import datetime

from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator

with DAG("local_run", schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False) as dag:
    EmptyOperator(task_id="a")

if __name__ == "__main__":
    from airflow.providers.docker.operators.docker import DockerOperator

    DockerOperator(task_id="b", image="a:1", dag=dag)
    with open("/home/ana/result.json", "w") as file:
        file.write(str(dag.test()))
