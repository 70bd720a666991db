"""Sessions of Airflow's web server: what a caller with a role gets, by generation.

On MWAA a user of Flask-AppBuilder stands behind each, made at the first sign-in. Releases of 2.x know it by the cookie
`session`; Airflow 3's API by the JSON Web Token in `_token`, and its pages of users and roles by `session` again.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from weakref import WeakValueDictionary

from . import jwt
from .airflow_login import LoginFailed, new_password, session_cookie
from .commands import CommandsBeside
from .configuration import DoorConfiguration
from .proxy import Upstream
from .signing_in import SESSION, TOKEN, is_airflow_3

# MWAA user guide, "Accessing the Apache Airflow UI": 12 hours.
SESSION_S = 12 * 3600
# API reference, AirflowIdentity: at most 64 characters, longer names are hashed.
MAX_NAME = 64
MAX_FIRST_NAME = 64  # of the column, until Airflow 2.6
MAIL_DOMAIN = "mwaa-local.invalid"  # users must have an address; this one is nobody's (RFC 2606)
LAST_NAME = "-"
__all__ = ["SESSION_S", "Caller", "LoginFailed", "Sessions"]


@dataclass(frozen=True)
class Caller:
    """Who signs in: as CreateWebLoginToken's IamIdentity has it, and with which role of Airflow's own."""

    name: str
    role: str

    @property
    def username(self) -> str:
        """Airflow's name of the user."""
        if len(self.name) <= MAX_NAME:
            return self.name
        return hashlib.sha256(self.name.encode()).hexdigest()[:MAX_NAME]


class Sessions:
    """Makes sessions."""

    def __init__(self, configuration: DoorConfiguration, upstream: Upstream, commands: CommandsBeside) -> None:
        self._configuration, self._upstream, self._commands = configuration, upstream, commands
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()  # by username, while one is in use

    @property
    def is_3(self) -> bool:
        return is_airflow_3(self._configuration.generation)

    @property
    def login_path(self) -> str:
        """Airflow's own login form."""
        return "/auth/login/" if self.is_3 else "/login/"

    async def make(self, caller: Caller, user_agent: str) -> dict[str, str]:
        """Return the cookies of a new session, by Airflow's names. Raises LoginFailed, CommandServerGone."""
        password, password_hash = new_password()
        async with self._lock_of(caller):
            user_id = await self._user(caller, password_hash)
            session = await session_cookie(self._upstream, self.login_path, caller.username, password, user_agent)
        if not self.is_3:
            return {SESSION: session}
        return {SESSION: session, TOKEN: self.token_of(user_id)}

    async def token(self, caller: Caller) -> str:
        """Return a token of Airflow 3's API. Raises CommandServerGone."""
        async with self._lock_of(caller):
            return self.token_of(await self._user(caller, new_password()[1]))

    def token_of(self, user_id: int) -> str:
        return jwt.mint(self._configuration.keys["jwt"], str(user_id), SESSION_S)

    def _lock_of(self, caller: Caller) -> asyncio.Lock:
        """Return what one sign-in of a user holds: the next gives the user another password."""
        return self._locks.setdefault(caller.username, asyncio.Lock())

    async def _user(self, caller: Caller, password_hash: str) -> int:
        digest = hashlib.sha256(caller.username.encode()).hexdigest()[:16]
        return await self._commands.make_user(
            {
                "username": caller.username,
                "first_name": caller.name[:MAX_FIRST_NAME],
                "last_name": LAST_NAME,
                "email": f"{digest}@{MAIL_DOMAIN}",
                "password_hash": password_hash,
                "role": caller.role,
            }
        )
