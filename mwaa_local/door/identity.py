"""As whom a request reaches Airflow: its cookies under Airflow's names and, where nobody need sign in, an admin.

On Airflow 3 the environment's own admin stands for whoever comes with neither a cookie of ours nor an Authorization
header, so that the plain page, curl and scripts work without a login; with `Login: mwaa` nobody does. Nor does it for
who has signed in, or tried to: whoever asked for a role must not get all rights because that failed or is over.
A bearer token from a browser counts as none where this environment did not sign it, or it has expired.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from aiohttp import web
from multidict import CIMultiDict

from . import cookies, jwt
from .configuration import MWAA, DoorConfiguration
from .cookies import ASKED
from .login_page import GO_ON_PATH, SIGNED_OUT_HEADERS, signed_out_page
from .sessions import SESSION_S, Caller, Sessions
from .signing_in import SESSION, TOKEN

ADMIN = Caller("mwaa-local", "Admin")
# Pages of Flask-AppBuilder (users, roles), which know no token but a session only.
PAGES_WITH_SESSION = "/auth/"
# Nobody is asked for there, or else somebody in particular.
WITHOUT_ADMIN = ("/auth/login", "/auth/logout", "/static/", "/api/v2/monitor/health", "/api/v2/version")
BASIC, BEARER = "basic", "bearer"
TOKEN_PATH = "/auth/token"
SIGNED_OUT_TEXT = (
    "mwaa-local: the session that was signed in to has ended, or signing in failed. Sign in again with a web login"
    " token.\nTo go on as admin, as everybody does here who never signed in, send no cookies.\n"
)
GO_ON_TEXT = (
    f"mwaa-local: {GO_ON_PATH} takes POST alone: the button of the page that says that you are not signed in.\n"
)
Make = Callable[[], Awaitable[str]]


@dataclass
class Guise:
    """One request's headers, changed on both ways."""

    prefix: str  # of cookie names in browsers; "" for a program
    given: list[tuple[str, str]]  # cookies as they came
    found: list[tuple[str, str]]  # by Airflow's names
    bearer: str = field(default="", repr=False)
    is_admin: bool = False  # our own: what the web server sets is not the client's
    drops_passwords: bool = False
    drops_bearer: bool = False  # the client's own
    is_secure: bool = False  # the client speaks https

    def going(self, headers: CIMultiDict[str]) -> None:
        if self.found != self.given:
            headers.popall("Cookie", None)
        if self.found and self.found != self.given:
            headers["Cookie"] = cookies.written(self.found)
        given = headers.getall("Authorization", [])
        if self.drops_passwords and any(map(is_basic, given)):
            headers.popall("Authorization")
            headers.extend(("Authorization", value) for value in given if not is_basic(value))
        if self.bearer and (self.drops_bearer or "Authorization" not in headers):
            headers["Authorization"] = f"Bearer {self.bearer}"

    def coming(self, headers: CIMultiDict[str]) -> None:
        if not (self.prefix or self.is_admin or self.is_secure):
            return
        came = list(headers.items())
        headers.clear()
        for name, value in came:
            is_set = name.lower() == "set-cookie"
            if is_set and self.is_admin and cookies.name_set(value) in cookies.AIRFLOWS:
                continue
            headers.add(name, self._as_set(value) if is_set else value)

    def _as_set(self, set_cookie: str) -> str:
        """Return a Set-Cookie header as the client gets it."""
        named = cookies.renamed(set_cookie, self.prefix) if self.prefix else set_cookie
        return cookies.secured(named) if self.is_secure else named


def is_basic(authorization: str) -> bool:
    """Say whether an Authorization header has a password, whatever stands between scheme and credentials."""
    return authorization.lower().split(None, 1)[:1] == [BASIC]


def bearer_of(headers: Mapping[str, str]) -> str:
    """Return the token of an Authorization header, "" for another scheme."""
    scheme, _, token = headers.get("Authorization", "").strip().partition(" ")
    return token.strip() if scheme.lower() == BEARER else ""


