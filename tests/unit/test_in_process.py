"""A command in the tests' own process says and returns what it does in a process of its own, and leaves nothing."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer

from mwaa_local import cli
from mwaa_local.cli import COMMANDS, LazyGroup
from tests.conftest import ProjectRunner

Make = Callable[..., ProjectRunner]
FILES = {"mwaa.yaml": "AirflowConfigurationOptions:\n  core.parallelism: '3'\n", "dags/team/a.py": ""}


@pytest.mark.parametrize(
    ("files", "words", "stdin"),
    [
        ({}, ("--version",), ""),
        ({}, ("--help",), ""),
        ({}, (), ""),
        ({}, ("nosuch",), ""),
        ({}, ("status",), ""),
        (FILES, ("up", "--port", "99999"), ""),
        (FILES, ("check", "requirements", "--help"), ""),
        (FILES, ("status", "--json"), ""),
        (FILES, ("options", "--json"), ""),
        (FILES, ("options", "--explain", "core.parallelism"), ""),
        (FILES, ("reset-db",), "n\n"),
        (FILES, ("reset-db",), ""),
        (FILES, ("airflow", "version"), ""),
        (FILES, ("releases",), ""),
        ({"mwaa.yaml": "AirflowVersion: 9.9.9\n"}, ("up",), ""),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_both_ways_agree(project: Make, files: dict[str, str], words: tuple[str, ...], stdin: str) -> None:
    runner = project(files)
    assert runner.call(*words, stdin=stdin) == runner.run(*words, stdin=stdin)


def test_folder_and_variables_are_those_of_the_runner(project: Make) -> None:
    runner = project(FILES)
    below = ProjectRunner(runner.root_dir / "dags" / "team", runner.env)
    for env in ({}, {"MWAA_LOCAL_RUNTIME": "no such runtime"}):
        assert below.call("up", "--port", "-1", env=env) == below.run("up", "--port", "-1", env=env)
    assert below.call("status", "--json").exit_code == 1


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Make a command of the command line, `made`, out of a function."""

    def make(function: Callable[[], None]) -> None:
        only = typer.Typer()
        only.command("made")(function)
        found = typer.main.get_command(only)
        known = LazyGroup.get_command
        monkeypatch.setattr(
            LazyGroup, "get_command", lambda self, ctx, name: found if name == "made" else known(self, ctx, name)
        )

    return make


Command = Callable[[Callable[[], None]], None]


def exits_with_a_text() -> None:
    sys.exit("a text")


def fails() -> None:
    raise RuntimeError("a bug")


def is_interrupted() -> None:
    raise KeyboardInterrupt


def writes_to_descriptors() -> None:
    os.write(1, b"out\n")
    os.write(2, b"err\n")
    os.system("cat; echo child")


@pytest.mark.parametrize(
    ("function", "exit_code", "stdout", "stderr"),
    [
        (exits_with_a_text, 1, "", "a text\n"),
        (fails, 70, "", "RuntimeError: a bug"),
        (is_interrupted, 130, "", "interrupted\n"),
        (writes_to_descriptors, 0, "out\ntyped\nchild\n", "err\n"),
    ],
)
def test_how_a_command_ends(
    project: Make, command: Command, function: Callable[[], None], exit_code: int, stdout: str, stderr: str
) -> None:
    command(function)
    outcome = project().call("made", stdin="typed\n")
    assert (outcome.exit_code, outcome.stdout) == (exit_code, stdout)
    assert stderr in outcome.stderr


@pytest.fixture
def thread_end() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


@pytest.mark.parametrize(
    ("leave", "said"),
    [
        (lambda: os.environ.update(LEFT="1"), "variable LEFT"),
        (lambda: os.environ.pop("HOME"), "variable HOME"),
        (lambda: signal.signal(signal.SIGINT, signal.SIG_IGN), "a handler of SIGINT"),
        (lambda: signal.signal(signal.SIGCHLD, lambda *_: None), "a handler of SIGCHLD"),
        (lambda: os.chdir("/"), "the folder /"),
        (lambda: sys.path.insert(0, "/elsewhere"), "another sys.path"),
        (lambda: os.umask(0o777), "another umask"),
    ],
)
def test_what_a_command_leaves_behind_is_said_and_put_right(
    project: Make, command: Command, leave: Callable[[], object], said: str
) -> None:
    before = (dict(os.environ), signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM), Path.cwd(), sys.argv)

    def made() -> None:
        leave()

    command(made)
    with pytest.raises(AssertionError, match=said):
        project().call("made")
    after = (dict(os.environ), signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM), Path.cwd(), sys.argv)
    assert after == before
    assert "/elsewhere" not in sys.path


def test_thread_that_goes_on_is_said(
    project: Make, command: Command, thread_end: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.in_process.THREAD_END_TIMEOUT_S", 0.1)

    def made() -> None:
        threading.Thread(target=thread_end.wait, name="left over", daemon=True).start()

    command(made)
    with pytest.raises(AssertionError, match="thread left over"):
        project().call("made")


def test_thread_that_ends_soon_is_none(project: Make, command: Command) -> None:
    def made() -> None:
        threading.Thread(target=time.sleep, args=(0.1,)).start()

    command(made)
    assert project().call("made").exit_code == 0


def test_every_command_can_be_called_for_help(project: Make) -> None:
    runner = project()
    for name in COMMANDS:
        assert runner.call(name, "--help").exit_code == 0
    assert cli.Terminated.exit_code is None
