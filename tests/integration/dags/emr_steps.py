"""A cluster of EMR and a step on it, as people write it."""

import datetime

from airflow.providers.amazon.aws.operators.emr import EmrAddStepsOperator, EmrCreateJobFlowOperator

try:
    from airflow.sdk import DAG
except ImportError:
    from airflow import DAG

STEP = {
    "Name": "orders",
    "ActionOnFailure": "CONTINUE",
    "HadoopJarStep": {"Jar": "command-runner.jar", "Args": ["spark-submit", "s3://data/orders.py"]},
}
CLUSTER = {
    "Name": "orders",
    "ReleaseLabel": "emr-7.1.0",
    "Instances": {"MasterInstanceType": "m5.xlarge", "InstanceCount": 1, "KeepJobFlowAliveWhenNoSteps": True},
    "JobFlowRole": "EMR_EC2_DefaultRole",
    "ServiceRole": "EMR_DefaultRole",
}

with DAG(
    "emr_steps",
    start_date=datetime.datetime(2026, 1, 1),
    schedule=None,
    catchup=False,
    is_paused_upon_creation=False,
    default_args={"retries": 0},
) as dag:
    cluster = EmrCreateJobFlowOperator(task_id="cluster", job_flow_overrides=CLUSTER)
    cluster >> EmrAddStepsOperator(task_id="steps", job_flow_id=cluster.output, steps=[STEP])
