"""The startup script against real bash, row by row as MWAA treats it.

Source of the outcomes: aws/amazon-mwaa-docker-images, `bin/airflow-user/execute-user-startup-script` and
`python/mwaa/config/setup_environment.py`, where a missing environment file stops the container.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mwaa_local.errors import StartupScriptFailed, ToolMissing
from mwaa_local.runtime.installed import script_remarks
from mwaa_local.startup.outcome import StartupOutcome
from mwaa_local.startup.run import run_startup_script
from mwaa_local.startup.script_run import STARTUP_SCRIPT_TIMEOUT_S

ENV = {"PATH": os.defpath, "HOME": "/nonexistent", "AIRFLOW_HOME": "/usr/local/airflow", "KEPT": "as it was"}
Run = Callable[..., StartupOutcome]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Write a startup script and run it for one component."""

    def run_script(
        text: str, *, component: str = "worker", env: dict[str, str] | None = None, timeout_s: float = 20.0
    ) -> StartupOutcome:
        script_path = tmp_path / "startup.sh"
        script_path.write_bytes(text.encode())
        return run_startup_script(
            script_path,
            component,
            ENV | {"MWAA_AIRFLOW_COMPONENT": component} | (env or {}),
            tmp_path,
            tmp_path / "logs" / f"{component}.log",
            timeout_s=timeout_s,
        )

    return run_script


def failure(run: Run, text: str, **options: float) -> StartupScriptFailed:
    with pytest.raises(StartupScriptFailed) as caught:
        run(text, **options)
    assert "rolls back" in caught.value.why
    assert caught.value.hint
    return caught.value


KEPT = {
    "plain end": ("export A=1\n", 0),
    "exit with code": ("export A=1\nexit 3\nexport B=2\n", 3),
    "exit without code keeps the last one": ("export A=1\n(builtin exit 6)\nexit\nexport B=2\n", 6),
    "command or exit": ("export A=1\nfalse || exit 1\nexport B=2\n", 1),
    "exit in a function": ("f() {\n  exit 4\n}\nexport A=1\nf\nexport B=2\n", 4),
    "exit in an if": ("export A=1\nif true; then exit 5; fi\nexport B=2\n", 5),
    "exit in a sourced file": ("echo 'exit 8' >other.sh\nexport A=1\n. ./other.sh\nexport B=2\n", 8),
    "exit in a trap": ("export A=1\nset -e\ntrap 'exit 0' EXIT\nfalse\nexport B=2\n", 0),
    "return": ("export A=1\nreturn 7\nexport B=2\n", 7),
    "syntax error": ("export A=1\nif then\nexport B=2\n", 2),
    "set -e and exit": ("set -eu\nexport A=1\nexit 1\n", 1),
    "set -e and command or exit": ("set -e\nexport A=1\nfalse || exit 1\n", 1),
    "redirection by exec": ("exec >out.txt 2>&1\nexport A=1\n", 0),
}


@pytest.mark.parametrize(("script", "exit_code"), KEPT.values(), ids=KEPT.keys())
def test_variables_exported_so_far_are_kept(run: Run, script: str, exit_code: int) -> None:
    outcome = run(script)
    assert outcome.exported == {"A": "1"}
    assert outcome.exit_code == exit_code


GOES_ON = {
    "unknown command": "export A=1\nno-such-command\nexport B=2\n",
    "failing command": "export A=1\nfalse\nexport B=2\n",
    "failing last command": "export A=1 B=2\nfalse\n",
    "exit in a subshell": "export A=1\n( exit 1 )\nexport B=2\n",
    "exit in a command substitution": "export A=1\nx=$(exit 1)\nexport B=2\n",
    "exit in a child script": "export A=1\nbash -c 'exit 1'\nexport B=2\n",
    "missing file to source": "export A=1\n. ./missing.sh\nexport B=2\n",
}


@pytest.mark.parametrize("script", GOES_ON.values(), ids=GOES_ON.keys())
def test_later_lines_still_run(run: Run, script: str) -> None:
    assert run(script).exported == {"A": "1", "B": "2"}


