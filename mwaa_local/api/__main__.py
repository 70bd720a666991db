"""`python -m mwaa_local.api ASKED`: the API as a process that `launch` started. ASKED is JSON."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from mwaa_local.api.address import ApiFolder, Asked, Problem
from mwaa_local.api.serving import Serving, start_error
from mwaa_local.project import STATE_DIR


def main() -> None:
    asked = Asked.from_json(json.loads(sys.argv[1]))
    try:
        Serving(asked, dict(os.environ), is_detached=True).run()
    except OSError as error:
        told = start_error(error, asked)
        problem = Problem(type(told).__name__, told.what, told.why, told.hint)
        ApiFolder.of(Path(asked.root) / STATE_DIR).write_problem(problem)
        raise


if __name__ == "__main__":
    main()
