"""How startup script and requirements ended: kept, and told alike, whichever runtime they ran in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mwaa_local.delivery import REQUIREMENTS_FILE, STARTUP_SCRIPT
from mwaa_local.remarks import ERROR, NOTE, WARNING, Remark
from mwaa_local.requirements import prepare as requirements
from mwaa_local.requirements.install import Installed, InstallFailed
from mwaa_local.startup.outcome import StartupOutcome
from mwaa_local.startup.script_run import SYNTAX_HINT

if TYPE_CHECKING:
    from mwaa_local.startup.trial import Trial

EXPORTS_NAME = "startup-exports.json"
MARK_NAME = "mwaa-local-project.json"
INSTALL_HINT = "install what is missing; with Docker, name its Debian package in SystemPackages"
NETWORK_HINT = (
    "check the network; PIP_INDEX_URL names another package index, HTTPS_PROXY a proxy, SSL_CERT_FILE your own "
    "certificates"
)
REQUIREMENTS_LOG_NAME = "requirements_install.out"


@dataclass(frozen=True)
class Outcome:
    """How requirements were installed: kept beside the package set, so that later starts can say it again."""

    failed: str = ""  # pip's reason
    warnings: tuple[str, ...] = ()
    is_of_machine: bool = False  # why it failed says nothing about MWAA
    is_unreached: bool = False  # … for an address that MWAA may reach

    @classmethod
    def of(cls, result: Installed | InstallFailed) -> Outcome:
        """Return what is to be kept of a run of pip."""
        if isinstance(result, InstallFailed):
            return cls(result.reason, (), result.is_of_machine, result.is_unreached)
        return cls(warnings=result.warnings)

    def write(self, target_dir: Path) -> None:
        plain = {**vars(self), "warnings": list(self.warnings)}
        (target_dir / MARK_NAME).write_text(json.dumps(plain), encoding="utf-8")

    @property
    def hint(self) -> str:
        """What to do on this machine."""
        return NETWORK_HINT if self.is_unreached else INSTALL_HINT

    @staticmethod
    def forget(target_dir: Path) -> None:
        """Let the set count as unfinished until one is written again."""
        (target_dir / MARK_NAME).unlink(missing_ok=True)

    @classmethod
    def read(cls, target_dir: Path) -> Outcome | None:
        """Return what was written last; None when the set was never finished or the file cannot be understood."""
        try:
            plain = json.loads((target_dir / MARK_NAME).read_text(encoding="utf-8"))
            of_machine = (bool(plain.get(name)) for name in ("is_of_machine", "is_unreached"))
            return cls(str(plain["failed"]), tuple(map(str, plain["warnings"])), *of_machine)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None


def script_remarks(outcomes: Sequence[StartupOutcome], path: str = STARTUP_SCRIPT) -> list[Remark]:
    """Return what is to be said of the startup script, once for all components; `path` is the user's name for it."""
    problems = dict.fromkeys(item.syntax_problem for item in outcomes if item.syntax_problem)
    return [
        *(_of_script(f"{item.place}: {item.what}", item.why, SYNTAX_HINT) for item in problems),
        *command_remarks(outcomes, path),
        *map(
            _of_script,
            dict.fromkeys(note for item in outcomes for note in (*item.notes, *item.absent_programs.values())),
        ),
    ]


def command_remarks(runs: Sequence[StartupOutcome] | Sequence[Trial], path: str = STARTUP_SCRIPT) -> Iterator[Remark]:
    """Yield what is to be said of single commands, and of what they leave exported, once for all components."""
    every = dict.fromkeys(run.component for run in runs)
    for failed in dict.fromkeys(failed for run in runs for failed in run.failed_commands):
        logs = {run.component: str(run.log_path) for run in runs if failed in run.failed_commands}
        where = "" if len(logs) == len(every) else f" ({', '.join(logs)})"
        hint = f"{failed.hint}; its output is in {', '.join(logs.values())}"
        severity = NOTE if failed.is_of_machine else WARNING
        yield _of_script(f"{path}:{failed.line}: {failed.what}{where}", failed.why, hint, severity)
    for variable in dict.fromkeys(variable for run in runs for variable in run.pip_variables):
        place = f"{path}:{variable.line}" if variable.line else path
        yield _of_script(f"{place}: {variable.what}", variable.why, variable.hint)


def _of_script(what: str, why: str = "", hint: str = "", severity: str = WARNING) -> Remark:
    return Remark(severity, "startup script", what, why, hint)


def constraint_remarks(prepared: requirements.PreparedRequirements) -> list[Remark]:
    """Return what is to be said of the file before it is installed."""
    # That MWAA adds the constraints to a file without any is how it should be; the rest is worth a look.
    severity = NOTE if prepared.constraints is requirements.ConstraintSource.INJECTED else WARNING
    return [Remark(severity, "requirements", note) for note in prepared.notes]


def outcome_remarks(outcome: Outcome, log_path: Path, path: str = REQUIREMENTS_FILE) -> list[Remark]:
    """Return what is to be said of an install that failed, or that left packages which no longer fit together."""
    remarks = []
    if outcome.is_of_machine:
        remarks.append(
            Remark(
                ERROR,
                "requirements",
                f"{path} was not installed on this machine",
                f"{outcome.failed}.\nAirflow started without them; for MWAA, see `mwaa-local check requirements`.",
                f"{outcome.hint}, and run `mwaa-local up` again; pip's output is in {log_path}",
            )
        )
    elif outcome.failed:
        remarks.append(
            Remark(
                ERROR,
                "requirements",
                f"{path} was not installed",
                f"{outcome.failed}\nAirflow started anyway. MWAA does the same, without telling you.",
                f"correct the file and run `mwaa-local up` again; pip's output is in {log_path}",
            )
        )
    if outcome.warnings:
        remarks.append(
            Remark(
                WARNING,
                "requirements",
                f"{path} was installed, but some packages no longer fit together",
                "\n".join(outcome.warnings),
                f"pip's output is in {log_path}",
            )
        )
    return remarks
