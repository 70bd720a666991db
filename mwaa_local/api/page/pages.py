"""Answers to browsers: which page a path means, who may ask for it, and the way into Airflow."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qs, parse_qsl, unquote, urlencode

from aiohttp import web

from mwaa_local.api.environments.registry import Registry
from mwaa_local.api.environments.served import Served
from mwaa_local.api.http.errors import ServiceError
from mwaa_local.api.page.document import HEADERS, HOME, OFF, REFRESH, Place, document
from mwaa_local.api.page.environment import components_part, summary_part
from mwaa_local.api.page.events import events_part
from mwaa_local.api.page.html import element
from mwaa_local.api.page.logs import LOG, log_paths, logs_part
from mwaa_local.api.page.metrics import metrics_part
from mwaa_local.api.page.opening import OPEN, ROLE, is_ours, login_url, path_of
from mwaa_local.api.page.options import COMPONENTS, DEFAULT_COMPONENT, OF, Options
from mwaa_local.api.page.overview import environments_part, faults_part
from mwaa_local.api.page.secrets import Masks
from mwaa_local.door.tokens import ROLES

ENVIRONMENTS = "environments"  # in paths
THREADS = 2  # for people; operations have threads of their own, and do not wait for these
MAX_FORM_BYTES = 1024
FORM_TIMEOUT_S = 10.0  # for its body
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answer:
    """What a browser gets."""

    status: int
    text: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)  # an address with a token may be among them

    def response(self) -> web.Response:
        headers = {**HEADERS, "Content-Type": "text/html; charset=utf-8", **self.headers}
        return web.Response(status=self.status, body=self.text.encode("utf-8", "replace"), headers=headers)


@dataclass(frozen=True)
class Chosen:
    """What of an environment's page was chosen, in its address."""

    log: str = ""
    options: str = DEFAULT_COMPONENT
    is_live: bool = True

    @classmethod
    def from_query(cls, query: str) -> Chosen:
        words = {name: values[-1] for name, values in parse_qs(query, errors="replace").items()}
        of = words.get(OF, DEFAULT_COMPONENT)
        return cls(words.get(LOG, ""), of if of in COMPONENTS else DEFAULT_COMPONENT, words.get(REFRESH) != OFF)

    @property
    def query(self) -> str:
        """Return what leads to the same again, with its question mark; "" where nothing was chosen."""
        words = {
            LOG: self.log,
            OF: self.options if self.options != DEFAULT_COMPONENT else "",
            REFRESH: "" if self.is_live else OFF,
        }
        given = urlencode({name: value for name, value in words.items() if value})
        return f"?{given}" if given else ""


class Pages:
    """The pages below `/_mwaa-local/` of one API."""

    def __init__(self, registry: Registry, root: str, version: str, env: Mapping[str, str]) -> None:
        self._registry = registry
        self._place = Place(root, version)
        self._env = env
        self._options = Options()
        self._masks = Masks()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="page")

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Return a page, or the way to one. Never anything of a file that was not asked for by a name of ours."""
        words = request.rel_url.raw_path.removeprefix(HOME.removesuffix("/")).removeprefix("/").split("/")
        if words == [""] or (words[0] == ENVIRONMENTS and len(words) == 2):
            if request.method not in ("GET", "HEAD"):
                return _not_allowed("GET, HEAD")
            name = unquote(words[1]) if len(words) == 2 else ""
            chosen = Chosen.from_query(request.rel_url.raw_query_string)
            return await self._made(request, lambda: self._environment(name, chosen) if name else self._all(chosen))
        if len(words) == 3 and (words[0], words[2]) == (ENVIRONMENTS, OPEN):
            if request.method != "POST":
                return _not_allowed("POST")
            return await self._opened(request, unquote(words[1]))
        return self._nothing("There is no such page here.").response()

    async def _made(self, request: web.Request, make: Callable[[], Answer]) -> web.Response:
        try:
            made = await asyncio.get_running_loop().run_in_executor(self._threads, make)
        except Exception:  # a bug, which must not end the endpoint; the log has its traceback
            log.exception("%s %s", request.method, request.rel_url.raw_path)
            made = self._failure(500, "A bug", ".mwaa-local/logs/api.log has its traceback.")
        return made.response()

    def _all(self, chosen: Chosen) -> Answer:
        place = replace(self._place, query=chosen.query, is_live=chosen.is_live)
        environments = []
        for name in self._registry.names():
            served = self._find(name)
            environments += [served] if served else []  # deleted just now
        parts = environments_part(environments), faults_part(self._registry.faults)
        return Answer(200, document("MWAA on this machine", place, *parts))

    def _environment(self, name: str, chosen: Chosen) -> Answer:
        served = self._find(name)
        if served is None:
            return self._nothing(f"There is no environment {name!r} here.")
        place = replace(self._place, path=path_of(served.name), query=chosen.query, is_live=chosen.is_live)
        mask = self._masks.of(served)
        logs = log_paths(served.project.logs_dir)
        if chosen.log not in logs:
            chosen = replace(chosen, log="")
        log_links = {each: place.path + replace(chosen, log=each).query + "#logs" for each in ("", *logs)}
        option_links = {each: place.path + replace(chosen, options=each).query + "#options" for each in COMPONENTS}
        parts = (
            summary_part(served, mask),
            components_part(served, mask),
            metrics_part(served),
            events_part(served, mask),
            logs_part(served, chosen.log, log_links, mask, self._env),
            self._options.part(served, chosen.options, option_links),
        )
        return Answer(200, document(served.name, place, *parts))

    async def _opened(self, request: web.Request, name: str) -> web.Response:
        """Lead a browser into Airflow with a token that is made now; only for a form of our own page."""
        if not is_ours(request.headers):
            return self._failure(403, "Not opened", "Only this page's own button may ask for a token.").response()
        form = await _form(request)
        if form is None:
            return self._failure(413, "Not opened", "The form is too long, or did not come.").response()
        role = form.get(ROLE, ROLES[0])
        return await self._made(request, lambda: self._way_in(name, role))

    def _way_in(self, name: str, role: str) -> Answer:
        served = self._find(name)
        if served is None:
            return self._nothing(f"There is no environment {name!r} here.")
        if role not in ROLES:
            return self._failure(400, "Not opened", f"The roles are {', '.join(ROLES)}.")
        url = login_url(served, role)
        if url is None:
            return self._failure(409, "Not opened", f"Airflow of {name} does not run: its status is {served.status}.")
        return Answer(303, headers={"Location": url})

    def _find(self, name: str) -> Served | None:
        try:
            return self._registry.find(name)
        except ServiceError:
            return None

    def _nothing(self, words: str) -> Answer:
        return self._failure(404, "Not found", words)

    def _failure(self, status: int, title: str, words: str) -> Answer:
        back = element("p", element("a", "To all environments", href=HOME))
        return Answer(status, document(title, replace(self._place, is_live=False), element("p", words), back))


async def _form(request: web.Request) -> Mapping[str, str] | None:
    """Return the fields of a form; None for one that has more than any of ours, or does not arrive."""
    body = b""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(FORM_TIMEOUT_S):
            async for piece in request.content.iter_any():
                body += piece
                if len(body) > MAX_FORM_BYTES:
                    return None
            return dict(parse_qsl(body.decode("latin-1")))
    return None


def _not_allowed(methods: str) -> web.Response:
    return Answer(405, headers={"Allow": methods}).response()
