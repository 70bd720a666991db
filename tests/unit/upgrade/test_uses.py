"""Where a file uses what a move changes, and what only looks like it."""

from __future__ import annotations

import time

import pytest

from mwaa_local.check.dags.source import Source
from mwaa_local.release import Release
from mwaa_local.upgrade.program_calls import python_lines
from mwaa_local.upgrade.uses import uses

DATABASE, PULLS = "the metadata database", "xcom_pull without task_ids"
DATES, MODULES = "names of dates that are gone", "own modules as programs"
LIMIT_S = 2.0  # an expression that goes back and forth takes hours


def source_of(text: str) -> Source:
    source = Source.parse(text.encode(), "dags/a.py", Release.load("2.11.2"))
    assert source is not None
    return source


def lines(kind: str, text: str) -> list[int]:
    return list(uses(kind, source_of(text), frozenset({"jobs"})))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("from airflow.utils.session import create_session\nwith create_session() as session: ...\n", [2]),
        ("from airflow.utils.session import provide_session as p\n@p\ndef f(session=None): ...\n", [2]),
        ("from airflow.utils.db import provide_session\n@provide_session\ndef f(session=None): ...\n", [2]),
        ("from airflow import settings\nsettings.Session()\n", [2]),
        ("from airflow.settings import Session\nSession()\n", [2]),
        ("from airflow.models import DagRun\nDagRun.find(dag_id='a')\n", [2]),
        ("import airflow.models.dag\nairflow.models.dag.DagModel.get_current('a')\n", [2]),
        ("import boto3\nboto3.create_session()\n", []),
        ("def create_session(): ...\nwith create_session(): ...\n", []),
        ("from .db import create_session, provide_session\ncreate_session()\n", []),
        ("from django.conf import settings\nsettings.Session()\n", []),
        ("'''create_session() of airflow'''\n", []),
        ("from airflow.utils.session import create_session\n", []),  # not used
        (
            "from airflow.utils.session import create_session\ncreate_session()\nclass P:\n    flask_blueprints = []\n",
            [],
        ),
    ],
)
def test_database_is_what_airflow_has_for_it(text: str, found: list[int]) -> None:
    assert lines(DATABASE, text) == found


@pytest.mark.parametrize(
    "head",
    [
        "try:\n    from airflow.sdk import Variable\nexcept ImportError:\n    from airflow.models import Variable\n",
        "import airflow\nif airflow.__version__ < '3':\n    pass\n",
        "from airflow import __version__\n",
        "from airflow.version import version\n",
        "from tests.compat import AIRFLOW_V_3_0_PLUS\n",
        "from importlib.metadata import version\nif version('apache-airflow') < '3': ...\n",
    ],
)
def test_file_that_knows_of_releases_is_not_told(head: str) -> None:
    database = "from airflow.utils.session import create_session\ncreate_session()\n"
    assert lines(DATABASE, head + database) == []
    assert lines(DATES, f"{head}def f(**context):\n    context['execution_date']\n") == []
    unrelated = "from airflow.providers.amazon.aws.hooks.s3 import S3Hook\nairflow_s3_bucket = 'a'\n"
    assert lines(DATABASE, unrelated + database) == [4]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("def f(ti):\n    ti.xcom_pull(key='a')\n", [2]),
        ("def f(ti):\n    ti.xcom_pull()\n", [2]),
        ("def f(**context):\n    context['ti'].xcom_pull(key='a', default=None)\n", [2]),
        ("A(b=\"{{ ti.xcom_pull(key='a') }}\")\n", [1]),
        ("A(b='''\n{{ task_instance.xcom_pull(key='a', default=1) }}''')\n", [2]),
        ("def f(ti):\n    ti.xcom_pull('a')\n    ti.xcom_pull(task_ids='a', key='b')\n    ti.xcom_pull(**given)\n", []),
        ("A(b=\"{{ ti.xcom_pull(key='a', task_ids='b') }} {{ ti.xcom_pull('b') }}\")\n", []),
        ("class A:\n    def xcom_pull(self): ...\n    def f(self):\n        self.xcom_pull(key='a')\n", []),
        ("'''Use {{ ti.xcom_pull(key='a') }}'''\n", []),
        ("A(doc_md=\"{{ ti.xcom_pull(key='a') }}\")\n", []),
    ],
)
def test_pull_without_a_task_is_one_of_the_task_instance(text: str, found: list[int]) -> None:
    assert lines(PULLS, text) == found


