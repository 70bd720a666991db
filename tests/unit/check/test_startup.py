"""What the trial of the startup script showed, as findings."""

from __future__ import annotations

from pathlib import Path

from mwaa_local.check.startup import startup_findings
from mwaa_local.project import Project
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
