"""What functions of tasks ask of their context. Of Airflow 3 alone, where names are gone."""

from datetime import datetime

from airflow import DAG

try:
    from airflow.providers.standard.operators.python import PythonOperator, get_current_context
    from airflow.sdk import Asset, BaseOperator, asset, task
except ImportError:
    from airflow.datasets import Dataset as Asset
    from airflow.decorators import task
    from airflow.models import BaseOperator
    from airflow.operators.python import PythonOperator, get_current_context

    asset = None


def item(**kwargs):
    return kwargs["execution_date"]  # expect-3: error context-name-missing


def argument(execution_date, ds, **kwargs):  # expect-3: error context-name-missing
    return f"{execution_date}{ds}"


def member(dag_run=None):
    print(dag_run.run_id, dag_run.execution_date)  # expect-3: error context-name-missing


def member_of_item(**context):
    return context["ti"].execution_date  # expect-3: error context-name-missing


def current():
    context = get_current_context()
    return context["next_ds"]  # expect-3: error context-name-missing


def nothing_gives(table, ds):  # expect: error context-name-missing
    return f"{table}{ds}"


def told(context):
    print(context["exception"], context["execution_date"])  # expect-3: warning context-name-missing


def dated(**context):
    return context["ds"]  # expect-3: error context-name-missing


def position(logical_date):  # expect-3: error context-name-missing
    return logical_date


# What is well, or may be.
def either(**context):
    if "execution_date" in context:
        return context["execution_date"]
    return context["logical_date"]


def tried(**context):
    try:
        return context["execution_date"]
    except KeyError:
        return context["logical_date"]


def chosen(**context):
    if context["params"].get("new"):
        return context["logical_date"]
    return context["execution_date"]


def given(execution_date, **context):
    return execution_date, context["prev_ds"]


def defaulted(execution_date=None, logical_date=None):
    day = logical_date or execution_date
    return day.isoformat()


def own(table, *, suffix="", ds, templates_dict, **context):
    return context["run_id"], context.get("execution_date")


def wrapped(function):
    def inner(*args, **kwargs):
        kwargs["execution_date"] = kwargs["ds"]
        return kwargs["execution_date"], function("table", *args, **kwargs)

    return inner


@wrapped
def decorated(table, execution_date, **kwargs):
    return kwargs["execution_date"]


class Dated(BaseOperator):
    def execute(self, context):
        return context["execution_date"]  # expect-3: error context-name-missing


class Adding(BaseOperator):
    def pre_execute(self, context):
        context["execution_date"] = context["run_id"]

    def execute(self, context):
        return context["execution_date"]


with DAG("code", start_date=datetime(2024, 1, 1)):
    for function in (item, argument, member, member_of_item, current, nothing_gives, either, tried, chosen, defaulted):
        PythonOperator(task_id=function.__name__, python_callable=function)
    PythonOperator(task_id="decorated", python_callable=decorated)
    PythonOperator(task_id="given", python_callable=given, op_kwargs={"execution_date": 1, "prev_ds": 2})
    PythonOperator(task_id="own", python_callable=own, op_args=["t"], templates_dict={"a": "b"})
    PythonOperator(task_id="told", python_callable=tried, on_failure_callback=told)
    Dated(task_id="dated")
    Adding(task_id="adding")

    @task
    def events(triggering_dataset_events=None):
        return list(triggering_dataset_events.items())  # expect-3: error context-name-missing

    events()


with DAG("code_after_asset", start_date=datetime(2024, 1, 1), schedule=[Asset("s3://bucket/code")]):
    PythonOperator(task_id="dated", python_callable=dated)
    PythonOperator(task_id="position", python_callable=position)


if asset is not None:

    @asset(schedule=None)
    def made(self, context, after_asset):
        return context["run_id"], self, after_asset
