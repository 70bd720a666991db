"""What a trial of the startup script takes from an error are its values, whatever the error says."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from mwaa_local.check.startup import FAILS, startup_findings
from mwaa_local.errors import StartupScriptFailed
from mwaa_local.project import Project
from mwaa_local.startup.trial import _failed

# Sentences with other numbers in them than those of the script.
WORDS = ("startup.sh:99: the startup script failed", "it ended with exit code 98", "perdu")


@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize(("line", "exit_code"), [(4, 7), (4, None), (0, 7), (0, None)])
def test_line_and_exit_code_do_not_depend_on_words(words: str, line: int, exit_code: int | None) -> None:
    error = StartupScriptFailed(words, words, words)
    error.line, error.script_exit_code = line, exit_code
    received = pickle.loads(pickle.dumps(error))  # a trial is another process
    trial = _failed("worker", received, 1.5, Path("worker.log"))
    assert (trial.line, trial.exit_code, trial.starts) == (line, exit_code, False)
    project = Project(Path("/project"))
    (finding,) = startup_findings(project, [trial])
    assert (finding.rule, finding.line) == (FAILS, line)


def test_commands_exit_code_is_not_the_scripts() -> None:
    error = StartupScriptFailed("failed")
    error.script_exit_code = 7
    assert error.exit_code == 3
