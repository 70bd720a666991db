"""Commands in the middle of the startup script that failed, and after which it went on, as MWAA lets it.

bash itself tells them (`startup_wrapper.sh`): nothing of a condition, of `&&` and `||`, nor of what another file or a
subshell does. What is left and is no failure, such as a `grep` that found nothing, is taken out here.

Not for a failure that ends the script: that is `failure`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from mwaa_local.masking import without_secrets
from mwaa_local.startup.script_run import CONTAINER_PROGRAMS, ScriptRun

FIELDS = 4  # of the wrapper for each
_INSTALLERS = frozenset(("apt-get", "dnf", "rpm", "yum"))  # without which programs are missing that later lines call
NOT_FOUND_EXIT_CODE = 127  # bash's for a program that is not there
BROKEN_PIPE_EXIT_CODE = 141  # 128 + SIGPIPE: whoever read, `head` for one, had enough
SHOWN_CHARACTERS = 80
# Programs and builtins whose exit code 1 is the answer no.
ANSWER_EXIT_CODE = 1
_ANSWERS = frozenset(
    ("((", "[", "[[", "cmp", "command", "diff", "egrep", "expr", "fgrep", "getent", "grep", "hash", "killall", "let",
     "lsof", "mountpoint", "pgrep", "pidof", "pkill", "read", "test", "type", "which", "zgrep")
)  # fmt: skip
_SOURCES = frozenset((".", "source"))
_COMMAND_LOOKS = re.compile(r"command\s+-[vV]\b")
_ASKED = re.compile(r"\$\?|\$\{\?\}|PIPESTATUS")  # the script looks at the exit code itself
_PROGRAMS = re.compile(r"(?:^|[|;&(`]|(?<=sudo))\s*(?:\w+=[^\s$(`]*\s+)*([\w-]+)")
_UNREADABLE = ("No such file or directory", "Permission denied", "Is a directory")


@dataclass(frozen=True)
class FailedCommand:
    """A command of the script. `text` is its first line as it stands there, without written-out secrets."""

    line: int
    text: str
    exit_code: int
    is_of_machine: bool = False  # it calls what MWAA's container has or may use, and this machine perhaps not
    whole: str = field(default="", repr=False, compare=False)  # all its lines, secrets and all: never to be shown

    @property
    def programs(self) -> set[str]:
        """The names of the programs that it calls."""
        return set(_PROGRAMS.findall(self.whole))

    @property
    def what(self) -> str:
        why = "was not found" if self.exit_code == NOT_FOUND_EXIT_CODE else f"failed with exit code {self.exit_code}"
        return f"`{self.text}` {why}, and the script went on"

    @property
    def why(self) -> str:
        if self.is_of_machine:
            return "It may work on MWAA, whose container has other programs and an execution role."
        return "MWAA does the same: its container starts without what the command was to do."

    @property
    def hint(self) -> str:
        return "correct the command; if it may fail, write `|| true` after it"


@dataclass(frozen=True)
class _Note:
    """What the wrapper noted: one command, and the lines from which the functions around it were called."""

    line: int
    exit_code: int
    called_from: tuple[int, ...]
    command: str


def failed_commands(run: ScriptRun) -> tuple[FailedCommand, ...]:
    """Return them in the order of their lines, each line once; those of `unavailable_commands` are left out."""
    missing = set(run.programs_not_found)  # which `outcome` notes as such
    lines = run.script.splitlines()
    found: dict[int, FailedCommand] = {}
    uninstalled = min((item.line for item in unavailable_commands(run) if item.programs & _INSTALLERS), default=0)
    for note in _failures(run, lines):
        programs = set(_PROGRAMS.findall(note.command))
        if programs & missing:
            continue
        is_uninstalled = note.exit_code == NOT_FOUND_EXIT_CODE and 0 < uninstalled < note.line
        is_of_machine = bool(programs & CONTAINER_PROGRAMS) or is_uninstalled
        if is_of_machine and programs & _INSTALLERS:
            uninstalled = min(uninstalled or note.line, note.line)
        found.setdefault(note.line, _command(lines, note.line, note.exit_code, is_of_machine))
    return tuple(found[line] for line in sorted(found))


def unavailable_commands(run: ScriptRun) -> tuple[FailedCommand, ...]:
    """Return those that call programs of MWAA's container that are not here, conditions and chains among them."""
    missing = set(run.programs_not_found)
    lines = run.script.splitlines()
    called = [note.line for note in _failures(run, lines) if set(_PROGRAMS.findall(note.command)) & missing]
    numbers = sorted({*called, *run.lines_without_program})
    shown = [number for number in numbers if 0 < number <= len(lines)]
    return tuple(_command(lines, number, NOT_FOUND_EXIT_CODE, True) for number in shown)


