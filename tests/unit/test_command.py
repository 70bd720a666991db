"""One command, run to its end: with small real processes."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from mwaa_local.command import TIMED_OUT_EXIT_CODE, Completed, LineLog, Request, run
from mwaa_local.errors import DiskFull, ToolMissing
from tests.conftest import REPOSITORY_DIR

ENV = {"PATH": os.defpath}


def python(code: str, tmp_path: Path, **options: float) -> Request:
    return Request([sys.executable, "-c", code], ENV, tmp_path, **options)  # type: ignore[arg-type]


def gone(pid: int) -> bool:
    """Whether the process ended; one that nobody has waited for yet counts as ended."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.02)
    return False


def test_output_streams_are_mixed_and_lines_come_as_they_are(tmp_path: Path) -> None:
    lines: list[str] = []
    code = "import sys; print('one', flush=True); print('two', file=sys.stderr); sys.exit(3)"
    completed = run(python(code, tmp_path), on_line=lines.append)
    assert lines == ["one", "two"]
    assert completed.output == "one\ntwo\n"
    assert (completed.exit_code, completed.ok, completed.timed_out) == (3, False, False)


def test_environment_is_complete_and_input_is_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAK", "1")
    completed = run(python("import os, sys; print(os.environ.get('LEAK'), repr(sys.stdin.read()))", tmp_path))
    assert completed.output == "None ''\n"


def test_bytes_that_are_no_text_are_replaced(tmp_path: Path) -> None:
    completed = run(python(r"import sys; sys.stdout.buffer.write(b'\xc3\xa9 \xff\n')", tmp_path))
    assert completed.output == "é �\n"


def test_missing_program_is_a_missing_tool(tmp_path: Path) -> None:
    with pytest.raises(ToolMissing, match="cannot run no-such-program"):
        run(Request(["no-such-program"], ENV, tmp_path))


def test_missing_folder_is_not_taken_for_a_missing_program(tmp_path: Path) -> None:
    with pytest.raises(ToolMissing) as caught:
        run(Request(["true"], ENV, tmp_path / "nowhere"))
    assert "The folder to run it in does not exist" in caught.value.why


def test_time_out_ends_a_command_and_its_children(tmp_path: Path) -> None:
    code = "import subprocess, time; p = subprocess.Popen(['sleep', '60']); print(p.pid, flush=True); time.sleep(60)"
    completed = run(python(code, tmp_path, timeout_s=1.0))
    assert (completed.exit_code, completed.timed_out, completed.ok) == (TIMED_OUT_EXIT_CODE, True, False)
    assert completed.elapsed_s < 10
    assert gone(int(completed.output))


def test_time_out_kills_a_command_that_ignores_sigterm(tmp_path: Path) -> None:
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    completed = run(python(code, tmp_path, timeout_s=0.7, kill_after_s=0.3))
    assert completed.timed_out
    assert completed.elapsed_s < 10
    assert completed.output == "deaf\n"


def test_group_that_may_not_be_signalled_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when only a process started by `sudo` is left: the time-out stays a time-out."""

    def refuse(pid: int, number: int) -> None:
        os.kill(pid, 9)
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("os.killpg", refuse)
    assert run(python("import time; time.sleep(60)", tmp_path, timeout_s=0.3)).timed_out


def test_interrupt_ends_the_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pid_path = tmp_path / "pid"
    code = f"import os, pathlib, time; pathlib.Path({str(pid_path)!r}).write_text(str(os.getpid())); time.sleep(60)"
    wait = subprocess.Popen.wait

    def interrupted(process: subprocess.Popen[str], timeout: float | None = None) -> int:
        if timeout == 99.0:
            while not (pid_path.exists() and pid_path.read_text()):
                time.sleep(0.02)
            raise KeyboardInterrupt
        return wait(process, timeout)

    monkeypatch.setattr("subprocess.Popen.wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(python(code, tmp_path, timeout_s=99.0))
    assert gone(int(pid_path.read_text()))


def test_child_that_outlives_the_command_neither_delays_it_nor_speaks_later(tmp_path: Path) -> None:
    lines: list[str] = []
    request = Request(["sh", "-c", "echo first; (sleep 2; echo late) &"], ENV, tmp_path)
    completed = run(request, on_line=lines.append)
    assert completed.elapsed_s < 1.9
    time.sleep(1.5)
    assert (completed.output, lines) == ("first\n", ["first"])


def test_error_in_the_line_callback_reaches_the_caller_and_blocks_nothing(tmp_path: Path) -> None:
    def fail(line: str) -> None:
        raise DiskFull(f"no space for {line}")

    with pytest.raises(DiskFull, match="no space for x"):
        run(python("for _ in range(100_000): print('x')", tmp_path), on_line=fail)


def test_large_output_is_kept_whole(tmp_path: Path) -> None:
    completed: Completed = run(
        python("print('x' * 999 + '\\n', end='') or [print('y' * 999) for _ in range(999)]", tmp_path)
    )
    assert len(completed.output) == 1_000_000


def test_line_log_makes_its_folder_and_starts_empty(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "a.log"
    for text in ("old", "new \udcff"):
        with LineLog(path) as log:
            log.write(text)
    assert path.read_text().endswith("Z new \\udcff\n")
    assert "old" not in path.read_text()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a device that is always full")
def test_full_disk_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.log").symlink_to("/dev/full")
    with pytest.raises(DiskFull, match="no space left"), LineLog(tmp_path / "a.log") as log:
        log.write("x")


INTERRUPTED = """
import os, signal, sys, threading, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from mwaa_local.command import Request, interrupting, run

script = sys.argv[1]

def wait(_):
    run(Request(["bash", "-c", script], dict(os.environ), Path("/"), kill_after_s=0.2))

def interrupt():
    time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGINT)

threading.Thread(target=interrupt).start()
try:
    with ThreadPoolExecutor(2) as threads, interrupting():
        list(threads.map(wait, range(2)))
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.parametrize(
    "script",
    ["exec sleep 60", "trap '' TERM; sleep 60", "(trap '' TERM; exec sleep 60) & sleep 60"],
    ids=["ends when asked", "ignores it", "leaves what ignores it"],
)
def test_interrupt_ends_what_other_threads_wait_for(script: str) -> None:
    env = {**os.environ, "TEST_MARKER": uuid4().hex}
    argv = [sys.executable, "-c", INTERRUPTED, script]
    ended = subprocess.run(argv, cwd=REPOSITORY_DIR, env=env, timeout=30, check=False)
    assert ended.returncode == 130
    left = [
        process
        for process in psutil.process_iter(["environ"])
        if (process.info["environ"] or {}).get("TEST_MARKER") == env["TEST_MARKER"]
    ]
    assert [process for process in left if not gone(process.pid)] == []
