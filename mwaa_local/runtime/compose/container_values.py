"""What components of containers are told of each other: addresses, keys, and the password of the database.

The password is one for each release, as is the volume that the database is in.
"""

from __future__ import annotations

import os

from mwaa_local.configuration.local_values import QUEUE_NAME, LocalValues
from mwaa_local.database.connection import DATABASE, USER
from mwaa_local.errors import StateCorrupted
from mwaa_local.isolation import MWAA_HOME_DIR
from mwaa_local.place import Place, url_of
from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.runtime.compose.containers import OwnContainers, compose_name
from mwaa_local.runtime.compose.place import POSTGRES_PORT, REDIS_PORT
from mwaa_local.runtime.ports import WEBSERVER
from mwaa_local.secrets import Secrets
from mwaa_local.services.metrics import statsd_values
from mwaa_local.web_address import DOOR, WebAddress


def with_database_password(
    secrets: Secrets, project: Project, release: Release, own: OwnContainers, *, is_asked: bool
) -> Secrets:
    """Return the secrets of an environment on the release's database, whose password is made and saved if it has none.

    Raises StateCorrupted where the database is there already; the engine is only asked for it if `is_asked`.
    """
    key = password_key(release.airflow_version)
    if key in secrets.database_passwords:
        return secrets.of_database(key)
    volume = own.database_volume(release.airflow_version)
    if is_asked and volume in own.engine.volumes(compose_name(project)):
        raise StateCorrupted(
            f"the password of the database in the volume {volume} is lost",
            "The file of secrets was lost or changed after the database was made.",
            "restore the file, or run `mwaa-local reset-db` for a new database",
        )
    secrets = secrets.with_database(key, os.urandom(16).hex())
    secrets.save(project.state_dir)
    return secrets.of_database(key)


def database_password(secrets: Secrets, release: Release) -> str:
    return secrets.database_passwords[password_key(release.airflow_version)]


def password_of(secrets: Secrets, airflow_version: str) -> str:
    """Return the password of a database that is there. Raises StateCorrupted if it is lost."""
    return secrets.database_password(password_key(airflow_version))


def password_key(airflow_version: str) -> str:
    """Return under which name the secrets keep it."""
    return f"docker {airflow_version}"


def container_values(secrets: Secrets, release: Release, place: Place) -> LocalValues:
    """Return what one start decided, as containers see it."""
    password = database_password(secrets, release)
    database = f"postgresql+psycopg2://{USER}:{password}@postgres:{POSTGRES_PORT}/{DATABASE}"
    return LocalValues(
        database_url=database,
        result_backend=f"db+{database}",
        broker_url=f"redis://:{secrets.broker_password}@redis:{REDIS_PORT}/0",
        default_queue=QUEUE_NAME,
        fernet_key=secrets.fernet_key,
        secret_key=secrets.secret_key,
        jwt_secret=secrets.jwt_secret,
        web_url=WebAddress(place.ports[DOOR], place.authority).url,
        web_is_secure=str(bool(place.authority)),
        execution_api_url=f"{url_of(place.reached(WEBSERVER))}/execution/",
        **statsd_values(place),
        airflow_home=str(MWAA_HOME_DIR),
    )
