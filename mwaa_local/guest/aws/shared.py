"""Rooms of the package that this program shares: folders of the standard library alone, opened by their paths."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

IAM = "mwaa_iam"  # the name by which this program imports the room `iam`


def open_shared(name: str, folder: Path) -> None:
    """Make a folder importable as a package of that name."""
    found = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert found is not None
    assert found.loader is not None
    package = importlib.util.module_from_spec(found)
    sys.modules[name] = package
    found.loader.exec_module(package)
