"""How programs that mwaa-local runs, and it itself, reach package indexes: the caller's proxies and certificates."""

from __future__ import annotations

import base64
import os
import ssl
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import SplitResult, unquote

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


def with_variables(env: Mapping[str, str], variables: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for build steps with the variables of a component added, which count more.

    Programs are also found where `env` has them. pip's way to the index gets uv's names.
    """
    added = {name: value for name, value in variables.items() if name not in ("HOME", "PATH")}
    path = os.pathsep.join(filter(None, (variables.get("PATH"), env.get("PATH"))))
    if variables.get("PIP_CERT"):
        added.setdefault("SSL_CERT_FILE", variables["PIP_CERT"])
    if variables.get("PIP_PROXY"):
        added |= {"HTTP_PROXY": variables["PIP_PROXY"], "HTTPS_PROXY": variables["PIP_PROXY"]}
    return {**env, **added, **({"PATH": path} if path else {})}


def opener(known: Mapping[str, str]) -> urllib.request.OpenerDirector:
    """Return what opens addresses; `known` is what `build_env` returns."""
    proxies = {
        scheme: known.get(f"{scheme}_proxy") or known.get(f"{scheme.upper()}_PROXY", "") for scheme in ("http", "https")
    }
    return urllib.request.build_opener(
        urllib.request.ProxyHandler({scheme: proxy for scheme, proxy in proxies.items() if proxy}),
        urllib.request.HTTPSHandler(context=_trusted(known)),
    )


def host(parts: SplitResult) -> str:
    """Return host and port of an address, without a user's name."""
    return parts.netloc.rpartition("@")[2]


def credentials(parts: SplitResult) -> tuple[tuple[str, str], str] | None:
    """Return ((scheme, host), header) of an address with a user's name in it."""
    if not parts.username:
        return None
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return (parts.scheme, host(parts)), "Basic " + base64.b64encode(pair.encode()).decode("ascii")


def _trusted(env: Mapping[str, str]) -> ssl.SSLContext:
    """Return what certificates to trust: those named, else the system's."""
    named = env.get("SSL_CERT_FILE") or env.get("REQUESTS_CA_BUNDLE") or ""
    found = next((path for path in (named, *SYSTEM_CERTIFICATES) if path and Path(path).is_file()), None)
    return ssl.create_default_context(cafile=found)
