"""Airflow's own hook, operator and sensors for MWAA, asking the environment in which they run."""

import os
from datetime import datetime

from airflow.providers.amazon.aws.hooks.mwaa import MwaaHook
from airflow.providers.amazon.aws.operators.mwaa import MwaaTriggerDagRunOperator
from airflow.providers.amazon.aws.sensors.mwaa import MwaaDagRunSensor, MwaaTaskSensor
from airflow.sdk import DAG, task

NAME = os.environ["AIRFLOW_ENV_NAME"]
RUN_ID = "from_the_operator"
OTHER = {"external_env_name": NAME, "external_dag_id": "tiny", "external_dag_run_id": RUN_ID, "poke_interval": 1}

with DAG("mwaa_clients", start_date=datetime(2026, 1, 1), schedule=None):

    @task
    def ask_by_hook():
        answer = MwaaHook().invoke_rest_api(env_name=NAME, path="/dags/tiny", method="PATCH", body={"is_paused": False})
        assert answer["RestApiStatusCode"] == 200, answer
        return answer["RestApiResponse"]["dag_id"]

    # The hook leaves out what is None, and Airflow 3 refuses a run without a logical date: there is one.
    trigger = MwaaTriggerDagRunOperator(
        task_id="trigger",
        env_name=NAME,
        trigger_dag_id="tiny",
        trigger_run_id=RUN_ID,
        logical_date="2026-01-02T00:00:00Z",
        wait_for_completion=True,
        waiter_delay=1,
        waiter_max_attempts=120,
    )
    run = MwaaDagRunSensor(task_id="run", **OTHER)
    one_task = MwaaTaskSensor(task_id="one_task", external_task_id="say", **OTHER)
    ask_by_hook() >> trigger >> [run, one_task]
