"""`mwaa-local smoke` with real Airflow: every way in which a DAG run can end, and that nothing is ever left behind.

Not in the shared environment: smoke runs start their own, with all DAGs paused and no run in the database but theirs.
"""

from __future__ import annotations

import json
import signal
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.runtime.process.runtime import ProcessRuntime
from tests.conftest import Outcome, ProjectRunner
from tests.docker_environments import containers_of, removed_at_the_end
from tests.environments import LATEST, TEST_DAGS_DIR, RunningEnvironment, stopped_at_the_end, wait_until

pytestmark = pytest.mark.network

CASES = "smoke_cases"
BROKEN = "from airflow import nosuch  # DAG\n"
NO_DAG = '"""A module beside DAGs for airflow, that defines none."""\n'
OTHER_QUEUE = """from airflow.sdk import DAG
from airflow.providers.standard.operators.bash import BashOperator

with DAG("elsewhere", schedule=None):
    BashOperator(task_id="only", bash_command="true", queue="mine")
"""
SMOKE_TIMEOUT_S = 400.0
DAG_TIMEOUT_S = 45
LINE_TIMEOUT_S = 200.0


def files(version: str = LATEST, **more: str) -> dict[str, str]:
    """Return a project with the DAGs of all cases."""
    return {
        "mwaa.yaml": json.dumps({"AirflowVersion": version}),
        "dags/smoke_cases.py": (TEST_DAGS_DIR / f"{CASES}.py").read_text(),
        **{f"dags/{name}.py": text for name, text in more.items()},
    }


@dataclass(frozen=True)
class Smoked:
    """One smoke run of every case, whose environment was kept, and what it left for others to read."""

    environment: RunningEnvironment
    outcome: Outcome
    report: dict[str, Any]

    @property
    def dir(self) -> Path:
        return self.environment.root_dir

    def dag_run(self, dag_id: str) -> dict[str, Any]:
        return next(run for run in self.report["runs"] if run["dag_id"] == dag_id)

    def task(self, dag_id: str, name: str) -> dict[str, Any]:
        return next(task for task in self.dag_run(dag_id)["tasks"] if task["name"] == name)

    def run(self, *words: str) -> Outcome:
        return self.environment.run("smoke", *words, timeout_s=SMOKE_TIMEOUT_S)


@pytest.fixture(scope="module")
def smoked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Smoked]:
    with stopped_at_the_end(tmp_path_factory.mktemp("smoke")) as runner:
        runner.write(files(broken=BROKEN, no_dag=NO_DAG))
        outcome = runner.run(
            *("smoke", "--all", "--parallel", "8", "--dag-timeout", str(DAG_TIMEOUT_S), "--conf", '{"a": "b c"}'),
            *("--expect-failure", "fails.fail", "--expect-import-error", "dags/broken.py"),
            *("--json", "--junit", "smoke.xml", "--artifacts", "artifacts", "--github", "--keep"),
            env={"GITHUB_STEP_SUMMARY": str(runner.root_dir / "summary.md")},
            timeout_s=SMOKE_TIMEOUT_S,
        )
        assert outcome.stdout, outcome.stderr
        yield Smoked(RunningEnvironment(runner, Release.load(LATEST), outcome), outcome, json.loads(outcome.stdout))


@pytest.mark.full
def test_every_dag_ends_as_it_should(smoked: Smoked) -> None:
    states = {run["dag_id"]: (run["state"], not run["problem"]) for run in smoked.report["runs"]}
    assert states == {
        "good": ("success", True),
        "retries": ("success", True),
        "skips": ("success", True),
        "fails": ("failed", True),  # declared
        "dies": ("failed", False),
        "hangs": ("timed out", False),
        "no.pool": ("timed out", False),
    }
    assert (smoked.outcome.exit_code, smoked.report["exit_code"], smoked.report["outcome"]) == (1, 1, "task failure")


@pytest.mark.full
def test_phases_are_timed(smoked: Smoked) -> None:
    phases = {phase["name"]: (phase["state"], phase["elapsed_s"] > 0) for phase in smoked.report["phases"]}
    assert list(phases) == ["check", "up", "import", "run", "report", "down"]
    assert [phases[name] for name in ("check", "up", "import")] == [("done", True)] * 3
    assert phases["run"] == ("failed", True)


