"""Signing in with a web token: the page that CreateWebLoginToken's address leads to, and what it posts to.

    GET  /aws_mwaa/aws-console-sso?login=true#TOKEN     all releases; on Airflow 3 also below /pluginsv2
    POST /aws_mwaa/login              token=TOKEN       Airflow 2: cookie `session`
    POST /pluginsv2/aws_mwaa/login    token=TOKEN       Airflow 3: cookies `_token` and `session`

Source: MWAA user guide, "Create a web login token" and "Use the Apache Airflow REST API". The token stands in the
fragment, which no browser sends, so no log has it; a script of the page posts it.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path
from urllib.parse import parse_qs

from aiohttp import web

from . import cookies
from .body import read_body
from .commands import CommandServerGone
from .configuration import MWAA, DoorConfiguration
from .login_page import PAGE_HEADERS, sign_in_page, token_wanted_page
from .sessions import SESSION_S, Caller, LoginFailed, Sessions
from .signing_in import PAGE, PLUGINS, POST, post_path
from .tokens import WEB, TokenRefused, UsedTokens, read

log = logging.getLogger(__name__)

MAX_FORM_BYTES = 16 * 1024
ASKED_S = 30 * 24 * 3600  # ours: for how long who has signed in is told that the session is over
NOBODY = "mwaa-local"  # the user of a token that names none
NO_STORE = {"Cache-Control": "no-store"}
# Where Airflow takes passwords: with `Login: mwaa` nobody comes that way.
PASSWORD_PATHS = ("/login", "/auth/login", "/auth/token", "/auth/token/cli")
SLASHES = re.compile("/+")
NO_PASSWORDS_TEXT = "Only web login tokens are taken here (Local: {Login: mwaa} in mwaa.yaml).\n"
TOO_LONG_TEXT = "mwaa-local: this form is too long; it holds a web token and nothing else: token=TOKEN.\n"
NO_TOKEN_TEXT = (
    "mwaa-local: there is no web token in this request. Post it as a form: token=TOKEN, where create-web-login-token"
    " makes TOKEN.\n"
)
METHOD_TEXT = "mwaa-local: {path} takes {method} alone{how}.\n"
HOW = {"POST": ": a form with token=TOKEN, where create-web-login-token makes TOKEN", "GET": ", from a browser"}
# On MWAA, too, the paths of the other generation are not there.
ELSEWHERE_TEXT = "mwaa-local: this is Airflow {version}, where {path} is at {right}.\n"
REFUSED_TEXT = (
    "This web token is not valid here: it was used already, is older than 60 seconds, or belongs to another"
    " environment.\nMake a new one with create-web-login-token, or run `mwaa-local open`.\n"
)


class LoginDoor:
    """Answers the paths of signing in."""

    def __init__(self, configuration: DoorConfiguration, sessions: Sessions, prefix: str) -> None:
        self._configuration, self._sessions, self._prefix = configuration, sessions, prefix
        self._used = UsedTokens(Path(configuration.used_tokens))
        self._post = post_path(configuration.generation)
        self._pages = {PAGE, PLUGINS + PAGE} if sessions.is_3 else {PAGE}

    async def answer(self, request: web.Request) -> web.Response | None:
        """Return the answer to a request of signing in; None for any other."""
        path = request.path.rstrip("/")
        if path in self._pages and request.method in ("GET", "HEAD"):
            return web.Response(text=sign_in_page(self._post), content_type="text/html", headers=PAGE_HEADERS)
        if path == self._post and request.method == "POST":
            return self._noted(await self._sign_in(request), request)
        if path in (POST, PLUGINS + POST, PAGE, PLUGINS + PAGE):
            return self._misdirected(path)
        if self._configuration.login == MWAA and SLASHES.sub("/", path) in PASSWORD_PATHS:
            if request.method in ("GET", "HEAD"):
                return web.Response(
                    status=401, text=token_wanted_page(), content_type="text/html", headers=PAGE_HEADERS
                )
            return web.Response(status=403, text=NO_PASSWORDS_TEXT)
        return None

    def _noted(self, answer: web.Response, request: web.Request) -> web.Response:
        """Have a client keep that somebody wanted to sign in, where whoever does not is admin."""
        if self._sessions.is_3 and self._configuration.login != MWAA:
            self._set(answer, request, self._prefix + cookies.ASKED, "1", ASKED_S)
        return answer

    def _set(self, answer: web.Response, request: web.Request, name: str, value: str, lifetime_s: int) -> None:
        answer.set_cookie(
            name, value, max_age=lifetime_s, path="/", httponly=True, samesite="Lax", secure=request.secure
        )

    def _misdirected(self, path: str) -> web.Response:
        """Return the answer to a path of the other generation, or to another method."""
        if path == self._post or path in self._pages:
            method = "POST" if path == self._post else "GET"
            text = METHOD_TEXT.format(path=path, method=method, how=HOW[method])
            return web.Response(status=405, text=text, headers={"Allow": method})
        right = self._post if path.endswith(POST) else PAGE
        text = ELSEWHERE_TEXT.format(version=self._configuration.version, path=path, right=right)
        return web.Response(status=404, text=text)

    async def _sign_in(self, request: web.Request) -> web.Response:
        try:
            body = await read_body(request, MAX_FORM_BYTES)
        except ValueError:
            return web.Response(status=413, text=TOO_LONG_TEXT, headers=NO_STORE)
        token = parse_qs(body.decode("utf-8", "replace")).get("token", [""])[0]
        if not token:
            return web.Response(status=403, text=NO_TOKEN_TEXT, headers=NO_STORE)
        key, environment = self._configuration.keys["door"], self._configuration.environment
        try:
            claims = read(key, WEB, environment, token)
            if not self._used.take(claims):
                raise TokenRefused("used already")
        except TokenRefused as error:
            log.warning("a web token was refused: %s", error)
            return web.Response(status=403, text=REFUSED_TEXT, headers=NO_STORE)
        try:
            caller = Caller(claims.user or NOBODY, claims.role)
            made = await self._sessions.make(caller, request.headers.get("User-Agent", ""))
        except (LoginFailed, CommandServerGone) as error:
            self._used.give_back(claims)
            return web.Response(status=503, text=f"mwaa-local: {error}.\n", headers={**NO_STORE, "Retry-After": "1"})
        except BaseException:  # whoever asked may be gone, which cancels this
            self._used.give_back(claims)
            raise
        answer = web.Response(text="", headers=NO_STORE)
        prefix = self._prefix if cookies.is_browser(request.headers) else ""
        for name, value in made.items():
            self._set(answer, request, prefix + name, value, SESSION_S)
        return answer
