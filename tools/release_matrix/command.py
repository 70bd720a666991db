"""Run `mwaa-local` in a cell's project as a user does, and keep what it says."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tools.bench.commands import end_process

# For a machine that builds an image while others use it; nothing here is judged by its time.
COMMAND_TIMEOUT_S = 3600.0
INTERRUPT_TIMEOUT_S = 300.0  # a command that is interrupted takes back what it began
SHOWN_LINE_LENGTH = 300


@dataclass(frozen=True)
class Ended:
    """How a command ended: with which code, what it said on which stream, after how many seconds."""

    words: tuple[str, ...]
    exit_code: int
    stdout: str
    stderr: str
    elapsed_s: float

    def json(self) -> Any:
        return json.loads(self.stdout)


class CellError(Exception):
    """A column is red: `what` is the first line of the error, `hint` what it says to do."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what, self.hint = what, hint


@dataclass(frozen=True)
class MwaaLocal:
    """The command of this checkout, in one project."""

    root_dir: Path
    env: Mapping[str, str]
    log_path: Path  # all that was said, for who looks into a red cell

    def run(self, *words: str, timeout_s: float = COMMAND_TIMEOUT_S) -> Ended:
        """Run it to its end, whatever that is. What ends this process ends the command too, as Ctrl-C would."""
        started = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "mwaa_local", *words],
            cwd=self.root_dir,
            env=dict(self.env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            stdout, stderr = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired as error:
            end_process(process)
            raise CellError(f"`mwaa-local {' '.join(words)}` took longer than {timeout_s:.0f} s") from error
        except BaseException:
            end_process(process)
            raise
        elapsed_s = time.monotonic() - started
        said, told = stdout.decode(errors="replace"), stderr.decode(errors="replace")
        ended = Ended(words, process.returncode, said, told, elapsed_s)
        self._log(ended)
        return ended

    def must(self, *words: str) -> Ended:
        """Run it. Raises CellError, with what it says of its failure, unless it succeeds."""
        ended = self.run(*words)
        if ended.exit_code != 0:
            raise failure_of(ended)
        return ended

    def _log(self, ended: Ended) -> None:
        said = f"$ mwaa-local {' '.join(ended.words)}\n{ended.stderr}{ended.stdout}"
        with self.log_path.open("a", encoding="utf-8") as log:
            log.write(f"{said}\n[exit code {ended.exit_code} after {ended.elapsed_s:.1f} s]\n\n")


def end_commands(root_dir: Path) -> None:
    """End commands that still run in a cell's project, since the run that started them was killed."""
    left = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.cmdline()[1:3] == ["-m", "mwaa_local"] and process.cwd() == str(root_dir):
                process.send_signal(signal.SIGINT)
                left.append(process)
    _, stubborn = psutil.wait_procs(left, timeout=INTERRUPT_TIMEOUT_S)
    for process in stubborn:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def failure_of(ended: Ended) -> CellError:
    """Return what a failed command says: the line of its error, and its hint."""
    what = re.search(r"^error: (.+)$", ended.stderr, re.MULTILINE)
    hint = re.search(r"^ *hint: (.+)$", ended.stderr, re.MULTILINE)
    last = next(iter(reversed([*filter(None, map(str.strip, ended.stderr.splitlines()))])), "no output")
    text = what[1] if what else f"`mwaa-local {' '.join(ended.words)}` ended with exit code {ended.exit_code}: {last}"
    return CellError(text[:SHOWN_LINE_LENGTH], hint[1][:SHOWN_LINE_LENGTH] if hint else "")


def step_seconds(stderr: str, step: str) -> float:
    """Return the seconds that `up` says it spent on a step, each time together; 0 where it was not needed."""
    pattern = re.compile(rf"^{re.escape(step)} +done +([\d.]+) s", re.MULTILINE)
    return sum(float(match[1]) for match in pattern.finditer(stderr))