@pytest.mark.full
def test_task_instances_have_state_tries_and_operator(smoked: Smoked) -> None:
    tasks = {task["name"]: task["state"] for task in smoked.dag_run("good")["tasks"]}
    assert tasks == {"say": "success", "mapped[0]": "success", "mapped[1]": "success"}
    flaky = smoked.task("retries", "flaky")
    assert (flaky["state"], flaky["tries"], flaky["max_tries"]) == ("success", 2, 2)
    assert smoked.task("skips", "skip")["state"] == "skipped"
    assert smoked.task("fails", "after")["state"] == "upstream_failed"
    assert smoked.task("good", "say")["operator"] == "PythonOperator"
    assert "retries.flaky failed and will be tried again, try 1 of 3" in smoked.outcome.stderr


@pytest.mark.full
def test_configuration_reaches_the_run(smoked: Smoked) -> None:
    log = (smoked.dir / smoked.task("good", "say")["log_path"]).read_text()
    assert "{'a': 'b c'}" in log


@pytest.mark.full
def test_task_that_hangs_is_reported_with_its_log(smoked: Smoked) -> None:
    task = smoked.task("hangs", "hang")
    assert (task["is_ok"], task["problem"]) == (False, "running when its run was given up")
    assert any("about to hang" in line for line in task["log"])
    assert smoked.dag_run("hangs")["problem"] == f"not over after {DAG_TIMEOUT_S} s"
    assert smoked.dag_run("hangs")["waiting"] == ["running: hang", "not scheduled yet: after"]


@pytest.mark.full
def test_task_that_a_signal_killed_is_reported_with_its_log(smoked: Smoked) -> None:
    task = smoked.task("dies", "die")
    problem = "failed: killed by SIGKILL, and not by the kernel for lack of memory"
    assert (task["state"], task["problem"]) == ("failed", problem)
    assert any("about to die" in line for line in task["log"])
    assert any("terminated by signal" in line for line in task["log"])


@pytest.mark.full
def test_dag_that_never_schedules_says_what_it_waits_for(smoked: Smoked) -> None:
    waiting = smoked.dag_run("no.pool")["waiting"]
    assert waiting[:2] == ["scheduled: wait", "wait: the pool 'nosuch' does not exist"]
    assert "Pool Slots Available" in waiting[2]  # Airflow's own words


@pytest.mark.full
def test_expected_import_error_is_reported_as_such(smoked: Smoked) -> None:
    [problem] = smoked.report["import_problems"]
    assert (problem["path"], problem["line"], problem["is_expected"]) == ("dags/broken.py", 1, True)
    assert "cannot import name 'nosuch'" in problem["trace"]


@pytest.mark.full
def test_junit_has_a_case_for_every_task(smoked: Smoked) -> None:
    root = ET.parse(smoked.dir / "smoke.xml").getroot()
    cases = {(case.get("classname"), case.get("name")): case for case in root.iter("testcase")}
    failed = {key for key, case in cases.items() if case.find("failure") is not None}
    assert failed == {("smoke.dies", "die"), ("smoke.hangs", "hang"), ("smoke.no.pool", "DAG run")}
    skipped = {key for key, case in cases.items() if case.find("skipped") is not None}
    assert {("smoke.skips", "skip"), ("smoke.skips", "after"), ("smoke.fails", "after")} <= skipped
    assert ("smoke.good", "mapped[1]") in cases
    failure = cases["smoke.dies", "die"].find("failure")
    assert failure is not None
    assert "about to die" in (failure.text or "")
    assert root.get("failures") == "3"


@pytest.mark.full
def test_github_gets_annotations_and_a_summary(smoked: Smoked) -> None:
    lines = [line for line in smoked.outcome.stderr.splitlines() if line.startswith("::error ")]
    assert len(lines) == 3
    assert any(
        line.startswith("::error file=dags/smoke_cases.py,title=task-failure::dies.die: failed") for line in lines
    )
    summary = (smoked.dir / "summary.md").read_text()
    assert "| :x: dies | failed |" in summary
    assert "| :white_check_mark: good | success |" in summary


