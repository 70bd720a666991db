"""What is noted of the Variables that a file, or a plugin, asks for."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from mwaa_local.check.dags.importing import PROBE_PATH

sys.path.append(str(PROBE_PATH.parent))

from import_recorder import Recorder  # type: ignore[import-not-found]
from import_secrets import Secrets  # type: ignore[import-not-found]

FILE = "/usr/local/airflow/dags/a.py"


def variable_class() -> type:
    """Return a class that is declared as Airflow's, without its look-up, which is what is replaced."""

    class Variable:
        @staticmethod
        def get(key: str, default_var: Any = None, deserialize_json: bool = False) -> Any: ...
        @staticmethod
        def set(key: str, value: Any) -> None: ...

    return Variable


def recorded(code: str, path: str = FILE) -> Recorder:
    recorder = Recorder([("/usr/local/airflow/dags", "dags"), ("/usr/local/airflow/plugins", "plugins")])
    variable = variable_class()
    Secrets(recorder, {"variables": {"known": "a"}, "connections": {}})._install_variable(variable)
    exec(compile(code, path, "exec"), {"Variable": variable})
    return recorder


@pytest.mark.parametrize(
    ("code", "asked", "defaulted"),
    [
        ("\nVariable.get('tenants', default_var='[]', deserialize_json=True)", [], [("tenants", "dags/a.py", 2)]),
        ("Variable.get('tenants', None)", [], [("tenants", "dags/a.py", 1)]),
        ("Variable.get('tenants')", [("tenants", "dags/a.py", 1)], []),
        ("Variable.get('known', default_var='b')", [], []),
        ("Variable.set('set', 'b')\nVariable.get('set', 'c')", [], []),
    ],
)
def test_default_that_was_used_is_noted_apart(code: str, asked: list[Any], defaulted: list[Any]) -> None:
    recorder = recorded(code)
    assert [(item["name"], item["path"], item["line"]) for item in recorder.asked] == asked
    assert [(item["name"], item["path"], item["line"]) for item in recorder.defaulted] == defaulted
    assert recorder.asked_outside == bool(asked or defaulted or recorder.touches)
    recorder.forget()
    assert not recorder.asked_outside


def test_default_that_airflow_itself_uses_is_not_noted() -> None:
    library = "/usr/local/lib/python3.11/site-packages/airflow/a.py"
    assert not recorded("Variable.get('own', 'b')", library).asked_outside


def test_plugin_counts_as_well() -> None:
    path = Path("/usr/local/airflow/plugins/tenants.py")
    assert recorded("Variable.get('tenants', '')", str(path)).asked_outside