def test_set_e_and_a_failing_command_lose_the_variables(run: Run) -> None:
    error = failure(run, "export A=1\nset -e\n\nls /no-such-folder\nexport B=2\n")
    assert error.what.endswith("startup.sh:4: the startup script failed in the worker")
    assert "`set -e` ended the shell at a command that failed with exit code" in error.why
    assert "/no-such-folder" in error.why
    assert "|| exit 1" in error.hint


def test_set_e_names_the_line_from_which_a_failing_function_was_called(run: Run) -> None:
    error = failure(run, "set -e\nf() {\n  true\n  false\n}\n\nf\n")
    assert "startup.sh:7:" in error.what


def test_set_e_and_return_with_a_code_lose_the_variables(run: Run) -> None:
    error = failure(run, "set -e\nexport A=1\nreturn 3\n")
    assert "exit code 3" in error.why


def test_set_u_and_an_unset_variable_lose_the_variables(run: Run) -> None:
    error = failure(run, "export A=1\nset -u\necho $NO_SUCH_VARIABLE\nexport B=2\n")
    assert "startup.sh:3:" in error.what
    assert "`set -u` ended the shell at the unset variable NO_SUCH_VARIABLE" in error.why


@pytest.mark.parametrize("program", ["true", "no-such-program", "sleep 0"])
def test_exec_loses_the_variables(run: Run, program: str) -> None:
    error = failure(run, f"export A=1\nexec {program}\n")
    assert "startup.sh:2:" in error.what
    assert "`exec` replaced the shell with another program" in error.why


@pytest.mark.parametrize("word", ["builtin exit", "command exit", "\\exit"])
def test_exit_past_the_alias_loses_the_variables(run: Run, word: str) -> None:
    assert "builtin exit" in failure(run, f"export A=1\n{word} 0\n").hint


def test_own_exit_trap_hides_the_reason_but_not_the_failure(run: Run) -> None:
    error = failure(run, "export A=1\ntrap 'echo bye' EXIT\nset -e\nfalse\n")
    assert "exit code 1" in error.why
    assert "bye" in error.why


def test_shell_that_kills_itself_is_named(run: Run) -> None:
    assert "Killed" in failure(run, "kill -KILL $$\n").why


def test_time_out_loses_the_variables_and_kills_the_whole_group(run: Run, tmp_path: Path) -> None:
    started = time.monotonic()
    error = failure(run, "export A=1\nsleep 600 & echo $! >pid\nwait\n", timeout_s=0.5)
    assert time.monotonic() - started < 10
    assert "still ran after 0.5 s" in error.why
    assert f"MWAA allows {STARTUP_SCRIPT_TIMEOUT_S:g} s" in error.why
    deadline = time.monotonic() + 5
    pid_dir = Path("/proc") / (tmp_path / "pid").read_text().strip()
    while (pid_dir / "cmdline").exists() and (pid_dir / "cmdline").read_bytes() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not pid_dir.exists() or not (pid_dir / "cmdline").read_bytes()


FAILS = {
    "set -e": ("set -e\n\nbash -c 'exit 7'\n", 3, 7),
    "set -e in a function": ("set -e\nf() {\n  false\n}\nf\n", 5, 1),
    "set -e and return": ("set -e\nreturn 3\n", 0, 3),
    "set -u": ("set -u\necho $NO_SUCH_VARIABLE\n", 2, None),
    "exec": ("export A=1\nexec true\n", 2, None),
    "one exec of two": ("if false; then\n  exec true\nfi\nexec true\n", 0, None),
    "another exit": ("builtin exit 5\n", 0, 5),
    "own trap": ("trap true EXIT\nset -e\nfalse\n", 0, 1),
    "killed": ("kill -KILL $$\n", 0, None),
}


@pytest.mark.parametrize(("script", "line", "exit_code"), FAILS.values(), ids=FAILS)
def test_failure_has_line_and_exit_code_of_the_script(run: Run, script: str, line: int, exit_code: int | None) -> None:
    error = failure(run, script)
    assert (error.line, error.script_exit_code) == (line, exit_code)
    assert (f"startup.sh:{line}:" in error.what) == bool(line)


