"""The endpoint: HTTP on a port of loopback and on a Unix socket, for MWAA's API and nothing else of AWS.

Not routed by the Host name: clients put `api.`, `env.` or `ops.` before it. It is looked at, though, as the front door
looks at it, since a page from elsewhere may have had a name of its own lead here.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import socket
from collections.abc import Awaitable, Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

from aiohttp import web

from mwaa_local.api.http.call import Call, Caller
from mwaa_local.api.http.errors import INTERNAL, MISSING_SIGNATURE, TOO_LARGE, TOO_LATE, ServiceError, ours
from mwaa_local.api.http.other_services import of_other_service
from mwaa_local.api.http.parsing import Request, parse
from mwaa_local.api.http.reply import Reply, of_error, of_result
from mwaa_local.api.http.routes import Routes
from mwaa_local.api.http.signature import signature_of
from mwaa_local.door.names import WRONG_NAME_STATUS, WRONG_SITE_STATUS, refusal, refusal_of_site

SIGNING_NAME = "airflow"
OWN_PATHS = "/_mwaa-local/"  # pages of ours, which need no signature
MAX_BODY_BYTES = 10 * 1024 * 1024  # API Gateway quotas, "Payload size"
BODY_TIMEOUT_S = 30.0  # for a body that was announced
THREADS = 8  # operations that wait for files and locks at the same time
STOP_TIMEOUT_S = 3.0
# What may be done about it is not what it is at the front door, whose words are those of `names`.
REFUSED_TEXTS = {
    WRONG_NAME_STATUS: (
        "mwaa-local: MWAA's API does not answer to that name.\n\n"
        "Its address is for this machine alone: localhost, 127.0.0.1 and the like. A page from elsewhere may have sent"
        " the request.\nThe API of a project also answers to the WebserverNames in the Local section of its mwaa.yaml,"
        " after the next `mwaa-local up`;\nthat of a folder of projects to no other name.\n"
    ),
    WRONG_SITE_STATUS: (
        "mwaa-local: a page of another site sent this request, so MWAA's API does not answer it.\n\n"
        "No site can be let in here: whoever reaches the API may do everything. Ask it from a program.\n"
    ),
}

Perform = Callable[[Call], "Mapping[str, Any] | Awaitable[Mapping[str, Any]]"]
Page = Callable[[web.Request], Awaitable[web.StreamResponse]]
log = logging.getLogger(__name__)


class Endpoint:
    """Answers requests. `perform` does what an operation does and raises ServiceError; `page` answers `OWN_PATHS`.

    `perform` is called in a thread, for several requests at once; what it returns may have to be awaited. `delay`,
    called before it, returns for how many seconds the call has to wait, and may raise ServiceError; no thread waits.
    """

    def __init__(
        self,
        routes: Routes,
        perform: Perform,
        page: Page,
        names: Collection[str] = (),
        delay: Callable[[], float] = float,
    ) -> None:
        self._routes = routes
        self._perform = perform
        self._page = page
        self._names = names
        self._delay = delay
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="operation")

    def application(self) -> web.Application:
        application = web.Application(client_max_size=MAX_BODY_BYTES)
        application.router.add_route("*", r"/{path:[\s\S]*}", self.answer)  # line breaks, too
        return application

    async def answer(self, request: web.Request) -> web.StreamResponse:
        # Whoever comes by the socket has looked at the name: a container's clients have names of their own for it.
        if _is_by_socket(request):
            refused = refusal_of_site(request.method, request.headers)
        else:
            refused = refusal(request.method, request.headers, self._names)
        if refused:
            return web.Response(status=refused.status, text=REFUSED_TEXTS[refused.status])
        if f"{request.rel_url.raw_path}/".startswith(OWN_PATHS):
            return await self._page(request)
        return _response(await self._reply(request))

    async def _reply(self, request: web.Request) -> Reply:
        signature = signature_of(request.headers, request.rel_url.raw_query_string)
        if signature is not None and signature.service != SIGNING_NAME:
            return of_other_service(signature.service, request.headers)
        try:
            if signature is None:
                raise ours(MISSING_SIGNATURE, "the request is not signed; any access key will do")
            caller = Caller(signature.access_key_id, signature.region)
            body = await _body(request)
            call = parse(self._routes, Request(request.method, request.raw_path, body), caller)
            return of_result(self._routes.model, self._routes.operations[call.operation], await self._done(call))
        except ServiceError as error:
            return of_error(self._routes.model, error)
        except Exception:  # a bug, which must not end the endpoint; the log has its traceback
            log.exception("%s %s", request.method, request.rel_url.raw_path)
            return of_error(self._routes.model, ours(INTERNAL, "a bug; .mwaa-local/logs/api.log has its traceback"))

    async def _done(self, call: Call) -> Mapping[str, Any]:
        run = asyncio.get_running_loop().run_in_executor
        if delay_s := await run(self._threads, self._delay):
            await asyncio.sleep(delay_s)
        result = await run(self._threads, self._perform, call)
        return await result if inspect.isawaitable(result) else result


def _is_by_socket(request: web.Request) -> bool:
    return request.transport is not None and not isinstance(request.transport.get_extra_info("sockname"), tuple)


async def _body(request: web.Request) -> bytes:
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            return await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise ours(TOO_LARGE, f"a body has at most {MAX_BODY_BYTES} bytes") from error
    except TimeoutError as error:
        raise ours(TOO_LATE, f"the body did not come within {BODY_TIMEOUT_S:.0f} s") from error


def _response(reply: Reply) -> web.Response:
    headers = {**reply.headers, "x-amzn-RequestId": str(uuid4()), "Content-Type": reply.content_type}
    return web.Response(status=reply.status, body=reply.body, headers=headers)


async def listen(endpoint: Endpoint, sockets: Collection[socket.socket]) -> web.AppRunner:
    """Answer on sockets that listen already. Returns what `cleanup` ends it with."""
    runner = web.AppRunner(
        endpoint.application(), access_log=None, handler_cancellation=True, shutdown_timeout=STOP_TIMEOUT_S
    )
    await runner.setup()
    for each in sockets:
        await web.SockSite(runner, each).start()
    return runner
