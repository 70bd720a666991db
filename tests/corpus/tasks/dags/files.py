"""Template files, and commands that Airflow takes for some."""

from datetime import datetime

from airflow import DAG

try:
    from airflow.providers.standard.operators.bash import BashOperator
except ImportError:
    from airflow.operators.bash import BashOperator


class Query(BashOperator):
    """An operator of one's own with files of SQL."""

    template_fields = ("query", "queries")
    template_ext = (".sql",)

    def __init__(self, query, queries=(), **kwargs):
        super().__init__(bash_command="true", **kwargs)
        self.query, self.queries = query, list(queries)


START = datetime(2024, 1, 1)

with DAG("files", start_date=START, schedule=None):
    BashOperator(task_id="missing", bash_command="scripts/missing.sh")  # expect: error template-file-missing
    BashOperator(
        task_id="no_blank",
        bash_command="bash /usr/local/airflow/dags/scripts/there.sh",  # expect: error template-file-missing
    )
    BashOperator(
        task_id="absolute",
        bash_command="/usr/local/airflow/dags/scripts/there.sh",  # expect: error template-file-missing
    )
    BashOperator(task_id="in_env", bash_command="true", env={"SCRIPT": "run.sh"})  # expect: error template-file-missing
    Query(task_id="no_query", query="sql/missing.sql")  # expect: error template-file-missing
    Query(
        task_id="second",
        query="select 1",
        queries=["sql/there.sql", "sql/gone.sql"],  # expect: error template-file-missing
    )
    BashOperator(task_id="there", bash_command="scripts/there.sh")
    BashOperator(task_id="blank", bash_command="bash /usr/local/airflow/dags/scripts/there.sh ")
    Query(task_id="query", query="sql/there.sql", queries=["sql/there.sql", "select 1"])
    BashOperator(task_id="other_ending", bash_command="python main.py --query sql/missing.sql")

with DAG("searched", start_date=START, schedule=None, template_searchpath="/usr/local/airflow/dags/more"):
    BashOperator(task_id="found", bash_command="extra.sh")

with DAG("beside", start_date=START, schedule=None, template_searchpath="/usr/local/airflow/dags/../include"):
    BashOperator(task_id="perhaps_there", bash_command="perhaps.sh")  # expect: warning template-file-missing

with DAG("elsewhere", start_date=START, schedule=None, template_searchpath="/opt/made-by-the-startup-script"):
    BashOperator(task_id="perhaps", bash_command="perhaps.sh")  # expect: warning template-file-missing