def test_long_template_takes_no_time() -> None:
    began = time.monotonic()
    many = "key=" + " " * 40 + "key=a key=" * 40
    assert lines(PULLS, f"A(b='{{{{ ti.xcom_pull({many}( }}}}')\n") == []
    assert time.monotonic() - began < LIMIT_S


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("def f(**context):\n    return context['execution_date']\n", [2]),
        ("def f(**kwargs):\n    return kwargs.get('next_ds')\n", [2]),
        ("def f(dag_run):\n    return dag_run.execution_date\n", [2]),
        ("def f(**context):\n    return context['dag_run'].execution_date\n", [2]),
        ("A(b='{{ dag_run.execution_date }}')\n", [1]),
        ("def f(**context):\n    return context.get('execution_date') or context['logical_date']\n", []),
        ("def f(**context):\n    return context.get('execution_date', None)\n", []),
        (
            "def f(**context):\n    a = context.get('execution_date')\n    if a is None: a = context['logical_date']\n",
            [],
        ),
        ("def f(**context):\n    return context['execution_date'] if 'execution_date' in context else None\n", []),
        ("def f(**context):\n    try:\n        context['execution_date']\n    except KeyError: ...\n", []),
        ("def f(**kwargs):\n    kwargs['next_ds']\nA(python_callable=f, op_kwargs={'next_ds': '1'})\n", []),
        ("def f(**kwargs):\n    kwargs['next_ds']\nf(next_ds='1')\n", []),
        ("def f(row):\n    row['execution_date'], row.execution_date\n", []),
        ("def f(**context):\n    context['execution_date'] = 1\n", []),
        ("'''context['execution_date']'''\n# context['execution_date']\n", []),
    ],
)
def test_date_that_is_gone_is_one_that_the_file_takes_of_airflow(text: str, found: list[int]) -> None:
    assert lines(DATES, text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("BashOperator(bash_command='python3 -m jobs.load')\n", [1]),
        ("BashOperator(bash_command='set -e; /usr/bin/python3 -m jobs.load')\n", [1]),
        ("COMMAND = 'python -m jobs.load'\nBashOperator(bash_command=f'{COMMAND} {a}')\n", [2]),
        ("import subprocess\nsubprocess.run(['python3', '-m', 'jobs.load'])\n", [2]),
        ("import os\nos.system('python3 -m jobs.load')\n", [2]),
        ("BashOperator(bash_command='python3 -m pip install a')\n", []),
        ("BashOperator(bash_command='PYTHONPATH=/usr/local/airflow/dags python3 -m jobs.load')\n", []),
        ("BashOperator(bash_command='python3 -m jobs.load', env={'PYTHONPATH': DAGS})\n", []),
        ("BashOperator(bash_command='cd /usr/local/airflow/dags && python3 -m jobs.load')\n", []),
        ("BashOperator(bash_command='python3 -m jobs.load', cwd='/usr/local/airflow/dags')\n", []),
        ("SSHOperator(command='python3 -m jobs.load')\n", []),  # on another machine
        ("'''python3 -m jobs.load'''\nprint('python3 -m jobs.load')\n", []),
    ],
)
def test_own_module_that_a_command_runs_without_a_path_is_told(text: str, found: list[int]) -> None:
    assert lines(MODULES, text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("PythonVirtualenvOperator(python_version='3.11')\n", [1]),
        ("from airflow.decorators import task\n@task.virtualenv(python_version='3.11.7')\ndef f(): ...\n", [2]),
        ("ExternalPythonOperator(python='/usr/local/bin/python3.11')\n", [1]),
        ("BashOperator(bash_command='python3.11 a.py')\n", [1]),
        ("BashOperator(bash_command='a && /usr/bin/python3.11 a.py')\n", [1]),
        ("BashOperator(bash_command='ls /usr/local/lib/python3.11/site-packages')\n", [1]),
        ("import sys\nsys.path.append('/usr/lib/python3.11/site-packages')\n", [2]),
        ("import subprocess\nsubprocess.run(['python3.11', 'a.py'])\n", [2]),
        ("LambdaCreateFunctionOperator(runtime='python3.11')\n", []),
        ("Job(conf={'spark.pyspark.python': '/usr/bin/python3.11', 'PYSPARK_PYTHON': '/usr/bin/python3.11'})\n", []),
        ("SSHOperator(command='python3.11 a.py')\n", []),
        ("GlueJobOperator(python_version='3.11')\n", []),
        ("PythonVirtualenvOperator(python_version='3.1')\n", []),
        ("'''On python3.11'''\n# python3.11 a.py\n", []),
        ("BashOperator(bash_command='echo python3.11')\n", []),
    ],
)
def test_python_of_the_image_is_meant_only_where_it_runs(text: str, found: list[int]) -> None:
    assert list(python_lines(source_of(text), "3.11")) == found
