import os
from datetime import datetime

from airflow.sdk import DAG, Variable, task
from airflow.providers.amazon.aws.operators.ecs import EcsRunTaskOperator
from airflow.providers.standard.operators.bash import BashOperator

SECRET_NAME = "prod/warehouse/password"
DB_PASSWORD = os.environ.get("DB_PASSWORD", "")
API_TOKEN = "<your token here>"
PASSWORD_KEY = "warehouse_password"
next_token = "a1b2c3d4e5f6"
AWS_ACCESS_KEY_ID = "AKIAIOSFODNN7EXAMPLE"
TOKEN = "changeme123"
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-Ab12Cd"

with DAG("secrets", schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False):
    BashOperator(
        task_id="a",
        bash_command="./load.sh",
        env={"DB_PASSWORD": "{{ conn.warehouse.password }}", "TOKEN": "{{ var.value.token }}", "API_KEY": "${API_KEY}"},
    )

    @task
    def b(password=None, token: str = ""):
        url = f"postgresql://etl:{password}@db.example.com/dwh"
        other = "postgresql://user:password@localhost:5432/dwh"
        third = "postgresql://%s:%s@db.example.com/dwh" % ("etl", password)
        return connect(url, other, third, password=Variable.get("db_password"), token=DB_PASSWORD)

    b()


def connect(*urls, password, token, secret_id="prod/db", auth_token_header="X-Auth-Token-2"):
    return urls, password, token, secret_id, auth_token_header
