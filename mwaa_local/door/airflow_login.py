"""Sign in to Airflow's web server as a user of the metadata database, by its own login form.

The same way leads to a session with Flask-AppBuilder of every release, whatever the sessions are kept in.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from http.cookies import CookieError, SimpleCookie

from aiohttp import ClientError, ClientResponse, ClientTimeout

from .proxy import Upstream

CSRF_FIELD = re.compile(r"<input[^>]*\bname=\"csrf_token\"[^>]*\bvalue=\"([^\"]+)\"")
PASSWORD_BYTES = 32
REQUEST_LIMIT_S = 20.0  # ours: a page of a web server that has just started takes seconds
FOUND = (302, 303)
TOO_MANY = 429
TOO_SLOW_TEXT = (
    "nobody could be signed in: Airflow's web server did not answer its login form within {:g} s; `mwaa-local logs"
    " webserver` may say why, then try again"
)


class LoginFailed(Exception):
    """Airflow's web server signed nobody in, and why."""


def new_password() -> tuple[str, str]:
    """Return a random password and its hash as Werkzeug has it: one round will do for what nobody can guess."""
    password, salt = secrets.token_urlsafe(PASSWORD_BYTES), secrets.token_hex(8)
    digest = hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), 1).hex()
    return password, f"pbkdf2:sha256:1${salt}${digest}"


async def session_cookie(upstream: Upstream, path: str, username: str, password: str, user_agent: str) -> str:
    """Return the value of the session cookie that the form at that path gives. Raises LoginFailed."""
    headers = {"User-Agent": user_agent}
    url, limit = upstream.url(path), ClientTimeout(total=REQUEST_LIMIT_S)
    try:
        async with upstream.session.get(url, headers=headers, timeout=limit, allow_redirects=False) as page:
            field = CSRF_FIELD.search(await page.text())
            before = _cookies(page).get("session", "")
        form = {"username": username, "password": password}
        if field is not None:
            form["csrf_token"] = field[1]
        headers["Cookie"] = f"session={before}"
        async with upstream.session.post(
            url, data=form, headers=headers, timeout=limit, allow_redirects=False
        ) as answer:
            if answer.status == TOO_MANY:
                raise LoginFailed("Airflow takes no more sign-ins for a while; try again in a minute")
            to = answer.headers.get("Location", "")
            session = _cookies(answer).get("session", "")
    except asyncio.TimeoutError as error:  # on Python 3.10 no TimeoutError
        raise LoginFailed(TOO_SLOW_TEXT.format(REQUEST_LIMIT_S)) from error
    except (ClientError, UnicodeDecodeError) as error:
        raise LoginFailed("Airflow's web server does not answer yet") from error
    if answer.status not in FOUND or path.rstrip("/") in to or not session:
        raise LoginFailed(f"Airflow's login form answered {answer.status}")
    return session


def _cookies(answer: ClientResponse) -> dict[str, str]:
    """Return what an answer sets."""
    found: dict[str, str] = {}
    for header in answer.headers.getall("Set-Cookie", []):
        try:
            found.update({name: morsel.value for name, morsel in SimpleCookie(header).items()})
        except CookieError:
            continue
    return found
