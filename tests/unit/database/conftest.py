"""What tests of databases share: one real server for each file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.database.servers import Server, running_server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("postgres")) as running:
        yield running
