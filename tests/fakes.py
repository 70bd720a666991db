"""Small real programs, named by how they misbehave, as Components: no Airflow, no database, no broker.

Each function returns a Component whose readiness needs nothing but a port, its output or its end. Beside them a runtime
that runs nothing, for those who only have to ask one for the right things.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from mwaa_local.database.metadata import RunningTask
from mwaa_local.errors import ComponentUnknown
from mwaa_local.event import ComponentStatus, Event, LogLine
from mwaa_local.plan import Component, ExitedOk, LogReady, Plan, ReadyCheck, TcpReady
from mwaa_local.remarks import Remark
from mwaa_local.runtime.databases import Databases
from mwaa_local.runtime.protocol import Prepared
from mwaa_local.runtime.usage import Usage
from mwaa_local.wanted import Wanted

T = TypeVar("T")

READY_LINE = "here I am"
WAIT_TIMEOUT_S = 40.0  # generous: tests share two slow cores; a test that passes never waits this long
POLL_PAUSE_S = 0.02

_REST = """
import os, signal, socket, subprocess, sys, time
def rest():
    while True:
        signal.pause()
def say(text, stream=sys.stdout):
    print(text, file=stream, flush=True)
"""


def wait_until(check: Callable[[], T], what: str, timeout_s: float = WAIT_TIMEOUT_S) -> T:
    """Return the first true answer of `check`; fail the test, naming `what`, when there is none in time."""
    deadline = time.monotonic() + timeout_s
    while not (answer := check()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s:.0f} s for {what}; last answer: {answer!r}")
        time.sleep(POLL_PAUSE_S)
    return answer


def program(name: str, code: str, ready: ReadyCheck | None = None, **settings: Any) -> Component:
    """Return a component that runs the Python code, in which `say` and `rest` are defined."""
    argv = (sys.executable, "-I", "-c", _REST + code)
    return Component(name, argv, settings.pop("env", {}), ready or LogReady(READY_LINE), **settings)


def Steady(name: str = "steady", say: str = "", **settings: Any) -> Component:  # noqa: N802 - reads like a class in tests
    """Says that it is ready, and stays. `say` makes one differ from another."""
    return program(name, f"say({say!r}); say({READY_LINE!r}); rest()", **settings)


def Listener(port: int, name: str = "listener", delay_s: float = 0.0, **settings: Any) -> Component:  # noqa: N802
    """Listens on the port, after a while."""
    code = f"time.sleep({delay_s}); s = socket.create_server(('127.0.0.1', {port})); rest()"
    return program(name, code, TcpReady(port), **settings)


def OneTime(name: str = "one-time", **settings: Any) -> Component:  # noqa: N802
    """Does its work and ends well."""
    return program(name, "say('done')", ExitedOk(), **settings)


def NeverReady(name: str = "never-ready", timeout_s: float = 1.0, **settings: Any) -> Component:  # noqa: N802
    """Runs, but never gives the sign that is waited for."""
    return program(name, "say('still warming up'); rest()", LogReady(READY_LINE, timeout_s), **settings)


def DiesAtOnce(name: str = "dies-at-once", exit_code: int = 7, **settings: Any) -> Component:  # noqa: N802
    """Writes thirty lines on stderr and ends with an exit code of its own."""
    code = f"[say(f'line {{n}}', sys.stderr) for n in range(30)]; sys.exit({exit_code})"
    return program(name, code, **settings)


def DiesAfterStart(name: str, trigger: Path, exit_code: int = 9, **settings: Any) -> Component:  # noqa: N802
    """Is ready, and dies as soon as the trigger file exists, which it removes so that its next life lasts."""
    code = f"""
say({READY_LINE!r})
trigger = {str(trigger)!r}
while not os.path.exists(trigger):
    time.sleep(0.02)
os.unlink(trigger)
sys.exit({exit_code})
"""
    return program(name, code, **settings)


def IgnoresSigterm(name: str = "ignores-sigterm", **settings: Any) -> Component:  # noqa: N802
    """Only SIGKILL ends it."""
    settings = {"stop_timeout_s": 0.5, **settings}
    return program(name, f"signal.signal(15, signal.SIG_IGN); say({READY_LINE!r}); rest()", **settings)


def EndsSlowly(name: str = "ends-slowly", takes_s: float = 0.6, **settings: Any) -> Component:  # noqa: N802
    """Ends in order on SIGTERM, in its own time."""
    code = f"""
