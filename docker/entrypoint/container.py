"""One container: what it does when it starts, and how it is asked whether it is well."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

from files import locked, point, remove, write_json, write_whole
from health import (
    BROKER_PORT,
    BROKER_VARIABLE,
    HEARTBEAT_LIMIT_S,
    HOSTNAME_MODULES,
    HOSTNAME_VARIABLE,
    JOB_TYPES,
    UNREAD_LOOKS,
    UNREAD_PAUSE_S,
    ask,
    connections,
    own_names,
    sockets_of,
    why_no_page,
)
from packages import Packages
from places import Places
from running import (
    CANNOT_RUN,
    SIGNAL_OFFSET,
    STARTUP_STOP_TIMEOUT_S,
    WOULD_NOT_START,
    WRONG_USAGE,
    Ended,
    Refused,
    become,
    ignore_terminal_stops,
    run_beside,
    run_logged,
    say,
)
from stopping import HELPERS_FIRST, STOP_VARIABLE, look_after

from startup import exported, merge

SERVICE_VARIABLE = "MWAA_LOCAL_SERVICE"
PACKAGES_VARIABLE = "MWAA_LOCAL_PACKAGES"  # the key of the set that this container was made for
# On MWAA pip installs into the user's own folder in any case; the virtual environment here stands for that.
PIP_VARIABLES = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "PIP_USER": "0"}
TERMINAL_VARIABLES = ("TERM", "COLUMNS", "LINES")  # of whoever calls `exec`


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
        for beside in self.values().get("beside", []):
            run_beside(beside, env, self.places.home_dir)
        if self.own.get(STOP_VARIABLE) == HELPERS_FIRST:
            return look_after(argv, env)
        ignore_terminal_stops()
        return become(argv, env)

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
        names = ("environment", "death", "failures", "startup.log")
        environment, death, failures, log = (private_dir / name for name in names)
        for path in (environment, death, failures):  # already there, so that no umask makes them unreadable
            write_whole(path, b"")
        wrapper = self.places.run_dir / "startup_wrapper.sh"
        if not wrapper.is_file():
            raise Refused(f"{wrapper} is missing: run `mwaa-local env`")
        argv = ["bash", str(wrapper), str(self.places.startup_script), *map(str, (environment, death, failures))]
        say("Executing customer startup script")
        started = time.time()
        ended = run_logged(argv, before, self.places.home_dir, log, timeout_s, STARTUP_STOP_TIMEOUT_S)
        say("Exiting customer startup script")
        say(f"Startup script execution time: {ended.elapsed_s:.2f} seconds.")
        with locked(folder / ".lock"):  # replicas share the folder; what is there must be of one of them
            remove(folder / "startup.json")
            for path in (environment, death, failures, log):
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
