import logging
import tarfile
import zipfile
from datetime import datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path

from airflow.sdk import dag, task

HERE = Path(__file__).parent
logging.basicConfig(filename="/usr/local/airflow/dags/all.log")  # expect: write-below-dags
log = logging.getLogger(__name__)
log.addHandler(logging.FileHandler(HERE / "own.log"))  # expect: write-below-dags
log.addHandler(RotatingFileHandler(filename=HERE / "turns.log"))  # expect: write-below-dags


@dag(schedule=None, start_date=datetime(2024, 1, 1), catchup=False)
def archives():
    @task
    def pack():
        with zipfile.ZipFile(HERE / "out.zip", "w") as archive:  # expect: write-below-dags
            archive.writestr("a", "b")
        with tarfile.open("/usr/local/airflow/dags/out.tar.gz", mode="w:gz") as archive:  # expect: write-below-dags
            archive.add("/tmp/a")

    pack()


archives()
