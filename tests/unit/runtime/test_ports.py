"""Ports: each free one is another, and one that is taken is told for every component that has one."""

from __future__ import annotations

import itertools
import os
import random
import re
import socket
from collections.abc import Iterator

import pytest

from mwaa_local.environment.kinds import AwsMode
from mwaa_local.environment.local import LOCAL_MEMBERS, LocalSettings
from mwaa_local.errors import PortInUse
from mwaa_local.place import HOST
from mwaa_local.runtime.compose.image import COMPOSE_PATH
from mwaa_local.runtime.compose.output import start_error
from mwaa_local.runtime.ports import OWN_PORTS, check_ports, free_port, port_settings, port_variables, ports_asked


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server((HOST, 0)) as server:
        yield server.getsockname()[1]


def test_every_port_of_the_local_section_belongs_to_a_component() -> None:
    assert {name for name in LOCAL_MEMBERS if name.endswith("Port")} == {*port_settings().values(), "ApiPort"}
    asked = ports_asked(
        LocalSettings(
            webserver_port=1, postgres_port=2, broker_port=3, aws_port=4, metrics_port=5, iam_port=6, aws=AwsMode.LOCAL
        )
    )
    assert asked == {"door": 1, "postgres": 2, "redis": 3, "aws": 4, "metrics": 5, "iam": 6}
    assert "aws" not in ports_asked(LocalSettings(), without=("aws",))


def test_compose_file_publishes_the_port_of_every_component() -> None:
    published = re.findall(r"127\.0\.0\.1:\$\{(\w+)\}", COMPOSE_PATH.read_text(encoding="utf-8"))
    assert sorted(published) == sorted(port_variables({}))
    assert port_variables({"aws": 7})["MWAA_AWS_PORT"] == "7"


@pytest.mark.parametrize("name", port_settings())
def test_taken_port_names_its_holder_and_the_setting(name: str, taken_port: int) -> None:
    with pytest.raises(PortInUse) as caught:
        check_ports({name: taken_port}, {}, {name: taken_port})
    error = caught.value
    assert error.what == f"port {taken_port} is already in use"
    assert error.why.startswith(f"Component {name} needs it; process {os.getpid()} ")
    assert f"Local: {{{port_settings()[name]}: 0}}" in error.hint
    assert ("--port 0" in error.hint) == (name == "door")


@pytest.mark.parametrize("name", port_settings())
def test_port_that_only_docker_found_taken_names_the_setting_too(name: str) -> None:
    text = "failed to bind host port for 127.0.0.1:4711:172.18.0.2:80/tcp: address already in use"
    error = start_error(text, {name: 4711}, lambda _: "other-1", {name: 4711})
    assert error is not None
    assert error.why == f"Component {name} needs it; the container other-1 holds it."
    assert port_settings()[name] in error.hint


@pytest.mark.parametrize("name", sorted(port_settings().keys() - {"door"}))
def test_port_that_was_picked_and_then_taken_is_picked_anew(name: str, taken_port: int) -> None:
    with pytest.raises(PortInUse) as caught:
        check_ports({name: taken_port}, {}, {name: 0})
    assert caught.value.hint == "run `mwaa-local up` again: it picks another free port"


def test_taken_port_that_is_ours_is_no_error(taken_port: int) -> None:
    check_ports({"aws": taken_port}, {"aws": taken_port}, {"aws": 0})


def test_one_port_for_two_components_is_refused() -> None:
    port = free_port()
    with pytest.raises(PortInUse) as caught:
        check_ports({"redis": port, "aws": port}, {"redis": port}, {"redis": port, "aws": port})
    assert caught.value.what == f"port {port} is chosen for two components"
    assert caught.value.why == "Both redis and aws would listen on it."
    assert "Local: {BrokerPort: …, AwsPort: …}" in caught.value.hint


def test_port_is_none_that_the_system_gives_to_others() -> None:
    low, high = OWN_PORTS
    given = {free_port() for _ in range(50)}
    assert all(low <= port <= high for port in given)
    assert len(given) > 1


def test_port_that_is_meant_for_another_or_taken_is_not_given(taken_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    meant = free_port()
    candidates = itertools.cycle([meant, taken_port])
    monkeypatch.setattr(random, "randint", lambda *_: next(candidates))
    assert free_port([meant]) not in (meant, taken_port), "one of the system's then"


def test_many_free_ports_are_all_different() -> None:
    ports: list[int] = []
    for _ in range(50):
        ports.append(free_port(ports))
    assert len(set(ports)) == len(ports)
