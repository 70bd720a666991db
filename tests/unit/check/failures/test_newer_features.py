"""What DAGs written for a later Airflow or Python fail for: since when it is there, and what to write before."""

from __future__ import annotations

import importlib
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mwaa_local.check.failures.failure import ImportFailure
from mwaa_local.check.failures.python_features import NAMES as PYTHON_NAMES
from mwaa_local.check.failures.python_features import python_hint
from mwaa_local.check.modules.airflow_features import feature_hint, name_hint
from mwaa_local.check.modules.names import ADDED
from mwaa_local.release import Release

R222, R243, R1 = Release.load("2.2.2"), Release.load("2.4.3"), Release.load("1.10.12")
NOT_TAKEN = "AirflowException: Invalid arguments were passed to {} (task_id: a). Invalid arguments were: **kwargs: {}"
FAILURE = ImportFailure("error", "SyntaxError: invalid syntax", "dags/a.py", 1, ())


@pytest.mark.parametrize(
    ("release", "name", "said"),
    [
        (
            R222,
            "airflow.operators.empty",
            "came with Airflow 2.3; on 2.2.2, write `from airflow.operators.dummy import",
        ),
        (R1, "airflow.operators.empty", "write `from airflow.operators.dummy_operator import"),
        (R243, "airflow.operators.empty", ""),
        (R243, "airflow.operators.python.BranchExternalPythonOperator", "came with Airflow 2.7"),
        (R243, "airflow.operators.python.Absent", ""),
        (R243, "airflow.operators.pythonic", ""),
        (R243, "airflow.io.path", "airflow.io came with Airflow 2.8"),
        (R243, "airflow.decorators.setup", "use ordinary tasks"),
        (Release.load("3.3.1"), "airflow.datasets", ""),  # gone, not to come
    ],
)
def test_name_of_a_later_airflow_is_told_with_what_to_write(release: Release, name: str, said: str) -> None:
    found = name_hint((name,), release)
    assert said in found
    assert bool(found) is bool(said)


@pytest.mark.parametrize(
    ("said", "code", "library", "hint"),
    [
        (
            "TypeError: __init__() got an unexpected keyword argument 'schedule'",
            ")",
            "airflow.models.dag",
            "write sched",
        ),
        ("TypeError: DAG.__init__() got an unexpected keyword argument 'schedule'", "DAG(", "", "schedule_interval"),
        (
            "TypeError: got an unexpected keyword argument 'schedule'",
            '@dag(schedule="@daily")',
            "",
            "schedule_interval",
        ),
        ("TypeError: got an unexpected keyword argument 'schedule'", "load(schedule=1)", "", ""),
        ("TypeError: plan() got an unexpected keyword argument 'schedule'", "DAG(plan(schedule=1))", "", ""),
        ("AttributeError: task decorator 'bash' not found", "@task.bash", "", "BashOperator(bash_command=…)"),
        ("AttributeError: task decorator 'bsah' not found", "@task.bsah", "", ""),
        ("AttributeError: 'function' object has no attribute 'expand'", "f.expand(x=[1])", "", "Airflow 2.3"),
        ("AttributeError: 'Tree' object has no attribute 'expand'", "tree.expand()", "", ""),
        (
            "AttributeError: type object 'BashOperator' has no attribute 'partial'",
            "BashOperator.partial(",
            "",
            "for loop",
        ),
        (NOT_TAKEN.format("BashOperator", "{'x': 1, 'map_index_template': 'y'}"), "", "", "came with Airflow 2.9"),
        (
            NOT_TAKEN.format("ExternalTaskSensor", "{'deferrable': True}"),
            "",
            "",
            'Airflow 2.7; on 2.2.2, write mode="resch',
        ),
        (NOT_TAKEN.format("S3KeySensor", "{'deferrable': True}"), "", "", "cannot be deferred"),
        (NOT_TAKEN.format("BashOperator", "{'bash_comand': 'x'}"), "", "", ""),
        (
            "E: The trigger_rule must be one of {'always', 'one_failed'},'.b'; received 'one_done'.",
            "",
            "",
            "Airflow 2.5",
        ),
        (
            "E: The trigger_rule must be one of {'always', 'one_failed'},'.b'; received 'one_faild'.",
            "",
            "",
            '="one_failed"',
        ),
    ],
)
def test_what_a_release_does_not_take_yet_is_told_with_what_to_write(
    said: str, code: str, library: str, hint: str
) -> None:
    found = feature_hint(said, (code,), library, R222)
    assert hint in found
    assert bool(found) is bool(hint)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("if (n := 3): pass", "`:=` came with Python 3.8, and MWAA runs Airflow 2.2.2 on Python 3.7: assign"),
        ("\nmatch 1:\n    case 1: pass", "`match` (line 3) came with Python 3.10"),
        ("@a[0].b\ndef f(): pass", "later Pythons can read it"),
        ("if n = 3: pass", ""),
        ("x = '\\d'\nif (n := 3): pass", "`:=`"),
        ("\0", ""),
    ],
)
def test_grammar_of_a_later_python_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags/a.py").write_text(text)
    found = python_hint(FAILURE, R222, tmp_path)
    assert found.startswith(said)
    assert bool(found) is bool(said)


def test_text_that_a_file_cannot_read_is_no_matter_of_pythons_version(tmp_path: Path) -> None:
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags/a.py").write_text("import ast\n\nx = ast.literal_eval('')\n")
    trace = ('File "dags/a.py", line 3, in <module>', "  x = ast.literal_eval('')", 'File "ast.py", line 1, in parse')
    assert python_hint(replace(FAILURE, said="SyntaxError: invalid syntax", line=3, trace=trace), R222, tmp_path) == ""


@pytest.mark.parametrize(
    ("said", "code", "release", "hint"),
    [
        ("TypeError: 'type' object is not subscriptable", "def f(a: list[str]): pass", R222, "write List[…]"),
        ("TypeError: 'type' object is not subscriptable", "x = Own[1]", R222, ""),
        ("TypeError: unsupported operand type(s) for |: 'type' and 'NoneType'", "", R222, "Optional[…]"),
        ("TypeError: unsupported operand type(s) for |: 'type' and 'NoneType'", "", R243, ""),
        ("TypeError: unsupported operand type(s) for |: 'dict' and 'dict'", "", R222, "{**a, **b}"),
        ("TypeError: unsupported operand type(s) for |: 'list' and 'dict'", "", R222, ""),
    ],
)
def test_what_later_pythons_can_do_is_named(said: str, code: str, release: Release, hint: str) -> None:
    trace = ('File "dags/a.py", line 1, in <module>', f"  {code}")
    found = python_hint(replace(FAILURE, said=said, trace=trace), release, Path("/dev/null"))
    assert hint in found
    assert bool(found) is bool(hint)


def test_names_that_python_has_by_now_are_there() -> None:
    for name, (since, _) in PYTHON_NAMES.items():
        module, _, member = name.rpartition(".")
        is_there = tuple(int(part) for part in since.split(".")) <= sys.version_info[:2]
        assert hasattr(importlib.import_module(module), member) is is_there, name
    for name in ADDED:
        assert importlib.import_module(name)


def test_package_that_airflow_asks_for_is_a_missing_one() -> None:
    said = "AirflowException: PythonVirtualenvOperator requires virtualenv, please install it."
    answer = {"kind": "error", "said": said, "path": "a", "line": 1, "trace": [], "missing": "", "connection": False}
    assert ImportFailure.from_answer({**answer, "subjects": []}).missing == "virtualenv"
