"""What the requirements file of a move brings."""

from __future__ import annotations

from pathlib import Path

import pytest

from mwaa_local.check.requirements.verdict import Checked, Conflict, PackageChange, Unchecked, Verdict, Works
from mwaa_local.project import Project
from mwaa_local.upgrade.requirements import _settled


def change(name: str) -> PackageChange:
    return PackageChange(name, "2.1.4", "", is_downgrade=False, reasons=("seaborn",), size_bytes=None)


@pytest.mark.parametrize(
    ("verdict", "installed"),
    [
        (Works((change("Pandas"), change("typing_extensions"))), {"pandas", "typing-extensions"}),
        (Conflict((), "no"), None),
        (Unchecked("no index"), None),
    ],
    ids=["works", "conflict", "unchecked"],
)
def test_packages_that_come_along_are_known_where_the_file_works(
    tmp_path: Path, verdict: Verdict, installed: set[str] | None
) -> None:
    checked = Checked("requirements/requirements.txt", "2.10.3", "3.11", verdict, (), 0.1)
    assert _settled(Project(tmp_path), checked, [], {}).installed == installed
