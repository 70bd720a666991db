"""Two DAG runs that want one date at the same moment both come about."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mwaa_local.dag_run import SCRIPT_PATH, WantedRun, read_answer
from tests.environments import SAMPLE_DAG, RunningEnvironment

pytestmark = pytest.mark.network

# The program of `up --run`, with another run that takes the date after the program has found it free.
RIVAL = """
import sys
sys.path.insert(0, {folder!r})
import dag_run_script
sys.path.pop(0)
create, rivals = dag_run_script.create, []


def beaten(dag, run_id, conf, dates, session):
    if not rivals:
        rivals.append("rival__" + run_id)
        with dag_run_script.new_session() as other:
            create(dag, rivals[0], conf, dates, other)
    return create(dag, run_id, conf, dates, session)


dag_run_script.create = beaten
sys.exit(dag_run_script.main())
"""


def test_run_whose_date_is_taken_meanwhile_gets_another(latest_environment: RunningEnvironment, tmp_path: Path) -> None:
    program_path = tmp_path / "rival.py"
    program_path.write_text(RIVAL.format(folder=str(SCRIPT_PATH.parent)), encoding="utf-8")
    wanted = WantedRun(SAMPLE_DAG, "race", date="2026-01-02")
    dates = read_answer(wanted, *latest_environment.runtime.capture("scheduler", [wanted.request()], program_path))
    runs = latest_environment.query(
        "SELECT run_id, logical_date FROM dag_run WHERE dag_id = %s AND run_id IN ('race', 'rival__race') ORDER BY 2",
        SAMPLE_DAG,
    )
    assert [run_id for run_id, _ in runs] == ["rival__race", "race"]
    assert (runs[1][1] - runs[0][1]).total_seconds() == pytest.approx(1e-6)
    assert "is another run's date" in dates.note
    assert json.loads(wanted.request())["date"][:10] == dates.logical_date[:10]
