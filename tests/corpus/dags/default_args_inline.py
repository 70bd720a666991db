from datetime import datetime

from airflow import DAG
from airflow.timetables.trigger import CronTriggerTimetable

with DAG(
    "inline",
    start_date=datetime(2024, 1, 1),
    default_args={
        "timetable": CronTriggerTimetable("0 1 * * 3", timezone="UTC"),  # expect: dag-argument-in-default-args
        "jinja_environment_kwargs": {},  # expect: dag-argument-in-default-args
    },
):
    pass
