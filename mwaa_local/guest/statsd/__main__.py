"""Run it: `python -I FOLDER CONFIGURATION`, by any Python from 3.10 on."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path

NAME = "mwaa_statsd"  # of this folder as a package, where it is no part of mwaa_local


def main() -> int:
    folder = Path(__file__).parent
    found = importlib.util.spec_from_file_location(
        NAME, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert found is not None
    assert found.loader is not None
    package = importlib.util.module_from_spec(found)
    sys.modules[NAME] = package
    found.loader.exec_module(package)
    done: int = importlib.import_module(f"{NAME}.server").serve(Path(sys.argv[1]))
    return done


if __name__ == "__main__":
    sys.exit(main())
