"""What runs first in every container: the startup script, pip, the first migration, then the component itself.

    entrypoint run CMD...      run the startup script, merge what it exported, become CMD or look after it
    entrypoint exec CMD...     become CMD with the variables of the component that runs here
    entrypoint install         startup script and pip, once for all containers
    entrypoint migrate         prepare the metadata database, once
    entrypoint health NAME     exit code 0 when that component is well; `health webserver PATH`

Which component this is says MWAA_LOCAL_SERVICE, all else `<service>.json` in the folder that Compose mounts; the
launcher (mwaa_local/runtime/compose/startup_values.py) wrote it. Runs on the release's own Python, 3.7 to 3.13,
with nothing but the standard library; only what asks the database imports psycopg2. Never imports Airflow: that would
take seconds.

How MWAA treats a startup script is told in mwaa_local/startup/outcome.py, the merging in
mwaa_local/configuration/merge.py.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

from container import Container
from places import Places
from running import FAILED, SIGNAL_OFFSET, WRONG_USAGE, Refused


def end(number: int, _frame: object) -> NoReturn:
    """Leave through all that must be tidied up: a command that still runs is stopped, too."""
    raise SystemExit(SIGNAL_OFFSET + number)


def main(argv: Sequence[str], own: Mapping[str, str], places: Places) -> int:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    container = Container(own, places)
    mode, words = (argv[0], list(argv[1:])) if argv else ("", [])
    try:
        if mode == "run" and words:
            return container.run(words)
        if mode == "exec" and words:
            container.exec(words)
        if mode in ("install", "migrate") and not words:
            return container.install() if mode == "install" else container.migrate()
        if mode == "health" and words:
            return container.health(*words)
        raise Refused("usage: entrypoint run CMD... | exec CMD... | install | migrate | health NAME", WRONG_USAGE)
    except Refused as error:
        print(f"mwaa-local: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:  # no space, no permission: the path that it names tells enough
        print(f"mwaa-local: {error}", file=sys.stderr)
        return FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ, Places()))
