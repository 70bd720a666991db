"""Beside the web server: run Airflow commands for the front door, each a fork of a process that has imported Airflow.

    cli_server.py SOCKET IDLE_S -m airflow -- MODULE...     with the web server's variables, packages and folder

On MWAA, too, commands of `/aws_mwaa/cli` run in the web server's container. This process imports nothing of Airflow and
costs little; the one that does (`forkserver.py`) begins with the first command and ends when there was none for IDLE_S
seconds. One connection to the socket is one request, one JSON line each way:

    {"argv": [str], "timeout_s": number}
    {"stdout": base64, "stderr": base64, "exit": int or null}     null: it was killed at its limit
    {"user": {…}}                                                  a user of the web server, as `web_user.py` takes it
    {"user_id": int}
    {"refused": str}                                               what cannot be done, and why

Which commands are allowed, and how many at once, is the door's to say.
"""

import array
import base64
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time

MAX_REQUEST_BYTES = 1 << 20
BACKLOG = 16
NEW_NAME = ".commands"  # of a socket that does not listen yet
FORKSERVER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "forkserver.py")
PAUSE_S = 1.0  # between two looks whether the parent stands idle
LAST_LINE = b"\n"
MAX_OUTPUT_BYTES = 16 << 20  # of one stream, in memory here and at the door
CUT_TEXT = b"\nmwaa-local: the command wrote more than 16 MB; what follows them is left out\n"
WEB_USER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "web_user.py")
WEB_USER_LIMIT_S = 20.0
FORK_LIMIT_S = 120.0  # ours: the first command waits for the imports, seconds, on a busy machine many


class ParentGone(Exception):
    """The process that has imported Airflow ended."""


class Parent:
    """The process that has imported Airflow, as long as there is one."""

    def __init__(self, modules):
        self.ours, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, FORKSERVER, str(theirs.fileno())] + modules,
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self.changed = threading.Condition()
        self.pids = {}  # request -> pid
        self.ends = {}  # pid -> raw wait status
        self.requests = 0
        self.gone = False
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        try:
            with self.ours.makefile("r", encoding="utf-8") as answers:
                for line in answers:
                    self.note(json.loads(line))
        except OSError:
            pass  # killed with a request unread: the kernel resets the connection instead of closing it
        finally:  # whoever waits for an answer must hear that there will be none, also from a bug
            with self.changed:
                self.gone = True
                self.changed.notify_all()
        self.process.wait()

    def note(self, message):
        with self.changed:
            if "status" in message:
                self.ends[message["pid"]] = message["status"]
            elif "id" in message:
                self.pids[message["id"]] = message["pid"]
            self.changed.notify_all()

    def start(self, request, fds):
        """Have a command forked; return its pid."""
        with self.changed:
            self.requests += 1
            name = str(self.requests)
            message = json.dumps(dict(request, id=name)).encode() + LAST_LINE
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))]
            try:
                sent = self.ours.sendmsg([message], rights)
                self.ours.sendall(message[sent:])
            except OSError:
                raise ParentGone() from None
            self.changed.wait_for(lambda: name in self.pids or self.gone, FORK_LIMIT_S)
            if name not in self.pids:
                self.gone = True  # also where it hangs: the next command gets another one
                self.process.kill()
                raise ParentGone() from None
            return self.pids.pop(name)

    def wait(self, pid, timeout_s):
        """Return the exit code of a command, negative for a signal; None where it did not end in time."""
        with self.changed:
            self.changed.wait_for(lambda: pid in self.ends or self.gone, timeout_s)
            if pid in self.ends:
                status = self.ends.pop(pid)
                return os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
            if self.gone:
                raise ParentGone() from None
            return None

    def close(self):
        self.ours.close()
        self.process.kill()


