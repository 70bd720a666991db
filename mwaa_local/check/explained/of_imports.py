"""Rules on what importing a DAG file shows, on its tasks, and on files beside DAG files. Data."""

from __future__ import annotations

from mwaa_local.check import links
from mwaa_local.check.dags import (
    callable_findings,
    command_findings,
    ignore_file,
    import_findings,
    policies,
    task_findings,
)
from mwaa_local.check.dags import template_findings as templates
from mwaa_local.check.explained.text import RuleText
from mwaa_local.finding import ERROR, NOTE, WARNING

_IMPORTS = {**import_findings.MEANINGS, **links.RULES}
_TASKS = {
    **templates.MEANINGS,
    **callable_findings.MEANINGS,
    **command_findings.MEANINGS,
    **task_findings.MEANINGS,
    **ignore_file.MEANINGS,
    **policies.MEANINGS,
}


def _import(rule: str, severities: tuple[str, ...], why: str, todo: str, bad: str = "", good: str = "") -> RuleText:
    return RuleText(rule, severities, _IMPORTS[rule], why, todo, bad, good)


def _task(rule: str, severities: tuple[str, ...], why: str, todo: str, bad: str = "", good: str = "") -> RuleText:
    return RuleText(rule, severities, _TASKS[rule], why, todo, bad, good)


