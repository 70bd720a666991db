"""A door that speaks https, to curl and to Python's TLS as they come."""

from __future__ import annotations

import contextlib
import datetime
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mwaa_local.door import tls
from mwaa_local.door.cookies import prefix_of, secured
from mwaa_local.door.signing_in import post_path
from mwaa_local.door.tokens import WEB, mint
from mwaa_local.https import certificate
from mwaa_local.https.authority import Authority
from mwaa_local.https.certificate import project_certificate
from mwaa_local.https.place import CERTIFICATE_NAME, OWN_NAMES, authority_path
from mwaa_local.plan import HttpReady
from mwaa_local.runtime.readiness import page_answers
from tests.unit.door.airflow_users import Airflow, Users
from tests.unit.door.doors import (
    ENVIRONMENT,
    HOST,
    KEY,
    READY_PATH,
    TIMEOUT_S,
    Asked,
    RunningDoor,
    WebServer,
    all_of,
    running_door,
)

NOW = datetime.datetime.now(datetime.UTC)
IN_BROWSER = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate"}
NOT_TRUSTED = 60  # curl(1), EXIT CODES: "Peer certificate cannot be authenticated with known CA certificates"


@contextlib.contextmanager
def door_with_https(folder: Path, upstream_port: int, generation: str = "2.x") -> Iterator[RunningDoor]:
    env = {"HOME": str(folder / "home")}
    project_certificate(folder, OWN_NAMES, env, NOW)
    path, authority = str(folder / CERTIFICATE_NAME), str(authority_path(env))
    with running_door(folder, upstream_port, authority=authority, certificate=path, generation=generation) as door:
        yield door
        assert door.log == ""


@pytest.fixture(scope="module")
def started_door(started_server: WebServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDoor]:
    with door_with_https(tmp_path_factory.mktemp("https"), started_server.port) as door:
        yield door


def curl(door: RunningDoor, *words: str, is_trusted: bool = True) -> subprocess.CompletedProcess[str]:
    trust = ["--cacert", door.authority] if is_trusted else []
    argv = ["curl", "--silent", "--show-error", "--include", "--noproxy", "*", *trust, *words]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_who_trusts_the_authority_is_answered(door: RunningDoor, host: str) -> None:
    said = curl(door, f"https://{host}:{door.port}/")
    assert said.returncode == 0, said.stderr
    assert said.stdout.startswith("HTTP/1.1 200 ")


def test_nobody_else_trusts_it(door: RunningDoor, server: WebServer) -> None:
    assert curl(door, f"https://localhost:{door.port}/", is_trusted=False).returncode == NOT_TRUSTED
    assert server.asked == []


def test_authority_gives_nobody_power_over_another_site(door: RunningDoor, tmp_path: Path) -> None:
    env = {"HOME": str(door.folder / "home")}
    stolen = certificate._made(["example.com"], Authority.of(env, NOW, certificate.LIFETIME), NOW)
    (tmp_path / "stolen.pem").write_text(stolen)  # by whoever has got the issuer's key
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "stolen.pem")
    greeted = threading.Event()

    def greet(asked: Asked) -> None:
        """Be asked in the clear for a connection that goes on as TLS, as a proxy is."""
        asked.send(b"HTTP/1.1 200 Connected\r\n\r\n")
        with contextlib.suppress(OSError):
            context.wrap_socket(asked.connection.dup(), server_side=True).close()
        greeted.set()

    site = WebServer()
    site.answer = greet
    try:
        said = curl(
            door, "--noproxy", "", "--proxytunnel", "--proxy", f"http://{HOST}:{site.port}", "https://example.com/"
        )
    finally:
        site.close()
    assert greeted.wait(TIMEOUT_S)
    assert said.returncode == NOT_TRUSTED
    assert "permitted subtree violation" in said.stderr


def test_airflow_learns_that_the_client_speaks_https_from_the_door_alone(door: RunningDoor, server: WebServer) -> None:
    door.get("/", headers={"X-Forwarded-Proto": "http", "X-Forwarded-Ssl": "off", "X_Forwarded_Proto": "http"})
    assert server.asked[-1].values("X-Forwarded-Proto") == ["https"]
    assert [name for name, _ in server.asked[-1].headers if "ssl" in name.lower() or "_" in name] == []


@pytest.mark.parametrize("headers", [{}, IN_BROWSER])
def test_cookies_of_airflow_are_sent_over_https_alone(
    door: RunningDoor, server: WebServer, headers: dict[str, str]
) -> None:
    cookies = "Set-Cookie: session=a; HttpOnly; Path=/\r\nSet-Cookie: other=b; secure; Path=/\r\n"
    server.replies(f"HTTP/1.1 200 OK\r\n{cookies}Content-Length: 0\r\n\r\n".encode())
    prefix = prefix_of(KEY, is_secure=True) if headers else ""
    assert door.get("/", headers=headers).values("Set-Cookie") == [
        f"{prefix}session=a; HttpOnly; Path=/; Secure",
        "other=b; secure; Path=/",
    ]


