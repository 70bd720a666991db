from datetime import datetime

from airflow.hooks.base import BaseHook
from airflow.sdk import Variable, dag, task


def tenants():
    return Variable.get("tenants", deserialize_json=True)  # expect: variable-at-top-level


def host(name="warehouse"):
    return BaseHook.get_connection(name).host  # expect: variable-at-top-level


@dag(schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False)
def by_tenant():
    @task
    def run(tenant, where):
        return tenant, where

    for tenant in tenants():
        run(tenant, host())


by_tenant()
