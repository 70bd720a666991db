"""What ruff's rules on Airflow find."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from ruff import find_ruff_bin  # type: ignore[import-untyped]

from mwaa_local.check.dags.air import AIR_RULES, air_findings, air_names
from mwaa_local.finding import NOTE, WARNING, Subject
from mwaa_local.release import Release
from tests.environments import LATEST
from tests.unit.check.dags.dag_sources import OLD, OLDEST, FindAir


def test_names_removed_in_airflow_3_are_warnings_there_and_notes_before(air: FindAir) -> None:
    new, old = air(), air(version=OLD)
    for code in ("ruff-AIR301", "ruff-AIR302"):
        assert (new[code].severity, old[code].severity) == (WARNING, NOTE)
        assert "the upgrade to Airflow 3: " in old[code].hint
        assert "upgrade" not in new[code].hint
    assert new["ruff-AIR302"].path == "dags/a.py"
    assert new["ruff-AIR302"].line == 10
    assert (
        new["ruff-AIR302"].what
        == "`airflow.operators.dummy.DummyOperator` is moved into `standard` provider in Airflow 3.0"
    )
    assert new["ruff-AIR302"].subjects == (Subject("name", "airflow.operators.dummy.DummyOperator"),)


def test_names_that_still_work_are_notes_on_airflow_3_alone(air: FindAir) -> None:
    new, old = air(), air(version=OLD)
    assert {new[code].severity for code in ("ruff-AIR311", "ruff-AIR312")} == {NOTE}
    assert not {"ruff-AIR311", "ruff-AIR312"} & set(old)
    assert new["ruff-AIR311"].what == "`airflow.DAG` is deprecated since Airflow 3.0"


def test_what_airflow_3_has_still_is_no_matter_for_the_upgrade(air: FindAir) -> None:
    text = "from airflow.operators.email import EmailOperator\nEmailOperator(task_id='a')\n"
    assert air(text, version=OLD) == {}


def test_names_to_ask_the_release_for_are_those_told_of_and_those_advised(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text("from airflow.models.param import Param\nParam(1)\n")
    assert air_names([path], tmp_path, Release.load(LATEST), {}) == (
        "airflow.models.param.Param",
        "airflow.sdk.Param",
        "airflow.sdk.definitions.param.Param",
    )
    assert air_names([path], tmp_path, Release.load(OLDEST), {}) == ()


def test_dag_without_schedule_is_worth_a_warning_where_it_would_run_daily(air: FindAir) -> None:
    new, old = air()["ruff-AIR002"], air(version=OLD)["ruff-AIR002"]
    assert (new.line, new.severity, old.severity) == (9, NOTE, WARNING)


def test_values_that_change_are_reported_once_by_one_rule(air: FindAir) -> None:
    assert air()["ruff-AIR304"].line == 12
    text = "from datetime import datetime\nfrom airflow.sdk import DAG\n"
    assert air(f"{text}DAG('a', schedule=None, start_date=datetime.now())\n") == {}
    assert "ruff-AIR304" not in air(version=OLD)


def test_airflow_1_has_no_advice_of_ruff(air: FindAir) -> None:
    assert air(version=OLDEST) == {}


def test_each_remark_is_made_once_a_file(tmp_path: Path) -> None:
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text("from airflow import DAG\n" + "DAG('a', schedule=None)\n" * 3)
    items = air_findings([tmp_path / "a.py", tmp_path / "b.py"], tmp_path, Release.load(LATEST), {})
    assert [(item.path, item.line, item.rule) for item in items] == [
        ("a.py", 2, "ruff-AIR311"),
        ("b.py", 2, "ruff-AIR311"),
    ]


def test_users_own_settings_of_ruff_change_nothing(air: FindAir, tmp_path: Path) -> None:
    (tmp_path / "ruff.toml").write_text('exclude = ["*"]\n[lint]\nselect = []\n')
    assert set(air(env={"RUFF_OUTPUT_FORMAT": "full", "RUFF_NO_CACHE": "x"})) == set(air())
    assert set(air())


def test_files_without_python_or_without_a_trace_are_left_out(tmp_path: Path) -> None:
    broken, missing = tmp_path / "-broken.py", tmp_path / "missing.py"
    broken.write_text("def (\n")
    good = tmp_path / "dag [1] é.py"
    good.write_text("from airflow import DAG\nDAG('a', schedule=None)\n")
    items = air_findings([broken, missing, good], tmp_path, Release.load(LATEST), {})
    assert [(item.path, item.rule) for item in items] == [("dag [1] é.py", "ruff-AIR311")]
    assert air_findings([], tmp_path, Release.load(LATEST), {}) == ()


def test_schedule_may_be_among_arguments_that_are_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "dag.py"
    path.write_text("from airflow.sdk import DAG\nMORE = {'schedule': None}\nDAG('a', **MORE)\nDAG('b')\n")
    items = air_findings([path], tmp_path, Release.load(LATEST), {})
    assert [(item.line, item.rule) for item in items] == [(4, "ruff-AIR002")]


def test_every_airflow_rule_of_this_ruff_is_taken_or_left_out_for_a_reason() -> None:
    listed = subprocess.run(
        [find_ruff_bin(), "rule", "--all", "--output-format", "json"], capture_output=True, check=True
    )
    codes = {rule["code"] for rule in json.loads(listed.stdout) if (rule["code"] or "").startswith("AIR")}
    left_out = {
        "AIR001",  # a matter of taste
        "AIR003",  # variable-at-top-level
        "AIR004",  # likewise
        "AIR201",  # likewise
        "AIR202",  # likewise
    }
    assert codes == set(AIR_RULES) | left_out
