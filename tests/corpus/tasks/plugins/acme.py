"""A plugin with a macro."""

from airflow.plugins_manager import AirflowPlugin


def month(day):
    return day


class Acme(AirflowPlugin):
    name = "acme"
    macros = [month]
