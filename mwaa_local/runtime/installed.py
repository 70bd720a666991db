"""How startup script and requirements ended: kept, and told alike, whichever runtime they ran in."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.delivery import REQUIREMENTS_FILE
from mwaa_local.remarks import ERROR, NOTE, WARNING, Remark
from mwaa_local.requirements import prepare as requirements
from mwaa_local.startup.outcome import StartupOutcome
from mwaa_local.startup.script_run import SYNTAX_HINT

EXPORTS_NAME = "startup-exports.json"
MARK_NAME = "mwaa-local-project.json"
REQUIREMENTS_LOG_NAME = "requirements_install.out"


@dataclass(frozen=True)
class Outcome:
    """How requirements were installed: kept beside the package set, so that later starts can say it again."""

    failed: str = ""  # pip's reason
    warnings: tuple[str, ...] = ()

    def write(self, target_dir: Path) -> None:
        plain = {"failed": self.failed, "warnings": list(self.warnings)}
        (target_dir / MARK_NAME).write_text(json.dumps(plain), encoding="utf-8")

    @classmethod
    def read(cls, target_dir: Path) -> Outcome | None:
        """Return what was written last; None when the set was never finished or the file cannot be understood."""
        try:
            plain = json.loads((target_dir / MARK_NAME).read_text(encoding="utf-8"))
            return cls(str(plain["failed"]), tuple(map(str, plain["warnings"])))
        except (OSError, ValueError, KeyError, TypeError):
            return None


def syntax_remarks(outcomes: Iterable[StartupOutcome]) -> list[Remark]:
    """Return what bash said of the script's syntax, once for all components."""
    problems = dict.fromkeys(item.syntax_problem for item in outcomes if item.syntax_problem)
    return [Remark(WARNING, "startup script", f"{item.place}: {item.what}", item.why, SYNTAX_HINT) for item in problems]


def constraint_remarks(prepared: requirements.PreparedRequirements) -> list[Remark]:
    """Return what is to be said of the file before it is installed."""
    # That MWAA adds the constraints to a file without any is how it should be; the rest is worth a look.
    severity = NOTE if prepared.constraints is requirements.ConstraintSource.INJECTED else WARNING
    return [Remark(severity, "requirements", note) for note in prepared.notes]


def outcome_remarks(outcome: Outcome, log_path: Path) -> list[Remark]:
    """Return what is to be said of an install that failed, or that left packages which no longer fit together."""
    remarks = []
    if outcome.failed:
        remarks.append(
            Remark(
                ERROR,
                "requirements",
                f"{REQUIREMENTS_FILE} was not installed",
                f"{outcome.failed}\nAirflow started anyway. MWAA does the same, without telling you.",
                f"correct the file and run `mwaa-local up` again; pip's output is in {log_path}",
            )
        )
    if outcome.warnings:
        remarks.append(
            Remark(
                WARNING,
                "requirements",
                f"{REQUIREMENTS_FILE} was installed, but some packages no longer fit together",
                "\n".join(outcome.warnings),
                f"pip's output is in {log_path}",
            )
        )
    return remarks
