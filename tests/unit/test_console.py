"""How results, progress and errors look: plain without a terminal, coloured on one, stdout for data only."""

from __future__ import annotations

import io
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mwaa_local.cli.confirm import confirm
from mwaa_local.console import BOLD, CLEARED, QUIET_S, RED, Console, duration, make_way, table
from mwaa_local.errors import MwaaLocalError, PortInUse
from mwaa_local.event import COUNTING, FAILED, READY, STARTING, ComponentStatus, Event, LogLine

ESCAPE = "\033["


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def console(kind: type[io.StringIO] = io.StringIO, *, verbose: bool = False, **env: str) -> Console:
    return Console(kind(), kind(), env, verbose)


def written(shown: Console) -> tuple[str, str]:
    """Return what is on stdout and on stderr."""
    assert isinstance(shown.out, io.StringIO)
    assert isinstance(shown.err, io.StringIO)
    return shown.out.getvalue(), shown.err.getvalue()


def test_ready_component_is_a_line_with_the_time_it_took() -> None:
    shown = console()
    shown.show_event(Event("scheduler", READY, 6.1234))
    assert written(shown) == ("", "scheduler      ready         6.1 s\n")


def test_states_on_the_way_are_shown_only_when_asked_for() -> None:
    for verbose, expected in ((False, ""), (True, "scheduler      starting\n")):
        shown = console(verbose=verbose)
        shown.show_event(Event("scheduler", STARTING))
        assert written(shown) == ("", expected)


def test_failure_is_shown_with_its_detail() -> None:
    shown = console()
    shown.show_event(Event("worker", FAILED, detail="exit code 1 after 0.2 s"))
    assert written(shown)[1].split() == ["worker", "failed", "exit", "code", "1", "after", "0.2", "s"]


def test_error_says_what_why_and_hint_on_stderr() -> None:
    shown = console()
    shown.show_error(
        PortInUse("port 8080 is already in use", "The webserver needs it;\nprocess 7 holds it.", "stop it")
    )
    out, err = written(shown)
    assert out == ""
    assert err == (
        "error: port 8080 is already in use\n  The webserver needs it;\n  process 7 holds it.\n\nhint: stop it\n"
    )


def test_error_without_why_and_hint_is_one_line() -> None:
    shown = console()
    shown.show_error(PortInUse("port 8080 is already in use"))
    assert written(shown)[1] == "error: port 8080 is already in use\n"


@pytest.mark.parametrize(
    ("kind", "env", "coloured"),
    [
        (Terminal, {}, True),
        (Terminal, {"TERM": "xterm-256color"}, True),
        (Terminal, {"NO_COLOR": "1"}, False),
        (Terminal, {"TERM": "dumb"}, False),
        (io.StringIO, {}, False),
    ],
)
def test_colour_only_on_a_terminal_that_wants_it(kind: type[io.StringIO], env: dict[str, str], coloured: bool) -> None:
    shown = Console(kind(), kind(), env, verbose=False)
    shown.show_event(Event("scheduler", READY, 1.0))
    shown.show_error(PortInUse("what", "why", "hint"))
    shown.log_printer()(LogLine("worker", "out", "text", 0.0))
    for text in written(shown):
        assert (ESCAPE in text) == coloured


def test_empty_no_color_means_colour() -> None:
    """Source: no-color.org, "when present and not an empty string"."""
    shown = console(Terminal, NO_COLOR="")
    shown.show_event(Event("scheduler", READY, 1.0))
    assert ESCAPE in written(shown)[1]


def test_log_line_has_clock_component_and_text_on_stdout() -> None:
    shown = console()
    moment = time.mktime((2026, 11, 21, 12, 3, 44, 0, 0, -1))
    shown.log_printer()(LogLine("worker.1", "out", "two  words", moment))
    assert written(shown) == ("12:03:44 worker.1      | two  words\n", "")


def test_each_component_keeps_its_colour() -> None:
    shown = console(Terminal)
    show = shown.log_printer()
    for name in ("worker", "scheduler", "worker"):
        show(LogLine(name, "out", "text", 0.0))
    codes = [line.partition(ESCAPE)[2].partition("m")[0] for line in written(shown)[0].splitlines()]
    assert codes[0] == codes[2] != codes[1]


def test_status_is_a_table_on_stdout() -> None:
    shown = console(verbose=True)
    statuses = [
        ComponentStatus("scheduler", READY, 11, None, 0, 100.0),
        ComponentStatus("worker", FAILED, None, 1, 2, 40.0, "exit code 1 after 0.2 s"),
    ]
    shown.show_status(statuses, now=160.0)
    out, err = written(shown)
    assert err == ""
    assert [line.split() for line in out.splitlines()] == [
        ["component", "state", "pid", "for", "restarts", "detail"],
        ["scheduler", "ready", "11", "1", "min", "0"],
        ["worker", "failed", "-", "2", "min", "2", "exit", "code", "1", "after", "0.2", "s"],
    ]


