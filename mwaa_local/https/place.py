"""Where the local authority is, and for which names it can vouch. Cheap: most commands make no certificate."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

AUTHORITY_DIR = "mwaa-local/authority"  # below the folder for a user's data (XDG Base Directory Specification)
AUTHORITY_NAME = "authority.pem"  # a certificate; what is trusted
CERTIFICATE_NAME = "https.pem"  # of a project's key and certificate
LOCALHOST = "localhost"
# No `*.localhost`: curl, OpenSSL and Chromium take no wildcard for a whole top-level domain.
OWN_NAMES = (LOCALHOST, "127.0.0.1", "::1")


def authority_path(env: Mapping[str, str]) -> Path:
    """Return the file of the authority's certificate, whether or not it has been made."""
    named = env.get("XDG_DATA_HOME", "")
    home = env.get("HOME") or os.path.expanduser("~")  # noqa: PTH111 - without HOME, who runs this has one still
    # The specification: a relative path is to be ignored.
    data_dir = Path(named) if named.startswith("/") else Path(home) / ".local" / "share"
    return data_dir / AUTHORITY_DIR / AUTHORITY_NAME


def is_of_this_machine(name: str) -> bool:
    """Say whether a name or address leads to this machine for everybody: the authority may vouch for it."""
    if name == LOCALHOST or name.endswith(f".{LOCALHOST}"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def certified_names(more: Iterable[str]) -> tuple[str, ...]:
    """Return the names in a project's certificate: this machine's own, and those of `more` that it can hold."""
    return tuple(dict.fromkeys((*OWN_NAMES, *filter(is_of_this_machine, more))))
