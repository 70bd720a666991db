"""How results, progress and errors look on screen. stdout is data, stderr is progress, warnings and errors.

Plain lines everywhere; colour only on a terminal that did not ask for none (`NO_COLOR`, `TERM=dumb`). There, how far
something long has come is one line that is written anew; elsewhere it is a plain line when nothing was said for long.

Output that nobody takes any more, as after `| head`, changes nothing of what a command does, nor its exit code: it is
dropped. Only what prints line after line ends then (`Console.stream`).
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, TextIO
from weakref import WeakSet

from mwaa_local.event import COUNTING

if TYPE_CHECKING:
    from mwaa_local.errors import MwaaLocalError
    from mwaa_local.event import ComponentStatus, Event, LogLine
    from mwaa_local.remarks import Remark

NAME_WIDTH = 14
SIZE_STEP = 1000  # from one unit to the next
STATE_WIDTH = 11
QUIET_S = 10.0  # without a terminal, how long nothing is said before something long says how far it has come
UNKNOWN_COLUMNS = 80  # of a terminal that does not say how wide it is
# ANSI codes by meaning; a component's colour in `logs` is one of the last list, by its place.
RED, GREEN, YELLOW, BOLD, DIM, RESET = "\033[31m", "\033[32m", "\033[33m", "\033[1m", "\033[2m", "\033[0m"
CLEARED = "\r\033[K"  # to the beginning of the line, and what is on it away
LOG_COLOURS = ("\033[36m", "\033[35m", "\033[32m", "\033[33m", "\033[34m", "\033[96m", "\033[95m", "\033[92m")
STATE_COLOURS = {
    "ready": GREEN,
    "done": GREEN,
    "finished": GREEN,
    "failed": RED,
    "timed out": RED,
    "restarting": YELLOW,
}
# Changes of state worth a line of progress; the others are on the way to one of these.
SHOWN_STATES = ("ready", "failed", "restarting", "working", "done", "finished", "stopped", "interrupted", "timed out")
# On which a line stands that is to go: errors are shown by another console of the same streams.
_PASSING: WeakSet[TextIO] = WeakSet()


@dataclass
class Console:
    """Writes to the two streams. `env` decides about colour; `verbose` adds what is normally left out."""

    out: TextIO
    err: TextIO
    env: Mapping[str, str]
    verbose: bool = False
    clock: Callable[[], float] = time.monotonic
    _said: float = field(init=False, repr=False)  # when anything was said last

    def __post_init__(self) -> None:
        self._said = self.clock()

    def colour(self, text: str, code: str, stream: TextIO | None = None) -> str:
        return text if self._is_plain(stream or self.err) or not code else f"{code}{text}{RESET}"

    def _is_plain(self, stream: TextIO) -> bool:
        return bool(self.env.get("NO_COLOR")) or self.env.get("TERM") == "dumb" or not stream.isatty()

    def colour_shown(self, text: str, code: str) -> str:
        """Return text for `show`, in colour if stdout has any."""
        return self.colour(text, code, self.out)

    def show(self, text: str) -> None:
        """Print data."""
        try:
            self.stream(text)
        except BrokenPipeError:
            give_up(self.out)

    def show_json(self, value: Any) -> None:
        self.show(json.dumps(value, indent=2))

    def stream(self, text: str) -> None:
        """Print one of many lines of data. Raises BrokenPipeError when nobody reads them any more."""
        self.make_way()
        print(text, file=self.out, flush=True)

    def say(self, text: str) -> None:
        """Print progress."""
        cleared = CLEARED if self.err in _PASSING else ""
        _PASSING.discard(self.err)
        _tell(self.err, f"{cleared}{text}\n")  # at once, since several threads tell of their progress
        self._said = self.clock()

    def _say_in_passing(self, text: str) -> None:
        """Print how far something has come: it goes again on a terminal, and is seldom elsewhere."""
        if not self._is_plain(self.err):
            _PASSING.add(self.err)
            _tell(self.err, f"{CLEARED}{text[: _columns(self.err) - 1]}")
        elif self.clock() - self._said >= QUIET_S:
            self.say(text)

    def make_way(self) -> None:
        """Take away a line that was to go, before anything but this writes: both streams may be the same terminal."""
        make_way(self.err)

    def show_event(self, event: Event) -> None:
        """Print one line for a change of state: `scheduler  ready  6.1 s`."""
        if event.state == COUNTING:
            self._say_in_passing(f"{event.component:<{NAME_WIDTH}} {'working':<{STATE_WIDTH}} {'':>7}  {event.detail}")
            return
        if event.state not in SHOWN_STATES and not self.verbose:
            return
        took = f"{event.elapsed_s:.1f} s" if event.elapsed_s else ""
        state = self.colour(f"{event.state:<{STATE_WIDTH}}", STATE_COLOURS.get(event.state, ""))
        self.say(f"{event.component:<{NAME_WIDTH}} {state} {took:>7}  {event.detail}".rstrip())

    def show_error(self, error: MwaaLocalError) -> None:
        self._show_problem("error", RED, error.what, error.why, error.hint)

    def show_remark(self, remark: Remark) -> None:
        self._show_problem(remark.severity, RED if remark.severity == "error" else YELLOW, *_parts(remark))

    def _show_problem(self, word: str, code: str, what: str, why: str, hint: str) -> None:
        self.say(f"{self.colour(word, code + BOLD)}: {what}")
        for line in why.splitlines():
            self.say(f"  {line}")
        if hint:
            self.say(f"\n{self.colour('hint', BOLD)}: {hint}")

    def log_printer(self) -> Callable[[LogLine], None]:
        """Return a function that prints log lines as `12:03:44 worker.1 | text`, one colour per component."""
        codes: dict[str, str] = {}

        def show(line: LogLine) -> None:
            code = codes.setdefault(line.component, LOG_COLOURS[len(codes) % len(LOG_COLOURS)])
            clock = datetime.fromtimestamp(line.time).astimezone().strftime("%H:%M:%S")
            name = self.colour(f"{line.component:<{NAME_WIDTH}}|", code, self.out)
            self.stream(f"{clock} {name} {line.text}")

        return show

    def show_status(self, statuses: Iterable[ComponentStatus], now: float) -> None:
        rows = [
            (
                status.name,
                status.state,
                str(status.pid or "-"),
                duration(now - status.since),
                str(status.restarts),
                status.detail,
            )
            for status in statuses
        ]
        self.show(table(("component", "state", "pid", "for", "restarts", "detail"), rows))


def make_way(stream: TextIO) -> None:
    """Do what `Console.make_way` does, for who has none: the line may be of a command that has ended since."""
    if stream in _PASSING:
        _PASSING.discard(stream)
        _tell(stream, CLEARED)


def _tell(stream: TextIO, text: str) -> None:
    """Write to stderr. Whoever listened may be gone, or its disk full: no change is left half done for that."""
    try:
        stream.write(text)
        stream.flush()
    except OSError:
        give_up(stream)


def give_up(stream: TextIO) -> None:
    """Let go to nowhere what is written to the stream from now on, by this process and those that it starts.

    What is still in its buffer goes there, too: else Python complains at the end, with an exit code of its own.
    """
    with contextlib.suppress(OSError):  # it is no file of the system
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, stream.fileno())
        finally:
            os.close(nowhere)


def _columns(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or UNKNOWN_COLUMNS
    except (OSError, ValueError):  # no terminal of the system
        return UNKNOWN_COLUMNS


def _parts(remark: Remark) -> tuple[str, str, str]:
    return remark.what, remark.why, remark.hint


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows in columns, two spaces apart, without trailing blanks."""
    lines = [list(headers), *[list(row) for row in rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headers))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def duration(seconds: float) -> str:
    """Return `12 s`, `3 min`, `2 h 05 min` or `4 d`."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86400} d"


def size(count: int | None) -> str:
    """Return `12 kB`, `3.4 MB` or `1.2 GB`; what nobody knows is `-`."""
    if count is None:
        return "-"
    value, units = float(count), ["B", "kB", "MB", "GB", "TB"]
    while value >= SIZE_STEP and len(units) > 1:
        value /= SIZE_STEP
        units.pop(0)
    return f"{value:.0f} {units[0]}" if units[0] in ("B", "kB") else f"{value:.1f} {units[0]}"


def standard(env: Mapping[str, str], *, verbose: bool = False) -> Console:
    """Return the console of this process's own streams."""
    return Console(sys.stdout, sys.stderr, env, verbose)
