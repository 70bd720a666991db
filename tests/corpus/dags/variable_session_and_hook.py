# release: 2.10.3
from datetime import datetime

from airflow import DAG, settings
from airflow.models import Connection
from airflow.providers.postgres.hooks.postgres import PostgresHook

session = settings.Session()  # expect: variable-at-top-level
TABLES = PostgresHook("warehouse").get_records("SELECT name FROM tables")  # expect: variable-at-top-level
secret = Connection.get_connection_from_secrets("warehouse").password  # expect: variable-at-top-level

with DAG("tables", schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False):
    pass