class Commands:
    """Runs commands, and keeps the parent while there are any."""

    def __init__(self, program, modules, idle_s):
        self.program, self.modules, self.idle_s = program, modules, idle_s
        self.lock = threading.Lock()
        self.parent = None
        self.running = 0
        self.pids = set()  # of the commands, each of which leads a group
        self.last = time.monotonic()

    def run(self, argv, timeout_s):
        with self.lock:
            self.running += 1
            if self.parent is None or self.parent.gone:
                self.parent = Parent(self.modules)
            parent = self.parent
        try:
            return self.run_in(parent, argv, timeout_s)
        finally:
            with self.lock:
                self.running -= 1
                self.last = time.monotonic()

    def run_in(self, parent, argv, timeout_s):
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, open(os.devnull, "rb") as nothing:
            request = {"program": self.program, "argv": argv, "env": dict(os.environ), "cwd": os.getcwd(), "tied": True}
            pid = parent.start(request, [nothing.fileno(), out.fileno(), err.fileno()])
            self.pids.add(pid)
            try:
                code = parent.wait(pid, timeout_s)
                if code is None:
                    end_group(pid)
                    parent.wait(pid, None)
            finally:
                self.pids.discard(pid)
            if is_cut(out) or is_cut(err):
                err.seek(min(os.fstat(err.fileno()).st_size, MAX_OUTPUT_BYTES))
                err.write(CUT_TEXT)
            return {"stdout": content(out), "stderr": content(err), "exit": code}

    def drop_idle_parent(self):
        """End the parent when it has had nothing to do for long enough; return whether it has ended."""
        with self.lock:
            if self.running or time.monotonic() - self.last <= self.idle_s:
                return False
            if self.parent is not None:
                self.parent.close()
                self.parent = None
            return True

    def close(self):
        """End the parent and every command."""
        if self.parent is not None:
            self.parent.close()
        for pid in list(self.pids):
            end_group(pid)


def end_group(pid):
    """Kill a command with all that it started: it leads a session of its own."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def is_cut(file):
    return os.fstat(file.fileno()).st_size > MAX_OUTPUT_BYTES


def content(file):
    """Return what was written, in base64, the beginning of what is more than an answer takes."""
    file.seek(0)
    return base64.b64encode(file.read(MAX_OUTPUT_BYTES + len(CUT_TEXT))).decode("ascii")


def make_user(wanted):
    """Have a user of the web server made or changed; what it says goes back as it is."""
    try:
        asked = json.dumps(wanted).encode()
        done = subprocess.run(
            [sys.executable, WEB_USER], input=asked, stdout=subprocess.PIPE, timeout=WEB_USER_LIMIT_S, check=True
        )
        return json.loads(done.stdout.decode())
    except (OSError, subprocess.SubprocessError) as error:
        return {"refused": "the user could not be made: %s" % type(error).__name__}


def answer(connection, commands):
    with connection, connection.makefile("rb") as asked:
        line = asked.readline(MAX_REQUEST_BYTES)
        try:
            request = json.loads(line.decode())
            if "user" in request:
                said = make_user(request["user"])
            else:
                said = commands.run(request["argv"], request["timeout_s"])
        except ParentGone:
            said = {"gone": True}
        except (ValueError, KeyError, TypeError) as error:
            said = {"refused": str(error)}
        try:
            connection.sendall(json.dumps(said).encode() + LAST_LINE)
        except OSError:  # whoever asked is gone
            pass


def bind(path):
    """Listen on a socket that only this user can reach; there is none at that path before it listens.

    The folder is named by a descriptor where it can be: Linux takes 107 bytes.
    """
    listener = socket.socket(socket.AF_UNIX)
    folder = os.open(os.path.dirname(path), os.O_RDONLY)
    short = "/proc/self/fd/%d" % folder
    beside = os.path.join(short if os.path.exists(short) else os.path.dirname(path), "%s.%d" % (NEW_NAME, os.getpid()))
    before = os.umask(0o177)
    try:
        listener.bind(beside)
        listener.listen(BACKLOG)
        os.rename(beside, path)
    finally:
        os.umask(before)
        os.close(folder)
    return listener


def end_with_input():
    """End when whoever started this closes the other end of standard input, or is gone."""
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


def main():
    path, idle_s = sys.argv[1], float(sys.argv[2])
    end = sys.argv.index("--")
    commands = Commands(sys.argv[3:end], sys.argv[end + 1 :], idle_s)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    listener = bind(path)
    mode = os.fstat(0).st_mode
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):  # asyncio's pipes are sockets up to Python 3.11
        threading.Thread(target=end_with_input, daemon=True).start()
    try:
        while True:
            try:
                connection, _ = listener.accept()
            except socket.timeout:
                if commands.drop_idle_parent():
                    listener.settimeout(None)
                continue
            listener.settimeout(PAUSE_S)  # from now on there is a parent to look after
            connection.settimeout(None)
            threading.Thread(target=answer, args=(connection, commands), daemon=True).start()
    finally:
        commands.close()


if __name__ == "__main__":
    main()
