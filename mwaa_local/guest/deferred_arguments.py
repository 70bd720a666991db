"""Write the arguments of deferred tasks as Airflow before 3.2 reads them: run by the newer Airflow, before a downgrade.

Airflow 3.2 keeps them in another form (`airflow.sdk.serde`), which older schedulers and triggerers cannot read: they
end with a KeyError at the first deferred task. What has the older form already stays as it is.

Source: amazon-mwaa-docker-images, images/airflow/3.3.1/python/mwaa/database/migrate_with_downgrade.py, which does so
for task instances and triggers; their history has such a column, too.
"""

from __future__ import annotations

import json
from typing import Any

from airflow.configuration import conf  # type: ignore[import-not-found]
from airflow.models.crypto import get_fernet  # type: ignore[import-not-found]
from airflow.sdk.serde import deserialize  # type: ignore[import-not-found]
from airflow.serialization.serialized_objects import BaseSerialization  # type: ignore[import-not-found]
from sqlalchemy import create_engine, inspect, text  # type: ignore[import-not-found]

TYPE, VALUE = "__type", "__var"  # of the older form
KEY_OF = {"task_instance": "id", "task_instance_history": "task_instance_id"}


def older_form(stored: Any) -> Any:
    """Return what older releases keep for it: the same objects, in their words."""
    if isinstance(stored, dict) and TYPE in stored and VALUE in stored:
        return stored
    try:
        meant = deserialize(stored)
    except Exception:  # noqa: BLE001 - a plain value, that was never serialized
        meant = stored
    return BaseSerialization.serialize(meant)


def rewrite_task_instances(connection: Any, table: str) -> None:
    key = KEY_OF[table]
    rows = connection.execute(text(f"SELECT {key}, next_kwargs FROM {table} WHERE next_kwargs IS NOT NULL"))
    for identity, stored in rows.fetchall():
        values = {"id": identity, "value": json.dumps(older_form(stored))}
        connection.execute(text(f"UPDATE {table} SET next_kwargs = :value WHERE {key} = :id"), values)


def rewrite_triggers(connection: Any) -> None:
    """Older releases take plain JSON as well as an encrypted one, so nothing is encrypted anew: as MWAA does it."""
    rows = connection.execute(text("SELECT id, kwargs FROM trigger WHERE kwargs IS NOT NULL"))
    for identity, stored in rows.fetchall():
        plain = stored if stored.startswith("{") else get_fernet().decrypt(stored.encode()).decode()
        values = {"id": identity, "value": json.dumps(older_form(json.loads(plain)))}
        connection.execute(text("UPDATE trigger SET kwargs = :value WHERE id = :id"), values)


def main() -> None:
    engine = create_engine(conf.get("database", "sql_alchemy_conn"))
    with engine.begin() as connection:
        for table in KEY_OF:
            columns = {column["name"] for column in inspect(connection).get_columns(table)}
            if {KEY_OF[table], "next_kwargs"} <= columns:
                rewrite_task_instances(connection, table)
        rewrite_triggers(connection)


if __name__ == "__main__":
    main()
