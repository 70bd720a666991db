"""What runs first in every container: the startup script, pip, the first migration, then the component itself.

    entrypoint run CMD...      run the startup script, merge what it exported, become CMD or look after it
    entrypoint exec CMD...     become CMD with the variables of the component that runs here
    entrypoint install         startup script and pip, once for all containers
    entrypoint migrate         prepare the metadata database, once
    entrypoint health NAME     exit code 0 when that component is well; `health webserver PATH`

Which component this is says MWAA_LOCAL_SERVICE, all else `<service>.json` in the folder that Compose mounts; the
launcher (mwaa_local/runtime/compose/startup_values.py) wrote it. Runs on the release's own Python, 3.7 to 3.13,
with nothing but the standard library; only what asks the database imports psycopg2. Never imports Airflow: that would
take seconds.

How MWAA treats a startup script is told in mwaa_local/startup/outcome.py, the merging in
mwaa_local/configuration/merge.py.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

SERVICE_VARIABLE = "MWAA_LOCAL_SERVICE"
PACKAGES_VARIABLE = "MWAA_LOCAL_PACKAGES"  # the key of the set that this container was made for
STOP_VARIABLE = "MWAA_LOCAL_STOP"  # how the component is asked to end, if not as a signal to it alone
HELPERS_FIRST = "helpers-first"
FAILED = 1
WRONG_USAGE = 2
WOULD_NOT_START = 64  # MWAA's container would not start: its startup script failed
CANNOT_RUN = 127  # as a shell has it
TIMED_OUT_EXIT_CODE = 124  # what coreutils' timeout(1) returns
SIGNAL_OFFSET = 128  # a shell's exit code for a signal, less the signal

STARTUP_STOP_TIMEOUT_S = 5.0  # between SIGTERM and SIGKILL for a startup script (mwaa/subprocess)
LAST_OUTPUT_S = 1.0  # how long to wait for output of a command that has ended
# As in mwaa_local/runtime/process/stop_order.py, which also tells why.
HELPERS_END_S = 0.5
HELPERS_GONE_S = 5.0
POLL_PAUSE_S = 0.02
# bash keeps these for itself, and the wrapper has names of its own.
BASH_OWN_NAMES = frozenset({"_", "SHLVL", "PWD", "OLDPWD"})
WRAPPER_PREFIX = "__mwaa_local_"
PROTECTED_PREFIX = "MWAA__"  # names that a startup script cannot change where the container has them
PIP_VARIABLES = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
TERMINAL_VARIABLES = ("TERM", "COLUMNS", "LINES")  # of whoever calls `exec`

DATABASE_VARIABLES = ("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "AIRFLOW__CORE__SQL_ALCHEMY_CONN")
BROKER_VARIABLE = "AIRFLOW__CELERY__BROKER_URL"
HOSTNAME_VARIABLE = "AIRFLOW__CORE__HOSTNAME_CALLABLE"
# Callables whose answer we know: `socket.getfqdn`, before Airflow 2 `socket:getfqdn`, `airflow.utils.net.getfqdn` ...
HOSTNAME_MODULES = ("socket", "airflow.utils.net")
WEBSERVER_PORT = 8080
BROKER_PORT = 6379  # Redis' own
JOB_TYPES = {"scheduler": "SchedulerJob", "dag-processor": "DagProcessorJob", "triggerer": "TriggererJob"}
# Airflow's own limit, as in mwaa_local/database/health.py; Docker asks six times before it calls a container unhealthy.
HEARTBEAT_LIMIT_S = 30
ANSWER_TIMEOUT_S = 5
# The broker sends a worker something every second, if only that nothing is there. A worker that lives reads it at
# once; for a moment it may be busy starting tasks.
UNREAD_LOOKS = 6
UNREAD_PAUSE_S = 0.5
ESTABLISHED = "01"  # in /proc/net/tcp


class Refused(Exception):
    """Why this container cannot do what it is for, in one line."""

    def __init__(self, why: str, exit_code: int = FAILED) -> None:
        super().__init__(why)
        self.exit_code = exit_code


@dataclass(frozen=True)
class Places:
    """Where everything is, as docker-compose.yml and the image have it."""

    home_dir: Path = Path("/usr/local/airflow")
    run_dir: Path = Path("/opt/mwaa/run")
    outcomes_dir: Path = Path("/opt/mwaa/outcomes")
    packages_dir: Path = Path("/opt/mwaa/packages")
    base_dir: Path = Path("/opt/mwaa/base")
    temporary_dir: Path = Path("/tmp")
    webserver_port: int = WEBSERVER_PORT

    @property
    def startup_script(self) -> Path:
        return self.home_dir / "startup" / "startup.sh"

    @property
    def packages_link(self) -> Path:
        """Where everybody in this container looks for packages. No other container sees this link."""
        return self.home_dir / ".local"

    @property
    def python(self) -> Path:
        return self.packages_link / "bin" / "python"

    @property
    def environment_file(self) -> Path:
        """The variables of the component that runs here; the file is as old as the component."""
        return self.temporary_dir / "mwaa-environment.json"

    @property
    def pid_file(self) -> Path:
        return self.temporary_dir / "mwaa-component.pid"


@dataclass(frozen=True)
class Ended:
    """How a command ended; a negative exit code is a signal."""

    exit_code: int
    timed_out: bool
    elapsed_s: float

    @property
    def ok(self) -> bool:
        return self.exit_code == 0 and not self.timed_out


def say(text: str) -> None:
    print(text, flush=True)


# Files.


def write_whole(path: Path, content: bytes) -> None:
    """Write a private file such that nobody ever sees a part of it."""
    handle, name = tempfile.mkstemp(dir=str(path.parent), prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except BaseException:
        remove(Path(name))
        raise


def write_json(path: Path, plain: object) -> None:
    write_whole(path, json.dumps(plain).encode("ascii"))


def remove(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        path.unlink()


def point(link: Path, target: Path) -> None:
    """Let a link lead there; at no time does it lead nowhere."""
    if link.is_symlink() and os.readlink(str(link)) == str(target):  # noqa: PTH115 - Path's came with 3.9
        return
    new = link.with_name(f"{link.name}.{os.getpid()}")
    remove(new)
    new.symlink_to(target)
    new.replace(link)


def copy_whole(source: Path, target: Path, *options: str, stderr: int | None = None) -> bool:
    """Copy a folder such that nobody ever sees a part of it; return whether that could be done."""
    unfinished = target.with_name(f"{target.name}.new")
    if unfinished.exists():
        shutil.rmtree(str(unfinished))
    if subprocess.call(["cp", "-a", *options, str(source), str(unfinished)], stderr=stderr) != 0:
        return False
    unfinished.rename(target)
    return True


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock that other containers respect; where the file system has none, go on without."""
    with path.open("w") as file:
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def alone_with(folder: Path) -> Iterator[bool | None]:
    """Say whether nobody holds a folder, and let nobody take it meanwhile; None where the file system has no locks."""
    handle = os.open(str(folder), os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        alone: bool | None = True
    except BlockingIOError:
        alone = False
    except OSError:
        alone = None
    try:
        yield alone
    finally:
        os.close(handle)


# Packages.


@dataclass(frozen=True)
class Packages:
    """The set of packages of one state of requirements, in a volume that a project's containers share.

    The volume holds one copy of the release's packages, and for each state a clone of it by hard links, made in a
    moment and next to nothing in size. What changes a clone reaches neither the copy nor other clones: pip renames or
    unlinks what it replaces and writes new files, Python puts bytecode into a new file and renames that, and so does
    `sed -i` with what it edits. Only what writes into one of the release's own files in place would be seen by all, and
    no installer does that.
    """

    dir: Path  # the volume
    base_dir: Path  # the image's
    key: str

    @property
    def set_dir(self) -> Path:
        """The clone; not there where nothing but the release's own packages is wanted."""
        return self._own_dir / "set"

    @property
    def _own_dir(self) -> Path:
        return self._sets_dir / self.key

    @property
    def _sets_dir(self) -> Path:
        return self.dir / "sets"

    @property
    def _outcome_path(self) -> Path:
        return self._own_dir / "outcome.json"

    # How they were made.

    def outcome(self) -> Ended | None:
        """Return how the set was installed; None when that was never finished."""
        try:
            plain = json.loads(self._outcome_path.read_text(encoding="utf-8"))
            return Ended(int(plain["exit_code"]), bool(plain["timed_out"]), float(plain["elapsed_s"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def begin(self) -> None:
        """Forget an earlier attempt: whenever this one is interrupted, the next begins at the beginning."""
        self._own_dir.mkdir(parents=True, exist_ok=True)
        remove(self._outcome_path)
        self._discard(self.set_dir)

    def are_free(self) -> bool:
        """Whether no container is known to run with them."""
        with alone_with(self._own_dir) as alone:
            return alone is not False

    def finish(self, ended: Ended) -> None:
        write_json(self._outcome_path, vars(ended))

    def clone(self) -> None:
        """Make the set, still without anything of the user's."""
        copy_dir = self.dir / "base"
        if not copy_dir.is_dir():
            say("copying the release's packages, once for this project and image")
            if not copy_whole(self.base_dir, copy_dir, "--reflink=auto"):
                raise Refused(f"the release's packages could not be copied to {self.dir}")
        # Not everything that can be a volume has hard links; and a script's `sudo chown` makes files that cannot be
        # linked. What cp says of each of them is of no use to anybody.
        is_linked = copy_whole(copy_dir, self.set_dir, "--link", stderr=subprocess.DEVNULL)
        if not is_linked and not copy_whole(copy_dir, self.set_dir, "--reflink=auto"):
            raise Refused(f"the release's packages could not be cloned in {self.dir}")

    # Who uses them.

    def hold(self) -> bool:
        """Keep the set from being removed until this process, and what it becomes, ends; say whether it is complete."""
        try:
            folder = os.open(str(self._own_dir), os.O_RDONLY)
        except FileNotFoundError:
            return False
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(folder, fcntl.LOCK_SH)
        os.set_inheritable(folder, True)
        return self.outcome() is not None

    def remove_unused(self) -> None:
        """Remove the sets of other states that no container holds."""
        for folder in sorted(self._sets_dir.iterdir()):
            if folder == self._own_dir:
                continue
            with alone_with(folder) as alone:
                if alone:
                    self._discard(folder)
        for folder in self.dir.glob(".gone-*"):  # what was interrupted
            shutil.rmtree(str(folder), ignore_errors=True)

    def _discard(self, folder: Path) -> None:
        """Remove a folder, half of which nobody ever sees. What `sudo` made in there stays, but out of the way."""
        if folder.exists():
            gone_dir = Path(tempfile.mkdtemp(dir=str(self.dir), prefix=".gone-"))
            folder.rename(gone_dir / folder.name)
            shutil.rmtree(str(gone_dir), ignore_errors=True)


# Commands.


def run_logged(
    argv: Sequence[str], env: Mapping[str, str], cwd: Path, log_path: Path, timeout_s: float, stop_timeout_s: float
) -> Ended:
    """Run a command in a session of its own, its output to stdout and into the log; on time-out stop all its group.

    What it leaves in the background may go on writing: `tee` lives as long as somebody does.
    """
    write_whole(log_path, b"")
    started = time.monotonic()
    tee = subprocess.Popen(["tee", "-a", str(log_path)], stdin=subprocess.PIPE, start_new_session=True)
    assert tee.stdin is not None
    try:
        process = subprocess.Popen(
            list(argv),
            env=dict(env),
            cwd=str(cwd),
            stdin=subprocess.DEVNULL,
            stdout=tee.stdin,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise Refused(f"cannot run {argv[0]}: {error}", CANNOT_RUN) from None
    finally:
        tee.stdin.close()
    timed_out = False
    try:
        process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        timed_out = True
        stop_group(process, stop_timeout_s)
    except BaseException:
        stop_group(process, STARTUP_STOP_TIMEOUT_S)
        raise
    elapsed_s = time.monotonic() - started
    with contextlib.suppress(subprocess.TimeoutExpired):
        tee.wait(LAST_OUTPUT_S)
    return Ended(TIMED_OUT_EXIT_CODE if timed_out else process.returncode, timed_out, elapsed_s)


def stop_group(process: subprocess.Popen[bytes], stop_timeout_s: float) -> None:
    # The second signal comes even when the leader has gone: nobody else has a last word for its group.
    for number in (signal.SIGTERM, signal.SIGKILL):
        # PermissionError: all that is left of the group belongs to another user, as after `sudo`.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(stop_timeout_s)


def become(argv: Sequence[str], env: Mapping[str, str]) -> NoReturn:
    """Put another program, found through the PATH of its own variables, in the place of this one."""
    sys.stdout.flush()
    # Python ignores these, and what is ignored stays so in the next program.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvpe(argv[0], list(argv), dict(env))
    except OSError as error:
        path = env.get("PATH", "not set")
        raise Refused(f"cannot run {argv[0]}: {error.strerror} (PATH is {path})", CANNOT_RUN) from None


def look_after(argv: Sequence[str], env: Mapping[str, str]) -> int:
    """Run a component as a child, in a session of its own; when asked to end, have its helpers end before it."""
    process = None
    try:
        process = subprocess.Popen(list(argv), env=dict(env), start_new_session=True)
        exit_code = process.wait()
    except OSError as error:
        path = env.get("PATH", "not set")
        raise Refused(f"cannot run {argv[0]}: {error.strerror} (PATH is {path})", CANNOT_RUN) from None
    except SystemExit:  # what `end` makes of a signal
        if process is None:
            raise
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        ask_helpers_first(process.pid, signal.SIGTERM)
        exit_code = process.wait()
    return exit_code if exit_code >= 0 else SIGNAL_OFFSET - exit_code


def ask_helpers_first(leader: int, number: int) -> None:
    """Send the signal to the other processes of the leader's group and, when they have ended, to the leader."""
    send(leader, signal.SIGSTOP)
    try:
        helpers = states_in_group(leader).keys() - {leader}
        for helper in helpers:
            send(helper, number)
        in_time = wait_until(lambda: running_in_group(leader) <= {leader}, HELPERS_END_S)
        if in_time:
            send(leader, number)  # taken as soon as it goes on
    finally:
        send(leader, signal.SIGCONT)
    if not in_time:
        wait_until(lambda: not helpers & states_in_group(leader).keys(), HELPERS_GONE_S)
        send(leader, number)


def running_in_group(group: int) -> set[int]:
    """Return the processes that have not ended yet; one that has may still await that its parent asks."""
    return {pid for pid, state in states_in_group(group).items() if state not in "ZX"}


def states_in_group(group: int) -> dict[int, str]:
    """Return the processes of a group and in which state each is, by the letters of proc(5)."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended
            state, _parent, its_group = path.read_text(encoding="latin-1").rpartition(")")[2].split()[:3]
            if int(its_group) == group:
                found[int(path.parent.name)] = state
    return found


def send(pid: int, number: int) -> None:
    # PermissionError: another user's, as after `sudo`.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def wait_until(done: Callable[[], bool], patience_s: float) -> bool:
    deadline = time.monotonic() + patience_s
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_PAUSE_S)
    return True


# Variables.


def exported(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str]:
    """Return what a startup script added or changed; what it unset stays, as on MWAA."""
    return {
        name: value
        for name, value in after.items()
        if before.get(name) != value and name not in BASH_OWN_NAMES and not name.startswith(WRAPPER_PREFIX)
    }


def merge(own: Mapping[str, str], exports: Mapping[str, str], values: Mapping[str, Any]) -> dict[str, str]:
    """Return the component's variables: the container's own, which hold all but the exports, with these merged in."""
    always_locked, locked_if_set = set(values["locked"]), set(values["locked_if_set"])

    def is_locked(name: str) -> bool:
        # Set by the image or the engine, of whose variables the launcher knows nothing.
        set_elsewhere = name in own and name not in values["view"]
        protected = name in locked_if_set or name.startswith(PROTECTED_PREFIX)
        return name in always_locked or (set_elsewhere and protected)

    env = dict(own)
    for name in exports:
        for other, value in values["yields"].get(name, {}).items():
            if value is None:
                env.pop(other, None)
            else:
                env[other] = value
    celery = values["celery"]
    if celery is not None and celery["option"] in exports:
        theirs = read_celery_config(exports[celery["option"]])
        kept = {key: value for key, value in theirs.items() if key not in celery["not_theirs"]}
        env.update(dict.fromkeys(celery["variables"], json.dumps({**celery["ours"], **kept})))
    env.update((name, value) for name, value in exports.items() if not is_locked(name))
    return env


def read_celery_config(text: str) -> dict[str, Any]:
    """Return the JSON object; an empty one for what MWAA ignores as a whole."""
    try:
        plain = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return plain if isinstance(plain, dict) else {}


@dataclass(frozen=True)
class Container:
    """One container: its variables as Docker gave them, and where everything is."""

    own: Mapping[str, str]
    places: Places

    @property
    def service(self) -> str:
        if SERVICE_VARIABLE not in self.own:
            raise Refused(f"{SERVICE_VARIABLE} is not set; start this container with docker-compose.yml")
        return self.own[SERVICE_VARIABLE]

    def values(self, *names: str) -> dict[str, Any]:
        """Return what the launcher wrote for this service; these names are there."""
        path = self.places.run_dir / f"{self.service}.json"
        try:
            plain = json.loads(path.read_bytes().decode("utf-8"))
        except OSError as error:
            raise Refused(f"{path} cannot be read ({error.strerror}): run `mwaa-local env`") from None
        except ValueError as error:
            raise Refused(f"{path} is damaged ({error}): run `mwaa-local env`") from None
        missing = [name for name in names if not isinstance(plain, dict) or name not in plain]
        if missing:
            raise Refused(f"{path} is damaged (it lacks {', '.join(missing)}): run `mwaa-local env`")
        return dict(plain)

    def startup_values(self, *more: str) -> dict[str, Any]:
        names = ("startup_script", "timeout_s", "view", "locked", "locked_if_set", "yields", "celery")
        return self.values(*names, *more)

    def outcome_dir(self) -> Path:
        """Return where the launcher looks for what happened here."""
        folder = self.places.outcomes_dir / self.service
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def packages(self) -> Packages | None:
        """The packages that this container was made for; None where they are the release's own anyway."""
        key = self.own.get(PACKAGES_VARIABLE, "")
        return Packages(self.places.packages_dir, self.places.base_dir, key) if key else None

    # A component.

    def run(self, argv: Sequence[str]) -> int:
        for path in (self.places.environment_file, self.places.pid_file):  # of an earlier start of this container
            remove(path)
        self.take_packages()
        env = self.after_startup(self.startup_values())
        write_whole(self.places.pid_file, str(os.getpid()).encode())
        write_json(self.places.environment_file, env)
        if self.own.get(STOP_VARIABLE) == HELPERS_FIRST:
            return look_after(argv, env)
        become(argv, env)

    def exec(self, argv: Sequence[str]) -> NoReturn:
        if not self.places.environment_file.exists():  # else the component has taken them
            self.take_packages()
        terminal = {name: self.own[name] for name in TERMINAL_VARIABLES if name in self.own}
        become(argv, {**self.component_env(), **terminal})

    def take_packages(self) -> None:
        """Let everybody in this container find the packages that it was made for, whatever other containers have."""
        packages, chosen_dir = self.packages, self.places.base_dir
        if packages is not None:
            if not packages.hold():
                why = "the packages for this container are missing, using the release's own: run `mwaa-local up`"
                print(f"mwaa-local: {why}", file=sys.stderr, flush=True)
            elif packages.set_dir.is_dir():
                chosen_dir = packages.set_dir
        point(self.places.packages_link, chosen_dir)

    def component_env(self) -> dict[str, str]:
        """Return the variables of what runs here; before it does, the container's own."""
        path = self.places.environment_file
        try:
            return dict(json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return dict(self.own)
        except (OSError, ValueError, TypeError) as error:
            raise Refused(f"{path} cannot be read ({error}): restart the container") from None

    # The startup script.

    def after_startup(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Run the startup script, if there is one, and return the component's variables."""
        folder = self.outcome_dir()
        if not self.has_startup_script(values):
            remove(folder / "startup.json")
            return dict(self.own)
        with tempfile.TemporaryDirectory(dir=str(self.places.temporary_dir), prefix="mwaa-startup-") as private:
            exports = self.startup_exports(values, Path(private), folder)
        return merge(self.own, exports, values)

    def has_startup_script(self, values: Mapping[str, Any]) -> bool:
        path = self.places.startup_script
        if not values["startup_script"]:
            return False
        try:
            if not stat.S_ISREG(path.stat().st_mode):
                return False
            with path.open("rb"):
                return True
        except FileNotFoundError:
            return False
        except OSError as error:
            why = f"the startup script cannot be read: {error}; make it readable for everybody"
            raise Refused(why, WOULD_NOT_START) from None

    def startup_exports(self, values: Mapping[str, Any], private_dir: Path, folder: Path) -> dict[str, str]:
        """Run the startup script and return what it exported; leave in `folder` how that went."""
        before, timeout_s = {**self.own, **values["view"]}, values["timeout_s"]
        environment, death, log = (private_dir / name for name in ("environment", "death", "startup.log"))
        for path in (environment, death):  # there already, so that no umask in the script makes them unreadable
            write_whole(path, b"")
        wrapper = self.places.run_dir / "startup_wrapper.sh"
        if not wrapper.is_file():
            raise Refused(f"{wrapper} is missing: run `mwaa-local env`")
        argv = ["bash", str(wrapper), str(self.places.startup_script), str(environment), str(death)]
        say("Executing customer startup script")
        started = time.time()
        ended = run_logged(argv, before, self.places.home_dir, log, timeout_s, STARTUP_STOP_TIMEOUT_S)
        say("Exiting customer startup script")
        say(f"Startup script execution time: {ended.elapsed_s:.2f} seconds.")
        with locked(folder / ".lock"):  # replicas share the folder; what is there must be of one of them
            remove(folder / "startup.json")
            for path in (environment, death, log):
                write_whole(folder / path.name, path.read_bytes())
            write_json(folder / "startup.json", {**vars(ended), "before": before, "started": started})
        if ended.timed_out:
            why = f"the startup script still ran after {timeout_s:g} s and was stopped"
            raise Refused(f"{why}; on MWAA the container then does not start", WOULD_NOT_START)
        fields = [os.fsdecode(field) for field in environment.read_bytes().split(b"\0")[:-1]]
        if not fields:
            why = "the startup script ended before MWAA could read its variables"
            raise Refused(f"{why}; the container then does not start", WOULD_NOT_START)
        return exported(before, dict(field.split("=", 1) for field in fields if "=" in field))

    # Requirements.

    def install(self) -> int:
        values, folder, packages = self.startup_values("pip"), self.outcome_dir(), self.packages
        if packages is None:
            raise Refused(f"{PACKAGES_VARIABLE} is not set; start this container with docker-compose.yml")
        pip = values["pip"]
        with locked(self.places.packages_dir / ".lock"):
            ended = packages.outcome()
            if ended is None or (not ended.ok and pip and pip["retry_failed"] and packages.are_free()):
                remove(folder / "pip.json")
                ended = self.install_anew(values, folder, packages)
                packages.finish(ended)
            elif ended.ok:
                say("the packages are there already")
            else:
                say("the requirements could not be installed at an earlier start; continuing without them")
            packages.remove_unused()
        if pip:
            write_json(folder / "pip.json", vars(ended))
        return 0  # MWAA starts Airflow however pip ended

    def install_anew(self, values: Mapping[str, Any], folder: Path, packages: Packages) -> Ended:
        pip = values["pip"]
        point(self.places.packages_link, self.places.base_dir)
        packages.begin()
        if pip or self.has_startup_script(values):  # which may call pip, too
            packages.clone()
            point(self.places.packages_link, packages.set_dir)
        env = self.after_startup(values)
        if not pip:
            return Ended(0, False, 0.0)
        argv = [str(self.places.python), "-m", "pip", "install", *pip["argv"]]
        log_path = folder / "pip.log"
        pip_env = {**env, **PIP_VARIABLES}
        return run_logged(argv, pip_env, self.places.home_dir, log_path, pip["timeout_s"], pip["stop_timeout_s"])

    # The metadata database.

    def migrate(self) -> int:
        """Prepare the database, once; then run what is to run at every start, which looks itself whether it has to."""
        values = self.values("commands", "key")
        mark = f"mwaa-local:{values['key']}"
        # A comment on the database itself: it goes where the data go, and when they go.
        row = ask(
            self.own,
            "SELECT shobj_description(oid, 'pg_database'), quote_ident(datname) FROM pg_database"
            " WHERE datname = current_database()",
        )[0]
        if row[0] == mark:
            say("the metadata database is prepared already")
        else:
            exit_code = self.call_all(values["commands"])
            if exit_code != 0:
                return exit_code
            ask(self.own, f"COMMENT ON DATABASE {row[1]} IS %s", mark)
        return self.call_all(values.get("then", []))

    def call_all(self, commands: Sequence[Sequence[str]]) -> int:
        """Run commands one after another; return the exit code of the first that does not end well."""
        for argv in commands:
            try:
                exit_code = subprocess.call(argv, env=dict(self.own))
            except OSError as error:
                raise Refused(f"cannot run {argv[0]}: {error}", CANNOT_RUN) from None
            if exit_code != 0:
                return exit_code if exit_code > 0 else SIGNAL_OFFSET - exit_code
        return 0

    # Health.

    def health(self, name: str, *words: str) -> int:
        """Say on stderr why the component is not well, if it is not."""
        if name == "webserver" and len(words) == 1:
            why = why_no_page(self.places.webserver_port, words[0])
        elif name in JOB_TYPES and not words:
            why = self.why_no_heartbeat(JOB_TYPES[name])
        elif name == "worker" and not words:
            why = self.why_no_worker()
        else:
            raise Refused(f"usage: health webserver PATH | {' | '.join(JOB_TYPES)} | worker", WRONG_USAGE)
        if why:
            raise Refused(f"the {name} is not healthy: {why}")
        return 0

    def why_no_heartbeat(self, job_type: str) -> str:
        env = self.component_env()
        try:
            started = self.places.environment_file.stat().st_mtime
        except FileNotFoundError:
            return "it has not started yet"
        # The row of an earlier start carries its last heartbeat for a while, hence the time it started. And of another
        # container, hence the host; unless the user has Airflow name hosts in a way of their own.
        query = (
            "SELECT 1 FROM job WHERE job_type = %s AND state = 'running' AND start_date >= to_timestamp(%s)"
            " AND latest_heartbeat > now() - %s * interval '1 second'"
        )
        known = env.get(HOSTNAME_VARIABLE, HOSTNAME_MODULES[0]).startswith(HOSTNAME_MODULES)
        host = " AND hostname = ANY(%s)" if known else ""
        rows = ask(env, f"{query}{host} LIMIT 1", job_type, started, HEARTBEAT_LIMIT_S, *([own_names()] * known))
        return "" if rows else f"no {job_type} of this container has sent a heartbeat for {HEARTBEAT_LIMIT_S} s"

    def why_no_worker(self) -> str:
        """Look at the worker's connections to the broker from outside: MWAA lets nobody ask the worker itself.

        It has one from when it begins to take tasks, and what the broker sends must not lie there unread.
        """
        try:
            pid = int(self.places.pid_file.read_text(encoding="ascii"))
        except FileNotFoundError:
            return "it has not started yet"
        port = urlsplit(self.component_env().get(BROKER_VARIABLE, "")).port or BROKER_PORT
        never_read = sockets_of(pid)
        if not never_read & connections(port).keys():
            return f"it has no connection to the broker (port {port})"
        for look in range(UNREAD_LOOKS):
            if look:
                time.sleep(UNREAD_PAUSE_S)
            never_read &= {inode for inode, unread_bytes in connections(port).items() if unread_bytes}
            if not never_read:
                return ""
        return f"it has read nothing from the broker for {(UNREAD_LOOKS - 1) * UNREAD_PAUSE_S:g} s"


def ask(env: Mapping[str, str], query: str, *values: object) -> list[tuple[Any, ...]]:
    """Return the rows that the metadata database answers."""
    import psycopg2  # takes longer than all else here, and needs the release's packages

    url = next((env[name] for name in DATABASE_VARIABLES if env.get(name)), "").replace("+psycopg2", "", 1)
    if not url:
        raise Refused(f"neither {' nor '.join(DATABASE_VARIABLES)} is set: run `mwaa-local env`")
    try:
        connection = psycopg2.connect(url, connect_timeout=ANSWER_TIMEOUT_S, application_name="mwaa-local entrypoint")
        with contextlib.closing(connection), connection, connection.cursor() as cursor:
            cursor.execute(query, values)
            return cursor.fetchall() if cursor.description else []
    except psycopg2.Error as error:
        raise Refused(f"the metadata database does not answer: {' '.join(str(error).split())}") from None


def own_names() -> list[str]:
    """Return every name by which Airflow may call this host."""
    names = {socket.gethostname(), socket.getfqdn()}
    with contextlib.suppress(OSError):
        names.add(socket.gethostbyname(socket.getfqdn()))
    return sorted(names)


def why_no_page(port: int, path: str) -> str:
    try:
        with socket.create_connection(("127.0.0.1", port), ANSWER_TIMEOUT_S) as connection:
            connection.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
            with connection.makefile("rb") as answer:
                status = answer.readline().decode("latin-1").split(" ")
    except OSError as error:
        return f"{path} does not answer: {error}"
    return "" if status[1:2] == ["200"] else f"{path} answers {' '.join(status).strip() or 'nothing'}"


def connections(port: int) -> dict[str, int]:
    """Return the inodes of sockets connected to that port, and how many bytes lie there unread."""
    found = {}
    for name in ("tcp", "tcp6"):
        with contextlib.suppress(FileNotFoundError):  # no IPv6 here
            for line in Path("/proc/net", name).read_text(encoding="ascii").splitlines()[1:]:
                _, _, remote, state, queues, _, _, _, _, inode = line.split()[:10]
                if state == ESTABLISHED and int(remote.rpartition(":")[2], 16) == port:
                    found[inode] = int(queues.rpartition(":")[2], 16)
    return found


def sockets_of(pid: int) -> set[str]:
    """Return the inodes of a process's sockets."""
    found = set()
    with contextlib.suppress(FileNotFoundError):  # it has ended
        for path in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                kind, _, inode = os.readlink(str(path)).partition(":")  # noqa: PTH115 - Path's came with 3.9
                if kind == "socket":
                    found.add(inode.strip("[]"))
    return found


def end(number: int, _frame: object) -> NoReturn:
    """Leave through all that must be tidied up: a command that still runs is stopped, too."""
    raise SystemExit(SIGNAL_OFFSET + number)


def main(argv: Sequence[str], own: Mapping[str, str], places: Places) -> int:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    container = Container(own, places)
    mode, words = (argv[0], list(argv[1:])) if argv else ("", [])
    try:
        if mode == "run" and words:
            return container.run(words)
        if mode == "exec" and words:
            container.exec(words)
        if mode in ("install", "migrate") and not words:
            return container.install() if mode == "install" else container.migrate()
        if mode == "health" and words:
            return container.health(*words)
        raise Refused("usage: entrypoint run CMD... | exec CMD... | install | migrate | health NAME", WRONG_USAGE)
    except Refused as error:
        print(f"mwaa-local: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:  # no space, no permission: the path that it names tells enough
        print(f"mwaa-local: {error}", file=sys.stderr)
        return FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ, Places()))
