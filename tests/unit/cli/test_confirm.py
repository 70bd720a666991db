"""Questions before something is lost, where nobody is there to answer."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from tests.conftest import COMMAND, ProjectRunner

TIMEOUT_S = 60.0


@pytest.fixture
def runner(project: Callable[..., ProjectRunner]) -> ProjectRunner:
    runner = project({"dags/a.py": ""})
    snapshots = runner.root_dir / ".mwaa-local" / "snapshots"
    snapshots.mkdir(parents=True)
    (snapshots / "one.dump.gz").touch()
    return runner


COMMANDS = (("db", "forget", "one"), ("reset-db",), ("reset-aws",))


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_who_cannot_answer_is_told_of_the_option(runner: ProjectRunner, words: tuple[str, ...]) -> None:
    outcome = runner.call(*words)
    assert (outcome.exit_code, outcome.stdout.strip()) == (2, "")
    assert "? [y/N]" in outcome.stderr and "nobody answers here; add --yes" in outcome.stderr
    assert "Aborted" not in outcome.stderr
    assert (runner.root_dir / ".mwaa-local" / "snapshots" / "one.dump.gz").exists()


@pytest.mark.parametrize("answer", ["n\n", "\n"], ids=["no", "enter"])
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_answer_may_come_through_a_pipe(runner: ProjectRunner, words: tuple[str, ...], answer: str) -> None:
    outcome = runner.call(*words, stdin=answer)
    assert (outcome.exit_code, "nobody" in outcome.stderr) == (1, False)


def test_closed_stdin_is_no_bug(runner: ProjectRunner) -> None:
    argv = ["sh", "-c", 'exec "$@" <&-', "sh", *COMMAND, "db", "forget", "one"]
    env, pipe = dict(runner.env), subprocess.PIPE
    done = subprocess.run(argv, cwd=runner.root_dir, env=env, stderr=pipe, text=True, timeout=TIMEOUT_S, check=False)
    assert (done.returncode, "nobody answers here; add --yes" in done.stderr) == (2, True), done.stderr
