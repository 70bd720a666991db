"""An ordinary user, for tests of what somebody else may not do: root, as which tests may run, may read everything."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

ORDINARY_USER = 65534


@contextlib.contextmanager
def as_ordinary_user(*closed: Path) -> Iterator[None]:
    """Be that user within, and nowhere around it, where pytest writes its own files.

    Where the tests run as an ordinary user anyway, nobody may write into the closed folders meanwhile.
    """
    if os.geteuid() == 0:
        os.seteuid(ORDINARY_USER)
        try:
            yield
        finally:
            os.seteuid(0)
        return
    modes = {folder: folder.stat().st_mode for folder in closed}
    for folder in closed:
        folder.chmod(0o555)
    try:
        yield
    finally:
        for folder, mode in modes.items():
            folder.chmod(mode)


@contextlib.contextmanager
def reachable_folder() -> Iterator[Path]:
    """Give a folder that everybody can look into, and only whoever runs the tests can change. Pytest's are closed."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        path = Path(folder)
        path.chmod(0o755)
        yield path