class Identity:
    """Says as whom requests come."""

    def __init__(self, configuration: DoorConfiguration, sessions: Sessions, prefix: str) -> None:
        self._configuration, self._sessions, self._prefix = configuration, sessions, prefix
        self._admin_token = _Renewed()
        self._admin_session = _Renewed()

    async def of(self, request: web.Request) -> Guise:
        """Return the guise of a request. Raises LoginFailed, CommandServerGone where our own admin is not there yet."""
        from_browser = cookies.is_browser(request.headers)
        given = cookies.pairs(CIMultiDict(request.headers))
        found = cookies.as_airflows(given, self._prefix, from_browser)
        guise = Guise(self._prefix if from_browser else "", given, found)
        guise.is_secure = request.secure
        guise.drops_passwords = self._configuration.login == MWAA
        if not self._sessions.is_3:
            return guise
        guise.drops_bearer = self._drops_bearer(request)
        if self._has_credentials(request):
            return guise
        token = cookies.value_of(found, TOKEN)
        if token and self._is_valid(token):
            guise.bearer = token  # Airflow 3.0's server reads no cookie
        elif self._configuration.login != MWAA and (from_browser or not token):
            await self._be_admin(guise, request.path)
        return guise

    def _drops_bearer(self, request: web.Request) -> bool:
        """Say whether a bearer token counts as none: Airflow 3.0's pages keep one in the browser's storage, that of
        another Airflow on this port too.
        """
        bearer = bearer_of(request.headers)
        return bool(bearer and cookies.is_browser(request.headers) and not self._is_valid(bearer))

    def _has_credentials(self, request: web.Request) -> bool:
        """Say whether a request has an Authorization header about which Airflow decides."""
        return "Authorization" in request.headers and not self._drops_bearer(request)

    def _is_valid(self, token: str) -> bool:
        return jwt.is_valid(self._configuration.keys["jwt"], token)

    async def answer(self, request: web.Request) -> web.Response | None:
        """Return the answer to who is signed out; a token to a script that asks for one as Airflow's manager without a
        login has it; None to others.
        """
        if not self._sessions.is_3 or self._configuration.login == MWAA:
            return None
        if request.path == GO_ON_PATH:
            return self._go_on(request)
        wants_token = (request.method, request.path) == ("GET", TOKEN_PATH)
        if self._is_signed_out(request) and (wants_token or not self._has_credentials(request)):
            if "text/html" in request.headers.get("Accept", ""):
                page = signed_out_page()
                return web.Response(status=401, text=page, content_type="text/html", headers=SIGNED_OUT_HEADERS)
            return web.Response(status=401, text=SIGNED_OUT_TEXT)
        if not wants_token or self._is_signed_in(request):
            return None
        made = await self._admin_token.get(lambda: self._sessions.token(ADMIN))
        return web.json_response({"access_token": made}, status=201)

    def _is_signed_out(self, request: web.Request) -> bool:
        """Say whether who asks was, or wanted to be, signed in and is not."""
        if request.path.startswith(WITHOUT_ADMIN):
            return False
        has_asked = cookies.value_of(cookies.pairs(CIMultiDict(request.headers)), self._prefix + ASKED) != ""
        return has_asked and not self._is_signed_in(request)

    def _is_signed_in(self, request: web.Request) -> bool:
        """Say whether a valid token comes with a request, as a cookie or not."""
        given = cookies.pairs(CIMultiDict(request.headers))
        found = cookies.as_airflows(given, self._prefix, cookies.is_browser(request.headers))
        return any(map(self._is_valid, (cookies.value_of(found, TOKEN), bearer_of(request.headers))))

    def _go_on(self, request: web.Request) -> web.Response:
        """Make a browser forget that somebody wanted to sign in. A form asks for that: links may be of any site."""
        if request.method != "POST":
            return web.Response(status=405, text=GO_ON_TEXT, headers={"Allow": "POST"})
        answer = web.Response(status=303, headers={"Location": "/", "Cache-Control": "no-store"})
        prefix = self._prefix if cookies.is_browser(request.headers) else ""
        for name in (self._prefix + ASKED, *(prefix + each for each in cookies.AIRFLOWS)):
            answer.del_cookie(name)
        return answer

    async def _be_admin(self, guise: Guise, path: str) -> None:
        if path.startswith(WITHOUT_ADMIN):
            return
        guise.is_admin = True
        guise.found = [(name, value) for name, value in guise.found if name not in cookies.AIRFLOWS]
        guise.bearer = await self._admin_token.get(lambda: self._sessions.token(ADMIN))
        if path.startswith(PAGES_WITH_SESSION):
            made = await self._admin_session.get(self._make_admin_session)
            guise.found.append((SESSION, made))

    async def _make_admin_session(self) -> str:
        return (await self._sessions.make(ADMIN, ""))[SESSION]


class _Renewed:
    """A value that is made when it is first asked for, and anew before it expires."""

    def __init__(self) -> None:
        self._value = ""
        self._good_until = 0.0
        self._making = asyncio.Lock()

    async def get(self, make: Make) -> str:
        async with self._making:
            if time.monotonic() >= self._good_until:
                self._value = await make()
                self._good_until = time.monotonic() + SESSION_S / 2
            return self._value
