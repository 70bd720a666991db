"""Free ports: each is another one."""

from __future__ import annotations

import socket

import pytest

from mwaa_local.ports import HOST, free_port


def test_port_that_is_meant_for_another_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system gives a port again as soon as nobody listens on it; here it gives the same three times."""
    given = iter([5001, 5001, 5002])

    class Probe(socket.socket):
        def bind(self, address: tuple[str, int]) -> None:
            assert address == (HOST, 0)

        def getsockname(self) -> tuple[str, int]:
            return HOST, next(given)

    monkeypatch.setattr("socket.socket", Probe)
    assert free_port([5001]) == 5002


def test_many_free_ports_are_all_different() -> None:
    ports: list[int] = []
    for _ in range(50):
        ports.append(free_port(ports))
    assert len(set(ports)) == len(ports)