def end(*_):
    time.sleep({takes_s}); os.write(1, b'ended in order\\n'); sys.exit(0)  # print is not safe in a handler
signal.signal(15, end); say({READY_LINE!r}); rest()
"""
    return program(name, code, **settings)


def EndsWhenAllowed(name: str, allowed: Path, **settings: Any) -> Component:  # noqa: N802
    """Ends in order on SIGTERM, once that file is there: a worker whose task takes its time."""
    code = f"""
def end(*_):
    os.write(1, b'asked to end\\n')
    while not os.path.exists({str(allowed)!r}): time.sleep(0.02)
    os.write(1, b'ended in order\\n'); sys.exit(0)
signal.signal(15, end); say({READY_LINE!r}); rest()
"""
    return program(name, code, **settings)


def MissesItsHelpersEnd(  # noqa: N802
    name: str = "misses-its-helpers-end", helper_takes_s: float = 0.1, **settings: Any
) -> Component:
    """Learns from a closed socket that its helper ends, asks once whether it has, and otherwise waits for a long time.

    The helper closes the socket `helper_takes_s` before it ends, as Airflow 3's do by some microseconds.
    """
    code = f"""
ours, theirs = socket.socketpair()
if os.fork() == 0:
    ours.close()
    def end(*_):
        theirs.close(); time.sleep({helper_takes_s}); os._exit(0)
    signal.signal(15, end); rest()
theirs.close()
asked = []
signal.signal(15, lambda *_: asked.append(1)); say({READY_LINE!r})
ours.recv(1)
if os.waitpid(-1, os.WNOHANG) == (0, 0):
    say('the helper has not ended'); rest(); rest()
while not asked:
    time.sleep(0.01)
say('ended in order')
"""
    return program(name, code, **settings)


def LeavesAGrandchild(  # noqa: N802
    name: str = "leaves-a-grandchild", *, own_session: bool = True, stubborn: bool = False, **settings: Any
) -> Component:
    """Has a child, by default in a session of its own, out of reach of signals to the group.

    A stubborn one ignores SIGTERM.
    """
    ignore = "signal.signal(15, signal.SIG_IGN); " if stubborn else ""
    code = f"""
code = "import signal; {ignore}print(1, flush=True); signal.pause()"
child = subprocess.Popen([sys.executable, '-I', '-c', code, *sys.argv[1:]], start_new_session={own_session},
                         stdout=subprocess.PIPE)
child.stdout.readline()
say({READY_LINE!r}); rest()
"""
    return program(name, code, **settings)


def WipesItsEnvironment(name: str = "wipes-its-environment", **settings: Any) -> Component:  # noqa: N802
    """Runs without any variable, as programs that write their title over their environment seem to."""
    code = f"""
code = "import signal; print({READY_LINE!r}, flush=True); signal.pause()"
os.execve(sys.executable, [sys.executable, '-I', '-c', code, *sys.argv[1:]], {{}})
"""
    return program(name, code, **settings)


def WritesALot(name: str = "writes-a-lot", lines: int = 50_000, **settings: Any) -> Component:  # noqa: N802
    """Writes numbered lines as fast as it can, and then that it is ready."""
    code = f"""
out = sys.stdout
for n in range({lines}):
    out.write(f'{{n:06d}} ' + 'x' * 100 + '\\n')
say({READY_LINE!r}); rest()
"""
    return program(name, code, **settings)


def WritesALongLine(name: str = "writes-a-long-line", length: int = 5 << 20, **settings: Any) -> Component:  # noqa: N802
    """Writes one line of many bytes between two short ones, with a carriage return and odd separators in the last."""
    code = f"""
say('before'); say('<' + 'y' * {length} + '>')
say('10%\\r20%\\x0c\\x85\\u2028end'); sys.stdout.buffer.write(b'no text: \\xff\\n'); say({READY_LINE!r}); rest()
"""
    return program(name, code, **settings)


def AirflowLike(name: str = "scheduler", **settings: Any) -> Component:  # noqa: N802
    """Takes commands as Airflow does: `serve` stays, `say` answers, `wait` waits for a signal."""
    code = f"""
