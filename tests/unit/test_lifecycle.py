"""The steps of `up` and `down` without a command line: who is asked for what, and what is taken down again."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from mwaa_local.environment.chosen_release import last_release
from mwaa_local.environment.environment import Environment
from mwaa_local.errors import ComponentFailed, SeedingFailed, StartupScriptFailed
from mwaa_local.event import FAILED, FINISHED, READY, STARTING, ComponentStatus, Event, LogLine
from mwaa_local.guest import seeding_script
from mwaa_local.lifecycle import Lifecycle, Listener
from mwaa_local.plan import Component, ExitedOk, Plan
from mwaa_local.project import Project
from mwaa_local.remarks import Remark, remarks_time, save_remarks
from mwaa_local.runtime.protocol import Runtime
from mwaa_local.services.seeding import PUT, REFUSED, SEED
from mwaa_local.workspace import Workspace
from tests.conftest import ProjectRunner
from tests.fakes import FakeRuntime, wait_until
from tests.wheels import make_wheel

NOWHERE = "postgresql://127.0.0.1:1/nowhere"
PLAN = Plan((), "3.3.1", {"webserver": 1}, NOWHERE, "redis://127.0.0.1:1/0", "q", "/")
SEEDED = replace(PLAN, components=(Component(SEED, ("a",), {}, ExitedOk(), reads="mark"),))
SHUTDOWN_POLL_S = 0.02  # how soon the server below notes that it is to end
PROCESSES = "AirflowVersion: 3.3.1\nLocal: {Runtime: process}\n"


@dataclass
class House:
    """A project whose environment lives in a fake runtime, and what was told of its life."""

    workspace: Workspace
    runtime: FakeRuntime
    told: list[str] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)

    @property
    def lifecycle(self) -> Lifecycle:
        listener = Listener(
            on_event=lambda event: self.told.append(f"{event.component} {event.state}"),
            on_remark=lambda remark: self.told.append(remark.what),
            on_interrupt=lambda: self.told.append(f"interrupted after {', '.join(self.runtime.calls)}"),
        )
        return Lifecycle(self.workspace, listener, self._open)

    def _open(self, kind: str, project: Project, env: Mapping[str, str]) -> Runtime:
        self.opened.append(kind)
        return self.runtime

    @property
    def environment(self) -> Environment:
        return self.workspace.environment()


@pytest.fixture
def house(project: Callable[..., ProjectRunner]) -> House:
    runner = project({"mwaa.yaml": PROCESSES, "dags/a.py": ""})
    return House(Workspace(Project.find(runner.root_dir), dict(runner.env)), FakeRuntime(PLAN))


def test_up_prepares_what_is_wanted_and_starts_it(house: House) -> None:
    started = house.lifecycle.up(house.environment, 1234)
    assert (started.plan, started.runtime, started.kind) == (PLAN, house.runtime, "process")
    assert [remark.what for remark in started.remarks] == ["started"]
    assert (house.opened, house.runtime.calls) == (["process"], ["prepare", "start"])
    assert house.told == ["fake ready"]
    (wanted,) = house.runtime.wanted
    assert (wanted.project, wanted.environment) == (house.workspace.project, house.environment)
    assert (wanted.release.airflow_version, wanted.webserver_port) == ("3.3.1", 1234)
    assert (wanted.env, wanted.cache_dir) == (house.workspace.env, house.workspace.cache_dir)


@pytest.mark.parametrize(
    ("failure", "then"),
    [
        (KeyboardInterrupt(), ["stop now"]),
        (StartupScriptFailed("it ended with 1"), ["stop now"]),
        (ComponentFailed("scheduler failed"), []),  # it stays, to be looked at
    ],
)
@pytest.mark.parametrize("before", [None, PLAN])
def test_up_takes_down_what_it_started_and_nothing_else(
    house: House, failure: BaseException, then: list[str], before: Plan | None
) -> None:
    house.runtime.failure, house.runtime.before = failure, before
    with pytest.raises(type(failure)):
        house.lifecycle.up(house.environment)
    assert house.runtime.calls == ["prepare", "start", *([] if before else then)]
    is_told = isinstance(failure, KeyboardInterrupt) and before is None
    assert house.told == (["interrupted after prepare, start"] if is_told else [])


def test_conflict_in_requirements_is_told_by_up_alone(house: House) -> None:
    project = house.workspace.project
    for folder in (project.run_dir, project.requirements_path.parent, project.plugins_dir):
        folder.mkdir(parents=True)
    make_wheel(project.plugins_dir, "alpha", "1.0")
    text = "--no-index\n--find-links /usr/local/airflow/plugins\nalpha==2.0\n"
    project.requirements_path.write_text(text)
    house.lifecycle.start(house.environment)
    assert house.told == ["fake ready"]
    house.lifecycle.up(house.environment)
    conflict = "requirements/requirements.txt:3: alpha==2.0 cannot be met"
    wait_until(lambda: conflict in house.told, "what the check says")


def test_what_is_being_stopped_has_ended_before_anything_is_asked(house: House) -> None:
    house.lifecycle.choose("auto")
    assert house.runtime.finished_stops == 1
    assert house.runtime.calls == []


def test_start_takes_nothing_down(house: House) -> None:
    house.runtime.failure = StartupScriptFailed("it ended with 1")
    with pytest.raises(StartupScriptFailed):
        house.lifecycle.start(house.environment)
    assert house.runtime.calls == ["prepare", "start"]


def test_start_with_an_empty_database_removes_the_old_one_first(house: House) -> None:
    kept = house.workspace.project.state_dir / "aws" / "kept"
    kept.mkdir(parents=True)
    house.lifecycle.start_empty(house.environment)
    assert not kept.exists()  # what the local AWS held
    assert house.runtime.calls == ["stop now", "remove database 3.3.1", "prepare", "start"]


def test_what_a_local_aws_has_to_say_is_a_remark_of_its_start_and_its_state(house: House) -> None:
    folder = house.workspace.project.state_dir / "aws"
    folder.mkdir(parents=True)
    told = [{"severity": "warning", "what": "it began anew", "why": "", "hint": ""}]
    (folder / "remarks.json").write_text(json.dumps(told))
    assert "it began anew" not in [remark.what for remark in house.lifecycle.up(house.environment).remarks]
    house.runtime.plan = replace(PLAN, ports={**PLAN.ports, "aws": 2})
    assert "it began anew" in [remark.what for remark in house.lifecycle.up(house.environment).remarks]


def test_chosen_runtime_may_be_another_than_the_environment_file_says(house: House) -> None:
    (house.workspace.project.root_dir / "mwaa.yaml").write_text("Local: {Runtime: docker}\n")
    lifecycle = house.lifecycle
    assert lifecycle.choose("process") == "process"
    assert lifecycle.up(house.environment).kind == "process"
    assert house.opened == ["process"]


def test_docker_that_is_there_but_broken_is_a_remark_of_the_start(house: House, tmp_path: Path) -> None:
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text("#!/bin/sh\nexit 1\n")
    docker.chmod(0o755)
    house.workspace.env["PATH"] = str(docker.parent)
    lifecycle = house.lifecycle
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as no_engine:  # it refuses whatever it is asked
        serving = threading.Thread(target=no_engine.serve_forever, args=(SHUTDOWN_POLL_S,))
        serving.start()
        house.workspace.env["DOCKER_HOST"] = f"tcp://127.0.0.1:{no_engine.server_port}"
        assert lifecycle.choose("auto") == "process"
        no_engine.shutdown()
        serving.join()
    assert house.told == ["runtime done"]
    assert [remark.subject for remark in lifecycle.up(house.environment).remarks] == ["runtime", "fake"]


def test_link_with_which_airflow_reads_no_dag_is_a_remark_of_the_start(house: House) -> None:
    project = house.workspace.project
    (project.dags_dir / "loop").symlink_to(".")
    (project.root_dir / "plugins").mkdir()
    (project.root_dir / "plugins" / "itself").symlink_to("itself")
    first, second = house.lifecycle.up(house.environment).remarks[:2]
    assert (first.severity, first.subject, first.what) == (
        "error",
        "links",
        "dags/loop: this link leads back to a folder that contains it",
    )
    assert "the dag-processor of Airflow 3 ends each time it starts" in first.why
    assert (second.severity, second.what) == ("warning", "plugins/itself: this link leads to itself")


def test_entry_that_the_database_refused_is_the_error(house: House) -> None:
    refusal = {"outcome": REFUSED, "line": 4, "kind": "pool", "name": "p", "error": "E", "message": "m"}
    line = LogLine(SEED, "out", f"{seeding_script.ANSWER}{json.dumps(refusal)}", time.time() + 60)
    house.runtime.plan, house.runtime.lines = SEEDED, (line,)
    house.runtime.failure = ComponentFailed("seed failed")
    with pytest.raises(SeedingFailed, match=r"airflow_settings\.yaml:4: the pool p"):
        house.lifecycle.up(house.environment)
    house.runtime.lines = (replace(line, time=time.time() - 60),)  # of an earlier start
    with pytest.raises(ComponentFailed):
        house.lifecycle.up(house.environment)


def test_what_the_step_put_in_is_told(house: House) -> None:
    answer = {"outcome": PUT, "counts": {"pool": 1}}
    line = LogLine(SEED, "out", f"{seeding_script.ANSWER}{json.dumps(answer)}", time.time() + 60)
    house.runtime.plan, house.runtime.lines = SEEDED, (line,)
    house.lifecycle.up(house.environment)
    assert house.told == ["fake ready", "settings done"]
    house.runtime.lines = ()  # it has not written anything
    house.lifecycle.up(house.environment)
    assert house.told == ["fake ready", "settings done", "fake ready"]


def test_files_for_compose_are_written_without_an_engine_and_start_nothing(house: House, tmp_path: Path) -> None:
    house.workspace.env["DOCKER_HOST"] = f"unix://{tmp_path}/no.sock"
    with house.workspace.exclusive():
        written = house.lifecycle.write_compose_files(house.environment)
    assert (written.dir / "compose.env").is_file()
    assert written.command[-1] == str(written.dir / "compose.env")
    assert house.runtime.calls == []


@pytest.mark.parametrize(("now", "call"), [(False, "stop"), (True, "stop now")])
def test_down_tells_whether_anything_ran(house: House, now: bool, call: str) -> None:
    lifecycle = house.lifecycle
    lifecycle.up(house.environment)
    assert lifecycle.down(now=now)
    assert not lifecycle.down(now=now)
    assert house.runtime.calls[2:] == [call, call]


def test_state_is_of_what_runs_and_leaves_out_what_is_done(house: House) -> None:
    lifecycle = house.lifecycle
    lifecycle.choose("process")
    assert lifecycle.state() is None
    house.runtime.before = PLAN
    house.workspace.project.run_dir.mkdir(parents=True)
    save_remarks(house.workspace.project.run_dir, [Remark("note", "options", "one")])
    for others, healthy in (((), True), ((STARTING,), False), ((FAILED,), False)):
        states = (FINISHED, READY, *others)
        house.runtime.statuses = [ComponentStatus(str(number), state) for number, state in enumerate(states)]
        state = lifecycle.state()
        assert state is not None
        assert [item.state for item in state.statuses] == [READY, *others]
        assert (state.is_healthy, state.plan) == (healthy, PLAN)
        assert [remark.what for remark in state.remarks] == ["one"]


def test_nobody_need_listen(house: House) -> None:
    nobody = Listener()
    nobody.on_event(Event("a", READY))
    nobody.on_interrupt()


def save_no_remarks(house: House) -> None:
    """End an `up`, and wait until files get a later time than it has."""
    run_dir = house.workspace.project.run_dir
    save_remarks(run_dir, [])
    since = remarks_time(run_dir)
    assert since is not None

    def ticked() -> bool:
        (run_dir / "probe").touch()
        return (run_dir / "probe").stat().st_mtime > since

    assert wait_until(ticked, "a tick of the file system's clock")


def test_what_was_written_since_the_last_up_is_without_effect(house: House) -> None:
    root_dir = house.workspace.project.root_dir
    files = {"requirements/requirements.txt": "", "startup/startup.sh": "", "plugins/mine/a.py": ""}
    for name, text in files.items():
        (root_dir / name).parent.mkdir(parents=True)
        (root_dir / name).write_text(text)
    assert house.lifecycle.unapplied() == ()  # there was no `up`
    save_no_remarks(house)
    assert house.lifecycle.unapplied() == ()
    (root_dir / "dags" / "a.py").write_text("# Airflow finds it by itself\n")
    (root_dir / "plugins" / "mine" / "__pycache__").mkdir()
    (root_dir / "plugins" / "mine" / "__pycache__" / "a.pyc").touch()
    assert house.lifecycle.unapplied() == ()
    (root_dir / "startup" / "startup.sh").write_text("export A=1\n")
    (root_dir / "plugins" / "mine" / "a.py").write_text("A = 1\n")
    (remark,) = house.lifecycle.unapplied()
    assert remark.what.endswith("without effect yet: startup, plugins")
    assert remark.hint == "mwaa-local up"


def test_file_that_went_or_was_moved_here_counts_as_written(house: House, tmp_path: Path) -> None:
    root_dir = house.workspace.project.root_dir
    older = tmp_path / "older.txt"
    older.write_text("requests\n")
    (root_dir / "startup").mkdir()
    (root_dir / "startup" / "startup.sh").touch()
    (root_dir / "requirements").mkdir()
    (root_dir / "requirements" / "requirements.txt").touch()
    save_no_remarks(house)
    (root_dir / "startup" / "startup.sh").unlink()
    older.rename(root_dir / "requirements" / "requirements.txt")
    (remark,) = house.lifecycle.unapplied()
    assert remark.what.endswith("without effect yet: requirements, startup")


@pytest.mark.parametrize(("aws", "is_told"), [("none", True), ("host", True), ("profile", False)])
def test_profile_that_is_not_wanted_is_told(house: House, aws: str, is_told: bool) -> None:
    path = house.workspace.project.environment_path
    path.write_text(f"AirflowVersion: 3.3.1\nLocal: {{Runtime: process, Aws: {aws}, AwsProfile: prod}}\n")
    wanted = house.lifecycle._wanted(house.environment, house.workspace.release(house.environment))
    assert ["AwsProfile has no effect without Aws: profile"] * is_told == [remark.what for remark in wanted.remarks]


@pytest.mark.parametrize(("aws", "is_told"), [("none", True), ("host", True), ("local", False)])
def test_port_of_a_local_aws_that_is_not_wanted_is_told(house: House, aws: str, is_told: bool) -> None:
    path = house.workspace.project.environment_path
    path.write_text(f"AirflowVersion: 3.3.1\nLocal: {{Runtime: process, Aws: {aws}, AwsPort: 4566}}\n")
    wanted = house.lifecycle._wanted(house.environment, house.workspace.release(house.environment))
    assert ["AwsPort has no effect without Aws: local"] * is_told == [remark.what for remark in wanted.remarks]


def test_other_release_than_the_files_is_noted_while_it_runs(house: House) -> None:
    named = replace(house.workspace, airflow_version="2.8.1")
    Lifecycle(named, open_runtime=house._open).start(named.environment())
    assert house.environment.airflow_version == "2.8.1"
    (wanted,) = house.runtime.wanted
    assert "Airflow 2.8.1 runs instead of 3.3.1 of mwaa.yaml" in [remark.what for remark in wanted.remarks]
    house.lifecycle.down()
    assert house.environment.airflow_version == "3.3.1"


def test_release_that_ran_last_is_known_after_a_stop_and_gone_with_a_start_of_the_files(house: House) -> None:
    named, project = replace(house.workspace, airflow_version="2.8.1"), house.workspace.project
    Lifecycle(named, open_runtime=house._open).up(named.environment())
    house.lifecycle.down()
    assert last_release(project) == "2.8.1"
    house.lifecycle.up(house.environment)
    assert last_release(project) == ""
    house.lifecycle.down()


def test_other_release_that_did_not_come_up_is_not_noted(house: House) -> None:
    named = replace(house.workspace, airflow_version="2.8.1")
    house.runtime.failure = StartupScriptFailed("no")
    with pytest.raises(StartupScriptFailed):
        Lifecycle(named, open_runtime=house._open).up(named.environment())
    assert house.environment.airflow_version == "3.3.1"


def test_ended_release_is_told_with_a_start_and_runs(house: House) -> None:
    named = replace(house.workspace, airflow_version="2.2.2")
    Lifecycle(named, open_runtime=house._open).start(named.environment())
    (wanted,) = house.runtime.wanted
    assert "MWAA ended Airflow 2.2.2 on 2024-06-27" in [remark.what for remark in wanted.remarks]
    assert house.runtime.calls == ["prepare", "start"]


@pytest.mark.parametrize(
    ("version", "has_script", "is_told"), [("1.10.12", True, True), ("1.10.12", False, False), ("2.0.2", True, False)]
)
def test_script_that_the_release_does_not_run_is_told_with_a_start(
    house: House, version: str, has_script: bool, is_told: bool
) -> None:
    script_path = house.workspace.project.startup_script_path
    script_path.parent.mkdir(exist_ok=True)
    if has_script:
        script_path.write_text("export TEAM=data\n")
    named = replace(house.workspace, airflow_version=version)
    Lifecycle(named, open_runtime=house._open).start(named.environment())
    told = [
        remark for wanted in house.runtime.wanted for remark in wanted.remarks if remark.subject == "startup script"
    ]
    what = "startup/startup.sh is not run: MWAA runs no startup script with Airflow 1.10.12"
    assert [(remark.what, "AirflowConfigurationOptions" in remark.hint) for remark in told] == [(what, True)] * is_told
