"""The local authority: who vouches for the certificates of this machine's front doors, for one user of it.

It is made when an environment with `Local: {Https: true}` first starts, for all projects, and kept where user data is
and not in the cache, which may be cleared. No code of ours puts it into a trust store.

Whoever trusts an authority believes what it says of any site, so this one can say something of this machine alone. Its
root vouches for one issuer, has its key thrown away, and both are constrained (RFC 5280, section 4.2.1.10) to
`localhost`, names below it and loopback addresses. Clients that do not look at the constraints of what they trust
themselves still look at the issuer's.
"""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import os
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mwaa_local import flock
from mwaa_local.documentation import page_url
from mwaa_local.errors import StateCorrupted, disk_error
from mwaa_local.files import write_private
from mwaa_local.https.place import authority_path

ISSUER_NAME = "issuer.pem"  # its private key and certificate
LOCK_NAME = "authority.lock"
FOLDER_MODE = 0o700
MAX_COMMON_NAME = 64  # characters (RFC 5280, appendix A.1, ub-common-name)
LIFETIME = datetime.timedelta(days=3650)  # trust is given by hand: as rarely as can be
# Clocks of virtual machines go wrong: a certificate is good a day before it was made.
EARLIER = datetime.timedelta(days=1)
PERMITTED = (
    x509.DNSName("localhost"),  # and all names below it
    x509.IPAddress(ipaddress.ip_network("127.0.0.0/8")),
    x509.IPAddress(ipaddress.ip_network("::1/128")),
)

_USES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


@dataclass(frozen=True)
class Authority:
    """The authority of this user; `root` is what a client has to trust."""

    path: Path  # of the root, which is a file of its own
    root: x509.Certificate
    issuer: x509.Certificate
    issuer_key: ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def of(cls, env: Mapping[str, str], now: datetime.datetime, needed: datetime.timedelta) -> Authority:
        """Return the authority, made anew where there is none or it is good for less than `needed`.

        Raises StateCorrupted for files that are not as they were written, AccessDenied for a folder that is not this
        user's, DiskFull when there is no room.
        """
        path = authority_path(env)
        with _alone(path.parent):
            found = _read(path)
            return found if found is not None and found.ends >= now + needed else _make(path, now)

    @property
    def ends(self) -> datetime.datetime:
        return min(self.root.not_valid_after_utc, self.issuer.not_valid_after_utc)


def _read(path: Path) -> Authority | None:
    """Return the authority in the files; None where there is none."""
    issuer_path = path.with_name(ISSUER_NAME)
    if not path.exists():
        return None
    try:
        root = x509.load_pem_x509_certificate(path.read_bytes())
        plain = issuer_path.read_bytes()
        issuer = x509.load_pem_x509_certificate(plain)
        key = serialization.load_pem_private_key(plain, None)
        issuer.verify_directly_issued_by(root)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != issuer.public_key():
            raise ValueError("key and certificate of the issuer are not of one another")
    except (OSError, ValueError, TypeError, InvalidSignature) as error:
        raise StateCorrupted(
            f"the local authority for https is not what was written: {path.parent}",
            str(error) or "The signature of its issuer is wrong.",
            f"rm -r {shlex.quote(str(path.parent))}, then `mwaa-local up` in each project with Https: true,"
            f" and trust the new one: {page_url('https.md')}",
        ) from error
    return Authority(path, root, issuer, key)


def _make(path: Path, now: datetime.datetime) -> Authority:
    root_key, issuer_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root_name, issuer_name = (_name(f"mwaa-local {what}, {_machine_name()}") for what in ("authority", "issuer"))
    root = _authority(root_name, root_key, root_name, root_key, now, below=1)
    issuer = _authority(issuer_name, issuer_key, root_name, root_key, now, below=0)
    path.unlink(missing_ok=True)  # its file is the sign that the other one is whole
    write_private(path.with_name(ISSUER_NAME), pem_of_key(issuer_key) + pem_of(issuer))
    write_private(path, pem_of(root))
    return Authority(path, root, issuer, issuer_key)


def _authority(
    subject: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signer: x509.Name,
    signer_key: ec.EllipticCurvePrivateKey,
    now: datetime.datetime,
    *,
    below: int,
) -> x509.Certificate:
    """Return the certificate of somebody who vouches for others; `below` authorities may stand between."""
    return (
        builder(subject, key.public_key(), signer, signer_key.public_key(), now, LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=below), critical=True)
        .add_extension(key_usage("key_cert_sign", "crl_sign"), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.NameConstraints(PERMITTED, None), critical=True)
        .sign(signer_key, hashes.SHA256())
    )


def key_usage(*uses: str) -> x509.KeyUsage:
    """Return what a key may do, by the names of x509.KeyUsage, and nothing else."""
    return x509.KeyUsage(**{**dict.fromkeys(_USES, False), **dict.fromkeys(uses, True)})


def builder(
    subject: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    signer: x509.Name,
    signer_key: ec.EllipticCurvePublicKey,
    now: datetime.datetime,
    lifetime: datetime.timedelta,
) -> x509.CertificateBuilder:
    """Return what all certificates have. Key identifiers are what strict clients (Python 3.13) ask for."""
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - EARLIER)
        .not_valid_after(now + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer_key), critical=False)
    )


def pem_of(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def pem_of_key(key: ec.EllipticCurvePrivateKey) -> str:
    """Return an unencrypted key, for a private file."""
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption()).decode()


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:MAX_COMMON_NAME])])


def _machine_name() -> str:
    """Return by what a person tells this authority from another machine's in a list of trusted ones."""
    return os.uname().nodename


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Make the folder, private, and hold it: two projects may start at once."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
        folder.chmod(FOLDER_MODE)
        lock = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT, flock.LOCK_MODE)
    except OSError as error:
        raise disk_error(error, folder) from error
    try:
        with contextlib.suppress(OSError):  # a home on a file system without locks: two first starts at once are rare
            flock.wait(lock)
        yield
    finally:
        os.close(lock)