match sys.argv[1:]:
    case ['say', exit_code, *words]:
        say(' '.join(words)); say(os.environ.get('GREETING', 'no greeting'), sys.stderr); sys.exit(int(exit_code))
    case ['wait', *_]:
        def end(number, _):
            os.write(1, b'got %s\\n' % signal.Signals(number).name.encode()); sys.exit(42)
        [signal.signal(number, end) for number in (1, 2, 15)]; say('waiting'); rest()
    case ['die', number]:
        signal.signal(int(number), signal.SIG_DFL); os.kill(os.getpid(), int(number)); rest()
    case ['read', *_]:
        say('read ' + sys.stdin.read())
    case _:
        say({READY_LINE!r}); rest()
"""
    component = program(name, code, **settings)
    argv = ("serve",)
    return Component(**{**vars(component), "argv": (*component.argv, *argv), "airflow_argv": argv})


@dataclass
class FakeRuntime:
    """Runs nothing, and notes what it is asked for. `failure` is raised by a start, whose components stay as they are.

    `before` is the plan that ran before the first start.
    """

    plan: Plan
    failure: BaseException | None = None
    before: Plan | None = None
    statuses: Sequence[ComponentStatus] = ()
    lines: Sequence[LogLine] = ()
    calls: list[str] = field(default_factory=list)
    finished_stops: int = 0
    wanted: list[Wanted] = field(default_factory=list)

    @property
    def databases(self) -> Databases:
        raise AssertionError("what is tested with this asks for no database")

    @property
    def running(self) -> bool:
        return self.before is not None

    @property
    def was_cut_off(self) -> bool:
        return False

    def running_plan(self) -> Plan | None:
        return self.before

    def prepare(self, wanted: Wanted, on_event: Callable[[Event], None]) -> Prepared:
        self.calls.append("prepare")
        self.wanted.append(wanted)
        return Prepared(self.plan, wanted.remarks)

    def start(self, prepared: Prepared, on_event: Callable[[Event], None]) -> tuple[Remark, ...]:
        self.calls.append("start")
        self.before = prepared.plan
        if self.failure is not None:
            raise self.failure
        on_event(Event("fake", "ready"))
        return (*prepared.remarks, Remark("note", "fake", "started"))

    def grow(self, component: str, count: int) -> Plan:
        self.calls.append(f"grow {component} {count}")
        return self.plan.grown(component, count)

    def resize(self, plan: Plan) -> None:
        self.calls.append("resize")
        self.plan = self.before = plan

    def busy(self, component: str, tasks: Sequence[RunningTask]) -> frozenset[str]:
        return frozenset(task.host for task in tasks)

    def finish_stop(self, on_event: Callable[[Event], None]) -> None:
        self.finished_stops += 1

    def stop(self, *, now: bool = False, on_event: Callable[[Event], None] | None = None) -> bool:
        self.calls.append("stop now" if now else "stop")
        was_running, self.before = self.running, None
        return was_running

    def status(self) -> list[ComponentStatus]:
        return list(self.statuses)

    def logs(self, names: Sequence[str], *, follow: bool, from_end: bool = False) -> Iterator[LogLine]:
        if not {line.component for line in self.lines}.issuperset(names):
            raise ComponentUnknown(f"no log of {', '.join(names)}")
        return (line for line in self.lines if not names or line.component in names)

    def run(
        self,
        component: str,
        argv: Sequence[str],
        env: Mapping[str, str] | None = None,
        script: Path | None = None,
    ) -> int:
        self.calls.append(f"run {component}")
        return 0

    def capture(self, component: str, argv: Sequence[str], script: Path | None = None) -> tuple[int, str]:
        return self.run(component, argv), ""

    def kill(self, component: str) -> str | None:
        self.calls.append(f"kill {component}")
        return next((item.name for item in self.statuses if item.name.startswith(component)), None)

    def kill_largest(self, component: str) -> str | None:
        self.calls.append(f"kill largest {component}")
        return next((item.name for item in self.statuses if item.name.startswith(component)), None)

    def memory_bytes(self) -> int | None:
        return None

    def usage(self) -> dict[str, Usage]:
        return {}

    def memory_kills(self) -> int | None:
        return None

    def remove_data(self) -> None:
        self.calls.append("remove data")

    def remove_queue(self) -> None:
        self.calls.append("remove queue")

    def remove_database(self, airflow_version: str) -> None:
        self.calls.append(f"remove database {airflow_version}")
