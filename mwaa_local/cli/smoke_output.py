"""Where `mwaa-local smoke` reports: screen, files, GitHub."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import typer

from mwaa_local.check.report.formats import findings_text
from mwaa_local.cli.check_all import WHOLE
from mwaa_local.cli.session import Session
from mwaa_local.cli.smoke_iam import IamOutput
from mwaa_local.event import Event
from mwaa_local.masking import Mask
from mwaa_local.project import Project
from mwaa_local.remarks import NOTE
from mwaa_local.seeding.aws_fixtures import fixtures_dir
from mwaa_local.smoke import report as formats
from mwaa_local.smoke import report_ci
from mwaa_local.smoke.artifacts import JSON_NAME, JUNIT_NAME, TEXT_NAME, append, collect_logs, require_writable, write
from mwaa_local.smoke.result import RunResult, SmokeReport


@dataclass(frozen=True)
class SmokeOutput:
    """Where the report of one smoke run goes."""

    session: Session
    as_json: bool
    junit: Path | None
    artifacts: Path | None
    github: bool | None  # None: where GitHub runs the command
    iam: IamOutput | None = None  # where it is reported what IAM must grant

    def require_writable(self) -> None:
        """Refuse at once what could not be written in the end. Raises BadParameter, AccessDenied or DiskFull."""
        if self.junit is not None:
            require_writable(self.junit)
        if self.iam is not None:
            self.iam.require_writable()
        if self.artifacts is not None:
            _require_foreign(self.session.project, self.artifacts)
            require_writable(self.artifacts, is_folder=True)
        if (path := self._summary_path) is not None:
            require_writable(path)

    def say_run(self, run: RunResult) -> None:
        """Say how a run ended, in one line if stdout will have the rest."""
        console = self.session.console
        if self.as_json and not run.is_ok:
            console.say(formats.run_text(run, console.colour))
            return
        said = run.problem.splitlines()[0] if run.problem else run.state
        console.show_event(Event("dag run", "done" if run.is_ok else "failed", run.elapsed_s, f"{run.dag_id}: {said}"))

    def collect_logs(self, report: SmokeReport, mask: Mask) -> None:
        """Copy the logs into the folder for artifacts, if one was named, and read what was called."""
        if self.iam is not None:
            self.iam.collect()
        if self.artifacts is not None:
            collect_logs(self.artifacts, self.session.project, report, mask)

    def show(self, report: SmokeReport) -> None:
        """Write the report to wherever it was asked for."""
        console = self.session.console
        plain = formats.as_json(report)
        for remark in report.remarks:
            if remark.severity != NOTE or console.verbose:
                console.show_remark(remark)
        if self.as_json:
            console.show_json(plain)
        else:
            if report.findings:
                console.show(findings_text(report.findings, whole_by=WHOLE))
            console.show(formats.text(report, console.colour_shown))
        if self.iam is not None:
            self.iam.show(on_stderr=self.as_json)
        if self.junit:
            write(self.junit, report_ci.junit(report))
        if self.artifacts:
            write(self.artifacts / JSON_NAME, json.dumps(plain, indent=2) + "\n")
            write(self.artifacts / TEXT_NAME, formats.text(report) + "\n")
            write(self.artifacts / JUNIT_NAME, report_ci.junit(report))
        if self._is_for_github:
            self._tell_github(report)

    @property
    def _is_for_github(self) -> bool:
        return self.session.env.get("GITHUB_ACTIONS") == "true" if self.github is None else self.github

    @property
    def _summary_path(self) -> Path | None:
        """The file that GitHub reads the step summary from, where there is one to be written."""
        name = self.session.env.get("GITHUB_STEP_SUMMARY")
        return Path(name) if name and self._is_for_github else None

    def _tell_github(self, report: SmokeReport) -> None:
        """Say annotations, on stderr since stdout is the report's, and add to the step summary.

        Source: GitHub's documentation, "Workflow commands for GitHub Actions": both streams are read for commands.
        """
        root_dir = self.session.project.root_dir
        workspace = self.session.env.get("GITHUB_WORKSPACE", "")
        is_below = bool(workspace) and root_dir.is_relative_to(Path(workspace).resolve())
        base = root_dir.relative_to(Path(workspace).resolve()) if is_below else Path()
        if lines := report_ci.github(report, PurePosixPath(base)):
            self.session.console.say(lines)
        if (path := self._summary_path) is not None:
            append(path, report_ci.summary(report))


def _require_foreign(project: Project, folder: Path) -> None:
    """Refuse a folder of the project's own, where reports would be uploaded to MWAA. Raises BadParameter."""
    place = folder.resolve()
    own = (*project.delivery.folders.values(), project.state_dir, fixtures_dir(project))
    if place == project.root_dir or any(place.is_relative_to(item.resolve()) for item in own):
        raise typer.BadParameter(f"--artifacts {folder} is a folder of the project; name a separate folder for reports")
