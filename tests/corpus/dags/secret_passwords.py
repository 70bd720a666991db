from datetime import datetime

import psycopg2
from airflow.sdk import dag, task

DB_PASSWORD = "sunflower17"  # expect: secret-in-code
CONFIG = {"user": "etl", "password": "Tr0ub4dor"}  # expect: secret-in-code
ENGINE = "postgresql://etl:Tr0ub4dor@db.example.com:5432/dwh"  # expect: secret-in-code


@dag(schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False)
def dwh():
    @task
    def load(pwd="winter2024"):  # expect: secret-in-code
        psycopg2.connect(host="db", user="etl", password="hunter22", dbname="dwh").close()  # expect: secret-in-code

    load()


dwh()
