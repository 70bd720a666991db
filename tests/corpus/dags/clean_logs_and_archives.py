import logging
import tarfile
import zipfile
from datetime import datetime
from pathlib import Path

from airflow.sdk import dag, task

HERE = Path(__file__).parent
logging.basicConfig(level=logging.INFO)
logging.getLogger(__name__).addHandler(logging.FileHandler("/tmp/own.log"))


@dag(schedule=None, start_date=datetime(2024, 1, 1), catchup=False)
def reads():
    @task
    def unpack():
        with zipfile.ZipFile(HERE / "models.zip") as archive:
            archive.extractall("/tmp/models")
        with tarfile.open(HERE / "more.tar.gz", "r:gz") as archive:
            archive.extractall("/tmp/more")

    unpack()


reads()
