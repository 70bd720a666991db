"""Run the startup script as MWAA's containers do, and return the variables it exported.

MWAA has bash *source* `/usr/local/airflow/startup/startup.sh` (its `#!` line is ignored) inside a wrapper in which
`exit` is an alias that first writes the exported environment to a file. Whether the container starts is decided by
that file alone: exit codes are ignored, and a shell that dies without writing it stops the container.

| in the script | variables exported before it | container |
|---|---|---|
| end of file, `exit N`, `return N`, failing commands, `( exit 1 )` | kept | starts |
| syntax error | kept up to the error | starts |
| `set -e` and a failing command, `set -u` and an unset variable, `exec PROGRAM`, time-out | lost | does not start |

Not for merging the variables (`options` does that), nor for protected names. The same rules are used for the releases
up to 2.8.1, whose own image AWS has not published.

Source: aws/amazon-mwaa-docker-images, `python/mwaa/config/setup_environment.py` and
`bin/airflow-user/execute-user-startup-script`; MWAA user guide, "Using a startup script with Amazon MWAA".
"""

from __future__ import annotations

import os
import re
import signal
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mwaa_local import command
from mwaa_local.errors import StartupScriptFailed

# MWAA allows 5 min less 5 s, but looks at the clock once a minute, so that a script gets 300 s
# (aws/amazon-mwaa-docker-images, python/mwaa/config/setup_environment.py and python/mwaa/subprocess/).
STARTUP_SCRIPT_TIMEOUT_S = 300.0
LAST_LINES = 20  # of output that an error shows

WRAPPER_PATH = Path(__file__).parent / "support" / "startup_wrapper.sh"
# bash keeps these for itself; that they differ says nothing about the script.
BASH_OWN_NAMES = frozenset({"_", "SHLVL", "PWD", "OLDPWD"})
WRAPPER_PREFIX = "__mwaa_local_"

# What MWAA's Amazon Linux container has and a developer's machine may lack.
_CONTAINER_PROGRAMS = frozenset({"sudo", "yum", "dnf", "rpm", "aws", "jq", "java"})
_NOT_FOUND = re.compile(r"line \d+: (\S+): command not found")
_UNBOUND = re.compile(r"line (\d+): (\S+): (?:unbound variable|parameter null or not set)")
_ASSIGNMENT = re.compile(r"""[ \t]*([A-Za-z_]\w*)=(?:"[^"]*"|'[^']*'|[^\s;&|()<>"'])*[ \t]*(?:#.*)?""")
_EXEC = re.compile(r"[ \t]*exec[ \t]+(?:-[acl][ \t]+)*([^\s<>&0-9-]\S*)")


@dataclass(frozen=True)
class StartupOutcome:
    """What a startup script left behind in a container that goes on to start."""

    component: str
    exported: Mapping[str, str]  # variables added or changed; an `unset` has no effect on MWAA
    exit_code: int  # MWAA ignores it
    elapsed_s: float
    log_path: Path
    notes: tuple[str, ...] = ()  # one line each: what probably is not as the author meant it


@dataclass(frozen=True)
class _Run:
    """One run of the wrapper, before it is known whether MWAA's container would start."""

    script_path: Path
    script: str
    component: str
    completed: command.Completed
    timeout_s: float
    environment: Mapping[str, str] | None  # None: never written
    death: tuple[str, ...]  # what the wrapper wrote when the shell ended; empty when it could not


