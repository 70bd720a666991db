"""The agreement of the requirements check with pip as a table: `python -m tests.agreement.table 3.3.1 [NAME…]`.

A row for each file, as it is known, then the differences in full, and a row of sums. Without names, all files of the
release.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from mwaa_local.release import Release
from tests.agreement.comparison import ask_check, ask_pip, difference, load, open_pip, write_project
from tests.agreement.index import index_of_one_day
from tests.agreement.settings import cache_dir, caller_env, pages_dir


def main(airflow_version: str, names: list[str]) -> int:
    """Print the table; return how many answers differ that are not known to."""
    files = [file for file in load(airflow_version) if not names or file.name in names]
    began, counts = time.monotonic(), Counter[str]()
    with (
        index_of_one_day(caller_env(os.environ), pages_dir(os.environ)) as env,
        tempfile.TemporaryDirectory(prefix="agreement-") as folder,
    ):
        pip = open_pip(Release.load(airflow_version), cache_dir(os.environ), Path(folder), env)
        for number, file in enumerate(files):
            work_dir = Path(folder) / str(number)
            project = write_project(file, work_dir / "project", env)
            checked = ask_check(file, project, env, cache_dir(os.environ))
            installed = ask_pip(file, project, pip, work_dir)
            told = difference(checked, installed)
            known = file.known_difference(env)
            same = ("known" if known else "NO") if told else ("NOT ANY MORE" if known else "yes")
            counts[same] += 1
            print(
                f"{airflow_version} | {file.name} | {checked.outcome} {len(checked.changes)} {checked.elapsed_s:.1f} s "
                f"| {installed.outcome} {len(installed.changes)} {installed.elapsed_s:.1f} s | {same}",
                flush=True,
            )
            if told:
                print("    " + told.replace("\n", "\n    "), flush=True)
    sums = ", ".join(f"{same} {count}" for same, count in counts.most_common())
    print(f"{airflow_version} | {len(files)} files | {sums} | {time.monotonic() - began:.0f} s", flush=True)
    return counts["NO"] + counts["NOT ANY MORE"]


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1], sys.argv[2:]), 1))
