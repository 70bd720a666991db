"""InvokeRestApi: one request to Airflow's REST API, by way of the front door, as the caller's Airflow role.

The door gives a session for a web login token, as MWAA's does; one is kept for each caller and environment.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Awaitable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from yarl import URL

from mwaa_local.api.face import Face
from mwaa_local.api.http.call import Call
from mwaa_local.api.http.errors import OURS, REST_CLIENT, REST_SERVER, VALIDATION, ServiceError, ours
from mwaa_local.api.operations.tokens import open_door, who_and_as_what
from mwaa_local.door.signing_in import TOKEN, api_cookie, post_path
from mwaa_local.door.tokens import WEB, mint
from mwaa_local.release import DEFAULT_AIRFLOW_VERSION, Release
from mwaa_local.web_address import WebAddress

# MWAA user guide, "Using the Apache Airflow REST API": limits of one call, and the first release that has it.
TIMEOUT_S = 10.0
MAX_RESPONSE_BYTES = 6 * 1024 * 1024
SINCE = "2.4.3"
LOGIN_TIMEOUT_S = 30.0  # apart from Airflow's own time: MWAA has no login here, and the first one takes seconds
TOO_OLD_TEXT = "Update your environment to use InvokeRestApi"  # MWAA's words
MAX_DETAIL = 200  # characters of Airflow's reason that a message repeats; the answer has it whole
PATH_SAFE = "/:@!$&'()*+,;=-._~%"  # of a path (RFC 3986, 3.3), and what is escaped already
GATEWAY_TIMEOUT, CONTENT_TOO_LARGE, BAD_GATEWAY = 504, 413, 502
SIGNED_OUT = 401
FORBIDDEN, OTHER_KEY = 403, "Invalid JWT token"  # Airflow 3's words for a token that another key has signed


@dataclass(frozen=True)
class _Asked:
    """One request to Airflow."""

    method: str
    url: URL
    body: Any

    @property
    def words(self) -> str:
        """Method and path, for messages; a query may hold what is nobody else's business."""
        return f"{self.method} {self.url.raw_path}"


@dataclass(frozen=True)
class _Login:
    """As whom Airflow is asked, at which door."""

    environment: str
    door: WebAddress
    who: str
    role: str
    door_key: str = field(repr=False)
    generation: str  # of the release

    @property
    def key(self) -> tuple[str, ...]:
        return self.environment, self.door.url, self.who, self.role

    def token(self) -> str:
        return mint(self.door_key, WEB, self.environment, role=self.role, user=self.who)


class RestApi:
    """Airflow's REST API of all environments."""

    def __init__(self) -> None:
        self._sessions: dict[tuple[str, ...], dict[str, str]] = {}  # headers, by `_Login.key`
        self._locks: defaultdict[tuple[str, ...], asyncio.Lock] = defaultdict(asyncio.Lock)  # one login at a time

    def invoke_rest_api(self, call: Call, face: Face) -> Awaitable[dict[str, Any]]:
        """Return what to await for status and JSON of Airflow's answer, or for ServiceError with both.

        Raises ServiceError for a call that Airflow is not asked.
        """
        environment = face.registry.find(call.members["Name"])
        release = Release.load(environment.members.get("AirflowVersion", DEFAULT_AIRFLOW_VERSION))
        if not release.is_at_least(SINCE):
            raise ServiceError(VALIDATION, TOO_OLD_TEXT)
        door = open_door(environment, VALIDATION)
        who, role = who_and_as_what(call, face, environment, "InvokeRestApi")
        login = _Login(environment.name, door, who, role, environment.door_key, release.generation)
        return self._answered(_asked(call.members, f"{door.url}{release.rest_base}"), login)

    async def _answered(self, asked: _Asked, login: _Login) -> dict[str, Any]:
        try:
            async with _client(login.door) as client:
                return await self._answer(client, asked, login)
        except TimeoutError as error:
            raise _no_answer(GATEWAY_TIMEOUT, f"Airflow did not answer within {TIMEOUT_S:.0f} s", asked) from error
        except (ClientError, OSError) as error:
            raise _no_answer(BAD_GATEWAY, f"the web server did not answer: {error}", asked) from error

    async def _answer(self, client: ClientSession, asked: _Asked, login: _Login) -> dict[str, Any]:
        is_kept = login.key in self._sessions
        session = await self._session(client, login)
        status, plain = await _sent(client, asked, session)
        if is_kept and _is_signed_out(status, plain):  # the session may have ended, with the web server or its time
            if self._sessions.get(login.key) is session:  # else another call has a new one already
                del self._sessions[login.key]
            status, plain = await _sent(client, asked, await self._session(client, login))
        members = {"RestApiStatusCode": status, "RestApiResponse": plain}
        if status >= 300:
            code = REST_SERVER if status >= 500 else REST_CLIENT
            raise ServiceError(code, f"{OURS}{asked.words}: Airflow answered {status}{_detail(plain)}", members)
        return members

    async def _session(self, client: ClientSession, login: _Login) -> dict[str, str]:
        """Return the headers of a session, which is made where none is kept."""
        async with self._locks[login.key]:
            if login.key not in self._sessions:
                self._sessions[login.key] = await self._signed_in(client, login)
            return self._sessions[login.key]

    async def _signed_in(self, client: ClientSession, login: _Login) -> dict[str, str]:
        cookie = api_cookie(login.generation)
        url = f"{login.door.url}{post_path(login.generation)}"
        form, patience = {"token": login.token()}, ClientTimeout(total=LOGIN_TIMEOUT_S)
        async with client.post(url, data=form, timeout=patience, allow_redirects=False) as answer:
            found = answer.cookies.get(cookie)
        if found is None:
            raise _no_answer(BAD_GATEWAY, f"the front door gave no session: it answered {answer.status}")
        return {"Authorization": f"Bearer {found.value}"} if cookie == TOKEN else {"Cookie": f"{cookie}={found.value}"}


