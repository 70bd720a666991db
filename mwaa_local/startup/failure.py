"""Why a run of the startup script left no environment, so that MWAA's container would not start."""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.errors import StartupScriptFailed
from mwaa_local.startup.failed_commands import calls_container_program
from mwaa_local.startup.script_run import CRLF_NOTE, STARTUP_SCRIPT_TIMEOUT_S, SYNTAX_HINT, ScriptRun

LAST_LINES = 20  # of output that an error shows

# As in `script_run`: in the words that bash has had since bash 3.
_UNBOUND = re.compile(r"line (\d+): (\S+): (?:unbound variable|parameter null or not set)")
_EXEC = re.compile(r"[ \t]*exec[ \t]+(?:-[acl][ \t]+)*([^\s<>&0-9-]\S*)")


@dataclass(frozen=True)
class _Explanation:
    """Why a run left no environment. `line` and `exit_code` as in StartupScriptFailed."""

    rule: str
    hint: str
    line: int = 0
    exit_code: int | None = None
    is_of_command: bool = False  # one that failed, and may not fail elsewhere


def failure(run: ScriptRun) -> StartupScriptFailed:
    """Return why MWAA's container would not start, with the line to blame if there is one."""
    found = _explain(run)
    place = f"{run.script_path}:{found.line}" if found.line else str(run.script_path)
    consequence = (
        "On MWAA the container then fails to start, and creating or updating the environment fails and rolls back."
    )
    why = [found.rule, consequence]
    last = run.completed.output.splitlines()[-LAST_LINES:]
    if last:
        why += ["Its last output:" if len(last) < LAST_LINES else f"Its last {LAST_LINES} lines of output:"]
        why += [f"  {text}" for text in last]
    why.append(f"All of it: {run.log_path}")
    hint = found.hint
    if run.has_windows_line_endings:
        hint += f"; also, {CRLF_NOTE}"
    if missing := run.programs_not_found:
        hint += f"; not {run.place}: {', '.join(missing)}"
    failed = StartupScriptFailed(f"{place}: the startup script failed in the {run.component}", "\n".join(why), hint)
    failed.line, failed.script_exit_code = found.line, found.exit_code
    failed.is_of_machine = found.is_of_command and calls_container_program(run.script, found.line)
    return failed


def _explain(run: ScriptRun) -> _Explanation:
    if run.completed.timed_out:
        return _Explanation(
            f"It still ran after {run.timeout_s:g} s and was stopped; MWAA allows {STARTUP_SCRIPT_TIMEOUT_S:g} s.",
            "let the script do less, or put slow work into a DAG",
        )
    if problem := run.syntax_problem:
        return _Explanation(f"{problem.what}.", SYNTAX_HINT, problem.line)
    if not run.death:
        return _explain_vanished(run)
    code, options, failed, call = (*run.death, "", "", "", "")[:4]
    unbound = _last_unbound(run.completed.output) if "u" in options else None
    if unbound:
        line, name = unbound
        return _Explanation(
            f"`set -u` ended the shell at the unset variable {name}, before MWAA could read the variables.",
            "give the variable a default, as in `${NAME:-}`, or remove `set -u`",
            line,
        )
    if "e" in options and code != "0":
        return _Explanation(
            f"`set -e` ended the shell at a command that failed with exit code {code}, "
            "before MWAA could read the variables.",
            "remove `set -e`, or end such commands with `|| exit 1`, which keeps what was exported so far",
            _number(call) or _line_in_script(failed, run.script_path),
            _exit_code(code),
            is_of_command=True,
        )
    if exec_lines := _exec_lines(run.script):
        return _explain_exec(exec_lines)
    return _Explanation(
        f"The shell ended with exit code {code} in another way than a plain `exit`, and only that makes MWAA read "
        "the variables.",
        "write plain `exit`, not `builtin exit`, `command exit` or `\\exit`",
        _line_in_script(failed, run.script_path),
        _exit_code(code),
    )


def _explain_vanished(run: ScriptRun) -> _Explanation:
    """Explain a shell that could not even say that it ended: replaced, killed, or with an EXIT trap of its own."""
    if run.completed.exit_code < 0:
        name = signal.strsignal(-run.completed.exit_code) or f"signal {-run.completed.exit_code}"
        return _Explanation(
            f"The shell was killed ({name}) before MWAA could read the variables.",
            "look for `kill` in the script, or for a lack of memory",
        )
    if exec_lines := _exec_lines(run.script):
        return _explain_exec(exec_lines)
    return _Explanation(
        f"The shell ended with exit code {run.completed.exit_code} before MWAA could read the variables.",
        "remove `set -e`, `set -u` and `exec` from the script, and from what it sources",
        exit_code=run.completed.exit_code,
    )


def _last_unbound(output: str) -> tuple[int, str] | None:
    """Return line and name out of bash's own message on an unset variable."""
    matches = _UNBOUND.findall(output)
    return (int(matches[-1][0]), matches[-1][1]) if matches else None


def _explain_exec(lines: list[int]) -> _Explanation:
    return _Explanation(
        "`exec` replaced the shell with another program, so MWAA could not read the variables.",
        "call the program without `exec`",
        lines[0] if len(lines) == 1 else 0,
    )


def _exec_lines(script: str) -> list[int]:
    """Return the numbers of lines that replace the shell by a program; `exec >file` only redirects."""
    return [number for number, line in enumerate(script.splitlines(), 1) if _EXEC.match(line)]


def _line_in_script(place: str, script_path: Path) -> int:
    """Return the line of `file:line` when the file is the script itself, else 0."""
    file_name, _, line = place.rpartition(":")
    return _number(line) if file_name == str(script_path) else 0


def _number(text: str) -> int:
    """Return a number that bash wrote; 0 for anything else, since a script may overwrite what the wrapper keeps."""
    return int(text) if text.isascii() and text.isdecimal() else 0


def _exit_code(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() else None