@pytest.mark.full
def test_artifacts_have_all_logs_and_no_secret(smoked: Smoked) -> None:
    folder = smoked.dir / "artifacts"
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert {"smoke.json", "smoke.xml", "smoke.txt", "components/scheduler.log", "components/worker.1.log"} <= names
    run_id = smoked.dag_run("retries")["run_id"]
    attempts = {f"tasks/dag_id=retries/run_id={run_id}/task_id=flaky/attempt={number}.log" for number in (1, 2)}
    assert attempts <= names
    plain = json.loads((smoked.environment.project.state_dir / "secrets.json").read_text())
    secrets = [value.encode() for value in (*plain.pop("database_passwords").values(), *plain.values())]
    content = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert not [secret for secret in secrets if secret in content]


@pytest.mark.full
def test_only_what_was_asked_for_ran_and_is_over(smoked: Smoked) -> None:
    """Although all DAGs have a schedule with years to catch up, and had to be unpaused."""
    runs = smoked.environment.query("SELECT run_id, state FROM dag_run")
    assert all(run_id.startswith("smoke__") for run_id, _ in runs), runs
    assert {state for _, state in runs} <= {"success", "failed"}
    assert smoked.environment.query("SELECT dag_id FROM dag WHERE NOT is_paused") == []


@pytest.mark.full
def test_running_environment_is_used_and_left_running(smoked: Smoked) -> None:
    before = smoked.environment.pids()
    outcome = smoked.run("good", "--expect-import-error", "broken.py")
    assert outcome.exit_code == 0, outcome.stderr
    assert "using the environment that is already running" in outcome.stderr
    assert "smoke: success after " in outcome.stdout
    assert smoked.environment.pids() == before


@pytest.mark.full
@pytest.mark.parametrize(
    ("words", "exit_code", "said"),
    [
        (("god", "--expect-import-error", "broken.py"), 2, "hint: did you mean 'good'?"),
        (("good",), 4, "dags/broken.py:1: cannot be imported"),
        (
            ("good", "--expect-import-error", "smoke_cases.py", "--expect-import-error", "broken.py"),
            4,
            "can be imported",
        ),
        (("hangs", "--expect-import-error", "broken.py", "--timeout", "12"), 5, "error: not over after 12 s"),
        (("good", "--fresh"), 2, "would empty the database of the running environment"),
        ((), 2, "DAGs that exist: dies, fails, good"),
    ],
)
def test_what_can_be_wrong_has_an_exit_code_of_its_own(
    smoked: Smoked, words: tuple[str, ...], exit_code: int, said: str
) -> None:
    outcome = smoked.run(*words)
    assert (outcome.exit_code, said in " ".join((outcome.stdout + outcome.stderr).split())) == (exit_code, True), (
        outcome.stdout + outcome.stderr
    )
    assert smoked.environment.runtime.running


@pytest.mark.full
def test_interrupt_in_a_running_environment_ends_the_run_alone(smoked: Smoked) -> None:
    words = ("hangs", "--expect-import-error", "broken.py", "--json")
    ended = interrupted(smoked.environment.runner, words, "hangs was triggered", signal.SIGINT)
    assert ended.exit_code == 130, ended.stderr
    assert [run["state"] for run in json.loads(ended.stdout)["runs"]] == ["interrupted"]
    assert smoked.environment.runtime.running
    assert smoked.environment.query("SELECT 1 FROM dag_run WHERE state NOT IN ('success', 'failed')") == []
    assert smoked.environment.query("SELECT 1 FROM dag WHERE NOT is_paused") == []


