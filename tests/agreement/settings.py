"""Where package sets and pages of the index are, and which settings reach the two programs that are compared."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

# Set to `all`, every file is compared; else a sample.
FILES_VARIABLE = "MWAA_LOCAL_TEST_AGREEMENT"
CACHE_VARIABLE = "MWAA_LOCAL_TEST_CACHE_DIR"  # as in tests/conftest.py
# Both would find packages there that MWAA does not.
_OWN_SOURCES = ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_EXTRA_INDEX_URL", "UV_INDEX")


def cache_dir(env: Mapping[str, str]) -> Path:
    """Return where tests keep package sets between sessions."""
    named = env.get(CACHE_VARIABLE)
    return Path(named) if named else Path.home() / ".cache" / "mwaa-local"


def pages_dir(env: Mapping[str, str]) -> Path:
    """Return where pages of the index are kept between sessions, beside what is the user's own."""
    named = env.get(CACHE_VARIABLE)
    return (Path(named) if named else Path.home() / ".cache" / "mwaa-local-tests") / "index"


def caller_env(env: Mapping[str, str]) -> dict[str, str]:
    """Return the caller's environment without places of packages that are nobody else's."""
    return {name: value for name, value in env.items() if name not in _OWN_SOURCES}


def all_are_chosen(env: Mapping[str, str]) -> bool:
    """Whether all files are to be compared."""
    return env.get(FILES_VARIABLE) == "all"
