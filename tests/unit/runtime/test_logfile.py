"""A component's log on disk: written line by line, rotated by size, read by time."""

from __future__ import annotations

import itertools
import queue
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mwaa_local.errors import ComponentUnknown
from mwaa_local.event import LogLine
from mwaa_local.runtime.logfile import TAIL_LINES, LogFile, chosen, last_lines, older_path, parse, read, tail
from tests.fakes import wait_until


def texts(path: Path) -> list[str]:
    return [line.text for line in read({"worker": path}, follow=False)]


def test_line_keeps_component_stream_text_and_time(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "worker.log"
    before = time.time()
    LogFile(path).write("err", "two  words ")
    (line,) = read({"worker": path}, follow=False)
    assert (line.component, line.stream, line.text) == ("worker", "err", "two  words ")
    assert before - 0.001 <= line.time <= time.time()


# A newline ends a line, and the supervisor takes it away; everything else may be in one.
@given(st.lists(st.text(st.characters(blacklist_characters="\n", blacklist_categories=["Cs"]))))
def test_any_text_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    log = LogFile(tmp_path_factory.mktemp("log") / "worker.log")
    for line in lines:
        log.write("out", line)
    log.close()
    assert (texts(log.path) if lines else []) == lines
    assert tail(log.path, len(lines) or 1) == lines


def test_text_that_is_no_unicode_is_replaced(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "worker.log")
    log.write("out", "a\udcffb")
    assert texts(log.path) == ["a?b"]


def test_lines_of_several_components_come_by_time(tmp_path: Path) -> None:
    logs = {name: LogFile(tmp_path / f"{name}.log") for name in ("worker", "scheduler")}
    for number, name in enumerate(["worker", "scheduler", "scheduler", "worker"]):
        logs[name].write("out", str(number))
    lines = read({name: log.path for name, log in logs.items()}, follow=False)
    assert [line.text for line in lines] == ["0", "1", "2", "3"]


@pytest.mark.parametrize(
    "line",
    ["", "text", "2026-11-21T12:03:44", "yesterday out text", "2026-13-41T00:00:00+00:00 out text"],
)
def test_line_that_was_cut_off_is_left_out(line: str) -> None:
    assert parse("worker", line) is None


def test_line_without_text_is_empty() -> None:
    assert parse("worker", "1970-01-01T00:00:01+00:00 out") == LogLine("worker", "out", "", 1.0)


def test_unfinished_last_line_waits_for_its_end(tmp_path: Path) -> None:
    path = tmp_path / "worker.log"
    path.write_text("1970-01-01T00:00:01+00:00 out whole\n1970-01-01T00:00:02+00:00 out ha")
    assert texts(path) == ["whole"]


def test_tail_is_the_last_lines(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "worker.log")
    for number in range(3 * TAIL_LINES):
        log.write("out", f"line {number}")
    assert tail(log.path) == [f"line {number}" for number in range(2 * TAIL_LINES, 3 * TAIL_LINES)]
    assert tail(log.path, 1) == [f"line {3 * TAIL_LINES - 1}"]


def test_tail_reads_only_the_end_of_a_large_file(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "worker.log")
    for number in range(2000):
        log.write("out", f"{number} " + "x" * 200)
    assert [line.split()[0] for line in tail(log.path)] == [str(number) for number in range(1980, 2000)]


def test_file_that_does_not_exist_has_no_lines(tmp_path: Path) -> None:
    assert tail(tmp_path / "worker.log") == []
    assert texts(tmp_path / "worker.log") == []


def test_full_file_is_put_aside_and_read_first(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "worker.1.log", max_bytes=200)
    for number in range(6):
        log.write("out", f"{number} " + "x" * 40)
    assert older_path(log.path).name == "worker.1.log.1"
    assert log.path.stat().st_size <= 200
    kept = [text.split()[0] for text in texts(log.path)]
    assert kept == [str(number) for number in range(6)][-len(kept) :]
    assert len(kept) >= 3


def test_name_of_the_log_is_there_right_after_it_was_put_aside(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "worker.log", max_bytes=10)
    log.write("out", "more than ten bytes")
    assert log.path.exists()
    assert texts(log.path) == ["more than ten bytes"]


def test_existing_file_is_continued(tmp_path: Path) -> None:
    for text in ("before", "after"):
        log = LogFile(tmp_path / "worker.log")
        log.write("out", text)
        log.close()
    assert texts(log.path) == ["before", "after"]


def test_follow_loses_nothing_when_the_file_is_put_aside(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "worker.log", max_bytes=1200)
    log.write("out", "0")
    followed = read({"worker": log.path}, follow=True)
    assert next(followed).text == "0"
    for number in range(1, 31):  # some 55 bytes each: put aside once
        log.write("out", f"{number:020d}")
    assert older_path(log.path).exists()
    assert [int(line.text) for line in itertools.islice(followed, 30)] == list(range(1, 31))


def test_follow_from_the_end_leaves_out_what_is_there(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "worker.log")
    log.write("out", "old")
    seen: queue.Queue[str] = queue.Queue()
    started = threading.Event()

    def follow() -> None:
        lines = read({"worker": log.path, "late": tmp_path / "late.log"}, follow=True, from_end=True)
        started.set()
        for line in lines:
            seen.put(line.text)

    threading.Thread(target=follow, daemon=True).start()
    started.wait()
    late = LogFile(tmp_path / "late.log")

    def write_until_seen() -> list[str]:
        # The reader takes its start some time after `started`, so one line may come too early for it.
        log.write("out", "new")
        late.write("out", "from a file that did not exist")
        return [text for text in list(seen.queue) if text.startswith("from")] and list(seen.queue)

    assert "old" not in wait_until(write_until_seen, "new lines")


def test_disk_that_is_full_costs_lines_and_is_said(tmp_path: Path) -> None:
    path = tmp_path / "worker.log"
    path.symlink_to("/dev/full")
    log = LogFile(path)
    log.write("out", "lost")
    assert log.problem == "its log cannot be written: No space left on device"
    path.unlink()
    log.write("out", "room again")
    assert log.problem == ""
    assert texts(path) == ["room again"]


def test_worker_names_the_logs_of_all_workers(tmp_path: Path) -> None:
    for name in ("worker.2", "scheduler", "worker.1"):
        LogFile(tmp_path / f"{name}.log").write("out", "text")
    assert list(chosen(tmp_path, ["worker"])) == ["worker.1", "worker.2"]
    assert list(chosen(tmp_path, ["worker.2", "scheduler"])) == ["worker.2", "scheduler"]
    assert list(chosen(tmp_path, [])) == ["scheduler", "worker.1", "worker.2"]
    with pytest.raises(ComponentUnknown) as caught:
        chosen(tmp_path, ["worker.3"])
    assert caught.value.what == "no component 'worker.3' has written a log here"


def test_mark_of_a_start_is_no_line(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "worker.log")
    log.write("out", "before")
    log.mark_start()
    log.write("out", "after")
    assert [line.text for line in read({"worker": log.path}, follow=False)] == ["before", "after"]
    assert tail(log.path, 2) == ["before", "after"]
    assert [line.text for line in last_lines("worker", log.path, 2)] == ["before", "after"]