def calls_container_program(script: str, number: int) -> bool:
    """Whether that line of the script calls a program that MWAA's container has and this machine perhaps not."""
    lines = script.splitlines()
    return 0 < number <= len(lines) and bool(_command(lines, number, 0, True).programs & CONTAINER_PROGRAMS)


def stopped_at(script: str, number: int) -> FailedCommand:
    """Return the command at which the script ended before its end, with all that did not run for it."""
    lines = script.splitlines()
    return replace(_command(lines, number, 0, True), whole="\n".join(lines[number - 1 :]))


def _command(lines: Sequence[str], number: int, exit_code: int, is_of_machine: bool) -> FailedCommand:
    first, whole = lines[number - 1], []
    for line in lines[number - 1 :]:
        whole.append(line)
        if not line.rstrip().endswith("\\"):
            break
    return FailedCommand(number, _shown(first), exit_code, is_of_machine, "\n".join(whole))


def _failures(run: ScriptRun, lines: Sequence[str]) -> Iterator[_Note]:
    """Yield the failures of the script's own lines that are none of a question's answers."""
    for note in _without_callers(_notes(run.failures)):
        if 0 < note.line <= len(lines) and not _is_no_failure(note, lines, run):
            yield note


def _notes(fields: Sequence[str]) -> Iterator[_Note]:
    for start in range(0, len(fields) - FIELDS + 1, FIELDS):
        line, exit_code, called_from, command = fields[start : start + FIELDS]
        if line.isdecimal() and exit_code.isdecimal():  # the script may overwrite what the wrapper keeps
            yield _Note(int(line), int(exit_code), tuple(map(int, re.findall(r"\d+", called_from))), command)


def _without_callers(notes: Iterator[_Note]) -> Iterator[_Note]:
    """Yield the notes without those of a function's call that failed only because its last command did."""
    inner: _Note | None = None
    for note in notes:
        is_call = (
            inner is not None
            and note.exit_code == inner.exit_code
            and len(note.called_from) < len(inner.called_from)
            and note.line in inner.called_from
        )
        if not is_call:
            yield note
            inner = note


def _is_no_failure(note: _Note, lines: Sequence[str], run: ScriptRun) -> bool:
    if note.exit_code == BROKEN_PIPE_EXIT_CODE or _is_asked_about(note.line, lines):
        return True
    first = _program(note.command)
    if first in _SOURCES:  # a file whose last command says no is none that failed
        return not _was_unreadable(note.line, run)
    if first == "command" and not _COMMAND_LOOKS.match(note.command):
        return False
    return note.exit_code == ANSWER_EXIT_CODE and first in _ANSWERS


def _program(command: str) -> str:
    """Return the first word that is neither an assignment nor `sudo`; `((` and `[[` need no blank behind them."""
    if command.startswith("(("):
        return "(("
    for word in command.split():
        if word != "sudo" and not re.match(r"[A-Za-z_]\w*=", word):
            return word.rpartition("/")[2]
    return ""


def _is_asked_about(number: int, lines: Sequence[str]) -> bool:
    """Whether the command's own lines, or the next one that is not empty, look at the exit code."""
    is_past = False  # its last line
    for line in lines[number - 1 :]:
        if _ASKED.search(line):
            return True
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if is_past:
            return False
        is_past = not line.rstrip().endswith("\\")
    return False


def _was_unreadable(number: int, run: ScriptRun) -> bool:
    start = f"{run.script_path}: line {number}: "
    return any(line.startswith(start) and line.endswith(_UNREADABLE) for line in run.completed.output.splitlines())


def _shown(line: str) -> str:
    text = without_secrets(line.strip().removesuffix("\\").rstrip())
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 1]}…"
