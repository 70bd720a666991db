"""Judge how a startup script ended, as MWAA would, whether it ran on this machine or inside a container.

Whether MWAA's container starts is decided by one file alone, the exported environment that MWAA's wrapper writes: exit
codes are ignored, and a shell that dies without writing it stops the container.

| in the script | variables exported before it | container |
|---|---|---|
| end of file, `exit N`, `return N`, failing commands, `( exit 1 )` | kept | starts |
| syntax error | kept up to the error | starts |
| `set -e` and a failing command, `set -u` and an unset variable, `exec PROGRAM`, time-out | lost | does not start |

Not for running the script: that is `run`, and the entry point inside a container.

Source: aws/amazon-mwaa-docker-images, `python/mwaa/config/setup_environment.py` and
`bin/airflow-user/execute-user-startup-script`; MWAA user guide, "Using a startup script with Amazon MWAA".
"""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mwaa_local import command
from mwaa_local.errors import StartupScriptFailed, StateCorrupted

# MWAA allows 5 min less 5 s, but looks at the clock once a minute, so that a script gets 300 s
# (aws/amazon-mwaa-docker-images, python/mwaa/config/setup_environment.py and python/mwaa/subprocess/).
STARTUP_SCRIPT_TIMEOUT_S = 300.0
LAST_LINES = 20  # of output that an error shows

# bash keeps these for itself; that they differ says nothing about the script.
BASH_OWN_NAMES = frozenset({"_", "SHLVL", "PWD", "OLDPWD"})
WRAPPER_PREFIX = "__mwaa_local_"

# Where a script ran, as messages on programs that are not there put it.
ON_THIS_MACHINE = "on this machine"
IN_THE_IMAGE = "in the image"

# What a container leaves behind: how the script ended, the wrapper's two files, and the script's output.
OUTCOME_NAME = "startup.json"
ENVIRONMENT_NAME = "environment"
DEATH_NAME = "death"
LOG_NAME = "startup.log"
CONTAINER_SCRIPT_PATH = "/usr/local/airflow/startup/startup.sh"  # MWAA user guide, as above

# bash tells of these two in its output alone, in words that have been the same since bash 3; nobody else reads them.
_NOT_FOUND = re.compile(r"line \d+: (\S+): command not found")
_UNBOUND = re.compile(r"line (\d+): (\S+): (?:unbound variable|parameter null or not set)")
# What MWAA's Amazon Linux container has and a developer's machine may lack.
_CONTAINER_PROGRAMS = frozenset({"sudo", "yum", "dnf", "rpm", "aws", "jq", "java"})
SYNTAX_HINT = "fix that line, or close what is open before it; `bash -n` checks the script without running it"
_UNCLOSED = "unexpected EOF"
_SYNTAX = re.compile(r"(?:line )?(\d+): ((?:syntax error|unexpected EOF).*)")
_ASSIGNMENT = re.compile(r"""[ \t]*([A-Za-z_]\w*)=(?:"[^"]*"|'[^']*'|[^\s;&|()<>"'])*[ \t]*(?:#.*)?""")
_EXEC = re.compile(r"[ \t]*exec[ \t]+(?:-[acl][ \t]+)*([^\s<>&0-9-]\S*)")


@dataclass(frozen=True)
class SyntaxProblem:
    """Where bash could not read the script any further, and its own words. What stands before that line was run."""

    place: str  # `startup/startup.sh:3`
    line: int
    said: str

    @property
    def what(self) -> str:
        return f"bash cannot read the startup script from here on: {self.said}"

    @property
    def why(self) -> str:
        return "The lines before it ran, the rest did not. MWAA does the same, and starts the container anyway."


@dataclass(frozen=True)
class StartupOutcome:
    """What a startup script left behind in a container that goes on to start."""

    component: str
    exported: Mapping[str, str]  # variables added or changed; an `unset` has no effect on MWAA
    exit_code: int  # MWAA ignores it
    elapsed_s: float
    log_path: Path
    notes: tuple[str, ...] = ()  # one line each: what probably is not as the author meant it
    not_exported: tuple[str, ...] = ()  # variables that are assigned only, so that Airflow does not see them
    syntax_problem: SyntaxProblem | None = None


