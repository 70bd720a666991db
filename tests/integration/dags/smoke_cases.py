"""DAGs that end in every way in which a DAG run can end, for all generations of Airflow."""

from __future__ import annotations

import os
import signal
import time
from datetime import datetime, timedelta

try:  # Airflow 3
    from airflow.providers.standard.operators.python import PythonOperator
    from airflow.sdk import DAG
    from airflow.sdk.exceptions import AirflowSkipException

    DAILY = {"schedule": "@daily"}
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.exceptions import AirflowSkipException
    from airflow.operators.python import PythonOperator

    DAILY = {"schedule_interval": "@daily"}


def dag(dag_id: str, *tags: str, **settings: object) -> DAG:
    """Return a DAG that would run for years of days if its schedule counted."""
    start = datetime(2024, 1, 1)
    return DAG(dag_id, start_date=start, catchup=True, tags=["smoke", *tags], **DAILY, **settings)


def call(task_id: str, function, **settings: object) -> PythonOperator:
    return PythonOperator(task_id=task_id, python_callable=function, **settings)


def say(**context: object) -> None:
    print("conf is", context["dag_run"].conf)


def fail() -> None:
    print("about to fail")
    raise ValueError("this task fails")


def fail_at_first(**context: object) -> None:
    if context["ti"].try_number == 1:
        raise ValueError("this try fails")


def skip() -> None:
    raise AirflowSkipException("nothing to do")


def hang() -> None:
    print("about to hang", flush=True)
    time.sleep(3600)


def die() -> None:
    print("about to die", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)


# Each has a name, since Airflow 2.2 sees no other.
with dag("good", "main") as good:
    first = call("say", say)
    if hasattr(PythonOperator, "partial"):  # Airflow 2.3 and later
        mapped = PythonOperator.partial(task_id="mapped", python_callable=print).expand(op_args=[["a"], ["b"]])
        first >> mapped

with dag("retries", "main") as retries:
    call("flaky", fail_at_first, retries=2, retry_delay=timedelta(seconds=1))

with dag("skips", "main") as skips:
    call("skip", skip) >> call("after", say)

with dag("fails", "main") as fails:
    call("fail", fail, retries=0) >> call("after", say)

with dag("dies") as dies:
    call("die", die, retries=0)

with dag("hangs") as hangs:
    call("hang", hang, retries=0) >> call("after", say)

with dag("no.pool") as no_pool:
    call("wait", say, pool="nosuch")
