"""Signals that come while the main thread stands still in a lock."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

Start = Callable[..., "subprocess.Popen[str]"]

# The main thread blocks the signal, so that the kernel gives it to the other one: what a signal looks like that comes
# just before the main thread waits.
SCRIPT = """
import signal, sys, threading, time
from mwaa_local.cli.waking import main_thread_woken

class Ended(Exception):
    pass

def end(number, frame):
    raise Ended

def other():
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
    time.sleep(1)  # until the main thread waits
    print("ready", flush=True)
    threading.Event().wait()

number = signal.Signals[sys.argv[1]]
signal.signal(number, end)
try:
    with main_thread_woken([signal.Signals[name] for name in sys.argv[2:]]):
        signal.pthread_sigmask(signal.SIG_BLOCK, {number})
        threading.Thread(target=other, daemon=True).start()
        threading.Event().wait()
except Ended:
    print("ended", flush=True)
"""


@pytest.fixture
def waiting() -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def start(*words: str) -> subprocess.Popen[str]:
        process = subprocess.Popen([sys.executable, "-c", SCRIPT, *words], stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_signal_that_another_thread_gets_ends_the_wait_of_the_main_thread(waiting: Start, name: str) -> None:
    process = waiting(name, "SIGINT", "SIGTERM", "SIGHUP")
    process.send_signal(signal.Signals[name])
    assert process.communicate(timeout=20)[0] == "ended\n"


def test_without_it_the_main_thread_waits_on(waiting: Start) -> None:
    """The fault that this is for is there: else the test above would show nothing."""
    process = waiting("SIGTERM")
    process.send_signal(signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        process.communicate(timeout=2)
