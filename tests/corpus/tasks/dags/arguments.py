"""What tasks refer to, and what has no effect on MWAA."""

from datetime import datetime

from airflow import DAG

try:
    from airflow.providers.standard.operators.bash import BashOperator
    from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
    from airflow.providers.standard.sensors.external_task import ExternalTaskSensor
except ImportError:
    from airflow.operators.bash import BashOperator
    from airflow.operators.trigger_dagrun import TriggerDagRunOperator
    from airflow.sensors.external_task import ExternalTaskSensor

DEFAULTS = {
    "pool": "absent_pool",  # expect: note missing-pool
    "email": "team@example.com",  # expect-2: warning mail-without-server # expect-3: note mail-without-server
}
POD = {"KubernetesExecutor": {"request_memory": "4Gi"}}

with DAG("arguments", start_date=datetime(2024, 1, 1), schedule=None, default_args=DEFAULTS):
    BashOperator(task_id="one", bash_command="true")
    BashOperator(task_id="two", bash_command="true")
    BashOperator(task_id="known", bash_command="true", pool="known_pool")
    BashOperator(task_id="default", bash_command="true", pool="default_pool", email=None)
    BashOperator(task_id="own", bash_command="true", pool="other_pool")  # expect: note missing-pool

with DAG("others", start_date=datetime(2024, 1, 1), schedule=None):
    TriggerDagRunOperator(task_id="absent", trigger_dag_id="no_such_dag")  # expect: note missing-dag
    TriggerDagRunOperator(task_id="there", trigger_dag_id="arguments")
    TriggerDagRunOperator(task_id="computed", trigger_dag_id="{{ params.dag }}")
    ExternalTaskSensor(task_id="wait", external_dag_id="no_dag_either", mode="reschedule")  # expect: note missing-dag
    ExternalTaskSensor(task_id="wait_there", external_dag_id="arguments", mode="reschedule")
    BashOperator(
        task_id="pod",
        bash_command="true",
        executor_config=POD,  # expect: warning executor-config-without-effect
    )
    BashOperator(task_id="no_pod", bash_command="true", executor_config={"own_key": 1})
    BashOperator(
        task_id="quiet", bash_command="true", email="a@example.com", email_on_failure=False, email_on_retry=False
    )
