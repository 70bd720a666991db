"""What a component's readiness is read from, asked so that the supervisor's event loop never waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from mwaa_local.database.health import Health
from mwaa_local.plan import BrokerReady, DatabaseReady, HeartbeatReady, HttpReady, Plan, ReadyCheck, TcpReady
from mwaa_local.runtime.readiness import page_answers, port_answers


class ReadinessChecks(Protocol):
    """What readiness is read from."""

    async def database_answers(self) -> bool: ...
    async def broker_answers(self) -> bool: ...
    async def heartbeat_since(self, job_type: str, since: float, count: int = 1) -> bool: ...


class HealthAnswers:
    """One environment's Health, asked from a single thread so that the event loop never waits."""

    def __init__(self, plan: Plan) -> None:
        self._health = Health(plan.database_url, plan.broker_url)
        self._thread = ThreadPoolExecutor(1)

    def are_for(self, plan: Plan) -> bool:
        return (self._health.database_url, self._health.broker_url) == (plan.database_url, plan.broker_url)

    async def _ask(self, question: Callable[..., bool], *values: Any) -> bool:
        return await asyncio.get_running_loop().run_in_executor(self._thread, question, *values)

    async def database_answers(self) -> bool:
        return await self._ask(self._health.database_answers)

    async def broker_answers(self) -> bool:
        return await self._ask(self._health.broker_answers)

    async def heartbeat_since(self, job_type: str, since: float, count: int = 1) -> bool:
        return await self._ask(self._health.heartbeat_since, job_type, since, count)


async def ask(ready: ReadyCheck, questions: ReadinessChecks, launched: float) -> bool:
    """Say whether the sign is seen, for all signs that can be asked for; `launched` is in epoch seconds."""
    if isinstance(ready, TcpReady):
        return await asyncio.to_thread(port_answers, ready.port)
    if isinstance(ready, HttpReady):
        return await asyncio.to_thread(page_answers, ready)
    if isinstance(ready, HeartbeatReady):
        return await questions.heartbeat_since(ready.job_type, launched, ready.count)
    if isinstance(ready, DatabaseReady):
        return await questions.database_answers()
    if isinstance(ready, BrokerReady):
        return await questions.broker_answers()
    raise AssertionError(ready)
