"""Packages that requirements and startup script name."""

from __future__ import annotations

from pathlib import Path

import pytest

from mwaa_local.upgrade.own_packages import OwnPackages


@pytest.mark.parametrize(
    ("requirements", "script", "has"),
    [
        ("pandas\n", "", True),
        ("Pandas[all]==1.5.3  # ours\n", "", True),
        ("pandas==1.5.3 \\\n    --hash=sha256:1 \\\n    --hash=sha256:2\n", "", True),
        ("\ufeffpandas\n", "", True),
        ("pandas @ https://example.org/pandas.zip\n", "", True),
        ("/usr/local/airflow/plugins/pandas-1.5.3-cp310-cp310-linux_x86_64.whl\n", "", True),
        ("pandas-stubs\n--constraint pandas.txt\n# pandas\n", "", False),
        ("", "pip install pandas\n", True),
        ("", "sudo python3 -m pip install -U \\\n  'pandas>=1'\n", True),
        ("", "pip3 install -r /usr/local/airflow/dags/more.txt\n", True),
        ("", "pip install $PACKAGES\n", True),
        ("", "pip install .\n", True),
        ("", "pip install numpy\n", False),
        ("", "# pip install pandas\ndnf install pandas\n", False),
    ],
)
def test_package_is_brought_where_it_is_named_or_may_be(
    tmp_path: Path, requirements: str, script: str, has: bool
) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text(requirements, encoding="utf-8")
    assert OwnPackages.read(path, script).may_have("pandas") == has


def test_file_that_is_not_there_names_nothing(tmp_path: Path) -> None:
    assert OwnPackages.read(tmp_path / "absent.txt", "") == OwnPackages()
