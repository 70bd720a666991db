"""What a dump of elsewhere may define beside tables: looked for before the database is used.

Functions, triggers, rules and the like run as whoever uses the tables, and so do expressions of defaults, checks and
indexes. That is never a superuser (`pg_dump.hand_over`); what is refused here is what no Airflow has.
"""

from __future__ import annotations

import contextlib
import re

import psycopg2

from mwaa_local.database.session import refusal
from mwaa_local.database.tables import SCHEMA
from mwaa_local.errors import DumpRefused

ELSEWHERE = (
    "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE c.relkind IN ('r', 'p') AND c.oid >= %s AND n.nspname <> %s AND n.nspname !~ '^pg_' ORDER BY 1 LIMIT 1"
)
FIRST_OID = 16384  # of what is no part of every PostgreSQL (FirstNormalObjectId in access/transam.h)
RUNS = {
    "function": "SELECT proname FROM pg_proc WHERE true",
    "trigger": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal",
    "rule or view": "SELECT ev_class::regclass::text FROM pg_rewrite WHERE true",
    "policy": "SELECT polname FROM pg_policy WHERE true",
    "operator": "SELECT oprname FROM pg_operator WHERE true",
    "statistics object": "SELECT stxname FROM pg_statistic_ext WHERE true",
    "cast": "SELECT castsource::regtype::text FROM pg_cast WHERE true",
    "operator class": "SELECT opcname FROM pg_opclass WHERE true",
    "type that is no enumeration": "SELECT typname FROM pg_type WHERE typtype NOT IN ('e', 'c') AND typelem = 0",
}
EXPRESSIONS = (
    "SELECT adrelid::regclass::text, pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid >= %s",
    "SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint"
    " WHERE contype = 'c' AND conrelid >= %s",
    "SELECT indexrelid::regclass::text, concat(pg_get_expr(indexprs, indrelid), ' ', pg_get_expr(indpred, indrelid))"
    " FROM pg_index WHERE indexrelid >= %s",
    "SELECT partrelid::regclass::text, pg_get_expr(partexprs, partrelid) FROM pg_partitioned_table"
    " WHERE partrelid >= %s",
)
# Functions that Airflow's defaults, checks and indexes call, and words that stand before a parenthesis as those do.
FUNCTIONS = "nextval now timezone lower upper length char_length coalesce gen_random_uuid"
WORDS = "any all in check and or not array varying character numeric timestamp time bit"
HARMLESS = frozenset(f"{FUNCTIONS} {WORDS}".split())
# Texts and quoted names are read as one, from left to right: either may have the other's mark in it.
_TOKEN = re.compile(r"""(?P<text>'(?:[^']|'')*')|(?P<name>"(?:[^"]|"")*"|\w+)(?P<called>\s*\()?""")


def refuse_more_than_tables(url: str) -> None:
    """Raise DumpRefused where a database has what runs by itself, or calls what Airflow never does."""
    try:
        connection = psycopg2.connect(url)
        with contextlib.closing(connection), connection, connection.cursor() as cursor:
            cursor.execute("SET search_path = pg_catalog")
            for what, query in RUNS.items():
                cursor.execute(f"{query} AND oid >= {FIRST_OID} LIMIT 1")
                if found := cursor.fetchone():
                    raise _more(f"a {what}, {found[0]}")
            cursor.execute(ELSEWHERE, (FIRST_OID, SCHEMA))
            if found := cursor.fetchone():
                raise DumpRefused(
                    f"the dump has a table outside the schema {SCHEMA}: {found[0]}",
                    f"mwaa-local keeps Airflow's tables in {SCHEMA}, and would leave that one out.",
                    f"if it is Airflow's, rename its schema to {SCHEMA} in a copy of that database and dump the copy; "
                    f"else dump with pg_dump --schema={SCHEMA}",
                )
            for query in EXPRESSIONS:
                cursor.execute(query, (FIRST_OID,))
                for place, text in cursor.fetchall():
                    if calls := calls_of(text or "") - HARMLESS:
                        raise _more(f"an expression of {place} that calls {', '.join(sorted(calls))}")
    except psycopg2.Error as error:
        raise refusal(error) from error


def calls_of(expression: str) -> set[str]:
    """Return what an expression of SQL calls, and words that look alike."""
    return {found["name"].strip('"').lower() for found in _TOKEN.finditer(expression) if found["called"]}


def _more(what: str) -> DumpRefused:
    return DumpRefused(
        f"the dump defines more than tables: {what}",
        "No Airflow has that, and whoever uses the tables would run it.",
        "drop it in a copy of that database and dump the copy; pg_dump --exclude-table=NAME leaves out a view",
    )
