"""One process that imports Airflow once and forks a component from itself whenever it is asked to.

Components started this way skip the imports (seconds of CPU each) and share their memory. The supervisor owns the
other end of the control socket; when that end closes, this process ends, and with it nothing else: components have
sessions of their own and are signalled by the supervisor.

    forkserver.py CONTROL_FD MODULE...           be that process
    forkserver.py alone PROGRAM... WORD...       run one Airflow command by itself, which ends as a forked one does

A request is one JSON line with three file descriptors (stdin, stdout, stderr) attached:
    {"id": str, "program": [str], "argv": [str], "env": {str: str}, "cwd": str}
where `program` is what the interpreter would get to run Airflow: `-m MODULE` or a script. So is PROGRAM above. With
    "home": {"isolation": str, "home_dir": str, "folders": {str: str}}
the command sees that folder as MWAA's /usr/local/airflow; `isolation` is the launcher's module that does it.
With "tied": true the command is killed when this process ends, for whatever reason.
Answers are JSON lines: {"ready": seconds}, {"id", "pid"}, {"id", "pid", "status": raw wait status}.
"""

import array
import atexit
import gc
import importlib
import importlib.util
import json
import os
import pathlib
import runpy
import selectors
import signal
import socket
import sys
import threading
import time
import traceback

MAX_REQUEST_BYTES = 1 << 20  # a request is mostly an environment; Linux itself stops at 2 MiB of arguments
FDS_PER_REQUEST = 3
ALONE = "alone"
PR_SET_PDEATHSIG = 1  # linux/prctl.h


def preload(modules):
    """Import what components need. A module that this release lacks is no failure: the component imports its own."""
    for name in modules:
        try:
            importlib.import_module(name)
        except ImportError as error:
            sys.stderr.write("preload: %s: %s\n" % (name, error))
    # Loaded objects move where the collector never looks, so that forked children do not unshare those pages.
    gc.collect()
    gc.freeze()


def receive(control):
    """Return (request, fds), or (None, []) when the supervisor is gone."""
    fds = array.array("i")
    data, ancillary, _flags, _address = control.recvmsg(
        MAX_REQUEST_BYTES, socket.CMSG_LEN(FDS_PER_REQUEST * fds.itemsize)
    )
    for level, kind, payload in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(payload[: len(payload) - len(payload) % fds.itemsize])
    if not data:
        return None, []
    while not data.endswith(b"\n"):
        more = control.recv(MAX_REQUEST_BYTES)
        if not more:
            return None, list(fds)
        data += more
    return json.loads(data.decode()), list(fds)


def become(request, fds):
    """Turn this forked child into the requested component; returns what it should do next as a callable."""
    os.setsid()
    if request.get("tied"):
        die_with_parent()
    for target, source in enumerate(fds):
        os.dup2(source, target)
    for fd in fds:
        if fd > 2:
            os.close(fd)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL if number != signal.SIGINT else signal.default_int_handler)
    signal.set_wakeup_fd(-1)
    # The interpreter's own streams remember what the parent's descriptors were, a seekable file for example.
    sys.stdout = sys.__stdout__ = open(1, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)
    sys.stderr = sys.__stderr__ = open(2, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)
    os.environ.clear()
    os.environ.update(request["env"])
    if "home" in request:
        enter_home(request["home"])
    os.chdir(request["cwd"])
    sys.argv = ["airflow"] + request["argv"]
    sys.stdin = open(0, closefd=False)
    return lambda: run_program(request["program"])


def die_with_parent():
    """Have the kernel kill this process when the one that it was forked from ends; Linux alone can."""
    import ctypes  # what most never need

    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == 1:  # it had ended already
            os._exit(1)


def enter_home(home):
    """Show the home to this process and its children; one that does not see its own must not run in another's."""
    spec = importlib.util.spec_from_file_location("mwaa_support_isolation", home["isolation"])
    isolation = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = isolation  # dataclasses look there
    spec.loader.exec_module(isolation)
    del sys.modules[spec.name]
    folders = {name: pathlib.Path(folder) for name, folder in home["folders"].items()}
    problem = isolation.enter_mwaa_paths(isolation.Layout(pathlib.Path(home["home_dir"]), folders))
    if problem:
        sys.stderr.write("mwaa-local: %s cannot be shown: %s\n" % (isolation.MWAA_HOME_DIR, problem))
        sys.stderr.flush()
        os._exit(1)


def run_program(program):
    """Run Airflow's own command line on `sys.argv`, as the interpreter would; return the exit code if there is one."""
    if program[0] == "-m":
        return importlib.import_module(program[1] + ".__main__").main()
    runpy.run_path(program[0], run_name="__main__")
    return None


def reap(control):
    """Report every child that ended."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        # Sent at once: the supervisor decides about a restart on it.
        say(control, {"pid": pid, "status": status})


def say(control, message):
    control.sendall(json.dumps(message).encode() + b"\n")


def serve(control):
    """Answer requests until the supervisor closes the socket. Returns a callable in a forked child, else None."""
    wake_read, wake_write = socket.socketpair()
    wake_read.setblocking(False)
    wake_write.setblocking(False)
    signal.set_wakeup_fd(wake_write.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with selectors.DefaultSelector() as selector:
        selector.register(control, selectors.EVENT_READ)
        selector.register(wake_read, selectors.EVENT_READ)
        while True:
            ready = [key.fileobj for key, _ in selector.select()]
            if wake_read in ready:
                wake_read.recv(4096)
                reap(control)
            if control not in ready:
                continue
            request, fds = receive(control)
            if request is None:
                return None
            pid = os.fork()
            if pid == 0:
                selector.close()
                control.close()
                wake_read.close()
                wake_write.close()
                return become(request, fds)
            for fd in fds:
                os.close(fd)
            say(control, {"id": request["id"], "pid": pid})


def main():
    if sys.path[0] == os.path.dirname(os.path.abspath(__file__)):
        del sys.path[0]  # these modules belong to a package; a user's `celery_config` must not find ours
    if sys.argv[1] == ALONE:
        words = sys.argv[2:]
        length = 2 if words[0] == "-m" else 1
        sys.argv = ["airflow"] + words[length:]
        leave(lambda: run_program(words[:length]))
    control = socket.socket(fileno=int(sys.argv[1]))
    started = time.time()
    preload(sys.argv[2:])
    say(control, {"ready": time.time() - started})
    run = serve(control)
    if run is not None:
        leave(run)


def leave(run):
    """Run a component to its end, and end the process as the interpreter would, except that its memory stays as it is.

    Taking apart thousands of modules would cost seconds, in a forked child also a copy of the parent's memory.
    """
    try:
        code = exit_code_of(run())
    except SystemExit as error:
        code = exit_code_of(error.code)
    except KeyboardInterrupt:
        code = 130
    except BaseException:  # noqa: BLE001 - what the interpreter itself would do with it
        traceback.print_exc()
        code = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass
    os._exit(code)


def exit_code_of(value):
    """Return what the interpreter makes of SystemExit's argument."""
    if value is None:
        return 0
    if isinstance(value, int):
        return value & 0xFF
    sys.stderr.write("%s\n" % (value,))
    return 1


if __name__ == "__main__":
    main()
