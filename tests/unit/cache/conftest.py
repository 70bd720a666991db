"""A cache folder of a test's own."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from mwaa_local.cache.users import Users
from tests.unit.cache.kept_things import (
    FERNET_KEY,
)


@pytest.fixture
def cache_dir(tmp_path: Path) -> Path:
    """A cache folder in which AWS's own tool keeps its key, as `run.sh` of aws/amazon-mwaa-docker-images does."""
    folder = tmp_path / "cache" / "mwaa-local"
    folder.mkdir(parents=True)
    (folder / "fernet.key").write_text(FERNET_KEY)
    return folder


@pytest.fixture
def noted(cache_dir: Path) -> Users:
    """Uses are noted since a year."""
    users = Users(cache_dir)
    with users.locked():
        users.begin()
    (users.dir / "since.json").write_text(json.dumps({"since": time.time() - 365 * 86400.0}))
    return users
