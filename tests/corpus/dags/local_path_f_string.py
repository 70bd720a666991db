from datetime import datetime

from airflow.sdk import dag, task


@dag(schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False)
def dated():
    @task
    def read(day):
        with open(f"/home/ana/{day}.csv") as file:  # expect: hard-coded-local-path
            return file.read()

    @task
    def read_too(day):
        with open("/home/ana/" + day + ".csv") as file:  # expect: hard-coded-local-path
            return file.read()

    read("1") >> read_too("2")


dated()
