"""A startup script that ran in a container is judged as one that ran on this machine.

Each script is run twice by real bash: on this machine, and as a container's entry point does, at a path that stands for
the container's `/usr/local/airflow/startup/startup.sh`. Only the beginning of that path is then cut off from what bash
wrote, as there it is the root.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from mwaa_local import command
from mwaa_local.errors import StartupScriptFailed, StateCorrupted
from mwaa_local.startup.outcome import StartupOutcome, judge_outcome
from mwaa_local.startup.run import WRAPPER_PATH, run_startup_script
from tests.integration.test_startup import ENV, GOES_ON
from tests.integration.test_startup import KEPT as ENDS_EARLY

SCRIPT_PATH = "/usr/local/airflow/startup/startup.sh"
TIMEOUT_S = 20.0


class Container:
    """A project's startup script, and a folder that stands for a container's root."""

    def __init__(self, tmp_path: Path) -> None:
        self.script_path = tmp_path / "my project" / "startup.sh"
        self.root_dir = tmp_path / "container"
        self.outcomes_dir = tmp_path / "outcomes"
        self.log_path = tmp_path / "logs" / "startup.out"

    def run(self, script: str, *, timeout_s: float = TIMEOUT_S, env: dict[str, str] | None = None) -> None:
        """Leave behind what the entry point leaves behind: the wrapper's files, the output, and how it ended."""
        inside = Path(f"{self.root_dir}{SCRIPT_PATH}")
        for path in (inside, self.script_path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(script.encode())
        self.outcomes_dir.mkdir(exist_ok=True)
        files = [self.outcomes_dir / name for name in ("environment", "death", "failures")]
        for path in files:
            path.touch(mode=0o600)
        argv = ["bash", str(WRAPPER_PATH), str(inside), *map(str, files)]
        before = {**ENV, **(env or {})}
        cwd = self.root_dir / "usr" / "local" / "airflow"
        completed = command.run(command.Request(argv, before, cwd, timeout_s))
        (self.outcomes_dir / "startup.log").write_text(completed.output.replace(str(self.root_dir), ""))
        files[1].write_bytes(files[1].read_bytes().replace(os.fsencode(self.root_dir), b""))
        self.write_outcome(
            exit_code=completed.exit_code,
            timed_out=completed.timed_out,
            elapsed_s=completed.elapsed_s,
            before=before,
            started=1_800_000_000.0,
        )

    def write_outcome(self, **ended: object) -> None:
        (self.outcomes_dir / "startup.json").write_text(json.dumps(ended))

    def judge(self, timeout_s: float = TIMEOUT_S) -> StartupOutcome | None:
        return judge_outcome(self.outcomes_dir, self.script_path, "worker", self.log_path, timeout_s)

    def outcome(self, script: str, env: dict[str, str] | None = None) -> StartupOutcome:
        self.run(script, env=env)
        outcome = self.judge()
        assert outcome is not None
        return outcome

    def failure(self, script: str, **options: float) -> StartupScriptFailed:
        self.run(script, **options)  # type: ignore[arg-type]
        with pytest.raises(StartupScriptFailed) as caught:
            self.judge(**options)
        return caught.value

    def run_here(self, script: str, timeout_s: float = TIMEOUT_S) -> StartupOutcome:
        """Run the same script on this machine, in the same folder."""
        self.script_path.parent.mkdir(parents=True, exist_ok=True)
        self.script_path.write_bytes(script.encode())
        cwd = self.root_dir / "usr" / "local" / "airflow"
        cwd.mkdir(parents=True, exist_ok=True)
        return run_startup_script(self.script_path, "worker", ENV, cwd, self.log_path, timeout_s=timeout_s)


@pytest.fixture
def container(tmp_path: Path) -> Container:
    return Container(tmp_path)


NOTED = {
    "unset": "unset KEPT\n",
    "assigned only": "A=1\n",
    "line endings": "export A=1\r\n",
    "many": "set -a\nA=$'a\\nb=c'\nKEPT=\nB=$'\\xff'\nunset HOME\nexit 3\n",
}
STARTS = {**{name: script for name, (script, _) in ENDS_EARLY.items()}, **GOES_ON, **NOTED}


@pytest.mark.parametrize("script", STARTS.values(), ids=STARTS.keys())
def test_script_that_lets_mwaa_start_has_the_same_outcome(container: Container, script: str) -> None:
    here, inside = container.run_here(script), container.outcome(script)
    assert (inside.component, inside.exported, inside.exit_code, inside.notes, inside.log_path) == (
        here.component,
        here.exported,
        here.exit_code,
        here.notes,
        here.log_path,
    )


STOPS = {
    "set -e": "export A=1\nset -e\n\nls /no-such-folder\n",
    "set -e in a function": "set -e\nf() {\n  true\n  false\n}\n\nf\n",
    "set -e in a sourced file": "set -e\necho 'false' >other.sh\n\n. ./other.sh\n",
    "set -u": "set -u\n\necho ${NO_SUCH_VARIABLE}\n",
    "exec": "true\nexec sleep 0\n",
    "builtin exit": "true\nfalse\nbuiltin exit 4\n",
    "own trap": "trap 'echo bye' EXIT\nset -e\nfalse\n",
    "killed": "kill -KILL $$\n",
    "much output and Windows line endings": "seq 30 #\r\nset -e\nfalse\n",
}


@pytest.mark.parametrize("script", STOPS.values(), ids=STOPS.keys())
def test_script_that_keeps_mwaa_from_starting_is_reported_alike(container: Container, script: str) -> None:
    with pytest.raises(StartupScriptFailed) as caught:
        container.run_here(script)
    here, inside = caught.value, container.failure(script)
    assert (inside.what, inside.why, inside.hint) == (here.what, here.why, here.hint)


def test_places_in_the_script_are_named_in_the_users_file(container: Container) -> None:
    error = container.failure("true\nset -e\nno-such-command\n")
    assert error.what.startswith(f"{container.script_path}:3: ")
    assert f"{container.script_path}: line 3: no-such-command: command not found" in error.why
    assert SCRIPT_PATH not in str(error)


def test_time_out_is_reported_alike(container: Container) -> None:
    with pytest.raises(StartupScriptFailed) as caught:
        container.run_here("echo begun\nsleep 60\n", timeout_s=0.5)
    inside = container.failure("echo begun\nsleep 60\n", timeout_s=0.5)
    assert (inside.what, inside.why, inside.hint) == (caught.value.what, caught.value.why, caught.value.hint)
    assert "still ran after 0.5 s" in inside.why


def test_time_out_counts_even_when_the_variables_were_saved(container: Container) -> None:
    container.run("export A=1\n")
    ended = json.loads((container.outcomes_dir / "startup.json").read_text())
    container.write_outcome(**{**ended, "timed_out": True, "exit_code": -9})
    with pytest.raises(StartupScriptFailed, match="failed in the worker"):
        container.judge()


def test_program_that_is_not_in_the_image_is_noted(container: Container, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "bash").symlink_to("/bin/bash")
    path = {"PATH": str(tmp_path / "bin")}
    assert container.outcome("yum install -y gcc\nexit 0\n", env=path).absent_programs == {
        "yum": "`yum` is not in the image; MWAA's container, Amazon Linux, has it",
    }
    container.run("set -e\nyum install -y gcc\n", env=path)
    (container.outcomes_dir / "environment").unlink()
    with pytest.raises(StartupScriptFailed) as caught:
        container.judge()
    assert caught.value.hint.endswith("; not in the image: yum")


def test_environment_before_is_the_containers_own(container: Container) -> None:
    env = {"HOSTNAME": "scheduler", "PYTHON_VERSION": "3.12.1"}
    assert container.outcome("export PYTHON_VERSION=3\n", env=env).exported == {"PYTHON_VERSION": "3"}


def test_without_an_outcome_no_script_ran(container: Container) -> None:
    assert container.judge() is None
    container.run("export A=1\n")
    (container.outcomes_dir / "startup.json").unlink()
    assert container.judge() is None


@pytest.mark.parametrize("missing", ["environment", "death", "startup.log"])
def test_files_that_were_never_written_are_no_surprise(container: Container, missing: str) -> None:
    container.run("set -e\nfalse\n")
    (container.outcomes_dir / missing).unlink()
    with pytest.raises(StartupScriptFailed, match="failed in the worker"):
        container.judge()


def test_script_removed_since_is_judged_by_what_it_left(container: Container) -> None:
    container.run("export A=1\nexit 3\n")
    container.script_path.unlink()
    outcome = container.judge()
    assert outcome is not None
    assert (outcome.exported, outcome.exit_code) == ({"A": "1"}, 3)


def test_script_that_cannot_be_read_is_named(container: Container) -> None:
    container.run("export A=1\n")
    container.script_path.unlink()
    container.script_path.mkdir()
    with pytest.raises(StartupScriptFailed, match="cannot be read"):
        container.judge()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"exit_code": 0, "timed_out": false, "elapsed_s": 1}', "\xff"])
def test_damaged_outcome_is_named(container: Container, content: str) -> None:
    container.run("export A=1\n")
    (container.outcomes_dir / "startup.json").write_text(content, encoding="latin-1")
    with pytest.raises(StateCorrupted, match=r"startup\.json does not say how the startup script ended"):
        container.judge()
