import dataclasses
from datetime import datetime

from airflow.sdk import DAG, BaseOperator, Variable


class Settings:
    def __init__(self):
        self.bucket = Variable.get("bucket")  # expect: variable-at-top-level
        self.load()

    def load(self):
        self.prefix = Variable.get("prefix")  # expect: variable-at-top-level

    def later(self):
        return Variable.get("later")

    @classmethod
    def of(cls, name):
        Variable.get(name)  # expect: variable-at-top-level
        return cls()


@dataclasses.dataclass
class Limits:
    count: int = 1

    def __post_init__(self):
        self.count = int(Variable.get("count"))  # expect: variable-at-top-level


class Copy(BaseOperator):
    def __init__(self, source, **more):
        super().__init__(**more)
        self.source = source or Variable.get("source")  # expect: variable-at-top-level

    def execute(self, context):
        return Variable.get("target")


class Factory:
    start = datetime.now()

    def build(self):
        with DAG("built", schedule=None, start_date=self.start) as made:
            Copy(task_id="copy", source=None)
        return made

    def build_moving(self):
        return DAG("moving", schedule=None, start_date=datetime.now())  # expect: start-date-at-parse-time


settings = Settings.of("name")
limits = Limits()
factory = Factory()
built = factory.build()
moving = Factory().build_moving()
