from datetime import datetime

from airflow.sdk import DAG
from airflow.providers.amazon.aws.operators.emr import EmrAddStepsOperator

STEPS = [
    {
        "Name": "count",
        "ActionOnFailure": "CONTINUE",
        "HadoopJarStep": {"Jar": "command-runner.jar", "Args": ["spark-submit", "/home/hadoop/count.py", "~/out"]},
    }
]

with DAG("emr", schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False):
    EmrAddStepsOperator(task_id="add", job_flow_id="j-1", steps=STEPS)
