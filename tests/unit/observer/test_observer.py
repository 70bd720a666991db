"""The observer's process beside a real supervisor: it lives as long as what it observes, whoever is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mwaa_local.environment.environment import Environment
from mwaa_local.environment.local import LocalSettings
from mwaa_local.observer.launch import ask_to_end, begin_observer, keep_observer, wait_for_end
from mwaa_local.observer.observing import LOOK_PAUSE_S
from mwaa_local.observer.place import LOG_NAME, OUTPUT_NAME, ObserverFolder
from mwaa_local.project import Project
from mwaa_local.runtime.process.runtime import ProcessRuntime
from tests.contract.house import House
from tests.fakes import Steady, wait_until

# An observer with two duties of the test: one that notes its rounds, and one that never works.
OBSERVER = """
import os, sys
from pathlib import Path
from mwaa_local.errors import NotNow
from mwaa_local.observer import observing
from mwaa_local.project import Project

class Notes:
    name, interval_s = "notes", 0.02
    def round(self, observed):
        self.write(f"{observed.environment.name} {[item.name for item in observed.plan.components]}")
    def finish(self, observed):
        self.write("finished")
    def write(self, line):
        with Path(sys.argv[2]).open("a") as file:
            file.write(line + chr(10))

class Broken:
    name, interval_s, tries = "broken", 0.0, 0
    def round(self, observed):
        self.tries += 1
        raise ValueError("always the same")
    def finish(self, observed):
        with Path(sys.argv[2] + ".tries").open("w") as file:
            file.write(str(self.tries))

class Waits:
    name, interval_s = "waits", 0.02
    def round(self, observed):
        raise NotNow("the service is away")
    def finish(self, observed):
        pass

