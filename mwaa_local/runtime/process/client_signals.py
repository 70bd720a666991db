"""Signals of a client for the command that the supervisor runs for it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket

from mwaa_local.runtime.process.groups import signal_group, signal_process

SCRIPT_END_TIMEOUT_S = 20.0  # guest/dag_test_interruption.py takes at most 9 s


async def forward_signals(client: socket.socket, pid: int) -> None:
    """Pass the client's signals on to the command; a client that is gone ends it."""
    while numbers := await _signals_of(client):
        for number in numbers:
            signal_group(pid, number)
    signal_group(pid, signal.SIGTERM)


async def interrupt_script(client: socket.socket, pid: int) -> None:
    """Have a script of ours end at the client's first signal, whatever that is, or when the client is gone.

    It then ends what it has started, too, unless it cannot act, as in a query that does not return.
    """
    await _signals_of(client)
    signal_process(pid, signal.SIGINT)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SCRIPT_END_TIMEOUT_S):
            while await _signals_of(client):
                signal_process(pid, signal.SIGINT)
            await asyncio.Future()  # its end cancels this
    signal_group(pid, signal.SIGKILL)


async def _signals_of(client: socket.socket) -> list[int]:
    """Wait for the client's next signals; none when it is gone."""
    try:
        data = await asyncio.get_running_loop().sock_recv(client, 4096)
    except OSError:
        return []
    return [int(json.loads(line)["signal"]) for line in data.splitlines()]
