import os
import shutil
from datetime import datetime
from pathlib import Path

from airflow.sdk import dag, task

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = Path(__file__).resolve().parent / "out"


@dag(schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False)
def files():
    @task
    def make():
        OUT.mkdir(exist_ok=True)  # expect: write-below-dags
        (OUT / "a.txt").touch()  # expect: write-below-dags
        os.makedirs(os.path.join(HERE, "cache"), exist_ok=True)  # expect: write-below-dags
        shutil.copy("/tmp/a.txt", f"{HERE}/a.txt")  # expect: write-below-dags
        with (OUT / "b.txt").open("w") as file:  # expect: write-below-dags
            file.write("b")

    make()


files()