@dataclass(frozen=True)
class _Explanation:
    """Why a run left no environment. `line` and `exit_code` as in StartupScriptFailed."""

    rule: str
    hint: str
    line: int = 0
    exit_code: int | None = None


@dataclass(frozen=True)
class ScriptRun:
    """One run of the wrapper, before it is known whether MWAA's container would start."""

    script_path: Path
    script: str
    component: str
    before: Mapping[str, str]  # the complete environment that the script saw
    completed: command.Completed
    environment: Mapping[str, str] | None  # that it left; None: never written
    death: tuple[str, ...]  # what the wrapper wrote when the shell ended; empty when it could not
    log_path: Path
    timeout_s: float
    place: str = ON_THIS_MACHINE


def judge(run: ScriptRun) -> StartupOutcome:
    """Return what the script left behind.

    Raises StartupScriptFailed where MWAA's container would not start.
    """
    if run.environment is None or run.completed.timed_out:
        raise _failure(run)
    return StartupOutcome(
        component=run.component,
        exported=_exported(run.before, run.environment),
        exit_code=run.completed.exit_code,
        elapsed_s=run.completed.elapsed_s,
        log_path=run.log_path,
        notes=_notes(run, run.environment),
        not_exported=tuple(_assigned_only(run.script, run.environment)),
        syntax_problem=_syntax_problem(run),
    )


def judge_outcome(
    folder: Path, script_path: Path, component: str, log_path: Path, timeout_s: float = STARTUP_SCRIPT_TIMEOUT_S
) -> StartupOutcome | None:
    """Return what the script left behind in a container, from the files in `folder`; None when none ran to its end.

    `script_path` is the user's file, which the container knows as `/usr/local/airflow/startup/startup.sh`; `log_path`
    is where the user finds all of its output.

    Raises StartupScriptFailed where MWAA's container would not start, StateCorrupted when the files make no sense.
    """
    script_path = script_path.absolute()
    try:
        ended = json.loads((folder / OUTCOME_NAME).read_text(encoding="utf-8"))
        before = {str(name): str(value) for name, value in ended["before"].items()}
        completed = command.Completed(
            argv=("bash", CONTAINER_SCRIPT_PATH),
            exit_code=int(ended["exit_code"]),
            output=_output(folder / LOG_NAME, script_path),
            elapsed_s=float(ended["elapsed_s"]),
            timed_out=bool(ended["timed_out"]),
        )
        environment, death = read_environment(folder / ENVIRONMENT_NAME), read_fields(folder / DEATH_NAME)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StateCorrupted(
            f"{folder / OUTCOME_NAME} does not say how the startup script ended",
            f"{type(error).__name__}: {error}",
            f"remove {folder} and run `mwaa-local up` again",
        ) from error
    return judge(
        ScriptRun(
            script_path=script_path,
            script=read_script(script_path) if script_path.exists() else "",  # it may be gone since
            component=component,
            before=before,
            completed=completed,
            environment=environment,
            death=tuple(_on_this_machine(field, script_path) for field in death),
            log_path=log_path,
            timeout_s=timeout_s,
            place=IN_THE_IMAGE,
        )
    )


def read_script(script_path: Path) -> str:
    """Return the script's text. Raises StartupScriptFailed when it cannot be read."""
    try:
        return script_path.read_bytes().decode("utf-8", errors="replace")
    except OSError as error:
        raise StartupScriptFailed(
            f"{script_path}: the startup script cannot be read",
            str(error),
            "make it a readable file, or remove it to start without one",
        ) from error


def read_environment(path: Path) -> dict[str, str] | None:
    """Return the variables of the file in which the wrapper saves them; None when it did not come to that."""
    fields = read_fields(path)
    return dict(field.split("=", 1) for field in fields if "=" in field) if fields else None


