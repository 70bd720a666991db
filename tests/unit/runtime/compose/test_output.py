"""What Docker's and Compose's words mean; every text here was seen of a real one."""

from __future__ import annotations

import pytest

from mwaa_local.errors import DiskFull, DockerUnavailable, ImageBuildFailed, PortInUse
from mwaa_local.runtime.compose.output import compose_error, read_dry_run, start_error

DRY_RUN = """
 DRY-RUN MODE -  Container p-webserver-1  Recreate
 DRY-RUN MODE -  Container p-redis-1  Running
 DRY-RUN MODE -  Container p-worker-2  Creating
 DRY-RUN MODE -  Container p-requirements-1  Created
 DRY-RUN MODE -  Container p-webserver-1  Recreated
 DRY-RUN MODE -  Container p-worker-2  Created
 DRY-RUN MODE -  Container p-worker-3  Stopping
 DRY-RUN MODE -  Container p-worker-3  Stopped
 DRY-RUN MODE -  Container p-worker-3  Removing
 DRY-RUN MODE -  Container p-worker-3  Removed
"""


def test_dry_run_says_what_goes_away_and_what_stays() -> None:
    ahead = read_dry_run(DRY_RUN)
    assert ahead.replaced == {"p-webserver-1", "p-worker-3"}
    assert ahead.kept == {"p-redis-1", "p-requirements-1"}


def test_word_that_is_not_known_keeps_nothing() -> None:
    assert read_dry_run(" DRY-RUN MODE -  Container p-redis-1  Transmogrified").kept == frozenset()


@pytest.mark.parametrize(
    "text",
    [
        "driver failed programming external connectivity on endpoint p-webserver-1 (0f3c): "
        "Bind for 127.0.0.1:8080 failed: port is already allocated",
        "driver failed programming external connectivity on endpoint p-webserver-1 (0f3c): "
        "Error starting userland proxy: listen tcp4 127.0.0.1:8080: bind: address already in use",
        "failed to set up container networking: driver failed programming external connectivity on endpoint p (0f3c): "
        "failed to bind host port for 127.0.0.1:8080:172.18.0.2:80/tcp: address already in use",
        "rootlessport listen tcp [::]:8080: bind: address already in use",
    ],
)
def test_port_that_is_taken(text: str) -> None:
    asked: list[int] = []

    def publisher_of(port: int) -> str:
        asked.append(port)
        return ""

    error = start_error(text, {"door": 8080}, publisher_of)
    assert isinstance(error, PortInUse)
    assert asked == [8080]
    assert error.what == "port 8080 is already in use"
    assert error.why == "Component door needs it; another program holds it."
    assert "WebserverPort" in error.hint


def test_disk_that_is_full() -> None:
    text = "failed to create task\nwrite /var/lib/docker/overlay2/x: no space left on device"
    assert isinstance(start_error(text, {}, lambda _: ""), DiskFull)
    assert isinstance(compose_error(text), DiskFull)


def test_fault_of_the_component_is_no_fault_of_the_engine() -> None:
    assert start_error('exec: "/no/such": no such file or directory', {}, lambda _: "") is None


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ("pull access denied for postgres, repository …", "cannot pull the image postgres"),
        ("No such image: redis:7-alpine", "cannot pull the image redis:7-alpine"),
        (
            'failed to resolve reference "docker.io/library/redis:9": not found',
            "cannot pull the image docker.io/library/redis:9",
        ),
        ("manifest unknown", "cannot pull an image that the environment needs"),
    ],
)
def test_image_that_cannot_be_pulled_is_named(said: str, what: str) -> None:
    error = compose_error(f" postgres Pulling\nError response from daemon: {said}")
    assert isinstance(error, ImageBuildFailed)
    assert error.what == what
    assert said in error.why


def test_other_failure_shows_its_last_lines() -> None:
    error = compose_error("\n".join(f"line {number}" for number in range(30)) + "\n\n")
    assert isinstance(error, DockerUnavailable)
    assert error.why.splitlines() == [f"line {number}" for number in range(15, 30)]
