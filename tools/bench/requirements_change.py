"""Change the requirements of a running environment, and time what that takes beside pip's own time."""

from __future__ import annotations

import json
import time
from pathlib import Path

from mwaa_local.requirements.install import OUTCOME_NAME
from tools.bench.commands import BenchError
from tools.bench.subjects import OursInDocker

# Small, without dependencies, named in no release's constraints, and with wheels for every Python of MWAA's.
ADDED_LINES = ("cowsay==4.0", "pyjokes==0.6.0", "pyfiglet==0.8.post1")


def requirements_change(subject: OursInDocker, number: int) -> tuple[float, float]:
    """Add a line and bring the environment up; return the seconds until all is ready and until the packages are there.

    Both are without what pip itself took.

    Raises BenchError when pip did not install them just now.
    """
    path = subject.project.requirements_path
    path.write_text(with_line(path.read_text() if path.is_file() else "", ADDED_LINES[number]))
    launched = time.time()
    elapsed_s = subject.up()
    pip_s, installed = pip_times(subject.files.outcome_dir("requirements") / OUTCOME_NAME, launched)
    return elapsed_s - pip_s, installed - launched - pip_s


def with_line(text: str, line: str) -> str:
    return f"{text.rstrip()}\n{line}\n" if text.strip() else f"{line}\n"


def pip_times(path: Path, since: float) -> tuple[float, float]:
    """Return the seconds that a successful pip took, and when it was done. `since` and that are epoch seconds."""
    done = path.stat().st_mtime if path.is_file() else 0.0
    if done < since:
        raise BenchError("the change of requirements.txt did not make pip install anything")
    ended = json.loads(path.read_text())
    if ended["exit_code"] != 0:
        raise BenchError(f"pip ended with exit code {ended['exit_code']}")
    return float(ended["elapsed_s"]), done