@pytest.mark.parametrize("headers", [{}, IN_BROWSER])
def test_doors_own_cookies_are_sent_over_https_alone(
    server: WebServer, tmp_path: Path, headers: dict[str, str]
) -> None:
    Airflow(server, Users(tmp_path))
    with door_with_https(tmp_path, server.port, generation="3.x") as door:
        form = f"token={mint(KEY, WEB, ENVIRONMENT)}"
        answer = door.get(post_path("3.x"), "POST", body=form, headers=headers)
    prefix = prefix_of(KEY, is_secure=True)
    found = {value.partition("=")[0]: value.split("; ")[1:] for value in answer.values("Set-Cookie")}
    of_airflow = prefix if headers else ""
    assert set(found) == {f"{of_airflow}session", f"{of_airflow}_token", f"{prefix}asked"}
    assert all("Secure" in attributes for attributes in found.values()), found


def test_cookies_of_http_and_https_do_not_stand_for_each_other() -> None:
    assert len({prefix_of(KEY), prefix_of(KEY, is_secure=True), prefix_of("another", is_secure=True)}) == 3
    assert secured("a=secure; Path=/") == "a=secure; Path=/; Secure"


def test_old_versions_of_tls_are_refused(door: RunningDoor) -> None:
    for version in ("--tls-max 1.1 --tlsv1.0", "--tls-max 1.2", "--tlsv1.3"):
        said = curl(door, "--ciphers", "DEFAULT@SECLEVEL=0", *version.split(), f"https://localhost:{door.port}/")
        assert (said.returncode == 0) == ("1.1" not in version), said.stderr


def test_old_versions_are_refused_whatever_python_says(door: RunningDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    class OldContext(tls.Context):
        """As in a Python that leaves the versions to OpenSSL, as Debian's does."""

        def __init__(self, _protocol: int) -> None:
            self.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED

    monkeypatch.setattr(tls, "Context", OldContext)
    context = tls.context_of(str(door.folder / CERTIFICATE_NAME))
    assert isinstance(context, OldContext)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize(
    "words", [(), ("--head",), ("--data", "token=abc"), ("--request", "PUT", "--data", "x" * 99999)]
)
def test_client_that_speaks_http_is_told_so(door: RunningDoor, server: WebServer, words: tuple[str, ...]) -> None:
    said = curl(door, *words, f"http://localhost:{door.port}/")
    assert said.stdout.startswith("HTTP/1.1 400 ")
    assert "begin the address with https://" in said.stdout or "--head" in words
    assert server.asked == []


@pytest.mark.parametrize("method", ["DELETE", "PATCH", "OPTIONS"])
def test_client_that_speaks_http_in_words_that_openssl_does_not_know_is_closed(
    door: RunningDoor, server: WebServer, method: str
) -> None:
    with door.raw(f"{method} / HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()) as connection:
        assert all_of(connection) == b""
    assert server.asked == []


@pytest.mark.parametrize(
    "data", [b"", b"G", b"nonsense that is no request\r\n\r\n", b"\x16\x03\x01\x00\x05hello", b"GET / "]
)
def test_client_that_speaks_nothing_known_disturbs_nobody(door: RunningDoor, data: bytes) -> None:
    with door.raw(data):
        assert door.get(READY_PATH).status == 200
    assert door.get(READY_PATH).status == 200


def test_readiness_is_asked_of_whom_the_authority_vouches_for(door: RunningDoor, tmp_path: Path) -> None:
    page = f"{door.url}{READY_PATH}"
    assert page_answers(HttpReady(page, authority=door.authority))
    env = {"HOME": str(tmp_path)}
    project_certificate(tmp_path, OWN_NAMES, env, NOW)
    assert not page_answers(HttpReady(page, authority=str(authority_path(env))))  # another machine's
    assert not page_answers(HttpReady(page, authority=str(tmp_path / "gone.pem")))
    assert not page_answers(HttpReady(f"http://{HOST}:{door.port}{READY_PATH}"))


def test_door_sends_nothing_that_would_keep_http_from_localhost(door: RunningDoor) -> None:
    # A browser would remember it for all ports of that name.
    assert door.get("/").values("Strict-Transport-Security") == []


def test_context_asks_no_client_for_a_certificate(door: RunningDoor) -> None:
    context = ssl.create_default_context(cafile=door.authority)
    with context.wrap_socket(door.raw(), server_hostname=HOST) as connection:
        assert connection.version() == "TLSv1.3"
