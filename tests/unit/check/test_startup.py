"""What the trial of the startup script showed, as findings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mwaa_local.check.startup import startup_findings, unused_script_findings
from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.startup.failed_commands import FailedCommand
from mwaa_local.startup.pip_variables import pip_variables
from mwaa_local.startup.script_run import SyntaxProblem
from mwaa_local.startup.trial import Trial

PROBLEM = SyntaxProblem("startup/startup.sh:3", 3, "syntax error near unexpected token `fi'")


def trial(component: str) -> Trial:
    return Trial(component, 0.1, 2, 3, (), (), (), (), Path("log"), syntax_problem=PROBLEM)


def test_syntax_error_is_an_error_at_its_line_once_for_all_components(tmp_path: Path) -> None:
    [finding] = startup_findings(Project(tmp_path), [trial("scheduler"), trial("worker"), trial("webserver")])
    assert (finding.rule, finding.severity, finding.place) == (
        "startup-script-syntax",
        "error",
        "startup/startup.sh:3",
    )
    assert "syntax error near unexpected token `fi'" in finding.what
    assert "bash -n" in finding.hint


def test_failed_command_and_variable_for_pip_are_warnings_at_their_lines(tmp_path: Path) -> None:
    failed = (FailedCommand(2, "pip install x", 1), FailedCommand(4, "aws s3 cp a b", 1, is_of_machine=True))
    variables = pip_variables("true\n\nexport PIP_USER=true\n", {"PIP_USER": "true"})
    done = replace(trial("worker"), syntax_problem=None, failed_commands=failed, pip_variables=variables)
    other = replace(trial("scheduler"), syntax_problem=None, pip_variables=variables)
    findings = startup_findings(Project(tmp_path), [other, done])
    assert [(item.rule, item.severity, item.place) for item in findings] == [
        ("startup-command-failed", "warning", "startup/startup.sh:2"),
        ("startup-variable-reaches-pip", "warning", "startup/startup.sh:3"),
        ("startup-command-failed", "note", "startup/startup.sh:4"),
    ]
    assert "(worker)" in findings[0].what
    assert "(" not in findings[1].what
    assert "unset PIP_USER" in findings[1].hint


def test_script_that_the_release_does_not_run_is_a_warning(tmp_path: Path) -> None:
    project = Project(tmp_path)
    assert unused_script_findings(project, Release.load("1.10.12")) == ()
    project.startup_script_path.parent.mkdir()
    project.startup_script_path.write_text("export TEAM=data\n")
    [finding] = unused_script_findings(project, Release.load("1.10.12"))
    assert (finding.rule, finding.severity, finding.place) == ("startup-script-odd", "warning", "startup/startup.sh")
    assert finding.what == "startup/startup.sh is not run: MWAA runs no startup script with Airflow 1.10.12"
    assert unused_script_findings(project, Release.load("2.0.2")) == ()
