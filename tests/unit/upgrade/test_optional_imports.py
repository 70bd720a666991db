"""Which imports a file needs of the image."""

from __future__ import annotations

import pytest

from mwaa_local.check.dags.source import Source
from mwaa_local.release import Release
from mwaa_local.upgrade.optional_imports import needed_imports


@pytest.mark.parametrize(
    ("text", "is_needed"),
    [
        ("import pandas\n", True),
        ("def f():\n    import pandas as pd\n", True),
        ("from pandas.x import y\n", True),
        ("try:\n    import pandas\nfinally: ...\n", True),
        ("from airflow.decorators import task\n@task\ndef f():\n    import pandas\n", True),
        ("A(python_callable=f)\ndef f():\n    import pandas\n", True),
        ("with suppress(ValueError):\n    import pandas\n", True),
        ("from . import pandas\n", False),
        ("try:\n    import pandas\nexcept ImportError:\n    pandas = None\n", False),
        ("try:\n    import polars\nexcept ImportError:\n    import pandas\n", False),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pandas\n", False),
        ("if fast:\n    import pandas\n", False),
        ("import contextlib\nwith contextlib.suppress(ImportError):\n    import pandas\n", False),
        ("from contextlib import suppress\nwith suppress(ModuleNotFoundError):\n    import pandas\n", False),
        ("import importlib.util\nif importlib.util.find_spec('pandas'): ...\ndef f():\n    import pandas\n", False),
        ("from airflow.decorators import task\n@task.virtualenv(a=1)\ndef f():\n    import pandas\n", False),
        ("from airflow.decorators import task\n@task.external_python\ndef f():\n    import pandas\n", False),
        ("from airflow.sdk import task\n@task.kubernetes(a=1)\ndef f():\n    import pandas\n", False),
        ("from airflow.sdk import task\n@task.docker(a=1)\ndef f():\n    import pandas\n", False),
        ("PythonVirtualenvOperator(python_callable=f)\ndef f():\n    import pandas\n", False),
        ("ExternalPythonOperator(python_callable=f)\ndef f():\n    import pandas\n", False),
    ],
)
def test_import_that_a_file_can_do_without_is_not_needed(text: str, is_needed: bool) -> None:
    source = Source.parse(text.encode(), "dags/a.py", Release.load("2.4.3"))
    assert source is not None
    assert any(name.partition(".")[0] == "pandas" for name, _ in needed_imports(source)) == is_needed
