"""One door with one web server behind it for the tests of a file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.door.doors import RunningDoor, WebServer, running_door


@pytest.fixture(scope="module")
def started_server() -> Iterator[WebServer]:
    server = WebServer()
    yield server
    server.close()


@pytest.fixture(scope="module")
def started_door(started_server: WebServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDoor]:
    """A door that writes nothing into its log, whatever clients and the web server do."""
    with running_door(tmp_path_factory.mktemp("door"), started_server.port) as door:
        yield door
        assert door.log == ""


@pytest.fixture
def server(started_server: WebServer) -> WebServer:
    started_server.reset()
    return started_server


@pytest.fixture
def door(started_door: RunningDoor, server: WebServer) -> RunningDoor:
    return started_door
