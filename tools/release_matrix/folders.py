"""Where cells are tried: below the folder for temporary files, at a place that a later run finds again.

So that what a killed run left there is stopped and removed by the next one.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from tools.bench.sample import ROOT_DIR

PRIVATE_DIR_MODE = 0o700
DIGEST_LENGTH = 8


def work_dir(root_dir: Path = ROOT_DIR) -> Path:
    """Return this checkout's folder, which is made; other users and other checkouts have their own."""
    digest = hashlib.sha256(str(root_dir).encode()).hexdigest()[:DIGEST_LENGTH]
    folder = Path(tempfile.gettempdir()).resolve() / f"mwaa-local-releases-{os.getuid()}-{digest}"
    folder.mkdir(mode=PRIVATE_DIR_MODE, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} is another user's")
    return folder
