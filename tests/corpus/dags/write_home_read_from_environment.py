import os
from datetime import datetime

from airflow.configuration import conf
from airflow.sdk import dag, task

HOME = os.environ.get("AIRFLOW_HOME")
OTHER = os.environ.get("OTHER_HOME")
DAGS = conf.get("core", "dags_folder")
LOGS = conf.get("logging", "base_log_folder")


@dag(schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False)
def where():
    @task
    def save():
        for folder in (1, 2):
            open(f"{HOME}/dags/a-{folder}", "w").close()  # expect: write-below-dags
            open(f"{OTHER}/dags/a", "w").close()
            open(f"{HOME}/logs/a", "w").close()
            open(os.path.join(DAGS, "a"), "x").close()  # expect: write-below-dags
            open(os.path.join(LOGS, "a"), "x").close()
            open(os.path.join(DAGS, "..", "a"), "w").close()
            open(os.path.join(DAGS, "a"), "rb").close()

    save()


where()
