"""Everything between a user's files and a plan: packages, database, paths, startup script, requirements.

Runs in MWAA's order (plugins in place, startup script, requirements, then Airflow). What is already there and unchanged
is kept, so the second time costs little. Not for starting anything: that is the runtime's part.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from mwaa_local import requirements
from mwaa_local.container import container_env
from mwaa_local.environment import Environment
from mwaa_local.errors import MwaaLocalError
from mwaa_local.options import LocalValues, MergedVariables, merge, startup_view, user_notes, worker_queues
from mwaa_local.packages import PackageStore, PythonEnvironment
from mwaa_local.plan import MWAA_COMPONENTS, Launch, Plan, make_plan
from mwaa_local.ports import check_ports, free_port
from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.remarks import ERROR, NOTE, WARNING, Remark, save_remarks
from mwaa_local.runtime import Event, isolation
from mwaa_local.runtime.state import MARK_VARIABLE, write_private
from mwaa_local.secrets import Secrets, load_secrets
from mwaa_local.servers import (
    DatabaseTemplates,
    Migration,
    broker_argv,
    broker_config,
    broker_url,
    check_data_dir,
    database_url,
    find_binaries,
    postgres_argv,
    postgres_version,
)
from mwaa_local.startup import StartupOutcome, run_startup_script

T = TypeVar("T")

EXPORTS_NAME = "startup-exports.json"
PACKAGES_MARK = "mwaa-local-project.json"
QUEUE_NAME = "celery-queue"  # the queue's name in AWS's own local images (docker-compose.yaml, MWAA__SQS__QUEUE_URL)


@dataclass(frozen=True)
class Prepared:
    """A plan, and what was learnt on the way to it."""

    plan: Plan
    remarks: tuple[Remark, ...]
    home_dir: str


@dataclass
class Preparation:
    """One way from files to plan. `env` is the caller's environment; `running` the plan that runs now, if any."""

    project: Project
    environment: Environment
    release: Release
    env: Mapping[str, str]
    cache_dir: Path
    running: Plan | None
    on_event: Callable[[Event], None]
    webserver_port: int | None = None
    remarks: list[Remark] = field(default_factory=list)

    def prepare(self) -> Prepared:
        make_state_dirs(self.project)
        self._remark_on_members()
        # Before anything that takes long; the runtime looks again when it starts.
        check_ports(self._ports(), self.running.ports if self.running else {})
        secrets = load_secrets(self.project.state_dir)
        store = PackageStore(self.cache_dir, self.env)
        base = self._step("packages", lambda say: store.base(self.release, say))
        self.remarks += [Remark(WARNING, "python", note) for note in base.notes]
        secrets = self._ensure_database(base, secrets)
        home_dir = self._enter_paths()
        launch = self._launch(secrets, home_dir)
        values = self._values(launch, secrets, home_dir)
        launch = replace(launch, worker_queues=worker_queues(self.release, values))
        source = self._requirements()
        packages, outcomes = self._components_packages(store, base, source, values, home_dir)
        merged = self._merge(packages, outcomes, values, home_dir)
        self._remark_on_options(merged)
        self._finish_home(packages)
        launch = replace(
            launch,
            python=str(packages.python_path),
            env_of={name: merged[name].as_env() for name in MWAA_COMPONENTS},
            forkserver=str(packages.site_packages_dir / "mwaa_support" / "forkserver.py"),
        )
        plan = make_plan(self.environment, self.release, launch)
        save_remarks(self.project.run_dir, self.remarks)
        return Prepared(plan, tuple(self.remarks), home_dir)

    def _remark_on_members(self) -> None:
        """Tell which members of the environment file mean nothing on one machine."""
        ignored = [*self.environment.ignored_members, *self.environment.other_members]
        if ignored:
            self.remarks.append(Remark(NOTE, "environment file", f"without effect here: {', '.join(ignored)}"))

    # Paths.

    def _enter_paths(self) -> str:
        """Give this process and all it starts MWAA's paths; return the Airflow home they see."""
        project = self.project
        folders = {name: folder for name, folder in project.mwaa_folders.items() if folder.is_dir()}
        layout = isolation.Layout(project.airflow_home_dir, folders)
        why_not = isolation.enter_mwaa_paths(layout)
        if not why_not:
            return str(isolation.MWAA_HOME_DIR)
        isolation.link_mwaa_paths(layout)
        self.remarks.append(
            Remark(
                WARNING,
                "paths",
                f"{isolation.MWAA_HOME_DIR} cannot be shown here; components see {project.airflow_home_dir}",
                why_not,
                "use the AIRFLOW_HOME variable instead of the fixed path in DAGs",
            )
        )
        return str(project.airflow_home_dir)

    def _finish_home(self, packages: PythonEnvironment) -> None:
        """Let `/usr/local/airflow/.local` be where the packages are, as on MWAA."""
        local_dir = self.project.airflow_home_dir / ".local"
        etc_dir = local_dir / "etc"
        etc_dir.mkdir(parents=True, exist_ok=True)
        links = {
            local_dir / "bin": packages.bin_dir,
            local_dir / "lib": packages.dir / "lib",
            etc_dir / "airflow_constraints.txt": self.release.constraints_path,
            etc_dir / "mwaa_essential_constraints.txt": self.release.essential_constraints_path,
        }
        for link, target in links.items():
            if link.is_symlink() and link.readlink() == target:
                continue
            link.unlink(missing_ok=True)
            link.symlink_to(target)

    # Servers.

    def _ensure_database(self, base: PythonEnvironment, secrets: Secrets) -> Secrets:
        data_dir = self.project.database_dir / self.release.airflow_version
        if data_dir.exists():
            check_data_dir(data_dir)
            return secrets
        templates = DatabaseTemplates(self.cache_dir, find_binaries(), self._server_env(), free_port())
        migration = self._migration(base)
        password = self._step("database", lambda say: templates.create(data_dir, migration, say))
        secrets = secrets.with_database(self.release.airflow_version, password)
        secrets.save(self.project.state_dir)
        return secrets

    def _migration(self, base: PythonEnvironment) -> Migration:
        """Describe the first migration: in an Airflow home of its own, by the release's packages alone."""
        key_parts = [
            self.release.airflow_version,
            base.digest,
            postgres_version(),
            self.release.migrate_argv,
            self.release.create_user_argv,
            self.environment.airflow_configuration_options.get("core.default_pool_task_slot_count"),
        ]
        key = hashlib.sha256(json.dumps(key_parts).encode()).hexdigest()[:12]
        home_dir = self.cache_dir / "databases" / f"{self.release.airflow_version}-{key}.home"
        airflow = (str(base.python_path), "-m", "airflow")
        commands = [(*airflow, *self.release.migrate_argv)]
        if self.release.create_user_argv is not None:
            commands.append((*airflow, *self.release.create_user_argv))

        def env_for(url: str) -> Mapping[str, str]:
            home_dir.mkdir(parents=True, exist_ok=True)
            values = replace(PREVIEW, database_url=_sqlalchemy(url), result_backend=f"db+{_sqlalchemy(url)}")
            values = replace(values, airflow_home=str(home_dir))
            container = self._container_env(base, str(home_dir))
            return merge(self.release, self.environment, values, component="migrate-db", container=container).as_env()

        return Migration(f"{self.release.airflow_version}-{key}", tuple(commands), env_for, home_dir)

    def _launch(self, secrets: Secrets, home_dir: str) -> Launch:
        ports = self._ports()
        postgres_port, broker_port = ports["postgres"], ports["redis"]
        binaries = find_binaries()
        data_dir = self.project.database_dir / self.release.airflow_version
        broker_dir = self.project.state_dir / "broker"
        broker_dir.mkdir(exist_ok=True, mode=0o700)
        config_path = self.project.run_dir / "broker.conf"
        write_private(config_path, broker_config(broker_dir, broker_port, secrets.broker_password))
        password = secrets.database_password(self.release.airflow_version)
        return Launch(
            python="",
            home_dir=home_dir,
            webserver_port=ports["webserver"],
            ports_asked=self._ports_asked,
            folders=folder_identities(self.project),
            plugins_version=tree_version(self.project.plugins_dir),
            postgres_port=postgres_port,
            broker_port=broker_port,
            database_url=database_url(postgres_port, password),
            broker_url=broker_url(broker_port, secrets.broker_password),
            worker_queues=(QUEUE_NAME,),
            postgres_argv=postgres_argv(binaries, data_dir, postgres_port),
            broker_argv=broker_argv(binaries, config_path),
            server_env=self._server_env(),
            env_of={},
            worker_count=self.environment.worker_count,
        )

    @property
    def _ports_asked(self) -> dict[str, int]:
        local = self.environment.local
        return {"webserver": local.webserver_port, "postgres": local.postgres_port, "redis": local.broker_port}

    def _ports(self) -> dict[str, int]:
        """Return the ports to use: those in use while the environment file asks for the same as then, else new ones."""
        asked, running = self._ports_asked, self.running
        ports = {}
        for name, port in asked.items():
            kept = running is not None and running.ports_asked.get(name) == port
            ports[name] = running.ports[name] if running is not None and kept else port or free_port()
        if self.webserver_port is not None:
            kept_port = running.ports["webserver"] if running else 0
            ports["webserver"] = self.webserver_port or kept_port or free_port()
        return ports

    def _server_env(self) -> dict[str, str]:
        return {"PATH": self.env.get("PATH", os.defpath), "LC_ALL": "C", MARK_VARIABLE: str(self.project.run_dir)}

    # Configuration.

    def _values(self, launch: Launch, secrets: Secrets, home_dir: str) -> LocalValues:
        url = f"http://localhost:{launch.webserver_port}"
        database = _sqlalchemy(launch.database_url)
        return LocalValues(
            database_url=database,
            result_backend=f"db+{database}",
            broker_url=launch.broker_url,
            default_queue=QUEUE_NAME,
            fernet_key=secrets.fernet_key,
            secret_key=secrets.secret_key,
            jwt_secret=secrets.jwt_secret,
            web_url=url,
            execution_api_url=f"http://{launch.host}:{launch.webserver_port}/execution/",
            airflow_home=home_dir,
        )

    def _container_env(self, packages: PythonEnvironment, home_dir: str) -> dict[str, str]:
        return container_env(self.project, self.environment, self.release, packages, home_dir, self.env)

    def _merge(
        self,
        packages: PythonEnvironment,
        outcomes: Mapping[str, Mapping[str, str]],
        values: LocalValues,
        home_dir: str,
    ) -> dict[str, MergedVariables]:
        container = self._container_env(packages, home_dir)
        return {
            name: merge(
                self.release,
                self.environment,
                values,
                component=name,
                container=container,
                startup_exports=outcomes.get(name, {}),
            )
            for name in MWAA_COMPONENTS
        }

    def _remark_on_options(self, merged: Mapping[str, MergedVariables]) -> None:
        """Tell the user, once each, which of their values lost or mean nothing to this Airflow."""
        for lost in dict.fromkeys(lost for variables in merged.values() for lost in user_notes(variables)):
            explain = f"mwaa-local options --explain {lost.name}"
            self.remarks.append(
                Remark(WARNING, "options", f"{lost.name} = {lost.masked()} has no effect", lost.reason, explain)
            )
        for name, remark in merged["scheduler"].remarks.items():
            self.remarks.append(Remark(WARNING, "options", f"{name}: {remark}"))

    # Startup script and requirements.

    def _requirements(self) -> requirements.PreparedRequirements | None:
        path = self.project.requirements_path
        if not path.is_file():
            return None
        work_dir = self.project.state_dir / "requirements"
        mapped = {f"{isolation.MWAA_HOME_DIR}/{name}": folder for name, folder in self.project.mwaa_folders.items()}
        prepared = requirements.prepare(path, self.release, work_dir, home_map=mapped)
        # That MWAA adds the constraints to a file without any is how it should be; the rest is worth a look.
        severity = NOTE if prepared.constraints is requirements.ConstraintSource.INJECTED else WARNING
        self.remarks += [Remark(severity, "requirements", note) for note in prepared.notes]
        return None if prepared.is_empty else prepared

    def _components_packages(
        self,
        store: PackageStore,
        base: PythonEnvironment,
        source: requirements.PreparedRequirements | None,
        values: LocalValues,
        home_dir: str,
    ) -> tuple[PythonEnvironment, dict[str, Mapping[str, str]]]:
        """Return the project's own package set and what the startup script exported for each MWAA component.

        The set is the project's own even without requirements: a startup script may call pip, and must not change
        what other projects share. It is made anew when base, requirements or startup script change, as every start is
        on MWAA.
        """
        script_path = self.project.startup_script_path
        script = script_path.read_bytes() if script_path.is_file() and self.release.startup_script else b""
        parts = [base.digest, source.digest if source else "", hashlib.sha256(script).hexdigest()]
        key = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]
        target_dir = self.project.state_dir / "packages" / key
        packages = PythonEnvironment(target_dir, base.python_version, base.digest)
        mark = _read_mark(target_dir)
        if mark is None:
            self._step(
                "packages",
                lambda say: _say(say, "copying the packages for this project", store.clone, base, target_dir),
            )
        exports = self._startup_exports(packages, script_path if script else None, values, home_dir, key)
        failed = mark is not None and bool(mark.get("failed"))
        if source is not None and (mark is None or (failed and self.running is None)):
            mark = self._install(source, packages, exports, values, home_dir)
        elif failed and mark is not None:
            self._report_failed_install(mark["failed"])
        if mark is None or "failed" not in mark:
            mark = {"failed": ""}
        (target_dir / PACKAGES_MARK).write_text(json.dumps(mark))
        _remove_other_sets(target_dir, keep=self.running)
        return packages, exports

    def _startup_exports(
        self,
        packages: PythonEnvironment,
        script_path: Path | None,
        values: LocalValues,
        home_dir: str,
        key: str,
    ) -> dict[str, Mapping[str, str]]:
        exports_path = self.project.run_dir / EXPORTS_NAME
        if script_path is None:
            exports_path.unlink(missing_ok=True)
            return {}
        container = self._container_env(packages, home_dir)
        views = {
            name: startup_view(self.release, self.environment, values, component=name, container=container)
            for name in MWAA_COMPONENTS
        }
        seen = hashlib.sha256(json.dumps([key, views], sort_keys=True).encode()).hexdigest()
        if self.running is not None:
            kept = _read_exports(exports_path, seen)
            if kept is not None:
                return kept
        outcomes = self._step("startup script", lambda _: self._run_scripts(script_path, views, home_dir))
        self.remarks += [
            Remark(WARNING, "startup script", note)
            for note in dict.fromkeys(note for outcome in outcomes for note in outcome.notes)
        ]
        exports: dict[str, Mapping[str, str]] = {outcome.component: outcome.exported for outcome in outcomes}
        write_private(exports_path, json.dumps({**exports, "seen": seen}))
        return exports

    def _run_scripts(
        self, script_path: Path, views: Mapping[str, Mapping[str, str]], home_dir: str
    ) -> list[StartupOutcome]:
        def one(name: str) -> StartupOutcome:
            log_path = self.project.logs_dir / f"startup_script_{name}.out"
            return run_startup_script(script_path, name, views[name], Path(home_dir), log_path)

        with ThreadPoolExecutor(len(views)) as threads:
            return list(threads.map(one, views))

    def _install(
        self,
        source: requirements.PreparedRequirements,
        packages: PythonEnvironment,
        exports: Mapping[str, Mapping[str, str]],
        values: LocalValues,
        home_dir: str,
    ) -> dict[str, str]:
        env = self._merge(packages, exports, values, home_dir)["scheduler"].as_env()
        # Where this machine reaches its index is the machine's business; what is installed is not.
        network = {name: self.env[name] for name in ("PIP_INDEX_URL", "PIP_CERT") if name in self.env}
        log_path = self.project.logs_dir / "requirements_install.out"
        result = self._step(
            "requirements",
            lambda _: requirements.install(
                source, packages.python_path, {**network, **env}, log_path, cwd=Path(home_dir)
            ),
        )
        if isinstance(result, requirements.Installed):
            return {"failed": ""}
        self._report_failed_install(result.reason)
        return {"failed": result.reason}

    def _report_failed_install(self, reason: str) -> None:
        self.remarks.append(
            Remark(
                ERROR,
                "requirements",
                f"{self.project.requirements_path.relative_to(self.project.root_dir)} was not installed",
                f"{reason}\nAirflow started without it, as on MWAA, where nothing tells you.",
                f"correct the file and run `mwaa-local up` again; pip's output is in "
                f"{self.project.logs_dir / 'requirements_install.out'}",
            )
        )

    def _step(self, name: str, action: Callable[[Callable[[str], None]], T]) -> T:
        """Do one step; say it when it is worth saying: it announced itself, or took noticeable time."""
        started = time.monotonic()
        announced = False

        def say(text: str) -> None:
            nonlocal announced
            announced = True
            self.on_event(Event(name, "working", detail=text))

        try:
            result = action(say)
        except MwaaLocalError:
            self.on_event(Event(name, "failed", time.monotonic() - started))
            raise
        elapsed_s = time.monotonic() - started
        if announced or name in ("startup script", "requirements"):
            failed = isinstance(result, requirements.InstallFailed)
            self.on_event(Event(name, "failed" if failed else "done", elapsed_s))
        return result


