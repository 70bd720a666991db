"""What a smoke run's DAGs need of IAM: read while the environment is there, written with the other reports."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from mwaa_local.cli.iam_output import report_of, show
from mwaa_local.cli.iam_sources import of_local_iam
from mwaa_local.cli.session import Session
from mwaa_local.environment.environment import Environment
from mwaa_local.iam.report import IamReport
from mwaa_local.smoke.artifacts import require_writable, write

ON_SCREEN = Path("-")


@dataclass
class IamOutput:
    """Where the report goes, and what was read for it."""

    session: Session
    environment: Environment
    path: Path
    since: float = field(default_factory=time.time)
    report: IamReport | None = None

    @classmethod
    def of(cls, session: Session, environment: Environment, path: Path | None) -> Self | None:
        return None if path is None else cls(session, environment, path)

    def require_writable(self) -> None:
        """Refuse at once what could not be written in the end. Raises AccessDenied or DiskFull."""
        if self.path != ON_SCREEN:
            require_writable(self.path)

    def collect(self) -> None:
        """Read what was called since the beginning, and what the local IAM grants."""
        source = of_local_iam(self.session, self.environment.execution_role_arn)
        self.report = report_of(self.session, self.environment, source, self.since)

    def show(self, *, on_stderr: bool) -> None:
        if self.report is None:
            self.session.console.say("what DAGs need of IAM is not known: the environment did not run")
        elif self.path != ON_SCREEN:
            write(self.path, json.dumps(self.report.to_json(), indent=2) + "\n")
        elif on_stderr:
            self.session.console.say(json.dumps(self.report.to_json(), indent=2))
        else:
            show(self.session.console, self.report, self.environment.local.aws)
