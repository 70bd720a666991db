"""Which dates a run gets, asked of each release's own timetables. No database is there, and nothing runs."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mwaa_local.guest import dag_dates
from mwaa_local.packages import PackageStore
from mwaa_local.release import Release
from mwaa_local.sandbox import NO_DATABASE_URL
from tests.conftest import cache_dir, make_clean_env
from tests.environments import LATEST

pytestmark = pytest.mark.network

# Cron without intervals; as before Airflow 3, with them; and releases without timetables.
VERSIONS = (LATEST, *(pytest.param(version, marks=pytest.mark.full) for version in ("3.0.6", "2.10.3", "2.2.2")))
WITHOUT_TIMETABLES = "1.10.12"
CASES: dict[str, dict[str, Any]] = {
    "ended": {"schedule": "@daily", "end": "2024-03-01"},
    "ended_weekly": {"schedule": "30 5 * * 1", "end": "2024-03-01"},
    "ended_every_3_h": {"schedule": 3 * 60 * 60, "end": "2024-03-01"},  # seconds
    "going": {"schedule": "@daily"},
    "once": {"schedule": "@once"},
    "by_hand": {"schedule": None},
    "to_come": {"schedule": "@daily", "start": "2100-01-01"},
    "of_the_schedule": {"schedule": "@daily", "date": "2024-02-02"},
    "of_nobody": {"schedule": "@daily", "date": "2024-02-02T12:00:00"},
    "in_its_zone": {"schedule": "@daily", "date": "2024-02-02T01:00:00+01:00"},
    "too_early": {"schedule": "@daily", "date": "2023-12-31"},
    "too_late": {"schedule": "@daily", "date": "2100-01-01"},
}
PROGRAM = """
import inspect, json, sys
from datetime import datetime, timedelta
sys.path.insert(0, sys.argv[1])
import dag_dates
from airflow import DAG
try:
    from airflow.serialization.serialized_objects import DagSerialization
except ImportError:
    from airflow.serialization.serialized_objects import SerializedDAG as DagSerialization
try:
    from airflow.providers.standard.operators.bash import BashOperator
except ImportError:
    try:
        from airflow.operators.bash import BashOperator
    except ImportError:
        from airflow.operators.bash_operator import BashOperator

word = "schedule" if "schedule" in inspect.signature(DAG.__init__).parameters else "schedule_interval"
found = {}
for name, case in json.loads(sys.argv[2]).items():
    end = {"end_date": datetime.fromisoformat(case["end"])} if "end" in case else {}
    start = datetime.fromisoformat(case.get("start", "2024-01-01"))
    schedule = timedelta(seconds=case["schedule"]) if isinstance(case["schedule"], int) else case["schedule"]
    with DAG(name, start_date=start, catchup=False, **{word: schedule}, **end) as dag:
        BashOperator(task_id="only", bash_command="true")
    dag = DagSerialization.from_dict(DagSerialization.to_dict(dag))
    try:
        dates = dag_dates.dates_of(dag, case.get("date", ""))
        found[name] = [dates.kind, *map(dag_dates.written, (dates.logical, *(dates.interval or ())))]
    except (dag_dates.NotDue, dag_dates.Refused) as error:
        found[name] = [type(error).__name__, str(error)]
try:
    import pendulum
    from airflow.timetables.base import DagRunInfo, TimeRestriction, Timetable
    class NextDay(Timetable):
        \"\"\"A day each, as in Airflow's own example: without catching up, it names only what is to come.\"\"\"
        def next_dagrun_info(self, *, last_automated_data_interval, restriction):
            if last_automated_data_interval is not None:
                start = last_automated_data_interval.end
            elif restriction.catchup:
                start = pendulum.instance(restriction.earliest).start_of("day").add(days=1)
            else:
                start = pendulum.now("UTC").start_of("day")
            return DagRunInfo.interval(start, start.add(days=1))
    info = dag_dates.last_complete(NextDay(), TimeRestriction(pendulum.datetime(2024, 1, 1), None, False))
    found["of_its_own"] = [*map(dag_dates.written, info.data_interval)]
except ImportError:
    pass
