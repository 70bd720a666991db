"""Run by the launcher's interpreter: shows a home as MWAA's `/usr/local/airflow`, then becomes a command.

    python -I space.py REQUEST
    python -I space.py HOME NAME=FOLDER... NAME:ro=FOLDER... [--cover FOLDER SCRATCH] -- COMMAND...

A mount namespace is a process's own, so this is a process of its own. A request is JSON, for a trial: `home_dir`,
`folders`, `argv`, and `envs` for where the home is MWAA's (`shown`) and where it cannot be (`linked`); why it cannot is
left in `problem_path`. The second form is for a component, where it is known that it can be; `:ro` makes a folder
read-only, and what the command changes of the covered folder goes to the scratch folder.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

SPACE_PATH = Path(__file__)
ISOLATION_PATH = Path(__file__).with_name("isolation.py")
END_OF_FOLDERS = "--"
COVER = "--cover"
READ_ONLY = ":ro"
CANNOT_RUN = 127  # as shells report it


def main() -> None:
    if END_OF_FOLDERS in sys.argv:
        end = sys.argv.index(END_OF_FOLDERS)
        _become_component(sys.argv[1], sys.argv[2:end], sys.argv[end + 1 :])
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


def _become_component(home_dir: str, shown: Sequence[str], argv: Sequence[str]) -> None:
    isolation = _isolation()
    shown, covered = list(shown), []
    if COVER in shown:
        place = shown.index(COVER)
        shown, covered = shown[:place], shown[place + 1 :]
    by_word = {name: Path(folder) for name, _, folder in (word.partition("=") for word in shown)}
    folders = {name.removesuffix(READ_ONLY): folder for name, folder in by_word.items()}
    read_only = frozenset(folders.keys() - by_word.keys())
    problem = isolation.enter_mwaa_paths(isolation.Layout(Path(home_dir), folders, read_only))
    if covered and not problem:
        problem = isolation.cover(*map(Path, covered))
    if problem:
        sys.exit(f"mwaa-local: {isolation.MWAA_HOME_DIR} cannot be shown to {argv[0]}: {problem}")
    os.chdir(isolation.MWAA_HOME_DIR)
    try:
        os.execvpe(argv[0], list(argv), _given_environment())
    except OSError as error:
        sys.stderr.write(f"mwaa-local: cannot run {argv[0]}: {error}\n")
        sys.exit(CANNOT_RUN)


def _given_environment() -> dict[bytes, bytes]:
    """Return the variables as they were given: Python itself sets LC_CTYPE in a C locale (PEP 538)."""
    fields = Path("/proc/self/environ").read_bytes().split(b"\0")
    return dict(field.split(b"=", 1) for field in fields if b"=" in field)


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
