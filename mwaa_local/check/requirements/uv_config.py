"""uv's configuration file for one question: the index, how long its answers count, and what is known of packages."""

from __future__ import annotations

import json
from collections.abc import Iterable

from mwaa_local.check.requirements.known_metadata import known_metadata
from mwaa_local.release import Release

# What PyPI itself says of its pages and files; other indexes often say nothing, and each page would be asked for again
# with every check.
PAGES_FRESH_S = 600
FILES_FRESH_S = 365_000_000


def uv_config(index_url: str, release: Release, assumed: Iterable[tuple[str, str]]) -> str:
    """Return the file's text; `assumed` are packages, name and version, that are taken to require nothing.

    It may hold a password, in the index's address.
    """
    # A string of JSON is one of TOML, too.
    return (
        f'[[index]]\nname = "default"\nurl = {json.dumps(index_url)}\ndefault = true\n'
        f'cache-control = {{ api = "max-age={PAGES_FRESH_S}", files = "max-age={FILES_FRESH_S}, immutable" }}\n'
        f"{known_metadata(release)}"
        + "".join(
            f"[[dependency-metadata]]\nname = {json.dumps(name)}\nversion = {json.dumps(version)}\n"
            for name, version in assumed
        )
    )
