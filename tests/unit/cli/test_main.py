"""The command line itself: help, exit codes, and how little it takes to say them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from mwaa_local import __version__
from mwaa_local.cli import ANSWERS, COMMANDS
from tests.conftest import REPOSITORY_DIR, ProjectRunner

Project = Callable[..., ProjectRunner]
HEAVY_MODULES = ("pydantic", "botocore", "psycopg2", "redis", "yaml", "psutil", "uv", "rich", "asyncio")


def test_help_lists_every_command_with_a_line(project: Project) -> None:
    outcome = project().call("--help")
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    for name, (_, _, text) in COMMANDS.items():
        assert f"{name} " in outcome.stdout
        assert text in outcome.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_examples(project: Project, name: str) -> None:
    outcome = project().call(name, "--help")
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    _, _, examples = outcome.stdout.partition("Examples:\n")
    assert f"mwaa-local {name}" in examples or COMMANDS[name][0] != name


@pytest.mark.parametrize("name", ANSWERS)
def test_command_of_aws_local_runner_is_answered_in_one_line(project: Project, name: str) -> None:
    outcome = project().call(name)
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    assert outcome.stdout == f"{ANSWERS[name]}\n"
    assert "mwaa-local" in outcome.stdout


def test_no_command_shows_help(project: Project) -> None:
    outcome = project().call()
    assert "Usage: mwaa-local" in outcome.stdout + outcome.stderr


def test_version(project: Project) -> None:
    outcome = project().call("--version")
    assert (outcome.exit_code, outcome.stdout) == (0, f"mwaa-local {__version__}\n")


@pytest.mark.parametrize("words", [("nosuch",), ("up", "--nosuch"), ("up", "--port", "99999"), ("logs", "-n", "x")])
def test_wrong_usage_is_exit_code_2_without_a_traceback(project: Project, words: tuple[str, ...]) -> None:
    outcome = project({"dags/a.py": ""}).call(*words)
    assert outcome.exit_code == 2
    assert outcome.stdout == ""
    assert "Error: " in outcome.stderr
    assert "Traceback" not in outcome.stderr


@pytest.mark.parametrize(
    "words", [("up",), ("down",), ("status",), ("logs",), ("options",), ("reset-db", "--yes"), ("reset-aws", "--yes")]
)
def test_no_project_is_exit_code_3_with_a_hint(project: Project, words: tuple[str, ...]) -> None:
    outcome = project().call(*words)
    assert outcome.exit_code == 3
    assert outcome.stdout == ""
    assert outcome.stderr.startswith("error: no MWAA project in ")
    assert "hint: " in outcome.stderr
    assert "mkdir dags" in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_project_folder_that_does_not_exist(project: Project) -> None:
    outcome = project().call("status", "--project", "/no/such/folder")
    assert outcome.exit_code == 3
    assert outcome.stderr.startswith("error: no such folder: /no/such/folder")


def test_project_is_found_from_a_folder_in_it(project: Project) -> None:
    runner = project({"dags/team/a.py": ""})
    outcome = ProjectRunner(runner.root_dir / "dags" / "team", runner.env).call("down")
    assert outcome.exit_code == 0


@pytest.mark.parametrize(
    ("words", "exit_code", "said"),
    [
        (("down",), 0, "nothing is running here"),
        (("stop",), 0, "nothing is running here"),
        (("status",), 1, "nothing is running here"),
        (("airflow", "dags", "list"), 3, "error: the environment is not running"),
        (("logs", "worker"), 3, "error: no component 'worker' has written a log here"),
    ],
)
def test_commands_on_nothing_running(project: Project, words: tuple[str, ...], exit_code: int, said: str) -> None:
    outcome = project({"dags/a.py": ""}).call(*words)
    assert outcome.exit_code == exit_code
    assert outcome.stderr.startswith(said)


def test_status_of_nothing_running_as_json(project: Project) -> None:
    outcome = project({"dags/a.py": ""}).call("status", "--json")
    assert outcome.exit_code == 1
    assert '"running": false' in outcome.stdout


def test_environment_file_that_is_wrong_is_exit_code_3(project: Project) -> None:
    outcome = project({"mwaa.yaml": "AirflowVersion: 9.9.9\n"}).call("up")
    assert outcome.exit_code == 3
    assert "9.9.9" in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_secrets_are_masked_in_options(project: Project) -> None:
    runner = project({"mwaa.yaml": "AirflowConfigurationOptions:\n  smtp.smtp_password: hunter2\n"})
    for words in (("options",), ("options", "--json"), ("options", "--explain", "smtp.smtp_password")):
        outcome = runner.call(*words)
        assert outcome.exit_code == 0
        assert "hunter2" not in outcome.stdout + outcome.stderr
    assert "hunter2" in runner.call("options", "--show-secrets").stdout


def test_reader_that_has_enough_is_no_failure(project: Project) -> None:
    runner = project()
    command = f"{sys.executable} -m mwaa_local releases | head -n 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], env=dict(runner.env), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("words", "exit_code"),
    [
        (("cache", "list"), 0),
        (("releases",), 0),
        (("options",), 0),
        (("db", "list"), 0),  # says on stderr that there are none
        (("status",), 1),  # nothing runs
        (("logs", "worker"), 3),  # there is no log
        (("logs", "scheduler"), 0),
    ],
)
def test_nobody_who_reads_changes_no_exit_code(project: Project, words: tuple[str, ...], exit_code: int) -> None:
    runner = project({"dags/a.py": "", ".mwaa-local/logs/scheduler.log": "2026-01-01T00:00:00.000Z a line\n"})
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "mwaa_local", *words],
            cwd=runner.root_dir,
            env=dict(runner.env),
            stdout=writing,
            stderr=writing,
            check=False,
        )
    finally:
        os.close(writing)
    assert done.returncode == exit_code


def test_stdout_that_is_closed_from_the_start_is_no_bug(project: Project) -> None:
    command = ["bash", "-c", 'exec "$0" -m mwaa_local releases >&-', sys.executable]
    done = subprocess.run(command, env=dict(project().env), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_broken_pipe_that_is_not_of_the_reader_is_a_bug(project: Project) -> None:
    code = (
        "from mwaa_local import cli\n"
        "def broken(*_: object, **__: object) -> None:\n    raise BrokenPipeError(32, 'a socket of ours')\n"
        "import sys\nimport mwaa_local.cli.down as command\ncommand.open_session = broken\n"
        "sys.argv = ['mwaa-local', 'down']\ncli.main()\n"
    )
    runner = project({"dags/a.py": ""})
    env = {**runner.env, "PYTHONPATH": str(REPOSITORY_DIR)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=runner.root_dir, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, "a socket of ours" in done.stderr) == (70, True)


@pytest.mark.parametrize("words", [["--help"], ["--version"]])
def test_help_imports_nothing_heavy(project: Project, words: list[str]) -> None:
    code = (
        "import sys\nfrom mwaa_local.cli import main\ntry:\n    main()\n"
        f"finally:\n    print([name for name in {HEAVY_MODULES!r} if name in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=REPOSITORY_DIR,
        env=dict(project().env),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == "[]\n"