def interrupted(runner: ProjectRunner, words: tuple[str, ...], line: str, number: signal.Signals) -> Outcome:
    """Run `smoke` with these words, send it the signal as soon as it says this, and return how it ended."""
    process = runner.begin("smoke", *words)
    assert process.stderr is not None
    said = []
    for text in process.stderr:
        said.append(text)
        if line in " ".join(text.split()):
            process.send_signal(number)
            break
    try:
        stdout, stderr = process.communicate(timeout=LINE_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert said[-1:] and line in " ".join(said[-1].split()), "".join(said)
    return Outcome(process.returncode, stdout, "".join(said) + stderr)


def assert_nothing_is_left(runner: ProjectRunner) -> None:
    runtime = ProcessRuntime(Project(runner.root_dir.resolve()), runner.env)
    assert not runtime.running
    wait_until(lambda: not runtime.leftovers(), 5, "the end of all processes of the environment")


def test_error_that_the_check_finds_ends_the_smoke_run_before_anything_is_started(tmp_path: Path) -> None:
    with stopped_at_the_end(tmp_path) as runner:
        runner.write(files(elsewhere=OTHER_QUEUE))
        outcome = runner.run("smoke", "--all", "--json", timeout_s=SMOKE_TIMEOUT_S)
        report = json.loads(outcome.stdout)
        assert (outcome.exit_code, report["outcome"]) == (6, "findings"), outcome.stderr
        assert "queue-not-of-mwaa" in {finding["rule"] for finding in report["findings"]}
        states = {phase["name"]: phase["state"] for phase in report["phases"]}
        assert (states["check"], states["up"], states["run"]) == ("failed", "left out", "left out")
        assert_nothing_is_left(runner)


@pytest.mark.full
def test_dag_that_no_file_defines_ends_the_smoke_run_before_anything_is_started(tmp_path: Path) -> None:
    with stopped_at_the_end(tmp_path) as runner:
        runner.write(files())
        outcome = runner.run("smoke", "god", "--json", timeout_s=SMOKE_TIMEOUT_S)
        report = json.loads(outcome.stdout)
        assert (outcome.exit_code, report["error"]["what"]) == (2, "no DAG 'god'"), outcome.stderr
        assert report["error"]["hint"] == "did you mean 'good'?"
        states = {phase["name"]: phase["state"] for phase in report["phases"]}
        assert (states["check"], states["up"], states["run"]) == ("failed", "left out", "left out")
        assert_nothing_is_left(runner)


@pytest.mark.full
@pytest.mark.parametrize("version", ["2.10.3", "2.2.2"])
def test_older_generations(tmp_path: Path, version: str) -> None:
    with stopped_at_the_end(tmp_path) as runner:
        runner.write(files(version, no_dag=NO_DAG))
        words = ("--tag", "main", "--expect-failure", "fails", "--parallel", "8", "--json", "--artifacts", "artifacts")
        outcome = runner.run("smoke", *words, timeout_s=SMOKE_TIMEOUT_S)
        assert outcome.exit_code == 0, outcome.stdout + outcome.stderr
        runs = {run["dag_id"]: run for run in json.loads(outcome.stdout)["runs"]}
        assert runs.keys() == {"good", "retries", "skips", "fails"}
        [flaky] = runs["retries"]["tasks"]
        assert (flaky["state"], flaky["tries"]) == ("success", 2)
        assert "{'a'" not in outcome.stdout
        assert (runner.root_dir / runs["good"]["tasks"][0]["log_path"]).is_file()
        assert list((runner.root_dir / "artifacts" / "tasks").rglob("*.log"))
        assert_nothing_is_left(runner)


@pytest.fixture(scope="module")
def docker_project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProjectRunner]:
    with removed_at_the_end(tmp_path_factory.mktemp("smoke")) as runner:
        # On a busy machine Airflow fails a task that its worker could not begin in time; it is not what is tested.
        options = {"core.default_task_retries": "2", "core.default_task_retry_delay": "1"}
        settings = {"AirflowVersion": LATEST, "AirflowConfigurationOptions": options}
        runner.write(files() | {"mwaa.yaml": json.dumps(settings)})
        yield runner


@pytest.mark.full
@pytest.mark.docker
def test_containers_run_dags_and_are_gone(docker_project: ProjectRunner) -> None:
    words = ("good", "--json", "--artifacts", "artifacts")
    outcome = docker_project.run("smoke", *words, timeout_s=SMOKE_TIMEOUT_S)
    assert outcome.exit_code == 0, outcome.stdout + outcome.stderr
    report = json.loads(outcome.stdout)
    assert (report["runtime"], report["outcome"]) == ("docker", "success")
    assert (docker_project.root_dir / "artifacts" / "components" / "worker.1.log").is_file()
    assert (docker_project.root_dir / report["runs"][0]["tasks"][0]["log_path"]).is_file()
    assert containers_of(Project(docker_project.root_dir.resolve())) == []
