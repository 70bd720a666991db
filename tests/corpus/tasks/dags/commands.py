"""Commands that write below the DAGs folder, and scripts that are no programs."""

from datetime import datetime

from airflow import DAG

try:
    from airflow.providers.standard.operators.bash import BashOperator
except ImportError:
    from airflow.operators.bash import BashOperator

DBT = "/usr/local/airflow/dags/dbt"
ELSEWHERE = {"DBT_TARGET_PATH": "/tmp/target", "DBT_LOG_PATH": "/tmp/logs"}

with DAG("commands", start_date=datetime(2024, 1, 1), schedule=None):
    BashOperator(task_id="cd", bash_command=f"cd {DBT} && dbt run")  # expect: warning write-below-dags
    BashOperator(task_id="cwd", bash_command="dbt build --select a", cwd=DBT)  # expect: warning write-below-dags
    BashOperator(
        task_id="option",
        bash_command=f"/usr/local/airflow/.local/bin/dbt test --project-dir {DBT}",  # expect: warning write-below-dags
    )
    BashOperator(
        task_id="no_log",
        bash_command=f"cd {DBT}; dbt run --target-path /tmp/t",  # expect: warning write-below-dags
    )
    BashOperator(
        task_id="relative",
        bash_command="cd /usr/local/airflow/dags\nls > listing.txt",  # expect: warning write-below-dags
    )
    BashOperator(task_id="both", bash_command=f"cd {DBT} && dbt run --target-path /tmp/t --log-path /tmp/l")
    BashOperator(task_id="copied", bash_command=f"cp -R {DBT} /tmp && cd /tmp/dbt && dbt run --profiles-dir {DBT}")
    BashOperator(task_id="env", bash_command=f"cd {DBT} && dbt run", env=ELSEWHERE, append_env=True)
    BashOperator(
        task_id="exported", bash_command=f"export DBT_TARGET_PATH=/tmp/t DBT_LOG_PATH=/tmp; cd {DBT} && dbt run"
    )
    BashOperator(task_id="in_project_file", bash_command="cd /usr/local/airflow/dags/quiet_dbt && dbt run")
    BashOperator(task_id="version", bash_command=f"cd {DBT} && dbt --version && ls > /tmp/list 2> /dev/null")
    BashOperator(task_id="back", bash_command=f"cd {DBT} && cat dbt_project.yml && cd /tmp && mkdir out > log.txt")
    BashOperator(
        task_id="program",
        bash_command="/usr/local/airflow/plugins/bin/plain.sh now ",  # expect: warning script-not-executable
    )
    BashOperator(
        task_id="of_bucket",
        bash_command="cd /usr/local/airflow/dags/scripts && ./there.sh now",  # expect: warning script-not-executable
    )
    BashOperator(task_id="executable", bash_command="/usr/local/airflow/plugins/bin/program.sh now")
    BashOperator(task_id="by_bash", bash_command="bash /usr/local/airflow/plugins/bin/plain.sh now")
    BashOperator(
        task_id="made",
        bash_command="chmod +x /usr/local/airflow/plugins/bin/plain.sh && /usr/local/airflow/plugins/bin/plain.sh now",
    )
