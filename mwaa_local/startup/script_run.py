"""ScriptRun: one run of the startup script, with what bash and MWAA's wrapper wrote about it. `outcome` judges it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mwaa_local import command
from mwaa_local.errors import StartupScriptFailed

# MWAA allows 5 min less 5 s, but looks at the clock once a minute, so that a script gets 300 s
# (aws/amazon-mwaa-docker-images, python/mwaa/config/setup_environment.py and python/mwaa/subprocess/).
STARTUP_SCRIPT_TIMEOUT_S = 300.0

# The wrapper's three files.
ENVIRONMENT_NAME = "environment"
DEATH_NAME = "death"
FAILURES_NAME = "failures"

# Where a script ran, as messages on programs that are not there put it.
ON_THIS_MACHINE = "on this machine"
IN_THE_IMAGE = "in the image"

# bash tells of these in its output alone, in words that have been the same since bash 3; nobody else reads them.
_NOT_FOUND = re.compile(r"(?:line (\d+)|sudo): (\S+): command not found")
# What MWAA's Amazon Linux container has and a developer's machine may lack.
CONTAINER_PROGRAMS = frozenset({"sudo", "yum", "dnf", "rpm", "aws", "jq", "java"})
_UNCLOSED = "unexpected EOF"
_SYNTAX = re.compile(r"(?:line )?(\d+): ((?:syntax error|unexpected EOF).*)")
SYNTAX_HINT = "fix that line, or close what is open before it; `bash -n` checks the script without running it"
CRLF_NOTE = (
    "the startup script has Windows line endings (CRLF), which bash reads as part of each word, here and on MWAA; "
    "convert it, for example with `sed -i 's/\\r$//'`"
)


@dataclass(frozen=True)
class SyntaxProblem:
    """Where bash could not read the script any further, and its own words. The lines before it ran."""

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
    failures: tuple[str, ...] = ()  # what the wrapper wrote of commands that failed; see there

    @property
    def syntax_problem(self) -> SyntaxProblem | None:
        """What bash said of the script's syntax; the last it said, for then it stopped reading."""
        name = "/".join(self.script_path.parts[-2:])
        found = None
        for line in self.completed.output.splitlines():
            match = _SYNTAX.fullmatch(line.removeprefix(f"{self.script_path}: "))
            if match and line.startswith(f"{self.script_path}: "):
                found = SyntaxProblem(f"{name}:{match[1]}", int(match[1]), match[2])
                if match[2].startswith(_UNCLOSED):  # what follows only says that the file ended
                    break
        return found

    @property
    def programs_not_found(self) -> list[str]:
        """The programs of MWAA's container that the script called and bash did not find."""
        found = dict.fromkeys(match[2] for match in _NOT_FOUND.finditer(self.completed.output))
        return [name for name in found if name in CONTAINER_PROGRAMS]

    @property
    def lines_without_program(self) -> list[int]:
        """The lines of the script that called them, as far as bash names the line."""
        found = _NOT_FOUND.finditer(self.completed.output)
        return [int(match[1]) for match in found if match[1] and match[2] in CONTAINER_PROGRAMS]

    @property
    def has_windows_line_endings(self) -> bool:
        return "\r\n" in self.script


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
    """Return the variables that the wrapper saved in the file; None if it saved none."""
    fields = read_fields(path)
    return dict(field.split("=", 1) for field in fields if "=" in field) if fields else None


def read_fields(path: Path) -> tuple[str, ...]:
    """Return the NUL-ended fields of a file of the wrapper; none if it was not written."""
    try:
        return tuple(os.fsdecode(field) for field in path.read_bytes().split(b"\0")[:-1])
    except FileNotFoundError:
        return ()