def test_time_out_has_neither_line_nor_exit_code(run: Run) -> None:
    error = failure(run, "sleep 600\n", timeout_s=0.5)
    assert (error.line, error.script_exit_code) == (0, None)


def test_failure_shows_the_last_twenty_lines_and_the_log(run: Run, tmp_path: Path) -> None:
    error = failure(run, "for i in $(seq 30); do echo line-$i; done\nset -e\nfalse\n")
    assert "line-10\n" not in error.why
    assert "  line-11\n" in error.why
    assert "  line-30\n" in error.why
    assert str(tmp_path / "logs" / "worker.log") in error.why


def test_shebang_is_ignored(run: Run) -> None:
    assert run("#!/bin/false\nexport A=1\n").exported == {"A": "1"}


def test_script_needs_no_execute_permission(run: Run, tmp_path: Path) -> None:
    run("export A=1\n")
    assert not os.access(tmp_path / "startup.sh", os.X_OK)


def test_script_sees_component_and_working_folder(run: Run, tmp_path: Path) -> None:
    outcome = run('export SEEN="$MWAA_AIRFLOW_COMPONENT $PWD $AIRFLOW_HOME $#"\n', component="scheduler")
    assert outcome.exported == {"SEEN": f"scheduler {tmp_path} /usr/local/airflow 0"}


def test_changed_and_added_variables_are_returned_and_nothing_of_our_own(run: Run) -> None:
    outcome = run("set -a\nKEPT=changed\nADDED='a=b\nc \"d\" é'\nfalse\ncd /\n")
    assert outcome.exported == {"KEPT": "changed", "ADDED": 'a=b\nc "d" é'}


def test_bytes_that_are_no_text_survive(run: Run) -> None:
    exported = run("export RAW=$'\\xff'\n").exported
    assert os.fsencode(exported["RAW"]) == b"\xff"


def test_script_may_break_path_options_and_builtins(run: Run) -> None:
    outcome = run("set -fCu\nshopt -s extglob nullglob\nIFS=:\nexport PATH=/nowhere\numask 777\nexport A=1\n")
    assert outcome.exported == {"PATH": "/nowhere", "A": "1"}


def test_shell_variables_functions_and_aliases_are_lost(run: Run) -> None:
    assert run("A=1\nf() { :; }\nalias g=ls\n").exported == {}


def test_wrapper_does_not_disturb_what_the_script_can_see(run: Run) -> None:
    script = 'false foo\nexport LAST="$_"\nfalse | true | (builtin exit 3)\nexport CODES="${PIPESTATUS[*]} $?"\n'
    # $? after the first expansion is already that of the pipe, as in a plain shell.
    assert run(script).exported == {"LAST": "foo", "CODES": "1 0 3 3"}


def test_unset_has_no_effect_and_is_noted(run: Run) -> None:
    outcome = run("unset KEPT\n")
    assert outcome.exported == {}
    assert any("`unset KEPT` has no effect" in note for note in outcome.notes)


def test_variable_that_is_only_assigned_is_noted(run: Run) -> None:
    outcome = run("AIRFLOW__CORE__PARALLELISM=5\nTOKEN=x\nexport URL=https://$TOKEN@host\nB=2 true\n")
    assert [note.split()[0] for note in outcome.notes] == ["AIRFLOW__CORE__PARALLELISM"]
    assert outcome.not_exported == ("AIRFLOW__CORE__PARALLELISM",)


def test_exit_code_is_noted(run: Run) -> None:
    assert "exit code 3" in run("exit 3\n").notes[0]


def test_clean_script_has_no_notes(run: Run) -> None:
    assert run("export A=1\n").notes == ()


def test_program_of_the_container_that_is_missing_here_is_noted(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "bash").symlink_to("/bin/bash")
    outcome = run("yum install -y gcc\n", env={"PATH": str(tmp_path / "bin")})
    assert "`yum` is not on this machine" in outcome.absent_programs["yum"]


