"""The local authority and what it vouches for, judged by OpenSSL, curl and Python as they come."""

from __future__ import annotations

import contextlib
import datetime
import errno
import fcntl
import ssl
import stat
import subprocess
import threading
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from mwaa_local.errors import AccessDenied, StateCorrupted
from mwaa_local.https import certificate
from mwaa_local.https.authority import ISSUER_NAME, LIFETIME, Authority
from mwaa_local.https.certificate import RENEWED_BEFORE, project_certificate
from mwaa_local.https.place import CERTIFICATE_NAME, OWN_NAMES, authority_path, certified_names

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)
# CA/Browser Forum, Baseline Requirements, section 6.3.2: in browsers, none is good for longer.
MAX_DAYS = 398


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path / "home")}


def authority(env: dict[str, str], now: datetime.datetime = NOW) -> Authority:
    return Authority.of(env, now, certificate.LIFETIME)


def project(tmp_path: Path, name: str = "project") -> Path:
    folder = tmp_path / name / ".mwaa-local"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def own_of(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificates(pem.encode())[0]


def verified(env: dict[str, str], path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Return what openssl says of a file with a certificate, for somebody who trusts the authority alone."""
    root = authority_path(env)
    issuer = root.with_name(ISSUER_NAME)
    argv = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", *words]
    argv += ["-CAfile", str(root), "-untrusted", str(issuer), str(path)]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def test_authority_is_private_and_not_in_the_cache(env: dict[str, str]) -> None:
    path = authority(env).path
    assert path == Path(env["HOME"], ".local/share/mwaa-local/authority/authority.pem")
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    modes = {
        each.name: stat.S_IMODE(each.stat().st_mode) & 0o077 for each in path.parent.iterdir() if each.stat().st_size
    }
    assert modes == {"authority.pem": 0, ISSUER_NAME: 0}


def test_folder_that_others_may_enter_is_closed(env: dict[str, str]) -> None:
    folder = authority_path(env).parent
    folder.mkdir(parents=True, mode=0o755)
    authority(env)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_users_data_folder_is_heeded_if_its_path_is_absolute() -> None:
    assert authority_path({"HOME": "/home/me", "XDG_DATA_HOME": "/data"}).parts[:3] == ("/", "data", "mwaa-local")
    assert authority_path({"HOME": "/home/me", "XDG_DATA_HOME": "data"}).is_relative_to("/home/me/.local/share")
    assert authority_path({}).is_absolute()


def test_all_projects_have_one_authority_also_when_they_start_at_once(tmp_path: Path, env: dict[str, str]) -> None:
    made: list[str] = []

    def start(name: str) -> None:
        made.append(project_certificate(project(tmp_path, name), OWN_NAMES, env, NOW))

    threads = [threading.Thread(target=start, args=(f"project-{number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({x509.load_pem_x509_certificates(pem.encode())[1].serial_number for pem in made}) == 1
    assert len({own_of(pem).serial_number for pem in made}) == 6


def test_key_of_the_root_is_nowhere(tmp_path: Path, env: dict[str, str]) -> None:
    made = authority(env)
    project_certificate(project(tmp_path), OWN_NAMES, env, NOW)
    keys = []
    for path in tmp_path.rglob("*.pem"):
        if "PRIVATE KEY" in path.read_text():
            keys.append(load_pem_private_key(path.read_bytes(), None).public_key())
    assert len(keys) == 2
    assert made.root.public_key() not in keys


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1", "127.1.2.3", "orders.localhost"])
def test_names_of_this_machine_are_vouched_for(tmp_path: Path, env: dict[str, str], name: str) -> None:
    names = certified_names(["127.1.2.3", "orders.localhost", "my-machine.example.com", "192.168.0.1"])
    state_dir = project(tmp_path)
    project_certificate(state_dir, names, env, NOW)
    kind = "-verify_hostname" if "localhost" in name else "-verify_ip"
    said = verified(env, state_dir / CERTIFICATE_NAME, kind, name)
    assert said.returncode == 0, said.stderr
    assert names == (*OWN_NAMES, "127.1.2.3", "orders.localhost")


@pytest.mark.parametrize("name", ["example.com", "localhost.example.com", "notlocalhost", "10.0.0.1", "2001:db8::1"])
def test_authority_cannot_vouch_for_others(tmp_path: Path, env: dict[str, str], name: str) -> None:
    path = tmp_path / "stolen.pem"
    path.write_text(certificate._made([name], authority(env), NOW))  # by whoever has got the issuer's key
    said = verified(env, path)
    assert said.returncode != 0
    assert "permitted subtree violation" in said.stderr


def test_issuer_can_make_no_further_authority(env: dict[str, str]) -> None:
    made = authority(env)
    for each, below in ((made.root, 1), (made.issuer, 0)):
        found = each.extensions.get_extension_for_class(x509.BasicConstraints)
        assert (found.critical, found.value.ca, found.value.path_length) == (True, True, below)
        assert each.extensions.get_extension_for_class(x509.NameConstraints).critical


def test_strictest_client_of_python_accepts_it(tmp_path: Path, env: dict[str, str]) -> None:
    pem = tmp_path / "own.pem"
    pem.write_text(project_certificate(project(tmp_path), OWN_NAMES, env, NOW))
    server, client = (
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER),
        ssl.create_default_context(cafile=str(authority_path(env))),
    )
    server.load_cert_chain(pem)
    client.verify_flags |= ssl.VERIFY_X509_STRICT  # Python 3.13's default
    here, there = (ssl.MemoryBIO(), ssl.MemoryBIO()), (ssl.MemoryBIO(), ssl.MemoryBIO())
    one = client.wrap_bio(here[0], here[1], server_hostname="127.0.0.1")
    other = server.wrap_bio(there[0], there[1], server_side=True)
    for _ in range(4):
        for side in (one, other):
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
            there[0].write(here[1].read())
            here[0].write(there[1].read())
    assert one.version() == "TLSv1.3"
    assert one.getpeercert() is not None


def test_certificate_is_private_kept_and_short_lived(tmp_path: Path, env: dict[str, str]) -> None:
    state_dir = project(tmp_path)
    pem = project_certificate(state_dir, OWN_NAMES, env, NOW)
    path = state_dir / CERTIFICATE_NAME
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == (pem, 0o600)
    own = own_of(pem)
    assert own.not_valid_after_utc - own.not_valid_before_utc < MAX_DAYS * DAY
    assert own.not_valid_before_utc < NOW - DAY / 2  # clocks differ
    assert project_certificate(state_dir, OWN_NAMES, env, NOW + DAY) == pem


def test_certificate_is_made_anew_before_it_ends(tmp_path: Path, env: dict[str, str]) -> None:
    state_dir = project(tmp_path)
    pem = project_certificate(state_dir, OWN_NAMES, env, NOW)
    ends = own_of(pem).not_valid_after_utc
    assert project_certificate(state_dir, OWN_NAMES, env, ends - RENEWED_BEFORE) == pem
    renewed = project_certificate(state_dir, OWN_NAMES, env, ends - RENEWED_BEFORE + DAY)
    assert own_of(renewed).not_valid_after_utc > ends


def test_certificate_is_made_anew_for_other_names(tmp_path: Path, env: dict[str, str]) -> None:
    state_dir = project(tmp_path)
    pem = project_certificate(state_dir, OWN_NAMES, env, NOW)
    assert project_certificate(state_dir, (*OWN_NAMES, "a.localhost"), env, NOW) != pem


@pytest.mark.parametrize("text", ["", "nonsense\n", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_certificate_that_is_damaged_is_made_anew(tmp_path: Path, env: dict[str, str], text: str) -> None:
    state_dir = project(tmp_path)
    project_certificate(state_dir, OWN_NAMES, env, NOW)
    (state_dir / CERTIFICATE_NAME).write_text(text)
    assert "PRIVATE KEY" in project_certificate(state_dir, OWN_NAMES, env, NOW)


def test_certificate_never_outlives_who_vouches_for_it(tmp_path: Path, env: dict[str, str]) -> None:
    state_dir, old = project(tmp_path), authority(env)
    project_certificate(state_dir, OWN_NAMES, env, NOW)
    late = NOW + LIFETIME - certificate.LIFETIME + DAY
    pem = project_certificate(state_dir, OWN_NAMES, env, late)
    new = authority(env, late)
    assert new.root != old.root
    assert own_of(pem).not_valid_after_utc <= new.ends


def test_another_authority_makes_another_certificate(tmp_path: Path, env: dict[str, str]) -> None:
    state_dir = project(tmp_path)
    pem = project_certificate(state_dir, OWN_NAMES, env, NOW)
    authority_path(env).unlink()
    assert project_certificate(state_dir, OWN_NAMES, env, NOW) != pem
    assert verified(env, state_dir / CERTIFICATE_NAME).returncode == 0


@pytest.mark.parametrize("name", ["authority.pem", ISSUER_NAME])
@pytest.mark.parametrize("damage", ["nonsense", "another's"])
def test_damaged_authority_is_named_and_never_replaced_unasked(
    tmp_path: Path, env: dict[str, str], name: str, damage: str
) -> None:
    path = authority(env).path.with_name(name)
    other = authority({"HOME": str(tmp_path / "other")}).path.with_name(name)
    text = "nonsense\n" if damage == "nonsense" else other.read_text()
    path.write_text(text)
    with pytest.raises(StateCorrupted) as caught:
        authority(env)
    assert str(path.parent) in caught.value.what
    assert caught.value.why
    assert f"rm -r {path.parent}" in caught.value.hint
    assert path.read_text() == text


def test_home_without_locks_has_an_authority(env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(fd: int, how: int) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert authority(env).path.exists()


def test_folder_of_somebody_else_is_not_used(env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    folder = authority_path(env).parent
    folder.mkdir(parents=True)

    def refuse(path: Path, mode: int) -> None:  # root may do what others may not, and tests run as root, too
        raise PermissionError(1, "Operation not permitted", str(path))

    monkeypatch.setattr(Path, "chmod", refuse)
    with pytest.raises(AccessDenied) as caught:
        authority(env)
    assert str(folder) in caught.value.what
