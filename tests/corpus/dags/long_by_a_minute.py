from datetime import datetime, timedelta

from airflow.sdk import dag, task


@dag(schedule=None, start_date=datetime(2024, 1, 1), catchup=False)
def close():
    @task(execution_timeout=timedelta(hours=12, minutes=1))  # expect: task-longer-than-12h
    def long(): ...

    @task(execution_timeout=timedelta(minutes=12 * 60))
    def just(): ...

    long() >> just()


close()
