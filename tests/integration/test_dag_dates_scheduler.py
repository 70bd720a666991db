"""The dates that a run gets are those of the last run which that release's own scheduler would have made by now.

The scheduler is asked step by step: the first run of the schedule, the one after it, up to now. Releases without
timetables are asked with their own functions. No database but an empty SQLite one is there, and nothing runs.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mwaa_local.guest import dag_dates
from mwaa_local.packages import PackageStore
from mwaa_local.release import Release
from tests.conftest import cache_dir, make_clean_env
from tests.environments import LATEST

pytestmark = pytest.mark.network

OLDER = ("2.10.3", "2.4.3", "2.2.2", "2.0.2", "1.10.12")
VERSIONS = (LATEST, *(pytest.param(version, marks=pytest.mark.full) for version in OLDER))
PLUGIN = '''
from datetime import timedelta
import pendulum
from airflow.plugins_manager import AirflowPlugin
from airflow.timetables.base import DagRunInfo, DataInterval, Timetable


class EveryFifthDay(Timetable):
    """Counts from the start_date, like a timedelta, with a data interval of one day."""

    def infer_manual_data_interval(self, run_after):
        return DataInterval(run_after - timedelta(days=1), run_after)

    def next_dagrun_info(self, *, last_automated_data_interval, restriction):
        if last_automated_data_interval is None:
            start = restriction.earliest
        else:
            start = last_automated_data_interval.start + timedelta(days=5)
        if start is None or (restriction.latest is not None and start > restriction.latest):
            return None
        return DagRunInfo.interval(start, start + timedelta(days=1))


class OwnTimetables(AirflowPlugin):
    name = "own_timetables"
    timetables = [EveryFifthDay]
'''
# Expressions of the guest's, which a release may not know; what else `DAG` gets; whether a time off the grid is a run
# of nobody's. The dates of a year ago keep the steps few.
LONG, SHORT = (f"ago(days={days}, hours=3, minutes=20)" for days in (61, 11))
ZONED = "zoned('Europe/Berlin', 2025, 3, 20, 1, 30)"
CASES: dict[str, dict[str, str]] = {
    f"{name}{' catchup' if catchup == 'True' else ''}": {"start_date": LONG, **case, "catchup": catchup}
    for name, case in {
        "cron": {"schedule": "'30 5 * * *'"},
        "weekly": {"schedule": "'@weekly'"},
        "every 10 min": {"schedule": "'*/10 * * * *'", "start_date": "ago(hours=10)"},
        "every minute": {"schedule": "'* * * * *'", "start_date": "ago(days=1)"},
        "7 h": {"schedule": "timedelta(hours=7)", "start_date": SHORT},
        "many runs": {"schedule": "DeltaDataIntervalTimetable(timedelta(minutes=1))", "start_date": "ago(days=1)"},
        "months": {"schedule": "relativedelta(months=1)", "start_date": "datetime(2025, 1, 31)"},
        "90 min": {"schedule": "relativedelta(minutes=90)", "start_date": "ago(days=3)"},
        "daylight saving": {"schedule": "'30 2 * * *'", "start_date": ZONED},
        "hours of a zone": {"schedule": "'0 */6 * * *'", "start_date": ZONED},
        "delta of a zone": {"schedule": "timedelta(days=1)", "start_date": ZONED},
        "ended": {"schedule": "timedelta(hours=7)", "start_date": SHORT, "end_date": "ago(days=4)"},
        "cron that ended": {"schedule": "'@daily'", "end_date": "ago(days=15)"},
        "once": {"schedule": "'@once'"},
        "first one to come": {"schedule": "'@monthly'", "start_date": "ago(minutes=1)"},
        "trigger": {"schedule": "CronTriggerTimetable('0 3 * * *', timezone=UTC)"},
        "trigger of a week": {"schedule": "CronTriggerTimetable('0 3 * * 1', timezone=UTC, interval=timedelta(7))"},
        "trigger, overlapping": {"schedule": "CronTriggerTimetable('0 * * * *', timezone=UTC, interval=timedelta(1))"},
        "trigger of a zone": {"schedule": "CronTriggerTimetable('30 2 * * *', timezone=zone('Europe/Berlin'))"},
        "data intervals": {"schedule": "CronDataIntervalTimetable('0 3 * * *', timezone=UTC)"},
        "several crons": {
            "schedule": "MultipleCronTriggerTimetable('0 3 * * *', '30 4 * * *', timezone=UTC, interval=timedelta(1))"
        },
        "trigger by delta": {"schedule": "DeltaTriggerTimetable(timedelta(hours=7), interval=timedelta(hours=2))"},
        "delta's data intervals": {"schedule": "DeltaDataIntervalTimetable(timedelta(hours=7))"},
        "events": {"schedule": "EventsTimetable([ago(days=50), ago(days=9), ago(days=-9)])"},
        "time or asset": {
            "schedule": "AssetOrTimeSchedule(timetable=DeltaDataIntervalTimetable(timedelta(hours=7)),"
            " assets=[Asset('s3://bucket/key')])"
        },
        "own": {"schedule": "EveryFifthDay()"},
    }.items()
    for catchup in ("False", "True")
}
# Runs by a timedelta without catchup, which count from when the scheduler first saw the DAG: any date may be one.
FROM_ANY_DATE = {"7 h", "many runs", "months", "90 min", "delta of a zone", "ended", "trigger by delta"}
FROM_ANY_DATE |= {"delta's data intervals", "time or asset"}
NOT_DUE = {"first one to come", "first one to come catchup"}
# Where the release's own timetable does not get past the end of daylight saving time.
STUCK = {"2.4.3": {"hours of a zone catchup"}}
PROGRAM_PATH = Path(__file__).parent / "scheduler_dates.py"
LEFT_OUT = {LATEST: set(), "2.10.3": {"several crons", "trigger by delta", "time or asset"}}


def answers_of(version: str, folder: Path) -> dict[str, Any]:
    """Return what the program in the release's interpreter says."""
    base = PackageStore(cache_dir(), make_clean_env(folder)).base(Release.load(version), lambda _what: None)
    url = f"sqlite:///{folder}/airflow.db"
    plugins_dir = folder / "plugins"
    plugins_dir.mkdir()
    (plugins_dir / "own_timetables.py").write_text(PLUGIN)
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "AIRFLOW_HOME": str(folder),
        "PYTHONPATH": str(plugins_dir),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        **dict.fromkeys(("AIRFLOW__CORE__SQL_ALCHEMY_CONN", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"), url),
    }
    guest_dir = str(Path(str(dag_dates.__file__)).parent)
    done = subprocess.run(
        [str(base.python_path), str(PROGRAM_PATH), guest_dir, json.dumps(CASES)],
        env=env,
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


@pytest.mark.parametrize("version", VERSIONS)
def test_dates_are_those_of_the_schedulers_last_run(tmp_path: Path, version: str) -> None:
    answers = answers_of(version, tmp_path)
    if version in LEFT_OUT:
        left_out = {case.removesuffix(" catchup") for case in CASES.keys() - answers.keys()}
        assert left_out == LEFT_OUT[version]
    others = NOT_DUE | STUCK.get(version, set())
    wrong = {name: answer for name, answer in answers.items() if name not in others and not is_right(name, answer)}
    assert not wrong, json.dumps(wrong, indent=1)
    for name in NOT_DUE & answers.keys():
        assert answers[name]["before"] is None
        assert answers[name]["ours"][0] in ("manual", "scheduled")


def is_right(name: str, answer: dict[str, Any]) -> bool:
    before, after, (kind, *ours) = answer["before"], answer["after"], answer["ours"]
    if before is None or kind != "scheduled" or len(before) != len(ours):
        return False
    is_between = all(first <= date <= second for first, date, second in zip(before, ours, after, strict=True))
    off = "scheduled" if name in FROM_ANY_DATE else "manual"
    return is_between and answer["same"] == ["scheduled", *before] and answer["off"][0] == off
