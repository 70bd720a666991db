"""What is secret, and how it is shown: `***`, whoever shows it. Pure.

- A variable: `is_secret` goes by its name or value, and `mask` leaves scheme and host of an address.
- An address in a text, such as a requirement or a line of pip: `without_secrets` goes by its form alone.
- What the environment was given: `secrets_of_variables` and its kind collect it, and `Mask` finds it in any text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

T = TypeVar("T")

MASK = "***"

# Variables.

_SECRET_NAME = re.compile(
    r"PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|FERNET|CREDENTIAL|BASIC_AUTH|BROKER_URL|RESULT_BACKEND"
    r"|(^|_)(KEYS?|PASS|PWD)(_|$)"
    r"|^AIRFLOW_CONN_|(^|_)CONN(_CMD|_SECRET)?$"
)
# password=..., "token": ..., as in query strings, connection strings and JSON.
_SECRET_VALUE = re.compile(
    r"(password|passwd|passphrase|secret|token|access_?key|api_?key|signature)[\"']?\s*[=:]", re.IGNORECASE
)
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<rest>.*)", re.DOTALL)
_HOST = re.compile(r"[A-Za-z0-9._-]+(:\d+)?|\[[0-9A-Fa-f:.]+\](:\d+)?")
# The shell's working directories, and the classes of secrets backends: no passwords, whatever is in their names.
NAMED_LIKE_SECRETS = frozenset({"PWD", "OLDPWD", "AIRFLOW__SECRETS__BACKEND", "AIRFLOW__WORKERS__SECRETS_BACKEND"})


def is_secret(name: str, value: str) -> bool:
    """Return whether a variable's value must not be shown: by its name, or because it seems to hold credentials."""
    if name in NAMED_LIKE_SECRETS:
        return False
    if _SECRET_NAME.search(name.upper()) or _SECRET_VALUE.search(value):
        return True
    return "://" in value and "@" in value.partition("://")[2]


def mask(value: str) -> str:
    """Return `***`, or for a URL its scheme and host with all else masked. In doubt nothing but `***` is shown."""
    match = _URL.fullmatch(value)
    if not match:
        return MASK
    scheme, rest = match["scheme"], match["rest"]
    authority, slash, path = re.sub(r"[/?#]", "/", rest, count=1).partition("/")
    user, at, host = authority.rpartition("@")
    # An @ or / inside an unquoted password moves the borders; then what looks like the host may be part of it.
    if "@" in user or "@" in path or not _HOST.fullmatch(host):
        return f"{scheme}://{MASK}" if rest else value
    return f"{scheme}://{MASK + '@' if at else ''}{host}{slash}{MASK if path else ''}"


# Addresses in a text.

_VARIABLE = re.compile(r"\$\{[A-Z0-9_]+\}")
_USER = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<user>[^/\s?#]*)@")
# A password with a slash, a question mark or a hash in it ends the host for every reader, but is a secret no less.
_BROKEN_USER = re.compile(r"://[^/\s@\[]*:(?!\d*(?:[/\s?#]|$))[^\s@]*[/?#]\S*@")
_PARAMETER = re.compile(
    r"(?P<name>[?&](?:[^=&#\s]*(?:token|secret|password|passwd|signature|apikey)|(?:[^=&#\s]*[-_])?(?:key|sig))=)"
    r"(?P<value>[^&#\s]+)",
    re.IGNORECASE,
)


def without_secrets(text: str) -> str:
    """Return a line as it may be shown: passwords and tokens that are written out in addresses become `***`."""
    text = _BROKEN_USER.sub(f"://{MASK}@", _USER.sub(_without_password, text))
    return _PARAMETER.sub(lambda match: match["name"] + (MASK if _literal(match["value"]) else match["value"]), text)


def _without_password(match: re.Match[str]) -> str:
    name, _, password = match["user"].partition(":")
    # A name alone, over HTTP, is a token: nobody is there to be asked for the password. Over SSH it is a user.
    token = name if match["scheme"].lower().endswith(("http", "https")) and not password else ""
    return f"{match['scheme']}://{MASK}@" if _literal(password or token) else match[0]


def _literal(text: str) -> str:
    """Return what is written out of a text, rather than left to variables."""
    return _VARIABLE.sub("", text)


# What is known to be secret, in any text.

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
    """Yield the values in a JSON object whose names suggest a secret; nothing for other texts."""
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
