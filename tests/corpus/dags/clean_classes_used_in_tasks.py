from datetime import datetime

from airflow.sdk import Variable, dag, task


class Client:
    def __init__(self, name="client"):
        self.token = Variable.get(name)

    def fetch(self):
        return Variable.get("address")


class Unused:
    def __init__(self):
        self.value = Variable.get("value")


class Child(Client):
    pass


@dag(schedule=None, start_date=datetime(2024, 1, 1), catchup=False)
def calls():
    @task
    def call():
        client = Client()
        return client.fetch()

    @task
    def call_again(make=Client):
        return make("other").fetch()

    call() >> call_again()


calls()