def test_windows_line_endings_break_as_bash_breaks_and_are_noted(run: Run) -> None:
    outcome = run("export A=1\r\nexport B=2\r\n")
    assert outcome.exported == {"A": "1\r", "B": "2\r"}
    assert any("CRLF" in note for note in outcome.notes)


def test_windows_line_endings_are_named_in_a_failure(run: Run) -> None:
    assert "CRLF" in failure(run, "export A=1\r\nset -e\nfalse\n").hint


def test_log_has_a_time_on_each_line_and_ends_with_the_run_time(run: Run) -> None:
    outcome = run("echo one\necho two >&2\nprintf three\n")
    lines = outcome.log_path.read_text().splitlines()
    assert [line.split(" ", 1)[1] for line in lines[1:4]] == ["one", "two", "three"]
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ", line) for line in lines)
    assert re.search(r" Startup script execution time: \d+\.\d\d seconds\.$", lines[-1])


def test_background_program_does_not_hold_up_the_start(run: Run) -> None:
    started = time.monotonic()
    assert run("sleep 5 &\nexport A=1\n").exported == {"A": "1"}
    assert time.monotonic() - started < 4


def test_three_components_run_at_the_same_time(tmp_path: Path) -> None:
    script_path = tmp_path / "startup.sh"
    script_path.write_text("sleep 0.5\nexport A=$MWAA_AIRFLOW_COMPONENT\n")

    def run_one(component: str) -> StartupOutcome:
        env = ENV | {"MWAA_AIRFLOW_COMPONENT": component}
        return run_startup_script(script_path, component, env, tmp_path, tmp_path / f"{component}.log")

    components = ["scheduler", "worker", "webserver"]
    with ThreadPoolExecutor(len(components)) as pool:
        outcomes = list(pool.map(run_one, components))
    assert [outcome.exported["A"] for outcome in outcomes] == components


def test_script_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "startup.sh").mkdir()
    with pytest.raises(StartupScriptFailed, match="cannot be read"):
        run_startup_script(tmp_path / "startup.sh", "worker", ENV, tmp_path, tmp_path / "log")


def test_machine_without_bash_is_reported(run: Run, tmp_path: Path) -> None:
    with pytest.raises(ToolMissing, match="cannot run bash"):
        run("export A=1\n", env={"PATH": str(tmp_path)})


def test_no_private_file_is_left_behind(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private_dir = tmp_path / "private"
    private_dir.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(private_dir))
    run("export A=1\n")
    failure(run, "set -e\nfalse\n")
    assert list(private_dir.iterdir()) == []


@pytest.mark.parametrize(
    ("script", "line", "said"),
    [
        ("export A=1\nfi\necho never\n", 2, "syntax error near unexpected token `fi'"),
        ('export A=1\necho "abc\n', 2, "unexpected EOF while looking for matching `\"'"),
    ],
)
def test_syntax_error_is_named_with_its_line_and_what_bash_says(run: Run, script: str, line: int, said: str) -> None:
    outcome = run(script)
    assert outcome.exported == {"A": "1"}
    assert outcome.syntax_problem is not None
    assert (outcome.syntax_problem.line, outcome.syntax_problem.said) == (line, said)
    assert outcome.syntax_problem.place.endswith(f"startup.sh:{line}")
    assert outcome.notes == ()
    [remark] = script_remarks([outcome, outcome])
    assert said in remark.what


def test_syntax_error_that_keeps_mwaa_from_starting_is_named(run: Run) -> None:
    error = failure(run, "set -e\nif true; then\n")
    assert "bash cannot read the startup script from here on: syntax error: unexpected end of file" in error.why
    assert re.search(r"startup\.sh:\d+: the startup script failed", error.what)


@pytest.mark.parametrize("script", ["eval 'fi'\n", "bash -c 'fi'\n", "echo 'line 1: syntax error'\n"])
def test_syntax_error_of_something_else_is_none_of_the_script(run: Run, script: str) -> None:
    assert run(script).syntax_problem is None
