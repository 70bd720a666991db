"""Make or change one user of Airflow's web server, in the metadata database, and give it a role.

    web_user.py < JSON        with the web server's variables

    {"username", "first_name", "last_name", "email", "password_hash", "role": str}
    {"user_id": int}  or  {"refused": str}

What MWAA does at each sign-in (user guide, "Apache Airflow access policies"): of Airflow's own roles a user has the one
that IAM grants, roles of the customer's own making stay. Nothing of Airflow is imported: that would take seconds.
"""

import json
import os
import sys

import psycopg2

URL_VARIABLES = ("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "AIRFLOW__CORE__SQL_ALCHEMY_CONN")
ROLES = ("Admin", "Op", "User", "Viewer", "Public")
LOCK = 0x6D776161  # of this program among PostgreSQL's advisory locks
COLUMNS = ("first_name", "last_name", "email", "password")


class Refused(Exception):
    """Why there is no such user now."""


def database_url():
    for name in URL_VARIABLES:
        if os.environ.get(name):
            return os.environ[name].replace("postgresql+psycopg2://", "postgresql://", 1)
    raise Refused("no metadata database is set")


def put(rows, wanted):
    """Return the id of the user, made or changed."""
    rows.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
    rows.execute("SELECT to_regclass('ab_user'), to_regclass('ab_role')")
    if None in rows.fetchone():
        raise Refused("the web server has not made its tables yet")
    rows.execute("SELECT id FROM ab_role WHERE name = %s", (wanted["role"],))
    role = rows.fetchone()
    if role is None:
        raise Refused("the web server has not made its roles yet")
    values = [wanted["first_name"], wanted["last_name"], wanted["email"], wanted["password_hash"]]
    rows.execute("SELECT id FROM ab_user WHERE lower(username) = lower(%s)", (wanted["username"],))
    user = rows.fetchone()
    if user is None:
        rows.execute(
            "INSERT INTO ab_user (id, username, active, created_on, changed_on, %s)"
            " VALUES (nextval('ab_user_id_seq'), %%s, true, now(), now(), %%s, %%s, %%s, %%s) RETURNING id"
            % ", ".join(COLUMNS),
            [wanted["username"]] + values,
        )
        user = rows.fetchone()
    else:
        setting = ", ".join("%s = %%s" % column for column in COLUMNS)
        rows.execute("UPDATE ab_user SET active = true, %s WHERE id = %%s" % setting, values + [user[0]])
    give_role(rows, user[0], role[0])
    return user[0]


def give_role(rows, user, role):
    """Let the user have that one of Airflow's own roles."""
    rows.execute(
        "DELETE FROM ab_user_role WHERE user_id = %s AND role_id <> %s"
        " AND role_id IN (SELECT id FROM ab_role WHERE name IN %s)",
        (user, role, ROLES),
    )
    rows.execute(
        "INSERT INTO ab_user_role (id, user_id, role_id) SELECT nextval('ab_user_role_id_seq'), %s, %s"
        " WHERE NOT EXISTS (SELECT 1 FROM ab_user_role WHERE user_id = %s AND role_id = %s)",
        (user, role, user, role),
    )


def main():
    wanted = json.load(sys.stdin)
    try:
        if wanted["role"] not in ROLES:
            raise Refused("no role of Airflow's own: %s" % wanted["role"])
        connection = psycopg2.connect(database_url())
        try:
            with connection, connection.cursor() as rows:
                said = {"user_id": put(rows, wanted)}
        finally:
            connection.close()
    except Refused as error:
        said = {"refused": str(error)}
    except psycopg2.Error as error:
        said = {"refused": "the metadata database refused: %s" % type(error).__name__}
    print(json.dumps(said))


if __name__ == "__main__":
    main()
