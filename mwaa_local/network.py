"""How programs that mwaa-local runs reach package indexes: by the caller's proxies, certificates and settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mwaa_local.interpreters import MANAGED_VARIABLE, search_path

# Where Debian, Red Hat and SUSE keep the certificates that the machine trusts.
SYSTEM_CERTIFICATES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
)
# What a build step may see of the caller's shell: how to reach indexes, and where temporary files go.
NETWORK_VARIABLES = (
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "TMPDIR",
    "LANG",
)


def build_env(env: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for build steps: nothing of the caller's shell but how to reach an index.

    pip's index settings are handed to uv under uv's names; everything else that begins with PIP_ stays out, and so
    does PYTHONDONTWRITEBYTECODE, since bytecode made now is time saved at every start.
    """
    kept = {name: value for name, value in env.items() if name.upper() in NETWORK_VARIABLES or name.startswith("UV_")}
    kept["HOME"] = env.get("HOME", "/")
    kept["PATH"] = search_path(env)
    if MANAGED_VARIABLE in env:
        kept[MANAGED_VARIABLE] = env[MANAGED_VARIABLE]
    if env.get("PIP_INDEX_URL"):
        kept.setdefault("UV_DEFAULT_INDEX", env["PIP_INDEX_URL"])
    if "PIP_CERT" in env:
        kept.setdefault("SSL_CERT_FILE", env["PIP_CERT"])
    if any(Path(bundle).exists() for bundle in SYSTEM_CERTIFICATES):
        # uv's own list does not know a company's certificate; where the system keeps a list, that is the one to trust.
        kept.setdefault("UV_SYSTEM_CERTS", "true")
    return kept
