"""Keys of this user, with which data of projects is signed: not in projects, so nobody can sign what comes with one."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from mwaa_local.errors import disk_error
from mwaa_local.files import PRIVATE_FILE_MODE

FOLDER = "keys"  # never pruned: what was signed could not be used any more
KEY_BYTES = 32


def user_key(cache_dir: Path, name: str) -> str:
    """Return the key of that name, making it the first time. Raises DiskFull."""
    path = cache_dir / FOLDER / name
    part = path.with_name(f"{name}.{secrets.token_hex(8)}")
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE_MODE), "w") as file:
                file.write(secrets.token_hex(KEY_BYTES))
            with contextlib.suppress(FileExistsError):  # of two at once, the first one's is the key
                path.hardlink_to(part)
            part.unlink()
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise disk_error(error, path.parent) from error
