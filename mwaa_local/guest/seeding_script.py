"""Run by a release's interpreter: puts connections, pools and variables into the metadata database, all or none.

    python -I seeding_script.py FILE

FILE is JSON with a member `seed`: `file`, `mark`, `connections`, `pools`, `variables`. Airflow's own models write
them, so that passwords are encrypted and columns filled as this release wants them. The mark stays in the database as
a comment on a table: it goes where the data go, and the same file is not put in twice. Runs on Python 3.7 and Airflow
1.10 too.

How it ended is said twice: in words for people, and in a line of JSON for the launcher (`seeding`), which reads no
words. Both go to stdout, the one way out that there is in every runtime.

Not for checking what the file holds: that is `airflow_settings`.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Any, Callable  # noqa: UP035 - collections.abc's cannot be subscripted in Python 3.7

DATABASE_VARIABLES = ("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "AIRFLOW__CORE__SQL_ALCHEMY_CONN")
MARKED_TABLE = "slot_pool"  # every release has it
MARK_PREFIX = "mwaa-local:"
SAID = "mwaa-local: "  # how the lines for people begin
ANSWER = "mwaa-local seed: "  # and how that for the launcher does
PUT, HELD, REFUSED = "put", "held", "refused"


def main() -> int:
    seed = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["seed"]
    if current_mark() == MARK_PREFIX + seed["mark"]:
        say("the database holds all of {} already".format(seed["file"]))
        answer(HELD)
        return 0
    return put_all(seed)


def current_mark() -> str:
    """Return the mark that is in the database; asked without Airflow, whose import takes longest of all."""
    import psycopg2

    url = next(os.environ[name] for name in DATABASE_VARIABLES if os.environ.get(name))
    connection = psycopg2.connect(url.replace("+psycopg2", "", 1))
    with contextlib.closing(connection), connection.cursor() as cursor:
        cursor.execute("SELECT obj_description(%s::regclass)", (MARKED_TABLE,))
        return str((cursor.fetchone() or ("",))[0])


def put_all(seed: dict[str, Any]) -> int:
    from sqlalchemy import text  # type: ignore[import-not-found]

    try:
        from airflow.utils.session import create_session  # type: ignore[import-not-found]
    except ImportError:  # Airflow 1.10
        from airflow.utils.db import create_session  # type: ignore[import-not-found]

    kinds = (("connection", put_connection), ("pool", put_pool), ("variable", put_variable))
    with create_session() as session:
        for kind, put in kinds:
            for entry in seed[kind + "s"]:
                problem = try_to_put(put, session, entry)
                if problem is not None:
                    session.rollback()
                    words = (seed["file"], entry["line"], kind, entry["name"], problem["error"], problem["message"])
                    say("{}:{}: the {} {}: {}: {}".format(*words))
                    answer(REFUSED, line=entry["line"], kind=kind, name=entry["name"], **problem)
                    return 1
        session.execute(text("COMMENT ON TABLE {} IS '{}'".format(MARKED_TABLE, MARK_PREFIX + seed["mark"])))
    counts = [(len(seed[kind + "s"]), kind) for kind, _ in kinds]
    say("put in " + ", ".join("{} {}{}".format(n, kind, "" if n == 1 else "s") for n, kind in counts if n))
    answer(PUT, counts={kind: n for n, kind in counts if n})
    return 0


def try_to_put(put: Callable[[Any, Any], None], session: Any, entry: dict[str, Any]) -> dict[str, str] | None:
    """Return what went wrong, without SQLAlchemy's list of values, which may be secret; None where nothing did."""
    try:
        put(session, entry)
        session.flush()
    except Exception as error:  # noqa: BLE001 - whatever Airflow and the database have against the entry
        lines = str(getattr(error, "orig", error)).strip().splitlines()
        return {"error": type(error).__name__, "message": lines[0] if lines else ""}
    return None


def put_connection(session: Any, entry: dict[str, Any]) -> None:
    """Write a connection in the place of one with its name: Airflow's setters do not clear what is empty."""
    from airflow.models import Connection  # type: ignore[import-not-found]

    old = session.query(Connection).filter(Connection.conn_id == entry["name"]).first()
    if old is not None:
        session.delete(old)
        session.flush()
    session.add(Connection(conn_id=entry["name"], **entry["fields"]))


def put_pool(session: Any, entry: dict[str, Any]) -> None:
    from airflow.models import Pool

    pool = session.query(Pool).filter(Pool.pool == entry["name"]).first()
    if pool is None:
        pool = Pool(pool=entry["name"])
        if hasattr(Pool, "include_deferred"):  # of Airflow 2.7 and later, and never without a value
            pool.include_deferred = False
        session.add(pool)
    pool.slots, pool.description = entry["slots"], entry["description"]


def put_variable(session: Any, entry: dict[str, Any]) -> None:
    from airflow.models import Variable

    variable = session.query(Variable).filter(Variable.key == entry["name"]).first()
    if variable is None:
        session.add(Variable(key=entry["name"], val=entry["value"]))
    else:
        variable.set_val(entry["value"])


def say(text: str) -> None:
    write(SAID + text)


def answer(outcome: str, **values: object) -> None:
    write(ANSWER + json.dumps(dict(values, outcome=outcome)))


def write(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
