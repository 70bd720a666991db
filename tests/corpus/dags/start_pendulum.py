import datetime as dt

import pendulum
from airflow.sdk import DAG, dag, timezone


@dag(schedule="@daily", start_date=pendulum.today("UTC").add(days=-1))  # expect: start-date-at-parse-time
def one():
    pass


one()

# expect: start-date-at-parse-time
with DAG("two", schedule="@daily", start_date=dt.datetime.now(dt.timezone.utc).replace(hour=0)):
    pass

with DAG("three", schedule="@daily", start_date=timezone.utcnow()):  # expect: start-date-at-parse-time
    pass