PREVIEW = LocalValues(
    database_url="",
    result_backend="",
    broker_url="redis://127.0.0.1:1/0",
    default_queue=QUEUE_NAME,
    fernet_key="",
    secret_key="unused",
    jwt_secret="unused",
    web_url="http://localhost:8080",
    execution_api_url="http://localhost:8080/execution/",
    airflow_home="",
)


def make_state_dirs(project: Project) -> None:
    """Make `.mwaa-local/`, private and ignored by git, with the folders that steps expect."""
    project.make_state_dir()
    for folder in (project.logs_dir, project.airflow_home_dir, project.airflow_home_dir / "logs"):
        folder.mkdir(parents=True, exist_ok=True)
    for name in project.mwaa_folders:
        folder = project.airflow_home_dir / name
        if not folder.is_symlink():
            folder.mkdir(exist_ok=True)
    project.run_dir.mkdir(exist_ok=True, mode=0o700)


def folder_identities(project: Project) -> dict[str, str]:
    """Return which folder stands for each of MWAA's: one that was made anew is another, and must be shown anew."""
    found = {}
    for name, folder in project.mwaa_folders.items():
        if folder.is_dir():
            about = folder.stat()
            found[name] = f"{about.st_dev}:{about.st_ino}"
    return found


def tree_version(folder: Path) -> str:
    """Return what changes when a file below the folder is added, removed or written; bytecode does not count."""
    parts = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            about = path.stat()
            parts.append(f"{path.relative_to(folder)}:{about.st_size}:{about.st_mtime_ns}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12] if parts else ""


def _sqlalchemy(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg2://", 1)


def _read_mark(target_dir: Path) -> dict[str, str] | None:
    try:
        plain = json.loads((target_dir / PACKAGES_MARK).read_text())
        return {str(name): str(value) for name, value in plain.items()}
    except (OSError, ValueError, AttributeError):
        return None


def _read_exports(path: Path, seen: str) -> dict[str, Mapping[str, str]] | None:
    try:
        plain = json.loads(path.read_text())
        return {name: plain[name] for name in MWAA_COMPONENTS} if plain.pop("seen") == seen else None
    except (OSError, ValueError, KeyError, AttributeError):
        return None


def _remove_other_sets(target_dir: Path, keep: Plan | None) -> None:
    """Remove package sets that nothing uses any more; the one that components run from now is still in use."""
    in_use = Path(keep.preload_argv[0]).parents[1] if keep and keep.preload_argv else None
    for folder in target_dir.parent.iterdir():
        if folder not in (target_dir, in_use):
            shutil.rmtree(folder, ignore_errors=True)


def _say(say: Callable[[str], None], text: str, action: Callable[..., T], *values: object) -> T:
    say(text)
    return action(*values)
