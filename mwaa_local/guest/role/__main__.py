"""Run it: `python -I FOLDER CONFIGURATION`, by any Python from 3.10 on."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from pathlib import Path

NAME = "mwaa_role"  # of this folder as a package, where it is no part of mwaa_local
SHARED = "mwaa_iam"  # the package's room `iam`, which this program shares


def open_folder(name: str, folder: Path) -> None:
    """Make a folder importable as a package of that name."""
    found = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert found is not None
    assert found.loader is not None
    package = importlib.util.module_from_spec(found)
    sys.modules[name] = package
    found.loader.exec_module(package)


def main() -> int:
    values = json.loads(Path(sys.argv[1]).read_bytes())
    open_folder(NAME, Path(__file__).parent)
    open_folder(SHARED, Path(values["iam"]))
    done: int = importlib.import_module(f"{NAME}.server").serve(values)
    return done


if __name__ == "__main__":
    sys.exit(main())
