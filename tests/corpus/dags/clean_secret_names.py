from datetime import datetime

from airflow.sdk import DAG
from airflow.providers.amazon.aws.hooks.secrets_manager import SecretsManagerHook
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.providers.cncf.kubernetes.secret import Secret
from airflow.sdk import task

DB = Secret(deploy_type="env", deploy_target="DB_PASSWORD", secret="airflow-secrets", key="db_password")
COLUMNS = {"password": "password_hash", "token": "token", "secret": "secret_column", "credentials": "vault"}
FIELDS = ["password", "api_key", "token"]

with DAG("names", schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False):
    KubernetesPodOperator(task_id="a", name="a", image="a:1", secrets=[DB], kubernetes_conn_id="cluster")

    @task
    def b():
        return SecretsManagerHook().get_secret("prod/db") and COLUMNS

    b()