def run_startup_script(
    script_path: Path,
    component: str,
    env: Mapping[str, str],
    cwd: Path,
    log_path: Path,
    *,
    timeout_s: float = STARTUP_SCRIPT_TIMEOUT_S,
) -> StartupOutcome:
    """Source the script with bash and return what it exported; its output goes to `log_path`, which starts empty.

    `env` is the complete environment of the component, `cwd` what stands for `/usr/local/airflow`. Safe to call from
    several threads for several components, each with its own log. Programs that the script left in the background
    keep running, except after a time-out.

    Raises StartupScriptFailed where MWAA's container would not start, ToolMissing when there is no bash.
    """
    script_path = script_path.absolute()  # bash looks for a bare name on PATH
    script = _read_script(script_path)
    with (
        command.LineLog(log_path) as log,
        tempfile.TemporaryDirectory(prefix="mwaa-local-startup-", ignore_cleanup_errors=True) as private_name,
    ):
        environment_path, death_path = Path(private_name, "environment"), Path(private_name, "death")
        for path in (environment_path, death_path):
            path.touch(mode=0o600)  # already here, so that no umask in the script makes it unreadable
        log.write("Executing customer startup script")
        argv = ["bash", str(WRAPPER_PATH), str(script_path), str(environment_path), str(death_path)]
        completed = command.run(command.Request(argv, env, cwd, timeout_s), on_line=log.write)
        log.write("Exiting customer startup script")
        log.write(f"Startup script execution time: {completed.elapsed_s:.2f} seconds.")
        run = _Run(
            script_path=script_path,
            script=script,
            component=component,
            completed=completed,
            timeout_s=timeout_s,
            environment=_read_environment(environment_path),
            death=tuple(_read_fields(death_path)),
        )
    if run.environment is None or completed.timed_out:
        raise _failure(run, log_path)
    return StartupOutcome(
        component=component,
        exported=_exported(env, run.environment),
        exit_code=completed.exit_code,
        elapsed_s=completed.elapsed_s,
        log_path=log_path,
        notes=_notes(run, env, run.environment),
    )


def _read_script(script_path: Path) -> str:
    try:
        return script_path.read_bytes().decode("utf-8", errors="replace")
    except OSError as error:
        raise StartupScriptFailed(
            f"{script_path}: the startup script cannot be read",
            str(error),
            "make it a readable file, or remove it to start without one",
        ) from error


def _read_fields(path: Path) -> list[str]:
    """Return the NUL-ended fields of a file that the wrapper was to write; none when it did not come to that."""
    return [os.fsdecode(field) for field in path.read_bytes().split(b"\0")[:-1]]


def _read_environment(path: Path) -> dict[str, str] | None:
    fields = _read_fields(path)
    return dict(field.split("=", 1) for field in fields if "=" in field) if fields else None


def _exported(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in after.items()
        if before.get(name) != value and name not in BASH_OWN_NAMES and not name.startswith(WRAPPER_PREFIX)
    }


