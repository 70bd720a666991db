"""The certificates that the caller's shell names, and that shell as containers are given it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mwaa_local.runtime.compose.files import CA_BUNDLE_NAME, RUN_DIR

CERTIFICATE_VARIABLES = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE")
SEEN_PATH = f"{RUN_DIR}/{CA_BUNDLE_NAME}"


def ca_bundle(env: Mapping[str, str]) -> Path | None:
    """Return the file that the caller's shell names; None where none is there."""
    named = (Path(env[name]) for name in CERTIFICATE_VARIABLES if env.get(name))
    return next((path for path in named if path.is_file()), None)


def shell_of_containers(env: Mapping[str, str]) -> Mapping[str, str]:
    """Return the caller's variables with certificates where containers see them."""
    shell = {name: value for name, value in env.items() if name not in CERTIFICATE_VARIABLES}
    if ca_bundle(env) is not None:
        shell |= dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"), SEEN_PATH)
    return shell
