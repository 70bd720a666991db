"""The check of requirements while `up` works: it reports a conflict within seconds; pip's own answer takes longer.

It runs beside the start, only for a file that changed since it was last checked, and never stops anything: MWAA, too,
starts Airflow whatever became of the requirements.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.check.environment import script_text
from mwaa_local.check.requirements.check import RequirementsCheck
from mwaa_local.check.requirements.resolution import CONFLICT, UNREADABLE_LINE, resolution_findings
from mwaa_local.check.requirements.source_findings import NO_WHEEL
from mwaa_local.check.requirements.verdict import Checked, Unchecked
from mwaa_local.errors import MwaaLocalError
from mwaa_local.files import write_private
from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.remarks import ERROR, Remark
from mwaa_local.requirements import prepare as requirements
from mwaa_local.requirements.pip_settings import may_concern_pip
from mwaa_local.scratch import scratch_folder

CHECKED_NAME = "requirements-checked"  # the digest of what was checked last
FINISH_TIMEOUT_S = 5.0  # for a check that still runs when everything else is done
SUBJECT = "requirements"
VARIABLE = b"${"


@dataclass(frozen=True)
class EarlyCheck:
    """A check that runs in a thread of its own."""

    _thread: threading.Thread

    def finish(self) -> None:
        """Wait briefly for the end; a check that takes longer reports nothing."""
        self._thread.join(FINISH_TIMEOUT_S)


def begin(
    project: Project,
    release: Release,
    env: Mapping[str, str],
    variables: Mapping[str, str],
    tell: Callable[[Remark], None],
) -> EarlyCheck | None:
    """Start to check the project's requirements; None where there is nothing new to check.

    `tell` is called from another thread, once for each conflict.
    """
    path, checked_path = project.requirements_path, project.run_dir / CHECKED_NAME
    digest = "" if not path.is_file() or _needs_script(project, release) else _digest(path, release)
    if not digest or (checked_path.is_file() and checked_path.read_text(encoding="utf-8") == digest):
        return None

    def run() -> None:
        try:
            checked = RequirementsCheck(project, path, env, variables).check(release)
        except (MwaaLocalError, OSError):  # what is wrong with the machine, the start will tell
            return
        for remark in remarks(checked):
            tell(remark)
        if not isinstance(checked.verdict, Unchecked):
            write_private(checked_path, digest)

    thread = threading.Thread(target=run, name="requirements check", daemon=True)
    thread.start()
    return EarlyCheck(thread)


def _needs_script(project: Project, release: Release) -> bool:
    """Whether the file may mean something else with what the startup script exports, which only its run would show."""
    script = script_text(project) if release.startup_script else ""
    return bool(script) and (may_concern_pip(script) or VARIABLE in project.requirements_path.read_bytes())


def remarks(checked: Checked) -> list[Remark]:
    """Return remarks on a file that pip will refuse; none on one that it accepts."""
    return [
        Remark(ERROR, SUBJECT, f"{item.place}: {item.what}", item.why, item.hint)
        for item in resolution_findings(checked)
        if item.rule in (CONFLICT, NO_WHEEL, UNREADABLE_LINE)
    ]


def _digest(path: Path, release: Release) -> str:
    """Return what changes with the file, those that it names, and the release; "" where nothing is asked for."""
    with scratch_folder("mwaa-local-digest-") as folder:
        prepared = requirements.prepare(path, release, folder)
        return "" if prepared.is_empty else prepared.digest