observing.duties_for = lambda observed: [Broken(), Waits(), Notes()]
observing.LOOK_PAUSE_S = 0.05
observing.Observing(Project(Path(sys.argv[1])), dict(os.environ)).run()
"""


@pytest.fixture
def house(tmp_path: Path, clean_env: dict[str, str]) -> Iterator[House]:
    project = Project(tmp_path / "project")
    project.dags_dir.mkdir(parents=True)
    house = House(project, ProcessRuntime(project, clean_env), clean_env["PATH"])
    house.up(Steady())
    yield house
    ask_to_end(project)
    wait_for_end(project)
    assert not house.end()


def pid_of(house: House) -> int:
    return wait_until(lambda: ObserverFolder.of(house.project).pid or 0, "an observer")


def environment(**local: object) -> Environment:
    options = {"core.default_task_retries": "1"}
    return Environment(name="mine", airflow_configuration_options=options, local=LocalSettings(**local))  # type: ignore[arg-type]


def test_environment_is_kept_whole(house: House) -> None:
    members = {"Name": "mine", "SourceBucketArn": "arn:aws:s3:::bucket", "KmsKey": "alias/mine", "MaxWorkers": 3}
    wanted = Environment.from_members(members, LocalSettings(workers=2, system_packages=("jq",)))
    kept = Environment.from_kept(json.loads(json.dumps(wanted.kept())))
    assert kept.model_dump() == wanted.model_dump()


def test_observer_lives_until_it_is_asked_to_end(house: House, clean_env: dict[str, str]) -> None:
    begin_observer(house.project, environment(), clean_env)
    pid = pid_of(house)
    ask_to_end(house.project)
    wait_for_end(house.project)
    assert ObserverFolder.of(house.project).pid is None
    keep_observer(house.project, clean_env)  # which nobody wants any more
    assert os.waitpid(pid, 0)[1] == 0
    assert ObserverFolder.of(house.project).pid is None


def test_one_that_is_killed_is_started_again_and_one_that_lives_is_not(house: House, clean_env: dict[str, str]) -> None:
    begin_observer(house.project, environment(), clean_env)
    pid = pid_of(house)
    keep_observer(house.project, clean_env)
    assert pid_of(house) == pid
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    keep_observer(house.project, clean_env)
    assert pid_of(house) != pid


def test_each_up_has_an_observer_of_its_own(house: House, clean_env: dict[str, str]) -> None:
    begin_observer(house.project, environment(workers=1), clean_env)
    pid = pid_of(house)
    begin_observer(house.project, environment(workers=2), clean_env)
    wait_until(lambda: ObserverFolder.of(house.project).pid not in (None, pid), "the next observer")


def test_what_is_kept_is_private(house: House, clean_env: dict[str, str]) -> None:
    begin_observer(house.project, environment(), clean_env)
    pid_of(house)
    folder = ObserverFolder.of(house.project).path
    files = [*folder.iterdir(), house.project.logs_dir / OUTPUT_NAME]
    assert {"observer.json", "observer.lock"} <= {path.name for path in files}
    assert {path.name for path in files if path.stat().st_mode & 0o077} == set()
    assert folder.stat().st_mode & 0o777 == 0o700
    command = Path(f"/proc/{pid_of(house)}/cmdline").read_bytes()
    assert b"default_task_retries" not in command


def test_duties_are_done_until_the_end_and_one_that_fails_is_told_once(
    house: House, clean_env: dict[str, str], tmp_path: Path
) -> None:
    folder, notes = ObserverFolder.of(house.project), tmp_path / "notes"
    folder.ask(environment().kept())
    with subprocess.Popen([sys.executable, "-c", OBSERVER, house.project.root_dir, notes], env=clean_env) as observer:
        wait_until(lambda: notes.exists() and len(notes.read_text().splitlines()) > 3, "some rounds")
        house.up(Steady("steady"), Steady("another"))
        wait_until(lambda: "mine ['steady', 'another']" in notes.read_text(), "a look at the changed plan")
        observer.terminate()
        assert observer.wait() == 0
    lines = notes.read_text().splitlines()
    assert (lines[0], lines[-1]) == ("mine ['steady']", "finished")
    log = (house.project.logs_dir / LOG_NAME).read_text()
    assert log.count("always the same") == 1
    assert int(Path(f"{notes}.tries").read_text()) < 60  # it pauses, instead of trying as fast as it can
    assert log.count("the service is away") == 1
    assert log.count("Traceback") == 1  # of the bug alone
    assert "broken did not work" in log


def test_it_ends_with_what_it_observes(house: House, clean_env: dict[str, str], tmp_path: Path) -> None:
    folder, notes = ObserverFolder.of(house.project), tmp_path / "notes"
    folder.ask(environment().kept())
    with subprocess.Popen([sys.executable, "-c", OBSERVER, house.project.root_dir, notes], env=clean_env) as observer:
        wait_until(notes.exists, "a round")
        house.cut_off()
        assert observer.wait() == 0
    assert not folder.is_wanted


def test_it_ends_where_nothing_runs(tmp_path: Path, clean_env: dict[str, str]) -> None:
    project = Project(tmp_path / "empty")
    project.dags_dir.mkdir(parents=True)
    begin_observer(project, environment(), clean_env)
    wait_until(lambda: not ObserverFolder.of(project).is_wanted, "the end of being wanted")
    wait_for_end(project)
    assert (project.logs_dir / OUTPUT_NAME).read_text() == ""


def test_what_another_version_asked_for_is_given_up_and_told(house: House, clean_env: dict[str, str]) -> None:
    folder = ObserverFolder.of(house.project)
    folder.ask({"version": "0", "of": "another time"})
    keep_observer(house.project, clean_env)
    wait_until(lambda: not folder.is_wanted, "the end of being wanted")
    assert "`mwaa-local up` begins anew" in (house.project.logs_dir / LOG_NAME).read_text()
    assert (house.project.logs_dir / OUTPUT_NAME).read_text() == ""


# An observer whose engine does not answer at first, and of which then nothing runs any more.
UNSURE = """
import os, sys
from pathlib import Path
from mwaa_local.errors import DockerUnavailable
from mwaa_local.observer import observing
from mwaa_local.project import Project

looks = [DockerUnavailable("the engine is being restarted")] * 3 + [None] * observing.GONE_LOOKS

class Engine:
    def running_plan(self):
        found = looks.pop(0)
        if found is not None:
            raise found

observing.Workspace.runtime = Engine()
observing.LOOK_PAUSE_S = 0.01
observing.Observing(Project(Path(sys.argv[1])), dict(os.environ)).run()
print(len(looks))
"""


def test_it_waits_as_long_as_it_cannot_tell_whether_anything_runs(tmp_path: Path, clean_env: dict[str, str]) -> None:
    project = Project(tmp_path / "project")
    project.dags_dir.mkdir(parents=True)
    folder = ObserverFolder.of(project)
    folder.ask(environment().kept())
    done = subprocess.run(
        [sys.executable, "-c", UNSURE, project.root_dir], env=clean_env, capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("0\n", "")
    assert not folder.is_wanted
    assert (project.logs_dir / LOG_NAME).read_text().count("being restarted") == 1


def test_one_that_nobody_wants_any_more_when_it_begins_ends_at_once_without_a_word(
    house: House, clean_env: dict[str, str]
) -> None:
    ObserverFolder.of(house.project).ask(environment().kept())
    ObserverFolder.of(house.project).forget()
    argv = [sys.executable, "-m", "mwaa_local.observer", str(house.project.root_dir)]
    done = subprocess.run(argv, env=clean_env, capture_output=True, text=True, check=True, timeout=LOOK_PAUSE_S)
    assert done.stderr == ""
    assert not (house.project.logs_dir / LOG_NAME).exists()
