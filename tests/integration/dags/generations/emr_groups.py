"""Two steps of EMR in TaskGroups, each with a sensor that gives its slot back while it waits; in the words of 2.2.2."""

from datetime import datetime

from airflow import DAG
from airflow.providers.amazon.aws.operators.emr_add_steps import EmrAddStepsOperator
from airflow.providers.amazon.aws.operators.emr_create_job_flow import EmrCreateJobFlowOperator
from airflow.providers.amazon.aws.operators.emr_terminate_job_flow import EmrTerminateJobFlowOperator
from airflow.providers.amazon.aws.sensors.emr_step import EmrStepSensor
from airflow.utils.task_group import TaskGroup

CLUSTER = {
    "Name": "orders",
    "ReleaseLabel": "emr-5.34.0",
    "Instances": {"MasterInstanceType": "m5.xlarge", "InstanceCount": 1, "KeepJobFlowAliveWhenNoSteps": True},
    "JobFlowRole": "EMR_EC2_DefaultRole",
    "ServiceRole": "EMR_DefaultRole",
}


def step(name):
    jar = {"Jar": "command-runner.jar", "Args": ["spark-submit", f"s3://data/{name}.py"]}
    return {"Name": name, "ActionOnFailure": "CONTINUE", "HadoopJarStep": jar}


with DAG("emr_groups", start_date=datetime(2026, 1, 1), schedule_interval=None, catchup=False) as dag:
    cluster = EmrCreateJobFlowOperator(task_id="cluster", job_flow_overrides=CLUSTER)
    end = EmrTerminateJobFlowOperator(task_id="end", job_flow_id=cluster.output, trigger_rule="all_done")
    for name in ("load", "report"):
        with TaskGroup(name) as group:
            steps = EmrAddStepsOperator(task_id="add", job_flow_id=cluster.output, steps=[step(name)])
            wait = EmrStepSensor(
                task_id="wait",
                job_flow_id=cluster.output,
                step_id=f"{{{{ ti.xcom_pull('{name}.add')[0] }}}}",
                mode="reschedule",
                poke_interval=1,
                timeout=300,
            )
            steps >> wait
        cluster >> group >> end
