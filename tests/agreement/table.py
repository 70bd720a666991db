"""The agreement of the requirements check with pip as a table: `python -m tests.agreement.table 3.3.1 [NAME…]`.

A row for each file, as it is known, then the differences in full. Without names, all files of the release.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from mwaa_local.release import Release
from tests.agreement.comparison import ask_check, ask_pip, difference, load, open_pip, write_project
from tests.agreement.settings import cache_dir, caller_env


def main(airflow_version: str, names: list[str]) -> int:
    """Print the table; return how many answers differ."""
    files = [file for file in load(airflow_version) if not names or file.name in names]
    differing = 0
    with tempfile.TemporaryDirectory(prefix="agreement-") as folder:
        env = caller_env(os.environ)
        pip = open_pip(Release.load(airflow_version), cache_dir(os.environ), Path(folder), env)
        for number, file in enumerate(files):
            work_dir = Path(folder) / str(number)
            project = write_project(file, work_dir / "project")
            checked = ask_check(file, project, env, cache_dir(os.environ))
            installed = ask_pip(file, project, pip, work_dir)
            told = difference(checked, installed)
            differing += told != ""
            same = "yes" if not told else "known" if file.disagreement else "NO"
            print(
                f"{airflow_version} | {file.name} | {checked.outcome} {len(checked.changes)} {checked.elapsed_s:.1f} s "
                f"| {installed.outcome} {len(installed.changes)} {installed.elapsed_s:.1f} s | {same}",
                flush=True,
            )
            if told:
                print("    " + told.replace("\n", "\n    "), flush=True)
    return differing


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1], sys.argv[2:]), 1))
