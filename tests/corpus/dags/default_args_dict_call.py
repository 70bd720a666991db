from datetime import datetime, timedelta

from airflow.sdk import dag, task

common = dict(
    owner="data",
    retries=2,
    dagrun_timeout=timedelta(hours=2),  # expect: dag-argument-in-default-args
    tags=["finance"],  # expect: dag-argument-in-default-args
)


@dag(schedule="@daily", start_date=datetime(2024, 1, 1), default_args=common)
def books():
    @task
    def close():
        return 1

    close()


books()
