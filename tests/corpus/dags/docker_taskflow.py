import pendulum
from airflow.decorators import dag, task


@dag(schedule="@hourly", start_date=pendulum.datetime(2024, 1, 1, tz="UTC"), catchup=False)
def numbers():
    @task.docker(image="python:3.12-slim", multiple_outputs=True)  # expect: docker-operator
    def compute(values):
        return {"sum": sum(values)}

    @task
    def values():
        return [1, 2, 3]

    compute(values())


numbers()