def _client(door: WebAddress) -> ClientSession:
    """Return what asks a door. Raises OSError where the file of who vouches for it is gone."""
    context = door.context()
    connector = TCPConnector(ssl=context) if context else None
    return ClientSession(connector=connector, cookie_jar=DummyCookieJar(), timeout=ClientTimeout(total=TIMEOUT_S))


def _is_signed_out(status: int, plain: Any) -> bool:
    """Say whether an answer means that the session is none any more, its keys among the reasons."""
    has_other_key = isinstance(plain, dict) and plain.get("detail") == OTHER_KEY
    return status == SIGNED_OUT or (status == FORBIDDEN and has_other_key)


def _detail(plain: Any) -> str:
    """Return Airflow's own reason, where it gives one in a line."""
    detail = plain.get("detail") if isinstance(plain, dict) else None
    return f": {detail}" if isinstance(detail, str) and detail and len(detail) <= MAX_DETAIL else ""


def _asked(members: Mapping[str, Any], base: str) -> _Asked:
    url = URL(base + _path(members["Path"]), encoded=True)
    return _Asked(
        members["Method"], url.update_query(list(_query(members.get("QueryParameters")))), members.get("Body")
    )


def _path(path: str) -> str:
    """Return a path below the API's root, escaped. Raises ServiceError for one that would leave it."""
    words = ""
    if not path.startswith("/"):
        words = "begins with /, as in /dags"
    elif "?" in path:
        words = "has no query: that goes into QueryParameters"
    elif {".", ".."} & set(unquote(path).replace("\\", "/").split("/")):  # servers of WSGI unescape it whole
        words = "has no . or .. in it"
    elif not path.isprintable():
        words = "has printable characters alone"
    if words:
        raise ours(VALIDATION, f"a Path {words}")
    return quote(path, safe=PATH_SAFE)


def _query(plain: Any) -> Iterator[tuple[str, str]]:
    """Yield the parameters of a query. A list stands for a name that is given several times."""
    if plain is None:
        return
    if not isinstance(plain, dict):
        raise ours(VALIDATION, "QueryParameters must be an object of names and values")
    for name, value in plain.items():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, (dict, list)):
                raise ours(VALIDATION, f"QueryParameters: {name!r} must be text, a number, true or false, or a list")
            if each is not None:
                yield name, each if isinstance(each, str) else json.dumps(each)


async def _sent(client: ClientSession, asked: _Asked, headers: Mapping[str, str]) -> tuple[int, Any]:
    data = {} if asked.body is None else {"json": asked.body}
    async with client.request(
        asked.method, asked.url, headers={"Accept": "application/json", **headers}, allow_redirects=False, **data
    ) as answer:
        return answer.status, _plain(await _read(answer, asked), answer.charset or "utf-8")


async def _read(answer: ClientResponse, asked: _Asked) -> bytes:
    content = b""
    async for piece in answer.content.iter_any():
        content += piece
        if len(content) > MAX_RESPONSE_BYTES:
            raise _no_answer(CONTENT_TOO_LARGE, f"Airflow's answer has more than {MAX_RESPONSE_BYTES} bytes", asked)
    return content


def _plain(content: bytes, charset: str) -> Any:
    """Return JSON, or the text where it is none; an empty object for nothing."""
    if not content:
        return {}
    try:
        return json.loads(content)
    except ValueError:
        return content.decode(charset, errors="replace")


def _no_answer(status: int, words: str, asked: _Asked | None = None) -> ServiceError:
    """Return the error for what keeps Airflow's answer from the caller; how MWAA says it is not documented."""
    members = {"RestApiStatusCode": status, "RestApiResponse": {"detail": OURS + words}}
    what = f"{asked.words}: " if asked else ""
    return ServiceError(REST_SERVER, f"{OURS}{what}{words} ({status})", members)
