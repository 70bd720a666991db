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
import re
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path

from mwaa_local import command
from mwaa_local.errors import StateCorrupted
from mwaa_local.startup.failed_commands import FailedCommand, failed_commands, unavailable_commands
from mwaa_local.startup.failure import failure
from mwaa_local.startup.pip_variables import PipVariable, pip_variables
from mwaa_local.startup.script_run import (
    CRLF_NOTE,
    DEATH_NAME,
    ENVIRONMENT_NAME,
    FAILURES_NAME,
    IN_THE_IMAGE,
    STARTUP_SCRIPT_TIMEOUT_S,
    ScriptRun,
    SyntaxProblem,
    read_environment,
    read_fields,
    read_script,
)

# bash keeps these for itself; that they differ says nothing about the script.
BASH_OWN_NAMES = frozenset({"_", "SHLVL", "PWD", "OLDPWD"})
WRAPPER_PREFIX = "__mwaa_local_"

# What a container leaves behind: how the script ended, the wrapper's files, and the script's output.
OUTCOME_NAME = "startup.json"
LOG_NAME = "startup.log"
CONTAINER_SCRIPT_PATH = "/usr/local/airflow/startup/startup.sh"  # MWAA user guide, as above

_ASSIGNMENT = re.compile(r"""[ \t]*([A-Za-z_]\w*)=(?:"[^"]*"|'[^']*'|[^\s;&|()<>"'])*[ \t]*(?:#.*)?""")


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
    failed_commands: tuple[FailedCommand, ...] = ()  # after which the script went on
    unavailable_commands: tuple[FailedCommand, ...] = ()  # whose programs only MWAA's container has
    absent_programs: Mapping[str, str] = field(default_factory=dict)  # those programs -> a line on each
    pip_variables: tuple[PipVariable, ...] = ()  # that reach the pip of tasks


def judge(run: ScriptRun) -> StartupOutcome:
    """Return what the script left behind.

    Raises StartupScriptFailed where MWAA's container would not start.
    """
    if run.environment is None or run.completed.timed_out:
        raise failure(run)
    exported = _exported(run.before, run.environment)
    failed, unavailable = failed_commands(run), unavailable_commands(run)
    told_codes = {item.exit_code for item in (*failed, *unavailable)}
    return StartupOutcome(
        component=run.component,
        exported=exported,
        exit_code=run.completed.exit_code,
        elapsed_s=run.completed.elapsed_s,
        log_path=run.log_path,
        notes=_notes(run, run.environment, told_codes),
        not_exported=tuple(_assigned_only(run.script, run.environment)),
        syntax_problem=run.syntax_problem,
        failed_commands=failed,
        unavailable_commands=unavailable,
        absent_programs={
            name: f"`{name}` is not {run.place}; MWAA's container, Amazon Linux, has it"
            for name in run.programs_not_found
        },
        pip_variables=pip_variables(run.script, exported),
    )


def judge_outcome(
    folder: Path, script_path: Path, component: str, log_path: Path, timeout_s: float = STARTUP_SCRIPT_TIMEOUT_S
) -> StartupOutcome | None:
    """Return what the script left behind in a container, from the files in `folder`; None when none ran to its end.

    `script_path` is the user's file, which the container knows as `/usr/local/airflow/startup/startup.sh`; `log_path`
    is where the user finds all of its output.

    Raises StartupScriptFailed where MWAA's container would not start, StateCorrupted when the files make no sense.
    """
    try:
        run = _run_in_container(folder, script_path.absolute(), component, log_path, timeout_s)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StateCorrupted(
            f"{folder / OUTCOME_NAME} does not say how the startup script ended",
            f"{type(error).__name__}: {error}",
            f"remove {folder} and run `mwaa-local up` again",
        ) from error
    return judge(run)


def _run_in_container(folder: Path, script_path: Path, component: str, log_path: Path, timeout_s: float) -> ScriptRun:
    """Return the run whose files are in `folder`. Raises FileNotFoundError when none ran to its end."""
    ended = json.loads((folder / OUTCOME_NAME).read_text(encoding="utf-8"))
    return ScriptRun(
        script_path=script_path,
        script=read_script(script_path) if script_path.exists() else "",  # it may be gone since
        component=component,
        before={str(name): str(value) for name, value in ended["before"].items()},
        completed=command.Completed(
            argv=("bash", CONTAINER_SCRIPT_PATH),
            exit_code=int(ended["exit_code"]),
            output=_output(folder / LOG_NAME, script_path),
            elapsed_s=float(ended["elapsed_s"]),
            timed_out=bool(ended["timed_out"]),
        ),
        environment=read_environment(folder / ENVIRONMENT_NAME),
        death=tuple(_on_this_machine(field, script_path) for field in read_fields(folder / DEATH_NAME)),
        log_path=log_path,
        timeout_s=timeout_s,
        place=IN_THE_IMAGE,
        failures=read_fields(folder / FAILURES_NAME),
    )


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


def _notes(run: ScriptRun, after: Mapping[str, str], told_codes: Set[int]) -> tuple[str, ...]:
    notes = []
    if run.completed.exit_code not in {0, *told_codes} and run.syntax_problem is None:
        notes.append(f"the startup script ended with exit code {run.completed.exit_code}; MWAA ignores that")
    if run.has_windows_line_endings:
        notes.append(CRLF_NOTE)
    for name in _assigned_only(run.script, after):
        notes.append(f"{name} is assigned but not exported, so Airflow does not see it; write `export {name}=…`")
    for name in sorted(set(run.before) - set(after) - BASH_OWN_NAMES):
        notes.append(f"`unset {name}` has no effect: MWAA can only add or change variables, so set it to another value")
    return tuple(notes)


def _assigned_only(script: str, after: Mapping[str, str]) -> list[str]:
    """Return variables that the script sets on a line of their own, never exports, and never reads."""
    names = dict.fromkeys(match[1] for line in script.splitlines() if (match := _ASSIGNMENT.fullmatch(line)))
    return [name for name in names if name not in after and not re.search(rf"\$\{{?[#!]?{name}\b", script)]
