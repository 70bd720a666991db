"""The processes of one environment, found again by later commands, also when nobody looks after them any more."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from mwaa_local.project import MARK_VARIABLE
from mwaa_local.runtime.process.state import SESSIONS_NAME, STATE_NAME, State, read_state
from mwaa_local.runtime.process.supervisor_socket import SOCKET_NAME

SAME_PROCESS_S = 5.0  # a process whose start differs from the remembered one by more is another one with the same pid
KILL_WAIT_S = 10.0
POLL_PAUSE_S = 0.02


class OwnProcesses:
    """What is remembered in a run folder, and the processes that it stands for."""

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir

    @property
    def first(self) -> psutil.Process | None:
        """The process whose end ends the environment, while it lives."""
        state = read_state(self._run_dir)
        return _find(state) if state else None

    @property
    def is_remembered(self) -> bool:
        """Whether a supervisor's state is there, of a living one or not."""
        return read_state(self._run_dir) is not None

    def all(self) -> list[psutil.Process]:
        """Return every process of the environment, the supervisor first."""
        first = self.first
        if first is None:
            return []
        with contextlib.suppress(psutil.Error):
            return [first, *first.children(recursive=True)]
        return []

    def outer_pids(self) -> dict[int, int] | None:
        """Return {pid inside the environment's process namespace: pid as everyone else sees it}; None without one."""
        state = read_state(self._run_dir)
        if state is None or not state.isolated:
            return None
        outer = {}
        for process in self.all():
            with contextlib.suppress(OSError, IndexError, StopIteration):
                lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
                inner = next(line for line in lines if line.startswith("NSpid:")).split()[-1]
                outer[int(inner)] = process.pid
        return outer

    def above(self, pids: Sequence[int], leaders: Mapping[int, str]) -> list[str | None]:
        """Return for each process, by its pid inside, the name of the one of these, by theirs out here, that began it.

        None is a process that is not there, or that none of them began.
        """
        outer = self.outer_pids()
        found: list[str | None] = []
        for pid in pids:
            name = None
            with contextlib.suppress(psutil.Error):
                chain = psutil.Process(pid if outer is None else outer.get(pid, 0)).parents() if pid else []
                name = next((leaders[process.pid] for process in chain if process.pid in leaders), None)
            found.append(name)
        return found

    def wait_for_end(self) -> bool:
        """Wait for the supervisor's end; return whether that was seen and nothing can have outlived it."""
        state = read_state(self._run_dir)
        if state is None:
            return False
        deadline = time.monotonic() + KILL_WAIT_S
        while _find(state) is not None:  # a zombie is gone for us, however long its parent takes to notice
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_PAUSE_S)
        return state.isolated  # the kernel ended whoever was left in its process namespace

    def forget(self) -> None:
        """Remove what is remembered."""
        for name in (STATE_NAME, SOCKET_NAME, SESSIONS_NAME):
            (self._run_dir / name).unlink(missing_ok=True)

    def clean_up(self) -> bool:
        """End what a dead or deaf supervisor left; return whether there was anything."""
        left = self.leftovers()
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.send_signal(signal.SIGTERM)
        _, alive = psutil.wait_procs(left, timeout=KILL_WAIT_S / 2)
        for process in alive:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(alive, timeout=KILL_WAIT_S / 2)
        self.forget()
        return bool(left)

    def leftovers(self) -> list[psutil.Process]:
        """Return the processes of this environment that nobody looks after.

        A process is ours when it descends from the remembered one, lives in a session that we opened, or carries
        our mark in its environment. Each test alone misses some: Airflow renames its processes over their
        environment, tasks open sessions of their own, and a child loses its parent when that dies.
        """
        found: dict[int, psutil.Process] = {process.pid: process for process in self.all()}
        sessions = _sessions(self._run_dir)
        mark = str(self._run_dir)
        for process in psutil.process_iter():
            if process.pid == os.getpid() or process.pid in found:
                continue
            with contextlib.suppress(psutil.Error, OSError):
                if os.getsid(process.pid) in sessions or process.environ().get(MARK_VARIABLE) == mark:
                    found[process.pid] = process
        return list(found.values())


def _sessions(run_dir: Path) -> set[int]:
    """Return the sessions that a supervisor without a process namespace opened and that are still the same ones."""
    sessions = set()
    with contextlib.suppress(OSError):
        for line in (run_dir / SESSIONS_NAME).read_text(errors="replace").splitlines():
            try:
                plain = json.loads(line)
                state = State(int(plain["pid"]), float(plain["started"]), isolated=False)
            except (ValueError, KeyError, TypeError):
                continue
            if not psutil.pid_exists(state.pid) or _find(state) is not None:
                sessions.add(state.pid)
    return sessions


def _find(state: State) -> psutil.Process | None:
    """Return the remembered process if it still is that process."""
    try:
        process = psutil.Process(state.pid)
        if abs(process.create_time() - state.started) > SAME_PROCESS_S or process.status() == psutil.STATUS_ZOMBIE:
            return None
    except psutil.Error:
        return None
    return process


def kill_family(pid: int) -> bool:
    """Kill a process and all below it; return whether it was still there."""
    try:
        process = psutil.Process(pid)
        family = process.children(recursive=True)
        process.kill()
    except psutil.NoSuchProcess:
        return False
    for each in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()
    return True


def kill_largest(leaders: Mapping[int, str]) -> str | None:
    """Kill the largest process below these; return the name of the leader it was below, None where there is none."""
    found: list[tuple[int, psutil.Process, str]] = []
    for pid, name in leaders.items():
        with contextlib.suppress(psutil.Error):
            for process in psutil.Process(pid).children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    found.append((process.memory_info().rss, process, name))
    for _, process, name in sorted(found, key=lambda item: item[0], reverse=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
            return name
    return None
