"""Files that the startup script makes in the worker alone: a DAG file that wants one at import fails on MWAA.

DAG files are imported where the scheduler's startup script ran. That the same file is there when tasks run is what
makes such a failure hard to understand, so it is said.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from mwaa_local.finding import Finding
from mwaa_local.isolation import MWAA_HOME_DIR

WORKER_COMPONENT = "worker"
COMPONENT_VARIABLE = "MWAA_AIRFLOW_COMPONENT"  # by which a script tells its component (MWAA user guide)
_PATH = re.compile(rf"{re.escape(str(MWAA_HOME_DIR))}/[^\s'\"`,:;()\[\]<>]+")


def tells_components_apart(script_path: Path) -> bool:
    """Whether the script may do something in the worker that it does not do in the scheduler."""
    try:
        return COMPONENT_VARIABLE in script_path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False


def with_worker_files(
    findings: Iterable[Finding], scheduler_home: Path | None, worker_home: Callable[[], Path | None]
) -> Iterator[Finding]:
    """Yield the findings; those on a file of the worker say so. `worker_home` waits for the worker's script."""
    for finding in findings:
        missing = [path for path in _paths(finding) if scheduler_home and not _is_in(scheduler_home, path)]
        home = worker_home() if missing else None
        of_worker = next((path for path in missing if home is not None and _is_in(home, path)), "")
        yield replace(finding, why=_why(finding.why, of_worker), hint=_hint(of_worker)) if of_worker else finding


def _paths(finding: Finding) -> list[str]:
    return list(dict.fromkeys(path.rstrip(".") for path in _PATH.findall(f"{finding.what}\n{finding.why}")))


def _is_in(home_dir: Path, path: str) -> bool:
    return os.path.lexists(home_dir / Path(path).relative_to(MWAA_HOME_DIR))


def _why(why: str, path: str) -> str:
    said = f"The startup script makes {path} in the worker only; DAG files are imported in the scheduler's container."
    return f"{why}\n{said}".lstrip()


def _hint(path: str) -> str:
    return f"let the startup script make {path} in the scheduler, too, or look for it inside a task"