def test_json_is_data_on_stdout() -> None:
    shown = console(Terminal)
    shown.show_json({"name": "Grüße"})
    out, err = written(shown)
    assert json.loads(out) == {"name": "Grüße"}
    assert err == ""


def test_table_aligns_columns_and_has_no_trailing_blanks() -> None:
    assert table(("a", "long"), [("wide", ""), ("b", "c")]) == "a     long\nwide\nb     c"
    assert table(("a", "b"), []) == "a  b"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0 s"),
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h 00 min"),
        (7500, "2 h 05 min"),
        (86400, "1 d"),
        (400_000, "4 d"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def counted(rows: int) -> Event:
    return Event("database", COUNTING, detail=f"loading log: {rows} of 300 rows")


def test_how_far_something_has_come_is_one_line_of_a_terminal_that_goes_again() -> None:
    shown = console(Terminal)
    shown.show_event(counted(100))
    shown.show_event(counted(200))
    shown.say("done")
    line = "database       working              loading log: {} of 300 rows"
    assert written(shown)[1] == f"{CLEARED}{line.format(100)}{CLEARED}{line.format(200)}{CLEARED}done\n"


def test_line_that_goes_again_is_away_before_data_is_shown() -> None:
    for as_json in (False, True):
        shown = console(Terminal)
        shown.show_event(counted(100))
        if as_json:
            shown.show_json(["data"])
        else:
            shown.show("data")
        assert written(shown)[1].endswith(CLEARED)
        assert ESCAPE not in written(shown)[0]


def test_line_that_goes_again_is_away_before_an_error_of_another_console() -> None:
    """The command line shows errors by a console of its own."""
    ways: tuple[Callable[[Console], None], ...] = (
        lambda shown: None,
        Console.make_way,
        lambda shown: make_way(shown.err),
    )
    for makes_way in ways:
        shown = console(Terminal)
        shown.show_event(counted(100))
        makes_way(shown)
        Console(shown.out, shown.err, {}).show_error(MwaaLocalError("what"))
        assert written(shown)[1].count(CLEARED) == 2
        assert f"rows{CLEARED}" in written(shown)[1]
        assert f"{CLEARED}{RED}{BOLD}error" in written(shown)[1]


def test_line_that_goes_again_is_away_before_a_question(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = console(Terminal)
    monkeypatch.setattr(sys, "stderr", shown.err)
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    shown.show_event(counted(100))
    confirm("Remove it?")
    assert f"rows{CLEARED}Remove it?" in written(shown)[1]


def test_line_that_goes_again_is_never_wider_than_the_terminal() -> None:
    shown = console(Terminal)
    shown.show_event(Event("database", COUNTING, detail="x" * 200))
    assert len(written(shown)[1]) == len(CLEARED) + 79


@pytest.mark.parametrize(
    ("kind", "env"), [(io.StringIO, {}), (Terminal, {"NO_COLOR": "1"}), (Terminal, {"TERM": "dumb"})]
)
def test_without_a_terminal_it_is_a_plain_line_when_nothing_was_said_for_long(
    kind: type[io.StringIO], env: dict[str, str]
) -> None:
    now = [0.0]
    shown = Console(kind(), kind(), env, clock=lambda: now[0])
    for rows in (1, 2, 3):
        shown.show_event(counted(rows))
    assert written(shown) == ("", "")
    now[0] += QUIET_S
    for rows in (4, 5):
        shown.show_event(counted(rows))
    now[0] += QUIET_S - 1
    shown.say("something else")
    now[0] += QUIET_S - 1
    shown.show_event(counted(6))
    lines = written(shown)[1].splitlines()
    assert lines == ["database       working              loading log: 4 of 300 rows", "something else"]


@pytest.fixture
def unread() -> Iterator[Console]:
    """A console both of whose streams are pipes that nobody reads any more."""
    ends = [os.pipe() for _ in range(2)]
    for reading, _ in ends:
        os.close(reading)
    out, err = (os.fdopen(writing, "w", encoding="utf-8") for _, writing in ends)
    with out, err:
        yield Console(out, err, {})


def test_reader_that_is_gone_stops_nobody(unread: Console) -> None:
    for _ in range(2):
        unread.say("a step")
        unread.show_event(Event("scheduler", READY))
        unread.show_error(PortInUse("port 8080 is already in use"))
        unread.show("a table")
        unread.show_json({})


def test_what_a_process_says_that_is_started_afterwards_stops_it_no_more(unread: Console) -> None:
    unread.say("a step")
    os.write(unread.err.fileno(), b"as one does that has the stream from here")


def test_line_after_line_ends_with_its_reader(unread: Console) -> None:
    with pytest.raises(BrokenPipeError):
        unread.log_printer()(LogLine("scheduler", "stdout", "text", 0.0))
    with pytest.raises(BrokenPipeError):
        unread.stream("{}")
    unread.show("")  # lets the rest go, so that nothing is left to be flushed


def test_full_disk_below_stderr_stops_nobody() -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        shown = Console(io.StringIO(), full, {})
        shown.say("a step")
        shown.say("the next")
