"""Run by a release's interpreter in the place of `airflow`: runs a command on one DAG, and says whether there is one.

    python dag_test_script.py FILE WORD...

The words are Airflow's. Where it finds no such DAG, its traceback is kept back: FILE then is JSON with `dags`, the ids
of those that exist, and `import_errors`, file -> traceback. Runs on Python 3.7 and Airflow 2.0 too.
"""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":  # this file's folder, the first on the path, has modules named as those of Python
    sys.path[0] = os.getcwd()  # noqa: PTH109 - pathlib would be looked for there; as `python -m airflow` has it

import json
from pathlib import Path
from typing import Any

NOT_FOUND = "could not be found"  # `airflow.utils.cli.get_dag` of all releases since 2.0
NO_DAG_EXIT_CODE = 2
INTERRUPTED_EXIT_CODE = 130  # 128 + SIGINT, as shells report it


def main() -> Any:
    answer_path, sys.argv = Path(sys.argv[1]), ["airflow", *sys.argv[2:]]
    try:
        from airflow.__main__ import main as airflow  # type: ignore[import-not-found]

        return airflow()
    except KeyboardInterrupt:  # who pressed Ctrl-C knows where
        return INTERRUPTED_EXIT_CODE
    except Exception as error:
        if type(error).__name__ != "AirflowException" or not is_no_such_dag(str(error)):
            raise
        answer_path.write_text(json.dumps(_known(error)), encoding="utf-8")
        return NO_DAG_EXIT_CODE


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
