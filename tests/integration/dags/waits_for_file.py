"""A task that waits in the triggerer until there is a file among the logs, which all components share."""

from __future__ import annotations

import os
from datetime import datetime

from airflow.providers.standard.triggers.file import FileTrigger
from airflow.sdk import DAG, BaseOperator


class WaitForFile(BaseOperator):
    def execute(self, context):
        path = os.environ["AIRFLOW_HOME"] + "/logs/go"
        self.defer(trigger=FileTrigger(filepath=path, poke_interval=0.5), method_name="found")

    def found(self, context, event=None):
        print("found", event)


with DAG("waits_for_file", schedule=None, start_date=datetime(2024, 1, 1), is_paused_upon_creation=False):
    WaitForFile(task_id="wait")
