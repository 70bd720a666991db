"""Run by a release's interpreter in the place of `airflow`: runs a command on one DAG, and says whether there is one.

    python dag_test_script.py FILE DATE WORD...

The date and the words are those of `dag_test_dates`. Where Airflow finds no such DAG, its traceback is kept back: FILE
then is JSON with `dags`, the ids of those that exist, and `import_errors`, file -> traceback. SIGINT ends the run and
all that its tasks have started. Runs on Python 3.7 and Airflow 2.0 too.
"""

from __future__ import annotations

import os
import sys

# This file's folder is first on the path where an interpreter runs it; the fork server does not put it there.
if __name__ == "__main__" and sys.path[0] == os.path.dirname(os.path.abspath(__file__)):  # noqa: PTH100, PTH120
    sys.path[0] = os.getcwd()  # noqa: PTH109 - modules would be looked for there; as `python -m airflow` has it

import importlib
import json
from pathlib import Path
from typing import Any

OWN_DIR = str(Path(__file__).resolve().parent)
NOT_FOUND = "could not be found"  # `airflow.utils.cli.get_dag` of all releases since 2.0
NO_DAG_EXIT_CODE = 2


def main() -> Any:
    answer_path, date, sys.argv = Path(sys.argv[1]), sys.argv[2], ["airflow", *sys.argv[3:]]
    with own("dag_test_interruption").ended_by_interrupt() as interruption:
        dates = own("dag_test_dates")
        dates.adopt(date)
        interruption.tidy = dates.leave_dates
        from airflow.__main__ import main as airflow  # type: ignore[import-not-found]

        try:
            return airflow()
        except Exception as error:
            if type(error).__name__ != "AirflowException" or not is_no_such_dag(str(error)):
                raise
            answer_path.write_text(json.dumps(_known(error)), encoding="utf-8")
            return NO_DAG_EXIT_CODE


def own(module: str) -> Any:
    """Return a module that stands beside this file."""
    sys.path.insert(0, OWN_DIR)
    try:
        return importlib.import_module(module)
    finally:
        sys.path.remove(OWN_DIR)


def is_no_such_dag(text: str) -> bool:
    """Say whether Airflow means that; it raises the same class for much else, and its command line prints the words."""
    return NOT_FOUND in text


def _known(error: BaseException) -> dict[str, Any]:
    """Return what Airflow found instead: the bag that it filled is still in the frames that raised."""
    dags: set[str] = set()
    import_errors: dict[str, str] = {}
    trace = error.__traceback__
    while trace is not None:
        for value in trace.tb_frame.f_locals.values():
            if type(value).__name__ in ("DagBag", "BundleDagBag"):
                dags.update(value.dags)
                import_errors.update({str(path): str(text) for path, text in value.import_errors.items()})
        trace = trace.tb_next
    return {"dags": sorted(dags), "import_errors": import_errors}


if __name__ == "__main__":
    sys.exit(main())