sys.stdout.write("FOUND " + json.dumps(found) + chr(10))
"""


def dates_in(version: str, folder: Path) -> dict[str, list[str]]:
    """Return kind, logical date and ends of the interval of each case; or the error and its text."""
    env = make_clean_env(folder)
    base = PackageStore(cache_dir(), env).base(Release.load(version), lambda _what: None)
    urls = dict.fromkeys(("AIRFLOW__CORE__SQL_ALCHEMY_CONN", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"), NO_DATABASE_URL)
    guest_dir = str(Path(str(dag_dates.__file__)).parent)
    done = subprocess.run(
        [str(base.python_path), "-c", PROGRAM, guest_dir, json.dumps(CASES)],
        env={"PATH": os.environ["PATH"], "AIRFLOW_HOME": str(folder), "HOME": str(folder), **urls},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("FOUND ")]
    assert lines, done.stdout + done.stderr
    found = json.loads(lines[-1].removeprefix("FOUND "))
    assert isinstance(found, dict)
    return found


def at(text: str) -> str:
    return f"{text}:00+00:00"


def midnight(days_ago: int) -> str:
    return at((datetime.now(UTC) - timedelta(days=days_ago)).strftime("%Y-%m-%dT00:00"))


def assert_errors(found: dict[str, list[str]]) -> None:
    assert found["to_come"][0] == "NotDue"
    assert at("2100-01-01T00:00") in found["to_come"][1]
    assert found["too_early"][0] == "Refused"
    assert at("2024-01-01T00:00") in found["too_early"][1]
    assert found["too_late"][0] == "Refused"
    assert "in the future" in found["too_late"][1]


@pytest.mark.parametrize("version", VERSIONS)
def test_run_has_the_dates_of_the_timetables_last_run(tmp_path: Path, version: str) -> None:
    """Cron of Airflow 3 has no intervals unless `scheduler.create_cron_data_intervals` is set."""
    has_intervals = not Release.load(version).is_at_least("3.0")
    yesterday, today = midnight(1), midnight(0)
    found = dates_in(version, tmp_path)
    day, next_day, half = at("2024-02-02T00:00"), at("2024-02-03T00:00"), at("2024-02-02T12:00")
    last, after = at("2024-03-01T00:00"), at("2024-03-02T00:00")
    week, next_week = at("2024-02-26T05:30"), at("2024-03-04T05:30")
    assert found["ended"] == ["scheduled", last, last, after if has_intervals else last]
    assert found["ended_weekly"] == ["scheduled", week, week, next_week if has_intervals else week]
    three_hours = at("2024-03-01T03:00")
    assert found["ended_every_3_h"] == ["scheduled", last, last, three_hours if has_intervals else last]
    going = ["scheduled", yesterday, yesterday, today] if has_intervals else ["scheduled", today, today, today]
    assert found["going"] == going or midnight(0) != today  # midnight came meanwhile
    assert found["of_its_own"] == [yesterday, today] or midnight(0) != today
    assert found["once"][:2] == ["scheduled", at("2024-01-01T00:00")]
    assert (found["by_hand"][0], found["by_hand"][1][:13]) in (("manual", today[:10] + hour) for hour in hours())
    for name in ("of_the_schedule", "in_its_zone"):
        assert found[name] == ["scheduled", day, day, next_day if has_intervals else day]
    assert found["of_nobody"] == ["manual", half, *((at("2024-02-01T00:00"), day) if has_intervals else (half, half))]
    assert_errors(found)


def hours() -> list[str]:
    now = datetime.now(UTC)
    return [moment.strftime("T%H") for moment in (now, now - timedelta(hours=1))]


@pytest.mark.full
def test_run_before_timetables_has_the_date_of_the_schedulers_last_run(tmp_path: Path) -> None:
    yesterday, today = midnight(1), midnight(0)
    found = dates_in(WITHOUT_TIMETABLES, tmp_path)
    assert found["ended"] == ["scheduled", at("2024-03-01T00:00")]
    assert found["ended_weekly"] == ["scheduled", at("2024-02-26T05:30")]
    assert found["ended_every_3_h"] == ["scheduled", at("2024-03-01T00:00")]
    assert found["going"] == ["scheduled", yesterday] or midnight(0) != today
    assert found["once"] == ["scheduled", at("2024-01-01T00:00")]
    assert found["by_hand"][0] == "manual"
    assert found["of_the_schedule"] == found["in_its_zone"] == ["scheduled", at("2024-02-02T00:00")]
    assert found["of_nobody"] == ["manual", at("2024-02-02T12:00")]
    assert_errors(found)
