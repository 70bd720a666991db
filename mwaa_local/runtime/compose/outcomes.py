"""How startup scripts and pip ended inside containers, read from the files they left, as remarks and errors.

The same judgement as for the process runtime; only where things ran is another place.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from mwaa_local.delivery import REQUIREMENTS_FILE, STARTUP_SCRIPT, Delivery
from mwaa_local.files import write_private
from mwaa_local.plan import MWAA_COMPONENTS
from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.remarks import NOTE, Remark
from mwaa_local.requirements import install as requirements_install
from mwaa_local.requirements.prepare import PreparedRequirements
from mwaa_local.runtime.compose.files import ComposeFiles
from mwaa_local.runtime.installed import EXPORTS_NAME, REQUIREMENTS_LOG_NAME, Outcome, outcome_remarks, script_remarks
from mwaa_local.startup import outcome as startup_outcome


@dataclass(frozen=True)
class ContainerOutcomes:
    """What one start's containers left. `requirements` is what pip was given; None when there was nothing for it."""

    project: Project
    delivery: Delivery
    release: Release
    files: ComposeFiles
    requirements: PreparedRequirements | None

    def remarks(self) -> list[Remark]:
        """Return notes on the startup script, and how pip ended; note what the script exported, for `options`.

        Raises StartupScriptFailed where MWAA's containers would not start.
        """
        exports_path = self.project.run_dir / EXPORTS_NAME
        if not self.release.startup_script or not self.delivery.startup_script_path.is_file():
            exports_path.unlink(missing_ok=True)
            return self._of_requirements()
        outcomes = [
            self.startup_script(service, component)
            for service, component in (("requirements", "scheduler"), *((name, name) for name in MWAA_COMPONENTS))
        ]
        ended = [outcome for outcome in outcomes if outcome is not None]
        exports = {outcome.component: dict(outcome.exported) for outcome in ended}
        if exports.keys() >= set(MWAA_COMPONENTS):
            write_private(exports_path, json.dumps({**exports, "seen": "in containers"}))
        return [*script_remarks(ended, self._known_as(STARTUP_SCRIPT)), *self._of_requirements()]

    def startup_script(self, service: str, component: str) -> startup_outcome.StartupOutcome | None:
        """Return how the script ended in that service's container; None when it did not run there."""
        folder = self.files.outcome_dir(service)
        log_path = self.project.logs_dir / f"startup_script_{component}.out"
        if (folder / startup_outcome.LOG_NAME).is_file():
            text = (folder / startup_outcome.LOG_NAME).read_text(encoding="utf-8", errors="replace")
            write_private(log_path, text)
        return startup_outcome.judge_outcome(folder, self.delivery.startup_script_path, component, log_path)

    def _known_as(self, name: str) -> str:
        return self.delivery.known_as(name, self.project.root_dir)

    def _of_requirements(self) -> list[Remark]:
        if self.requirements is None:
            return []
        folder = self.files.outcome_dir("requirements")
        log_path = self.project.logs_dir / REQUIREMENTS_LOG_NAME
        if (folder / requirements_install.LOG_NAME).is_file():
            raw = (folder / requirements_install.LOG_NAME).read_text(encoding="utf-8", errors="replace")
            lines = (requirements_install.show(line, self.requirements) for line in raw.splitlines())
            write_private(log_path, "".join(f"{line}\n" for line in lines))
        result = requirements_install.judge_outcome(self.requirements, folder)
        if result is None:
            return [Remark(NOTE, "requirements", "requirements were not checked in this start")]
        return outcome_remarks(Outcome.of(result), log_path, self._known_as(REQUIREMENTS_FILE))