def _notes(run: _Run, before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    notes = []
    if run.completed.exit_code != 0:
        notes.append(f"the startup script ended with exit code {run.completed.exit_code}; MWAA ignores it and goes on")
    if "\r\n" in run.script:
        notes.append(_CRLF_NOTE)
    for name in _assigned_only(run.script, after):
        notes.append(f"{name} is assigned but not exported, so that Airflow does not see it; write `export {name}=…`")
    for name in sorted(set(before) - set(after) - BASH_OWN_NAMES):
        notes.append(f"`unset {name}` has no effect: MWAA can only add or change variables, so set it to another value")
    for name in _programs_not_found(run.completed.output):
        notes.append(f"`{name}` is not on this machine; MWAA's container, Amazon Linux, has it")
    return tuple(notes)


_CRLF_NOTE = (
    "the startup script has Windows line endings (CRLF), which bash takes as part of each word, here and on MWAA; "
    "convert it, for example with `sed -i 's/\\r$//'`"
)


def _assigned_only(script: str, after: Mapping[str, str]) -> list[str]:
    """Return variables that the script sets on a line of their own, never exports, and never reads."""
    names = dict.fromkeys(match[1] for line in script.splitlines() if (match := _ASSIGNMENT.fullmatch(line)))
    return [name for name in names if name not in after and not re.search(rf"\$\{{?[#!]?{name}\b", script)]


def _programs_not_found(output: str) -> list[str]:
    found = dict.fromkeys(match[1] for match in _NOT_FOUND.finditer(output))
    return [name for name in found if name in _CONTAINER_PROGRAMS]


def _failure(run: _Run, log_path: Path) -> StartupScriptFailed:
    line, rule, hint = _explain(run)
    place = f"{run.script_path}:{line}" if line else str(run.script_path)
    consequence = (
        "On MWAA the container then fails to start, and creating or updating the environment fails and rolls back."
    )
    why = [rule, consequence]
    last = run.completed.output.splitlines()[-LAST_LINES:]
    if last:
        why += ["Its last output:" if len(last) < LAST_LINES else f"Its last {LAST_LINES} lines of output:"]
        why += [f"  {text}" for text in last]
    why.append(f"All of it: {log_path}")
    if "\r\n" in run.script:
        hint += f"; also, {_CRLF_NOTE}"
    if missing := _programs_not_found(run.completed.output):
        hint += f"; not on this machine: {', '.join(missing)}"
    return StartupScriptFailed(f"{place}: the startup script failed in the {run.component}", "\n".join(why), hint)


def _explain(run: _Run) -> tuple[str, str, str]:
    """Return line (or ""), rule and hint for a run that left no environment."""
    if run.completed.timed_out:
        return (
            "",
            f"It still ran after {run.timeout_s:g} s and was stopped; MWAA allows {STARTUP_SCRIPT_TIMEOUT_S:g} s.",
            "let the script do less, or put slow work into a DAG",
        )
    if not run.death:
        return _explain_vanished(run)
    code, options, failed, call = (*run.death, "", "", "", "")[:4]
    unbound = _last_unbound(run.completed.output) if "u" in options else None
    if unbound:
        return (
            unbound[0],
            f"`set -u` ended the shell at the unset variable {unbound[1]}, before MWAA could read the variables.",
            "give the variable a default, as in `${NAME:-}`, or remove `set -u`",
        )
    if "e" in options and code != "0":
        return (
            call or _line_in_script(failed, run.script_path),
            f"`set -e` ended the shell at a command that failed with exit code {code}, "
            "before MWAA could read the variables.",
            "remove `set -e`, or end such commands with `|| exit 1`, which keeps what was exported so far",
        )
    if exec_lines := _exec_lines(run.script):
        return _explain_exec(exec_lines)
    return (
        _line_in_script(failed, run.script_path),
        f"The shell ended with exit code {code} in another way than the plain word `exit`, "
        "which is the one that makes MWAA read the variables.",
        "write plain `exit`, not `builtin exit`, `command exit` or `\\exit`",
    )


def _explain_vanished(run: _Run) -> tuple[str, str, str]:
    """Explain a shell that could not even say that it ended: replaced, killed, or with an EXIT trap of its own."""
    if run.completed.exit_code < 0:
        name = signal.strsignal(-run.completed.exit_code) or f"signal {-run.completed.exit_code}"
        return (
            "",
            f"The shell was killed ({name}) before MWAA could read the variables.",
            "look for `kill` in the script, or for a lack of memory",
        )
    if exec_lines := _exec_lines(run.script):
        return _explain_exec(exec_lines)
    return (
        "",
        f"The shell ended with exit code {run.completed.exit_code} before MWAA could read the variables.",
        "remove `set -e`, `set -u` and `exec` from the script, and from what it sources",
    )


def _last_unbound(output: str) -> tuple[str, str] | None:
    """Return line and name out of bash's own message on an unset variable."""
    matches = _UNBOUND.findall(output)
    return matches[-1] if matches else None


def _explain_exec(lines: list[int]) -> tuple[str, str, str]:
    return (
        str(lines[0]) if len(lines) == 1 else "",
        "`exec` put another program in the place of the shell, so that MWAA could never read the variables.",
        "call the program without `exec`",
    )


def _exec_lines(script: str) -> list[int]:
    """Return the numbers of lines that replace the shell by a program; `exec >file` only redirects."""
    return [number for number, line in enumerate(script.splitlines(), 1) if _EXEC.match(line)]


def _line_in_script(place: str, script_path: Path) -> str:
    """Return the line of `file:line` when the file is the script itself."""
    file_name, _, line = place.rpartition(":")
    return line if file_name == str(script_path) else ""
