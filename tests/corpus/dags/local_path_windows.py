from datetime import datetime
from pathlib import Path

from airflow.sdk import dag, task


@dag(schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False)
def books():
    @task
    def read():
        return Path(r"C:\Users\Ana\Documents\books 2024.xlsx").read_bytes()  # expect: hard-coded-local-path

    @task
    def read_too():
        with open("D:/exports/books.csv") as file:  # expect: hard-coded-local-path
            return file.read()

    read() >> read_too()


books()
