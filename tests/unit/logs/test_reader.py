"""From lines of files to events: levels, times, what goes on, and what is read on."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mwaa_local.logs import following
from mwaa_local.logs.events import LogEvent, said
from mwaa_local.logs.files import Kind, StreamFile
from mwaa_local.logs.following import FileEvents
from mwaa_local.logs.reader import Reader
from mwaa_local.runtime.logfile import LogFile
from tests.unit.logs import written


def old(path: Path) -> None:
    """Have a file that nobody writes to any more."""
    os.utime(path, (time.time() - 60,) * 2)


def new(events: FileEvents, *, at_once: bool = False) -> list[LogEvent]:
    return [event for part in events.new(at_once=at_once) for event in part]


@pytest.fixture
def file(tmp_path: Path) -> StreamFile:
    return StreamFile(tmp_path / "attempt=1.log", "a stream")


@pytest.mark.parametrize(
    ("line", "level"),
    [
        (written.LINE_2_2, "WARNING"),
        ('{"level": "warn"}', "WARNING"),
        ('{"level": "exception"}', "ERROR"),
        ('{"level": "critical", "timestamp": "nonsense"}', "CRITICAL"),
        ('{"level": "trace"}', None),
        ('{"torn": ', None),
        ("2025-11-30T12:00:44.3Z [error    ] boom [airflow] loc=a.py:1", "ERROR"),
        ("[2025-11-30 12:00:46,462: ERROR/ForkPoolWorker-1] boom", "ERROR"),
        ("[2025-11-30 12:00:46 +0000] [71] [CRITICAL] WORKER TIMEOUT", "CRITICAL"),
        ("[DEBUG] - pip said", "DEBUG"),
        ("INFO - from a task", "INFO"),
        ("ERROR:    Exception in ASGI application", "ERROR"),
        (r'{"event": "\"level\":\"error\"", "level":"info", "torn', "INFO"),
        ("an INFO in the middle", None),
        ("", None),
    ],
)
def test_levels_of_lines(line: str, level: str | None) -> None:
    assert said(line).level == level


@pytest.mark.parametrize(
    ("line", "time_ms"),
    [
        ('{"timestamp":"2025-11-30T12:00:56.340247Z"}', 1764504056340),
        ("[2025-11-30T13:00:56.340+0100] {a.py:1} INFO - x", 1764504056340),
        ("[2025-11-30 12:00:56,340] {a.py:1} INFO - x", 1764504056340),
        ("2025-11-30T12:00:56Z [info     ] x", 1764504056000),
        ("2025-11-30T12:00:56Z x", None),
        ("2023-01-01 00:00:00   1.0", None),
        ('{"timestamp":"2025-11-30T12:00:56.340247Z", "torn', 1764504056340),
        ("[2025-13-30 12:00:56,340] x", None),
        ("at 2025-11-30T12:00:56Z", None),
    ],
)
def test_times_of_lines(line: str, time_ms: int | None) -> None:
    assert said(line).time_ms == time_ms


def test_lines_of_airflow_3_are_events(file: StreamFile) -> None:
    file.path.write_text(written.AIRFLOW_3[written.TASK_3])
    events = new(FileEvents(file))
    assert [event.level for event in events] == ["INFO", "WARNING", "ERROR"]
    assert events[0] == LogEvent("a stream", 1764504056340, file.path.read_text().splitlines()[0], "INFO")


def test_a_traceback_is_one_event_with_its_line(file: StreamFile) -> None:
    file.path.write_text(written.AIRFLOW_2[written.TASK_2])
    old(file.path)
    events = new(FileEvents(file))
    assert [event.level for event in events] == ["INFO", "ERROR", "INFO"]
    assert events[1].message.endswith(f"Task failed with exception\n{written.TRACEBACK}")


def test_dates_in_what_goes_on_are_no_times(file: StreamFile) -> None:
    text = f"{written.LINE_2_2}\n2023-01-01 00:00:00   1.0\n2023-01-02 00:00:00   2.0"
    file.path.write_text(f"{text}\n")
    old(file.path)
    assert [(event.message, event.time_ms) for event in new(FileEvents(file))] == [(text, said(text).time_ms)]


@pytest.mark.parametrize("line_bytes", [following.LINE_BYTES, 2 * following.READ_BYTES])
def test_parts_of_a_long_line_keep_level_and_characters(
    file: StreamFile, monkeypatch: pytest.MonkeyPatch, line_bytes: int
) -> None:
    monkeypatch.setattr(following, "LINE_BYTES", line_bytes)
    text = '{"timestamp":"2025-11-30T12:00:56.340247Z", "level":"error", "event":"' + 1_500_000 * "ä" + '"}'
    file.path.write_text(f"{text}\n")
    events = new(FileEvents(file))
    assert "".join(event.message for event in events) == text
    assert {(event.level, event.time_ms) for event in events} == {("ERROR", 1764504056340)}
    assert len(events) == (1 if line_bytes == following.LINE_BYTES and line_bytes > 3_000_100 else 2)


def levels(tmp_path: Path, *lines: str, parses_levels: bool = True) -> list[str]:
    log = LogFile(tmp_path / "webserver.log")
    for line in lines:
        log.write("err", line)
    events = new(FileEvents(StreamFile(log.path, "", Kind.COMPONENT, parses_levels=parses_levels)))
    return [event.level for event in events if event.is_let_through("ERROR")]


def test_a_components_traceback_has_its_level_and_other_lines_have_not(tmp_path: Path) -> None:
    access = '127.0.0.1 - - [30/Nov/2026:12:00:00 +0000] "GET /health HTTP/1.1" 200 9'
    lines = ("INFO:     started", "ERROR:    Exception in ASGI application", *written.TRACEBACK.splitlines())
    assert levels(tmp_path, *lines, "", access, access) == ["ERROR"] * 6


def test_releases_before_levels_were_parsed_let_all_of_a_component_through(tmp_path: Path) -> None:
    assert len(levels(tmp_path, "INFO:     started", "a word", parses_levels=False)) == 2


def test_the_last_event_of_text_waits_for_what_goes_on_with_it(file: StreamFile) -> None:
    first, traceback = written.LINE_2_2, written.TRACEBACK
    file.path.write_text(f"{first}\n{first}\n")
    events = FileEvents(file)
    assert [event.message for event in new(events)] == [first]
    with file.path.open("a") as output:
        output.write(f"{traceback}\n")
    assert new(events) == []
    old(file.path)
    assert [event.message for event in new(events)] == [f"{first}\n{traceback}"]
    assert new(events) == []


def test_a_line_without_its_end_waits_for_it(file: StreamFile) -> None:
    file.path.write_text('{"level":"info"}\n{"level":')
    events = FileEvents(file)
    assert [event.message for event in new(events)] == ['{"level":"info"}']
    with file.path.open("a") as output:
        output.write('"error"}\n')
    assert [event.level for event in new(events)] == ["ERROR"]


def test_a_line_that_never_ends_is_an_event_when_nobody_writes_any_more(file: StreamFile) -> None:
    file.path.write_text('{"level":"info"}\n{"level":')
    old(file.path)
    events = FileEvents(file)
    assert [event.message for event in new(events)] == ['{"level":"info"}', '{"level":']
    with file.path.open("a") as output:
        output.write("the rest\n")
    assert [event.message for event in new(events)][:1] in ([], ["the rest"])
    old(file.path)
    assert b"".join(event.message.encode() for event in new(events)) in (b"", b"the rest")


def test_lines_before_any_level_and_time_have_those_of_the_file(file: StreamFile) -> None:
    file.path.write_text("from a print\n")
    os.utime(file.path, (1764504000, 1764504000))
    assert new(FileEvents(file)) == [LogEvent("a stream", 1764504000000, "from a print", "INFO")]


def test_what_was_emptied_and_what_was_replaced_is_read_anew(file: StreamFile) -> None:
    file.path.write_text('{"a":1}\n{"a":2}\n')
    events = FileEvents(file)
    assert len(new(events)) == 2
    file.path.write_text('{"a":3}\n')
    assert [event.message for event in new(events)] == ['{"a":3}']
    other = file.path.with_name("other")
    other.write_text('{"a":4}\n{"a":5}\n')
    other.replace(file.path)
    assert [event.message for event in new(events)] == ['{"a":4}', '{"a":5}']
    file.path.unlink()
    assert new(events) == []


def test_script_lines_are_as_mwaa_writes_them_and_always_let_through(tmp_path: Path) -> None:
    path = tmp_path / "requirements_install.out"
    path.write_text(written.REQUIREMENTS)
    events = new(FileEvents(StreamFile(path, "s", Kind.SCRIPT)))
    assert [event.message for event in events] == [
        "[INFO] - pip install -r requirements.txt",
        "[INFO] - Requirements installation time: 1.53 seconds.",
    ]
    assert [event.time_ms for event in events] == [1764504039186, 1764504040718]
    assert all(event.is_let_through("CRITICAL") for event in events)


def test_a_components_lines_go_on_at_the_level_of_the_line_before(tmp_path: Path) -> None:
    path = tmp_path / "scheduler.log"
    path.write_text(written.SCHEDULER)
    from_file = new(FileEvents(StreamFile(path, "s", Kind.COMPONENT)))
    assert [event.level for event in from_file] == ["INFO", "INFO", "WARNING", "WARNING"]
    assert from_file[3].message == "\t<TaskInstance: two.hello [scheduled]>"
    assert from_file[3].time_ms == 1764504054380


def component(tmp_path: Path, max_bytes: int = 10_000) -> tuple[LogFile, FileEvents]:
    path = tmp_path / "worker.2.log"
    return LogFile(path, max_bytes), FileEvents(StreamFile(path, "", Kind.COMPONENT))


def test_each_start_of_a_component_has_a_stream_of_its_own(tmp_path: Path) -> None:
    log, events = component(tmp_path)
    log.write("start", "", 100)
    log.write("err", "[2025-11-30 12:00:46,462: ERROR/MainProcess] boom", 101)
    log.write("out", "  that goes on", 102)
    first = new(events)
    log.write("start", "", 200)
    log.write("out", "without a level", 201)
    events = FileEvents(events.file, events.place)  # as after a restart of who reads
    second = new(events)
    streams = [event.stream.split("_")[0::2] for event in (*first, *second)]
    assert streams == [["worker", "100.log"], ["worker", "100.log"], ["worker", "200.log"]]
    assert [event.level for event in (*first, *second)] == ["ERROR", "ERROR", "INFO"]


def test_a_components_file_that_is_full_is_read_to_its_end(tmp_path: Path) -> None:
    log, events = component(tmp_path, max_bytes=400)
    read: list[str] = []
    for number in range(60):
        log.write("out", f"line {number}")
        if number % 5 == 0:  # a file has room for seven
            read += [event.message for event in new(events)]
            events = FileEvents(events.file, events.place)
    read += [event.message for event in new(events)]
    assert read == [f"line {number}" for number in range(60)]


def test_reading_a_component_begins_with_what_was_put_aside(tmp_path: Path) -> None:
    log, events = component(tmp_path, max_bytes=400)
    for number in range(12):
        log.write("out", f"line {number}")
    assert [event.message for event in new(events)][:2] == ["line 0", "line 1"]


@pytest.mark.parametrize(("threshold", "passing"), [("DEBUG", 3), ("INFO", 3), ("WARNING", 2), ("CRITICAL", 0)])
def test_a_group_gets_its_level_and_above(file: StreamFile, threshold: str, passing: int) -> None:
    file.path.write_text(written.AIRFLOW_3[written.TASK_3])
    assert sum(event.is_let_through(threshold) for event in new(FileEvents(file))) == passing


def test_files_are_read_by_time(tmp_path: Path) -> None:
    written.write(tmp_path, written.AIRFLOW_3)
    files = [StreamFile(tmp_path / name, name) for name in written.AIRFLOW_3]
    reader = Reader(lambda: files)
    times = [event.time_ms for event in reader.now()]
    assert times == sorted(times)
    assert len(times) == 5
    with files[0].path.open("a") as output:
        output.write('{"event":"later"}\n')
    assert next(reader.follow()).message == '{"event":"later"}'


def test_files_in_which_nobody_wrote_since_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [StreamFile(tmp_path / name, name) for name in ("old", "new")]
    for file in files:
        file.path.write_text('{"level":"info"}\n{"level":"error"}\n')
    old(files[0].path)
    read: list[str] = []
    reading = FileEvents.new

    def noted(self: FileEvents, *, at_once: bool = False) -> Iterator[list[LogEvent]]:
        read.append(self.file.stream)
        return reading(self, at_once=at_once)

    monkeypatch.setattr(FileEvents, "new", noted)
    reader, since_ms = Reader(lambda: files), int((time.time() - 30) * 1000)
    found = reader.now(since_ms=since_ms, chosen=lambda event: event.level == "ERROR")
    assert [(event.stream, event.level) for event in found] == [("new", "ERROR")]
    with files[1].path.open("a") as output:
        output.write('{"event":"later"}\n')
    assert next(reader.follow(since_ms=since_ms)).stream == "new"
    assert set(read) == {"new"}


LINE = st.text(st.characters(exclude_characters="\n\r", codec="utf-8"), max_size=12)
LINES = st.lists(st.one_of(LINE, LINE.map('{{"level":"info","event":"{}"}}'.format), st.just(written.LINE_2_2)))


@given(lines=LINES, cuts=st.lists(st.integers(0, 400)), part=st.integers(24, 80))
def test_no_line_is_lost_or_doubled_however_it_is_written_and_read(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], cuts: list[int], part: int
) -> None:
    path = tmp_path_factory.mktemp("lines") / "a.log"
    data = "".join(f"{line}\n" for line in lines).encode()
    messages: list[str] = []
    with pytest.MonkeyPatch.context() as patch, path.open("wb", buffering=0) as output:
        patch.setattr(following, "READ_BYTES", max(part, max((len(line.encode()) + 1 for line in lines), default=1)))
        events = FileEvents(StreamFile(path, "s"))
        begin = 0
        for cut in [*sorted(cuts), len(data)]:
            output.write(data[begin:cut])
            begin = max(begin, min(cut, len(data)))
            messages += [event.message for event in new(events)]
            events = FileEvents(events.file, events.place)  # as after a restart
        messages += [event.message for event in new(events, at_once=True)]
    assert "".join(f"{message}\n" for message in messages).encode() == data
