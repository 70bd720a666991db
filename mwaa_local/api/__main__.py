"""`python -m mwaa_local.api ASKED`: the API as a process that `launch` started. ASKED is JSON."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from mwaa_local.api.address import ApiFolder, Asked, Problem
from mwaa_local.api.serving import Serving, start_error
from mwaa_local.errors import MwaaLocalError
from mwaa_local.project import STATE_DIR


def main() -> None:
    asked = Asked.from_json(json.loads(sys.argv[1]))
    try:
        Serving(asked, dict(os.environ), is_detached=True).run()
    except MwaaLocalError as error:
        _tell(error, asked)
        sys.exit(str(error))
    except OSError as error:
        _tell(start_error(error, asked), asked)
        raise


def _tell(error: MwaaLocalError, asked: Asked) -> None:
    """Leave for whoever wanted the API what kept it from starting."""
    problem = Problem(type(error).__name__, error.what, error.why, error.hint)
    ApiFolder.of(Path(asked.root) / STATE_DIR).write_problem(problem)


if __name__ == "__main__":
    main()
