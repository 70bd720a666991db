"""A project's own certificate, which the local authority vouches for, and its private key: one private file."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Mapping, Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from mwaa_local.files import write_private
from mwaa_local.https.authority import Authority, builder, key_usage, pem_of, pem_of_key
from mwaa_local.https.place import CERTIFICATE_NAME

# Browsers refuse what is good for more than 398 days (CA/Browser Forum, Baseline Requirements, 6.3.2).
LIFETIME = datetime.timedelta(days=396)  # and one before it was made
RENEWED_BEFORE = datetime.timedelta(days=60)  # an environment may run for weeks without another `up`


def project_certificate(state_dir: Path, names: Sequence[str], env: Mapping[str, str], now: datetime.datetime) -> str:
    """Return key, certificate and issuer as PEM: those that are kept, made anew where those are not good any more.

    `names` are host names and addresses that `is_of_this_machine`. Raises what `Authority.of` raises.
    """
    authority = Authority.of(env, now, LIFETIME)
    path = state_dir / CERTIFICATE_NAME
    kept = _kept(path)
    if kept and _is_still_good(kept, names, authority, now):
        return kept
    made = _made(names, authority, now)
    write_private(path, made)
    return made


def _kept(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except (OSError, ValueError):
        return ""


def _is_still_good(kept: str, names: Sequence[str], authority: Authority, now: datetime.datetime) -> bool:
    """Say whether a file holds this authority's certificate for exactly these names, and does not expire soon."""
    try:
        own, issuer = x509.load_pem_x509_certificates(kept.encode())
        found = own.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return False
    has_issuer, has_names = issuer == authority.issuer, list(found) == [_general(name) for name in names]
    return has_issuer and has_names and own.not_valid_after_utc >= now + RENEWED_BEFORE


def _made(names: Sequence[str], authority: Authority, now: datetime.datetime) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    no_subject, issuer = x509.Name([]), authority.issuer  # names stand in the extension alone
    certificate = (
        builder(no_subject, key.public_key(), issuer.subject, authority.issuer_key.public_key(), now, LIFETIME)
        # Critical, since there is no other name (RFC 5280, section 4.2.1.6).
        .add_extension(x509.SubjectAlternativeName(map(_general, names)), critical=True)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage("digital_signature"), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(authority.issuer_key, hashes.SHA256())
    )
    return pem_of_key(key) + pem_of(certificate) + pem_of(issuer)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
