"""Run by the launcher's interpreter: shows the project as MWAA's `/usr/local/airflow`, then becomes the command.

    python -I import_space.py REQUEST

A mount namespace is a process's own, so this is a process of its own. The request is JSON: `home_dir`, `folders`,
`argv`, and `envs` for where the home is MWAA's (`shown`) and where it cannot be (`linked`); why it cannot is left in
`problem_path`.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path
from types import ModuleType

ISOLATION_PATH = Path(__file__).parents[2] / "isolation.py"


def main() -> None:
    path = Path(sys.argv[1])
    request = json.loads(path.read_text(encoding="utf-8"))
    path.unlink()  # the environment may hold secrets
    isolation = _isolation()
    home_dir = Path(request["home_dir"])
    folders = {name: Path(folder) for name, folder in request["folders"].items()}
    layout = isolation.Layout(home_dir, folders)
    problem = isolation.enter_mwaa_paths(layout)
    if problem:
        isolation.link_mwaa_paths(layout)
        Path(request["problem_path"]).write_text(problem, encoding="utf-8")
    os.chdir(home_dir if problem else isolation.MWAA_HOME_DIR)
    argv = request["argv"]
    os.execve(argv[0], argv, request["envs"]["linked" if problem else "shown"])


def _isolation() -> ModuleType:
    """Return the module without its package, whose other modules take their time."""
    spec = importlib.util.spec_from_file_location("mwaa_local_isolation", ISOLATION_PATH)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
