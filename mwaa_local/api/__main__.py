"""`python -m mwaa_local.api ASKED`: the API as a process that `launch` started. ASKED is JSON."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from mwaa_local.api.address import ApiFolder, Asked, Problem
from mwaa_local.api.serving import Serving
from mwaa_local.errors import disk_error
from mwaa_local.project import STATE_DIR


def main() -> None:
    asked = Asked.from_json(json.loads(sys.argv[1]))
    try:
        Serving(asked, dict(os.environ), is_detached=True).run()
    except OSError as error:
        ApiFolder.of(Path(asked.root) / STATE_DIR).write_problem(problem_of(error, asked))
        raise


def problem_of(error: OSError, asked: Asked) -> Problem:
    """Return what whoever wanted the API is told."""
    known = disk_error(error)
    if not isinstance(known, OSError):
        return Problem(type(known).__name__, known.what, known.why, known.hint)
    what = f"the API cannot listen on port {asked.port}" if asked.port else "the API cannot start"
    hint = "free that port, or set another one with `Local: {ApiPort: …}` in mwaa.yaml; 0 picks a free one"
    return Problem("PortInUse", what, str(error), hint)


if __name__ == "__main__":
    main()
