"""Show texts without the secrets in them. Pure.

For words that Airflow, a task or a DAG file said; what mwaa-local itself shows of a variable is masked by
`options.mask`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

from mwaa_local.options import MASK, is_secret

T = TypeVar("T")

MIN_SECRET_CHARACTERS = 6  # a shorter text is in too many others to be masked
# Passwords that people choose for their own machine and that every log is full of; masking them tells what they are.
EVERYDAY_WORDS = frozenset({"airflow", "default", "localhost", "password", "postgres", "secret"})
CONNECTION_PREFIX = "AIRFLOW_CONN_"


class Mask:
    """Replaces each secret in a text by `***`, the longest first. One of several lines is masked line by line."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets for line in secret.splitlines() for form in _forms(line.strip())}
        self._secrets = sorted((form for form in forms if _is_worth_it(form)), key=len, reverse=True)

    def text(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text

    def content(self, content: bytes) -> bytes:
        """Return a file's content masked, whatever else is in it."""
        for secret in self._secrets:
            content = content.replace(secret.encode("utf-8", "surrogatepass"), MASK.encode())
        return content

    def __call__(self, value: T) -> T:
        """Return the value, in whose texts, however deep in lists, tuples and mappings, each secret is masked."""
        return self._masked(value)  # type: ignore[no-any-return]  # of the same shape

    def _masked(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list | tuple):
            return type(value)(self._masked(item) for item in value)
        return {key: self._masked(item) for key, item in value.items()} if isinstance(value, dict) else value


def _forms(secret: str) -> tuple[str, str]:
    """Return the secret as it is, and as it stands in a log of JSON lines."""
    return secret, json.dumps(secret)[1:-1]


def _is_worth_it(secret: str) -> bool:
    return len(secret) >= MIN_SECRET_CHARACTERS and secret.lower() not in EVERYDAY_WORDS


def secrets_of_variables(variables: Mapping[str, str]) -> Iterator[str]:
    """Yield what must not be shown of variables, the environment's or Airflow's, whole and in parts."""
    for name, value in variables.items():
        if name.startswith(CONNECTION_PREFIX):
            yield from secrets_of_connection(value)
        elif is_secret(name, value):
            yield value
            yield from _secrets_of_url(value) if "://" in value else secrets_of_json(value)


def secrets_of_connection(connection: str) -> Iterator[str]:
    """Yield what is secret in the text of an Airflow connection: URI or JSON, whole and in parts."""
    if connection.lstrip().startswith("{"):
        yield connection
        yield from secrets_of_json(connection)
    else:
        yield from _secrets_of_url(connection)


def secrets_of_json(text: str) -> Iterator[str]:
    """Yield the values in a JSON object whose names tell that they are secret; nothing of other texts."""
    try:
        plain = json.loads(text)
    except (ValueError, RecursionError):
        return
    yield from _secret_values(plain)


def _secret_values(plain: object) -> Iterator[str]:
    for name, value in plain.items() if isinstance(plain, dict) else []:
        if isinstance(value, str):
            if is_secret(name, value):
                yield value
            yield from secrets_of_json(value)  # an extra, written as a text of JSON
        else:
            yield from _secret_values(value)


def _secrets_of_url(url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        yield url
        return
    query = dict(parse_qsl(parts.query))
    if not (parts.password or query):
        return
    yield url
    yield from (parts.password or "", unquote(parts.password or ""))
    yield from _secret_values(query)
