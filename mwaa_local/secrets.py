"""The secrets of one project's environment: made once, kept in a private file, never in argv or a log."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from mwaa_local.errors import StateCorrupted
from mwaa_local.files import read_json, write_private

SECRETS_NAME = "secrets.json"
DOOR_KEY = "door_key"
KEY_BYTES = 32  # what Fernet asks for, and enough for the others
SESSION_KEYS = ("secret_key", "jwt_secret")  # what Airflow signs sessions with
HINT = "restore the file, or run `mwaa-local reset-db` for a new database and new secrets"


@dataclass(frozen=True)
class Secrets:
    """Keys that every component must share, and the servers' passwords."""

    fernet_key: str
    secret_key: str
    jwt_secret: str
    broker_password: str
    door_key: str  # signs the tokens of the front door
    database_passwords: Mapping[str, str] = field(default_factory=dict)  # Airflow version -> password

    def database_password(self, airflow_version: str) -> str:
        """Raises StateCorrupted if there is a database whose password is lost."""
        try:
            return self.database_passwords[airflow_version]
        except KeyError as error:
            raise StateCorrupted(
                f"the password of the {airflow_version} database is not in {SECRETS_NAME}",
                "The file was lost or changed after the database was made.",
                HINT,
            ) from error

    def with_database(self, airflow_version: str, password: str) -> Secrets:
        return replace(self, database_passwords={**self.database_passwords, airflow_version: password})

    def without_database(self, name: str) -> Secrets:
        return replace(self, database_passwords={k: word for k, word in self.database_passwords.items() if k != name})

    def of_database(self, name: str) -> Secrets:
        """Return the secrets of an environment on that database, not to be saved.

        Sessions name their users by a number, and each database counts anew: a session of another one would be
        somebody else's, so its signature must not hold here.
        """
        password = self.database_password(name).encode()
        return replace(
            self, secret_key=_derived(self.secret_key, password), jwt_secret=_derived(self.jwt_secret, password)
        )

    def without_sessions(self) -> Secrets:
        """Return the secrets with new keys for sessions: all of before are over."""
        return replace(self, secret_key=os.urandom(KEY_BYTES).hex(), jwt_secret=os.urandom(KEY_BYTES).hex())

    def save(self, state_dir: Path) -> None:
        write_private(state_dir / SECRETS_NAME, json.dumps(asdict(self), indent=1))


def load_secrets(state_dir: Path) -> Secrets:
    """Return the project's secrets, making them the first time. Raises StateCorrupted for a damaged file."""
    path = state_dir / SECRETS_NAME
    if not path.exists():
        secrets = Secrets(
            fernet_key=base64.urlsafe_b64encode(os.urandom(KEY_BYTES)).decode(),
            secret_key=os.urandom(KEY_BYTES).hex(),
            jwt_secret=os.urandom(KEY_BYTES).hex(),
            broker_password=os.urandom(KEY_BYTES // 2).hex(),
            door_key=os.urandom(KEY_BYTES).hex(),
        )
        secrets.save(state_dir)
        return secrets
    plain = read_json(path, "the file of secrets", HINT)
    is_of_before = isinstance(plain, dict) and DOOR_KEY not in plain
    if is_of_before:  # written before there was a front door
        plain = {**plain, DOOR_KEY: os.urandom(KEY_BYTES).hex()}
    try:
        secrets = Secrets(**plain)
    except TypeError as error:
        raise _changed(path, str(error)) from error
    wrong = [name for name, value in asdict(secrets).items() if not _is_secret(value)]
    if wrong:
        raise _changed(path, f"It holds no usable {', '.join(wrong)}.")
    if is_of_before:
        secrets.save(state_dir)
    return secrets


def derived_keys(plain: object) -> list[str]:
    """Return the keys of sessions of every database in the content of a file of secrets, which may be a damaged one."""
    if not isinstance(plain, dict) or not isinstance(passwords := plain.get("database_passwords"), dict):
        return []
    keys = [key for each in SESSION_KEYS if isinstance(key := plain.get(each), str)]
    return [_derived(key, word.encode()) for key in keys for word in passwords.values() if isinstance(word, str)]


def _derived(key: str, password: bytes) -> str:
    return hmac.digest(key.encode(), password, hashlib.sha256).hex()


def _is_secret(value: object) -> bool:
    if isinstance(value, dict):
        return all(_is_secret(item) for item in value.values())
    return isinstance(value, str) and value != ""


def _changed(path: Path, why: str) -> StateCorrupted:
    return StateCorrupted(f"the file of secrets is not what was written: {path}", why, HINT)


def end_sessions(state_dir: Path) -> None:
    """Renew the keys of sessions. A file of secrets that cannot be used is removed: the next start makes new ones."""
    try:
        load_secrets(state_dir).without_sessions().save(state_dir)
    except StateCorrupted:
        (state_dir / SECRETS_NAME).unlink()
