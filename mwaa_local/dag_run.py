"""One DAG run that is wanted, and the dates that it got. The program that makes it is `guest/dag_run_script.py`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mwaa_local.errors import DagNotDue, DagRunFailed
from mwaa_local.guest import dag_dates

SCRIPT_PATH = Path(str(dag_dates.__file__)).parent / "dag_run_script.py"
AS_SCHEDULED = ""  # the dates that MWAA would give the run
NO_DATE = dag_dates.NO_DATE
# What Airflow raises for the params of a DAG, by release.
PARAMS_ERRORS = ("ParamValidationError", "AirflowException: Invalid input for param")
PARAMS_HINT = 'pass values of the DAG\'s params, such as --conf \'{"day": "2026-01-01"}\''
CLI_OUTPUT_CHARACTERS = 2000  # of a failed command's output that are worth showing: its end says why


@dataclass(frozen=True)
class WantedRun:
    """What a run is to be. `conf` is JSON or empty, `date` is AS_SCHEDULED, NO_DATE or a date in ISO 8601."""

    dag_id: str
    run_id: str
    conf: str = ""
    date: str = AS_SCHEDULED

    def request(self) -> str:
        """Return what the program starts from."""
        plain = {"dag_id": self.dag_id, "run_id": self.run_id, "date": self.date}
        return json.dumps({**plain, "conf": json.loads(self.conf) if self.conf else None})


@dataclass(frozen=True)
class RunDates:
    """The dates of a run, ISO 8601 with an offset; empty where it has none. `note` says what is unusual of them."""

    logical_date: str = ""
    data_interval_start: str = ""
    data_interval_end: str = ""
    note: str = ""

    def line(self) -> str:
        """Return them in one line; "" where nothing is known of them."""
        parts = [f"logical date {self.logical_date}" if self.logical_date else "no logical date"]
        if self.data_interval_start != self.data_interval_end:  # else it says no more
            parts.append(f"data interval {self.data_interval_start} to {self.data_interval_end}")
        return ", ".join(parts) + (f" ({self.note})" if self.note else "")

    def plain(self) -> dict[str, str | None]:
        """Return plain values for JSON: null for a date that the run does not have."""
        dates = {name: value or None for name, value in vars(self).items() if name != "note"}
        return {**dates, "dates_note": self.note}


def read_answer(wanted: WantedRun, exit_code: int, output: str) -> RunDates:
    """Return the dates of the run that was made. Raises DagRunFailed where none was, DagNotDue where it is early."""
    dag_id = wanted.dag_id
    answer = _answer(output)
    if exit_code != 0 or answer is None:
        said = output.strip()[-CLI_OUTPUT_CHARACTERS:]
        raise DagRunFailed(f"cannot trigger {dag_id}: exit code {exit_code}", said, "mwaa-local logs scheduler")
    outcome, why = answer.pop("outcome"), answer.pop("why", "")
    if outcome == dag_dates.NOT_DUE:
        raise DagNotDue(f"{dag_id} cannot run yet", why, "set an earlier start_date in the DAG")
    if outcome != dag_dates.MADE:
        raise DagRunFailed(f"cannot trigger {dag_id}", why, _hint(wanted, why))
    answer.pop("kind")
    return RunDates(**answer)


def _hint(wanted: WantedRun, why: str) -> str:
    if why.startswith(PARAMS_ERRORS):
        return f"{PARAMS_HINT}, or give each a default in the DAG"
    if wanted.date not in (AS_SCHEDULED, NO_DATE):
        return "name another --logical-date, or leave it out"
    return "mwaa-local check dags"


def _answer(output: str) -> dict[str, Any] | None:
    lines = [line for line in output.splitlines() if line.startswith(dag_dates.ANSWER)]
    if not lines:
        return None
    plain = json.loads(lines[-1].removeprefix(dag_dates.ANSWER))
    return dict(plain)