OF_IMPORTS = (
    _import(
        "dag-import-error",
        (ERROR, WARNING),
        "The dag-processor imports the file as this check does. While that fails, Airflow shows an import error and "
        "none of the file's DAGs.",
        "Correct the line that the finding names, or add the package that is missing to the requirements file.",
        "from my_repo.dags.shared import names",
        "from shared import names",
    ),
    _import(
        "dag-import-timeout",
        (ERROR, WARNING),
        "Airflow ends an import after core.dagbag_import_timeout, and the dag-processor kills the file's process after "
        "dag_file_processor_timeout.",
        "Move work, queries and downloads from the top level into tasks, or raise the option that the finding names.",
        "TABLES = requests.get(CATALOGUE).json()  # at the top level",
        "@task\ndef tables():\n    return requests.get(CATALOGUE).json()",
    ),
    _import(
        "dag-import-slow",
        (WARNING,),
        "The import is repeated for every task and again and again in the scheduler, which may be slower than your "
        "machine.",
        "Move work, queries and large imports from the top level into tasks.",
        "import pandas as pd  # for one task only",
        "@task\ndef load():\n    import pandas as pd",
    ),
    _import(
        "dag-import-crash",
        (ERROR, WARNING),
        "Python ends while it imports the file, so Airflow has no import error to show: the DAGs are just not there.",
        "Raise an exception instead of ending Python, and move work that needs much memory into a task.",
        "if STAGE is None:\n    sys.exit(1)",
        'if STAGE is None:\n    raise ValueError("set STAGE")',
    ),
    _import(
        "duplicate-dag-id",
        (ERROR,),
        "Airflow keeps the file that it read last under that id, and which one that is changes.",
        "Give each DAG a different id.",
    ),
    _import(
        "missing-variable",
        (ERROR, NOTE),
        "The check has no database and asks no secrets backend, so it used a placeholder. On MWAA a Variable that does "
        "not exist is an import error.",
        "Put it into airflow_settings.yaml, or AIRFLOW_VAR_NAME into the startup script.",
        'STAGE = Variable.get("stage")',
        "# airflow_settings.yaml\nairflow:\n  variables:\n    - {variable_name: stage, variable_value: dev}",
    ),
    _import(
        "missing-option",
        (WARNING,),
        "MWAA makes AIRFLOW__SECTION__KEY of each Airflow configuration option. Without the option, the variable is "
        "not there.",
        "Set the option in mwaa.yaml and in the environment, or export the variable in the startup script.",
        'SUBNETS = os.environ["AIRFLOW__APP__SUBNETS"].split(",")',
        '# mwaa.yaml\nAirflowConfigurationOptions:\n  app.subnets: "subnet-1,subnet-2"',
    ),
    _import(
        "missing-connection",
        (ERROR, NOTE),
        "The check has no database and asks no secrets backend, so it used a placeholder. On MWAA a Connection that "
        "does not exist is an import error.",
        "Put it into airflow_settings.yaml, or AIRFLOW_CONN_NAME into the startup script.",
    ),
    _import(
        "top-level-database",
        (WARNING, NOTE),
        "The query runs each time the file is parsed, which loads the metadata database; Airflow 3 refuses it.",
        "Move the query into a task.",
        "with create_session() as session:\n    runs = session.query(DagRun).count()",
        "@task\ndef count_runs():\n    ...  # ask Airflow's REST API",
    ),
    _import(
        "top-level-network",
        (WARNING,),
        "The call is made each time the file is parsed, and the file's DAGs disappear if the other side does not "
        "answer.",
        "Move the call into a task, or keep its answer in a file or a Variable.",
        'BUCKETS = boto3.client("s3").list_buckets()',
        '@task\ndef buckets():\n    return boto3.client("s3").list_buckets()',
    ),
    _import(
        "airflow-deprecation",
        (NOTE,),
        "It works on this release; a later one, to which MWAA's environments move, will not have it.",
        "Do what Airflow's sentence says.",
    ),
    _import(
        "dag-not-registered",
        (WARNING,),
        "A loop that gives each DAG the same name keeps the last one; the others never appear, without an error.",
        "Give each DAG a name of its own at the top level.",
        'for name in ("a", "b"):\n    dag = make(name)',
        'for name in ("a", "b"):\n    globals()[name] = make(name)',
    ),
    _import(
        "no-dag-in-file",
        (NOTE,),
        "Airflow imports every file that has the words dag and airflow in it, again and again, also for nothing.",
        "List helpers in dags/.airflowignore; a DAG needs a name at the top level, and a function under @dag a call.",
        'def make():\n    return DAG("daily")  # nobody calls it',
        'def make():\n    return DAG("daily")\n\n\ndag = make()',
    ),
    _import(
        links.REPEATING,
        (ERROR, WARNING),
        "Airflow follows symbolic links when it looks for files. A bucket keeps no links: their targets are uploaded.",
        "Remove the link, or put the files where the link is.",
    ),
)
OF_TASKS = (
    _task(
        "template-name-undefined",
        (ERROR, WARNING),
        "The import succeeds and the task fails, since Jinja renders its fields just before it runs.",
        "Use a name of Airflow's templates reference, or pass the value with `params` or `user_defined_macros`.",
        'BashOperator(task_id="a", bash_command="echo {{ dss }}")',
        'BashOperator(task_id="a", bash_command="echo {{ ds }}")',
    ),
    _task(
        "template-name-removed",
        (ERROR, WARNING, NOTE),
        "The name is not there any more from Airflow 3 on, so that the task fails when it is rendered.",
        "Use the name that the finding gives.",
        "{{ next_ds }}",
        "{{ data_interval_end | ds }}",
    ),
    _task(
        "context-name-missing",
        (ERROR, WARNING),
        "Airflow gives a function only the names that its context has, and Airflow 3 took many away: the import "
        "succeeds, and the task fails with a KeyError or TypeError.",
        "Use the name that the finding gives, or give the value in `op_kwargs`.",
        'day = context["execution_date"]',
        'day = context["logical_date"]',
    ),
    _task(
        "template-syntax",
        (ERROR,),
        "Jinja cannot parse the field, so the task fails before it does anything.",
        "Close what is open; put text that is no template between {% raw %} and {% endraw %}.",
        "{{ ds }",
        "{{ ds }}",
    ),
    _task(
        "template-file-missing",
        (ERROR, WARNING),
        "A field that ends like a file name is a file's name, which Airflow looks for beside the DAG file and in "
        "template_searchpath.",
        "Upload the file there, or end a command that is no file name with a blank.",
        'bash_command="scripts/run.sh"  # there is no such file below dags/',
        'bash_command="scripts/run.sh "',
    ),
    _task(
        "script-not-executable",
        (WARNING,),
        "A bucket keeps no execute bit, so the shell refuses to run the script as a program.",
        "Call its interpreter.",
        'bash_command="/usr/local/airflow/dags/run.sh "',
        'bash_command="bash /usr/local/airflow/dags/run.sh "',
    ),
    _task(
        "missing-pool",
        (NOTE,),
        "A task whose pool does not exist stays scheduled for ever, without an error.",
        "Create the pool on MWAA, and put it into airflow_settings.yaml for runs here.",
    ),
    _task(
        "missing-dag",
        (NOTE,),
        "A task that triggers a DAG which is not there fails; a sensor waits for it until its time ends.",
        "Correct the id, or ignore this if another bucket or a generated file has the DAG.",
    ),
    _task(
        "executor-config-without-effect",
        (WARNING,),
        "MWAA runs tasks with CeleryExecutor, which takes no pod_override and no image.",
        "Leave it out; for more memory run the work in ECS or EKS, or choose a larger EnvironmentClass.",
    ),
    _task(
        "mail-without-server",
        (WARNING, NOTE),
        "Without smtp options, Airflow tries a mail server in the worker itself, where there is none.",
        "Set smtp.smtp_host and what belongs to it, or notify in another way.",
        "default_args={'email': ['a@example.org'], 'email_on_failure': True}",
        '# mwaa.yaml\nAirflowConfigurationOptions:\n  smtp.smtp_host: "email-smtp.eu-west-1.amazonaws.com"',
    ),
    _task(
        ignore_file.RULE,
        (WARNING,),
        "Airflow 2 reads .airflowignore as regular expressions, Airflow 3 as glob patterns. A line of the other syntax "
        "leaves out too much, or nothing.",
        "Write the line that the finding gives, or set core.dag_ignore_file_syntax.",
        "helpers_.*  # on Airflow 3",
        "helpers_*",
    ),
    _task(
        policies.RULE,
        (WARNING,),
        policies.WHY,
        f"{policies.HINT[0].upper()}{policies.HINT[1:]}.",
    ),
)
