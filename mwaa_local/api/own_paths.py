"""The paths of the endpoint that are no service's: the console page, who this API is, and metrics, for programs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from aiohttp import web

from mwaa_local.api.address import Address
from mwaa_local.api.environments.members import VERSION
from mwaa_local.api.environments.registry import Registry
from mwaa_local.api.http.errors import ServiceError
from mwaa_local.api.http.server import OWN_PATHS

if TYPE_CHECKING:
    from mwaa_local.api.page.pages import Pages

ABOUT_PATH = f"{OWN_PATHS}api"
METRICS_PATH = f"{OWN_PATHS}metrics"  # for Prometheus


class OwnPaths:
    """Answers below `OWN_PATHS`. What pages need is imported when somebody looks at the first one."""

    def __init__(
        self, registry: Registry, address: Address, env: Mapping[str, str], on_use: Callable[[], None]
    ) -> None:
        self._registry = registry
        self._address = address
        self._env = env
        self._on_use = on_use
        self._pages: Pages | None = None
        self._making = asyncio.Lock()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.path == METRICS_PATH:  # asked on and on, which is no use that keeps an API alive
            return await asyncio.to_thread(self._metrics)
        self._on_use()
        asked = self._address.asked
        if request.path == ABOUT_PATH:
            return web.json_response({"root": asked.root, "pid": self._address.pid, "version": asked.version})
        async with self._making:
            if self._pages is None:
                self._pages = await asyncio.to_thread(self._made)
        return await self._pages.answer(request)

    def _metrics(self) -> web.Response:
        from mwaa_local.metrics.exposition import CONTENT_TYPE, Exposition
        from mwaa_local.release import Release
        from mwaa_local.services.metrics import metrics_dir

        told = Exposition()
        for name in self._registry.names():
            with contextlib.suppress(ServiceError):  # deleted just now
                found = self._registry.find(name)
                timers = Release.load(found.members[VERSION]).millisecond_timers
                told.add(name, metrics_dir(found.project), timers)
        return web.Response(body=told.text().encode(), headers={"Content-Type": CONTENT_TYPE})

    def _made(self) -> Pages:
        from mwaa_local.api.page.pages import Pages

        asked = self._address.asked
        return Pages(self._registry, asked.root, asked.version, self._env)
