"""The tokens of one environment: what CreateCliToken and CreateWebLoginToken hand out, and what the door takes.

A token says for itself what it is good for and is signed with a key that the control plane and the door share, so that
neither has to ask the other. Who used one is remembered by the door alone, in a private file.

Standard library only: the door runs where nothing else of this package is.
"""

from __future__ import annotations

import base64
import contextlib
import enum
import hashlib
import hmac
import json
import os
import secrets
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .signing_in import PAGE

# MWAA user guide, "Creating an Apache Airflow CLI token" and "Creating a web login token": both live for 60 seconds.
LIFETIME_S = 60
CLI = "cli"
WEB = "web"
ID_BYTES = 16  # what cannot be guessed in a token, besides its signature
MAX_CHARACTERS = 4096  # a longer text was never a token of ours


class Role(str, enum.Enum):
    """Airflow's own roles, the most powerful first (MWAA user guide, "Apache Airflow access policies")."""

    ADMIN = "Admin"
    OP = "Op"
    USER = "User"
    VIEWER = "Viewer"
    PUBLIC = "Public"


ROLES = tuple(role.value for role in Role)
LOGIN_PATH = f"{PAGE}?login=true"


def own_user(role: str) -> str:
    """Return as whom Airflow knows who opens it from this machine: one user for each role, since a user has one."""
    return f"mwaa-local/{role.lower()}"


class TokenRefused(Exception):
    """A token that is not good here, and why: for a log, since a client is told no more than that it was refused."""


@dataclass(frozen=True)
class Claims:
    """What a token says: for what and where it is good, until when (epoch seconds), and as whom its bearer comes."""

    kind: str  # CLI or WEB
    environment: str
    expires: int
    role: str  # Airflow's: Admin, Op, User, Viewer or Public
    user: str  # as CreateWebLoginToken's IamIdentity has it
    id: str


def mint(
    key: str,
    kind: str,
    environment: str,
    *,
    role: str = "Admin",
    user: str = "",
    lifetime_s: int = LIFETIME_S,
    now: float | None = None,
) -> str:
    """Return a new token of that environment."""
    expires = int(time.time() if now is None else now) + lifetime_s
    claims = Claims(kind, environment, expires, role, user, secrets.token_urlsafe(ID_BYTES))
    said = _encoded(json.dumps(asdict(claims), separators=(",", ":")).encode())
    return f"{said}.{_signature(key, said)}"


def read(key: str, kind: str, environment: str, token: str, now: float | None = None) -> Claims:
    """Return what a token says. Raises TokenRefused unless it is one of that kind, for that environment, and valid."""
    said, _, signature = token.partition(".")
    if len(token) > MAX_CHARACTERS or not token.isascii():
        raise TokenRefused("not a token")
    if not hmac.compare_digest(signature, _signature(key, said)):
        raise TokenRefused("not signed by this environment")
    claims = _claims(said)
    if claims.kind != kind:
        raise TokenRefused(f"a {claims.kind} token where a {kind} token is wanted")
    if claims.environment != environment:
        raise TokenRefused("a token of another environment")
    if (time.time() if now is None else now) >= claims.expires:
        raise TokenRefused("expired")
    return claims


class UsedTokens:
    """Which single-use tokens were taken, kept in a file so that a door that starts anew takes none a second time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._expiry_of = self._load()

    def take(self, claims: Claims, now: float | None = None) -> bool:
        """Take the token; return whether nobody had taken it before."""
        if claims.id in self._expiry_of:
            return False
        now = time.time() if now is None else now
        self._expiry_of = {name: expires for name, expires in self._expiry_of.items() if expires > now}
        self._expiry_of[claims.id] = claims.expires
        self._save()
        return True

    def give_back(self, claims: Claims) -> None:
        """Let the token be taken again, where taking it came to nothing."""
        if self._expiry_of.pop(claims.id, None) is not None:
            self._save()

    def _load(self) -> dict[str, int]:
        with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):
            plain: dict[str, Any] = json.loads(self._path.read_bytes())
            return {str(name): int(expires) for name, expires in plain.items()}
        return {}

    def _save(self) -> None:
        beside = self._path.with_name(self._path.name + ".new")
        beside.unlink(missing_ok=True)  # its mode, where somebody else made it, would stay
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump(self._expiry_of, file)
        beside.replace(self._path)


def _claims(said: str) -> Claims:
    """Return what a signed text says; what we signed is well-formed, but for another version of this program."""
    try:
        return Claims(**json.loads(base64.urlsafe_b64decode(said + "=" * (-len(said) % 4))))
    except (ValueError, TypeError) as error:
        raise TokenRefused("not a token of this version") from error


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _signature(key: str, said: str) -> str:
    return _encoded(hmac.digest(key.encode(), said.encode(), hashlib.sha256))
