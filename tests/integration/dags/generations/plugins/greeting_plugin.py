"""A macro, and an operator that Airflow 1.10 offers as `airflow.operators.greeting_plugin`."""

from airflow.models import BaseOperator
from airflow.plugins_manager import AirflowPlugin


def greet(whom):
    return "hello " + whom


class GreetOperator(BaseOperator):
    def __init__(self, whom, **kwargs):
        super().__init__(**kwargs)
        self.whom = whom

    def execute(self, context):
        print(greet(self.whom))


class GreetingPlugin(AirflowPlugin):
    name = "greeting_plugin"
    macros = [greet]
    operators = [GreetOperator]
