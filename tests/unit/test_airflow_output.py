"""JSON that Airflow's commands print, with what releases log around it."""

from __future__ import annotations

import pytest

from tests.airflow_output import json_in

WARNING_3 = "2026-11-30T12:00:00.123456Z [warning  ] Could not import graphviz. Rendering is off. [airflow.utils]\n"
INFO_2 = "[2026-11-30T12:00:00.123+0000] {dagbag.py:540} INFO - Filling up the DagBag from /usr/local/airflow/dags\n"
ROWS = [{"run_id": "manual__1", "state": "success"}, {"run_id": "manual__2", "state": "failed"}]
ONE_LINE = '[{"run_id": "manual__1", "state": "success"}, {"run_id": "manual__2", "state": "failed"}]\n'
SEVERAL_LINES = '[\n  {"run_id": "manual__1", "state": "success"},\n  {"run_id": "manual__2", "state": "failed"}\n]\n'


@pytest.mark.parametrize("before", ["", WARNING_3, INFO_2, WARNING_3 + INFO_2], ids=["none", "3", "2", "both"])
@pytest.mark.parametrize("rows", [ONE_LINE, SEVERAL_LINES], ids=["one line", "several lines"])
@pytest.mark.parametrize("after", ["", WARNING_3], ids=["nothing after", "a line after"])
def test_rows_are_found_between_log_lines(before: str, rows: str, after: str) -> None:
    assert json_in(before + rows + after) == ROWS


def test_no_rows_are_an_empty_list() -> None:
    assert json_in(f"{WARNING_3}[]\n") == []


def test_output_without_json_is_shown() -> None:
    with pytest.raises(AssertionError, match="No data found"):
        json_in(f"{INFO_2}No data found\n")
