"""The door as one application: our own pages and paths, and Airflow behind all others."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from . import cli, cookies, names
from .commands import CommandsBeside, CommandServerGone
from .configuration import DoorConfiguration
from .identity import Identity
from .login import LoginDoor
from .proxy import Upstream, drop_added
from .sessions import LoginFailed, Sessions

READY_PATH = "/_mwaa-local/door"
NO_PROXY_TEXT = "mwaa-local: this is no proxy; ask for a path alone.\n"


class Door:
    """Answers what comes to the web server's public port."""

    def __init__(self, configuration: DoorConfiguration) -> None:
        self._configuration = configuration
        self._upstream = Upstream(configuration.upstream)
        self._commands = CommandsBeside(Path(configuration.commands))
        self._cli = cli.CliDoor(configuration, self._commands)
        prefix = cookies.prefix_of(configuration.keys["door"], is_secure=bool(configuration.certificate))
        sessions = Sessions(configuration, self._upstream, self._commands)
        self._login = LoginDoor(configuration, sessions, prefix)
        self._identity = Identity(configuration, sessions, prefix)

    def application(self) -> web.Application:
        application = web.Application(client_max_size=0)
        application.router.add_route("*", "/{path:.*}", self._answer)
        application.on_response_prepare.append(drop_added)
        application.on_startup.append(self._open)
        application.on_cleanup.append(self._close)
        return application

    def _refusal(self, request: web.Request) -> names.Refusal | None:
        configuration = self._configuration
        return names.refusal(request.method, request.headers, configuration.names, configuration.origins)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if refused := self._refusal(request):
            return web.Response(status=refused.status, text=refused.text)
        if not request.raw_path.startswith("/"):  # as one asks a proxy (RFC 9112, section 3.2.2)
            return web.Response(status=400, text=NO_PROXY_TEXT)
        if request.path == READY_PATH:
            return web.json_response({"environment": self._configuration.environment})
        if request.path == cli.PATH:
            return await self._cli.answer(request)
        if answered := await self._login.answer(request):
            return answered
        try:
            if answered := await self._identity.answer(request):
                return answered
            guise = await self._identity.of(request)
        except (LoginFailed, CommandServerGone) as error:
            return web.Response(status=503, text=f"mwaa-local: {error}.\n", headers={"Retry-After": "1"})
        return await self._upstream.pass_on(request, guise)

    async def _open(self, _application: web.Application) -> None:
        await self._upstream.open()

    async def _close(self, _application: web.Application) -> None:
        await self._commands.close()
        await self._upstream.close()
