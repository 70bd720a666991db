"""A small program in the place of Airflow, run by what really runs Airflow's commands behind a door."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import psutil

from tests.conftest import REPOSITORY_DIR
from tests.container import command_line

CLI_SERVER_PATH = REPOSITORY_DIR / "mwaa_local/guest/site_packages/mwaa_support/cli_server.py"
FORKSERVER_NAME = "forkserver.py"
PROGRAM = """
import os, signal, subprocess, sys, time
words = sys.argv[1:]
if words[0] == "version":
    print("3.3.1")
elif words == ["dags", "list"]:
    print("dag_id | owner"); print("a warning", file=sys.stderr)
elif words[:2] == ["variables", "set"]:
    print(repr(words[2:])); sys.stdout.flush(); os.write(1, b"\\xff\\xfe")
elif words[:2] == ["variables", "get"]:
    print(os.environ.get(words[2], "none"), os.getcwd(), sys.stdin.read() == "", os.getsid(0) == os.getpid())
elif words[:2] == ["dags", "trigger"]:
    kind = words[2]
    if kind == "fail":
        print("said before"); raise ValueError("no such DAG")
    if kind == "exit":
        sys.exit(int(words[3]))
    if kind == "much":
        for _ in range(int(words[3])):
            sys.stdout.write("a" * (1 << 20)); sys.stderr.write("b" * (1 << 20))
    if kind == "kill":
        print("said before", flush=True); os.kill(os.getpid(), signal.SIGKILL)
    if kind == "wait":
        helper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
        with open(words[3] + ".new", "w") as file:
            print(os.getpid(), helper.pid, os.getppid(), file=file)
        os.rename(words[3] + ".new", words[3])
        print("waiting", flush=True)
        while not os.path.exists(words[3] + ".go"):
            time.sleep(0.01)
        helper.kill(); helper.wait(); print("went on")
"""
SLEEPS = "import time; time.sleep(1000)"


def write_commands(folder: Path, *, idle_s: float = 600.0, argv: tuple[str, ...] | None = None) -> Path:
    """Write how commands are run with the small program; return the file."""
    program, socket = folder / "airflow.py", folder / "commands.sock"
    program.write_text(PROGRAM)
    if argv is None:
        argv = (sys.executable, str(CLI_SERVER_PATH), str(socket), str(idle_s), str(program), "--", "json")
    plain = {"socket": str(socket), "argv": argv, "env": {"A": "of the web server"}, "cwd": str(folder)}
    path = folder / "commands.json"
    path.write_text(json.dumps(plain))
    return path


def command_processes(of: int) -> list[psutil.Process]:
    """Return what runs commands below a process, the server first."""
    found = [(process, " ".join(command_line(process.pid))) for process in psutil.Process(of).children(recursive=True)]
    running = [(CLI_SERVER_PATH.name not in words, process) for process, words in found if words]
    return [process for _, process in sorted(running, key=lambda pair: pair[0])]


def waiting(path: Path) -> list[psutil.Process]:
    """Return a command that waits, the program that it has started, and the process that it was forked from."""
    return [psutil.Process(int(pid)) for pid in path.read_text().split()]


def lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
