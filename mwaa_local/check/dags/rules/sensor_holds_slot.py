"""sensor-holds-slot: sensors that keep a worker's slot while they wait."""

from __future__ import annotations

from collections.abc import Iterator

from mwaa_local.check.dags.environment_facts import USUAL
from mwaa_local.check.dags.rule import DagRule, at
from mwaa_local.check.dags.sensors import poking_sensors
from mwaa_local.check.dags.source import Source
from mwaa_local.check.dags.task_time import TASK_LIMIT_S, in_words
from mwaa_local.finding import WARNING, Finding

ID = "sensor-holds-slot"
# Ours, not Airflow's: the seconds that rescheduling costs at each look are little beside a wait of an hour.
POKE_LIMIT_S = 3_600.0
# Airflow's default for `timeout`, sensors.default_timeout (airflow.sensors.base, airflow.sdk.bases.sensor).
DEFAULT_TIMEOUT_S = 7 * 86_400.0
_WHY = (
    "In poke mode a sensor keeps its worker slot for as long as it waits. A worker of {facts.environment_class} has "
    "{facts.worker_slots} slots: a few sensors block all other tasks, and MWAA adds workers, which cost money, only to "
    "wait."
)
WHY = _WHY.format(facts=USUAL)


def find(source: Source) -> Iterator[Finding]:
    """Yield sensors in poke mode that may wait for more than POKE_LIMIT_S, where no other rule tells."""
    for sensor in poking_sensors(source):
        given = source.task_argument(sensor.call, "timeout")
        is_default = given is None or source.constant(given) is None
        timeout_s = DEFAULT_TIMEOUT_S if is_default else source.seconds(given)
        if timeout_s is None or timeout_s <= POKE_LIMIT_S:
            continue
        if timeout_s > TASK_LIMIT_S and given is sensor.call.arguments.get("timeout") and not is_default:
            continue  # more than any task may last: the rule task-longer-than-12h tells of it
        how_long = f"{in_words(timeout_s)}, the default" if is_default else in_words(timeout_s)
        what = f"{sensor.name} holds a worker slot while it waits, for up to {how_long}"
        yield at(source, sensor.call.node, ID, WARNING, what, _WHY.format(facts=source.environment), _hint(source))


def _hint(source: Source) -> str:
    has_triggerer = source.release.triggerer_argv is not None
    deferrable = ", or deferrable=True where the sensor has it" if has_triggerer else ""
    return f'add mode="reschedule"{deferrable}; or a timeout= of at most {in_words(POKE_LIMIT_S)}'


RULE = DagRule(
    id=ID,
    severity=WARNING,
    meaning="A sensor in poke mode may hold a worker slot for more than an hour.",
    why=WHY,
    bad="""\
from datetime import datetime

from airflow.providers.amazon.aws.sensors.s3 import S3KeySensor
from airflow.sdk import DAG

with DAG("arrivals", schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False):
    S3KeySensor(task_id="wait", bucket_key="s3://my-bucket/day.csv", timeout=6 * 60 * 60)
""",
    good="""\
from datetime import datetime

from airflow.providers.amazon.aws.sensors.s3 import S3KeySensor
from airflow.sdk import DAG

with DAG("arrivals", schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False):
    S3KeySensor(task_id="wait", bucket_key="s3://my-bucket/day.csv", mode="reschedule", timeout=6 * 60 * 60)
    S3KeySensor(task_id="wait_well", bucket_key="s3://my-bucket/day.csv", deferrable=True)
""",
    find=find,
)
