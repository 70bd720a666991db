"""`python -m mwaa_local.observer PROJECT`: the observer as a process that `launch` started."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from mwaa_local.observer.observing import Observing
from mwaa_local.project import Project

if __name__ == "__main__":
    Observing(Project(Path(sys.argv[1])), dict(os.environ)).run()