def read_fields(path: Path) -> tuple[str, ...]:
    """Return the NUL-ended fields of a file that the wrapper was to write; none when it did not come to that."""
    try:
        return tuple(os.fsdecode(field) for field in path.read_bytes().split(b"\0")[:-1])
    except FileNotFoundError:
        return ()


def _output(path: Path, script_path: Path) -> str:
    try:
        return _on_this_machine(path.read_text(encoding="utf-8", errors="replace"), script_path)
    except FileNotFoundError:
        return ""


def _on_this_machine(text: str, script_path: Path) -> str:
    """Return text of bash, in which a place in the script is `path:line` or `path: line …`, with the user's path."""
    return text.replace(f"{CONTAINER_SCRIPT_PATH}:", f"{script_path}:")


def _exported(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in after.items()
        if before.get(name) != value and name not in BASH_OWN_NAMES and not name.startswith(WRAPPER_PREFIX)
    }


def _notes(run: ScriptRun, after: Mapping[str, str]) -> tuple[str, ...]:
    notes = []
    if run.completed.exit_code != 0 and _syntax_problem(run) is None:
        notes.append(f"the startup script ended with exit code {run.completed.exit_code}; MWAA ignores that")
    if "\r\n" in run.script:
        notes.append(_CRLF_NOTE)
    for name in _assigned_only(run.script, after):
        notes.append(f"{name} is assigned but not exported, so Airflow does not see it; write `export {name}=…`")
    for name in sorted(set(run.before) - set(after) - BASH_OWN_NAMES):
        notes.append(f"`unset {name}` has no effect: MWAA can only add or change variables, so set it to another value")
    for name in _programs_not_found(run.completed.output):
        notes.append(f"`{name}` is not {run.place}; MWAA's container, Amazon Linux, has it")
    return tuple(notes)


def _syntax_problem(run: ScriptRun) -> SyntaxProblem | None:
    """Return what bash said of the script's syntax; the last it said, for then it stopped reading."""
    name = "/".join(run.script_path.parts[-2:])
    found = None
    for line in run.completed.output.splitlines():
        match = _SYNTAX.fullmatch(line.removeprefix(f"{run.script_path}: "))
        if match and line.startswith(f"{run.script_path}: "):
            found = SyntaxProblem(f"{name}:{match[1]}", int(match[1]), match[2])
            if match[2].startswith(_UNCLOSED):  # what follows only says that the file ended
                break
    return found


_CRLF_NOTE = (
    "the startup script has Windows line endings (CRLF), which bash reads as part of each word, here and on MWAA; "
    "convert it, for example with `sed -i 's/\\r$//'`"
)


def _assigned_only(script: str, after: Mapping[str, str]) -> list[str]:
    """Return variables that the script sets on a line of their own, never exports, and never reads."""
    names = dict.fromkeys(match[1] for line in script.splitlines() if (match := _ASSIGNMENT.fullmatch(line)))
    return [name for name in names if name not in after and not re.search(rf"\$\{{?[#!]?{name}\b", script)]


def _programs_not_found(output: str) -> list[str]:
    found = dict.fromkeys(match[1] for match in _NOT_FOUND.finditer(output))
    return [name for name in found if name in _CONTAINER_PROGRAMS]


def _failure(run: ScriptRun) -> StartupScriptFailed:
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
    if "\r\n" in run.script:
        hint += f"; also, {_CRLF_NOTE}"
    if missing := _programs_not_found(run.completed.output):
        hint += f"; not {run.place}: {', '.join(missing)}"
    failed = StartupScriptFailed(f"{place}: the startup script failed in the {run.component}", "\n".join(why), hint)
    failed.line, failed.script_exit_code = found.line, found.exit_code
    return failed


def _explain(run: ScriptRun) -> _Explanation:
    if run.completed.timed_out:
        return _Explanation(
            f"It still ran after {run.timeout_s:g} s and was stopped; MWAA allows {STARTUP_SCRIPT_TIMEOUT_S:g} s.",
            "let the script do less, or put slow work into a DAG",
        )
    if problem := _syntax_problem(run):
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
