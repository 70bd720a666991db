"""What is written for one generation of Airflow, on a release of each: imports, attempts, options, loaders, plugins.

Each release's environment is started once, and all its DAGs run once, in a smoke run. Which release has which tests
beside these: `test_environment` (3.3.1, 2.10.3, 2.2.2), `test_other_releases` (1.10.12, 2.7.2), `test_login` (all).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.environments import LATEST, START_TIMEOUT_S, RunningEnvironment, start, stopped_at_the_end, with_settings
from tests.integration.test_environment import logged_in

RELEASES = ("1.10.12", "2.2.2", "2.7.2", "2.10.3", LATEST)
DAGS_DIR = Path(__file__).parent / "dags" / "generations"
KEPT = (".py", ".sh")  # no byte code, which whoever imports or compiles the tests leaves there
EMR_RELEASE = "2.2.2"
SMOKE_TIMEOUT_S = 1200.0
TIMEOUT_S = 120.0
OVERRIDES = "core.dag_run_conf_overrides_params"
# MWAA's local runner has False up to 2.6.3; Airflow 1.10 has it itself, 2.0 and later True.
OVERRIDDEN = {"1.10.12": False, "2.2.2": False, "2.7.2": True, "2.10.3": True, LATEST: True}
ATTEMPTS = range(1, 5)
OLD_NAMES = ("1.10.12", "2.2.2")  # of task logs

pytestmark = [
    pytest.mark.full,
    pytest.mark.network,
    pytest.mark.parametrize("generation", RELEASES, indirect=True),
]


@dataclass
class Generation:
    """One release's environment, and what the smoke run of all its DAGs reports of each."""

    environment: RunningEnvironment
    runs: dict[str, dict[str, Any]]

    @property
    def version(self) -> str:
        return self.environment.release.airflow_version

    def states(self, dag_id: str) -> dict[str, str]:
        return {task["name"]: task["state"] for task in self.runs[dag_id]["tasks"]}

    def log(self, dag_id: str, task_id: str) -> Path:
        """Return the log of the newest attempt."""
        (task,) = (task for task in self.runs[dag_id]["tasks"] if task["name"] == task_id)
        return self.environment.root_dir / str(task["log_path"])


@pytest.fixture(scope="module")
def generation(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Generation]:
    version = request.param
    with stopped_at_the_end(tmp_path_factory.mktemp("generation")) as runner:
        runner.write(files(version))
        environment = start(runner, version)
        try:
            yield Generation(environment, smoked(environment, "--all", "--expect-failure", "attempts"))
        finally:
            runner.run("down", "--now", "--volumes")


def files(version: str) -> dict[str, str]:
    """Return the project as its release can run it: on 3.3.1 without what was written for Airflow 1."""
    kept = (path for path in DAGS_DIR.rglob("*") if path.suffix in KEPT)
    found = {str(path.relative_to(DAGS_DIR)): path.read_text() for path in kept}
    emr = found.pop("emr_groups.py")
    if version == EMR_RELEASE:
        found["dags/emr_groups.py"] = emr
    if version == LATEST:
        del found["dags/old_words.py"]
        found["dags/all_teams.py"] = found["dags/all_teams.py"].replace(", include_examples=False", "")
    settings = {
        "AirflowVersion": version,
        "StartupScriptS3Path": "startup/startup.sh",
        "AirflowConfigurationOptions": {"app.env": "dev"},
        "Local": {"Aws": "local" if version == EMR_RELEASE else "none"},
    }
    return {name: text for name, text in found.items() if "__pycache__" not in name} | {
        "mwaa.yaml": json.dumps(settings)
    }


def smoked(environment: RunningEnvironment, *words: str) -> dict[str, dict[str, Any]]:
    """Run DAGs with a configuration; return what is reported of each."""
    conf = ("--conf", json.dumps({"day": "of the run"}))
    outcome = environment.run("smoke", *words, *conf, "--json", "--no-check", timeout_s=SMOKE_TIMEOUT_S)
    assert outcome.exit_code == 0, outcome.stdout + outcome.stderr
    return {run["dag_id"]: run for run in json.loads(outcome.stdout)["runs"]}


def test_words_of_airflow_1_run_before_airflow_3(generation: Generation) -> None:
    if generation.version == LATEST:  # what is said there: test_check_generations
        pytest.skip("Airflow 3 has none of these words")
    assert generation.states("old_words") == {"first": "success", "second": "success"}
    assert "second said" in generation.log("old_words", "second").read_text()
    ended = generation.environment.query(
        "SELECT a.end_date <= b.start_date FROM task_instance a JOIN task_instance b ON a.dag_id = b.dag_id"
        " WHERE a.dag_id = 'old_words' AND a.task_id = 'first' AND b.task_id = 'second'"
    )
    assert ended == [(True,)]


def test_each_attempt_has_its_log(generation: Generation) -> None:
    (task,) = generation.runs["attempts"]["tasks"]
    assert (task["state"], task["tries"]) == ("failed", 4)
    newest = generation.log("attempts", "fails")
    name = "{}.log" if generation.version in OLD_NAMES else "attempt={}.log"
    assert newest.name == name.format(4)
    run_id = generation.runs["attempts"]["run_id"]
    folder = newest.parent.relative_to(generation.environment.airflow_home_dir / "logs")
    if generation.version in OLD_NAMES:
        assert folder.parent == Path("attempts/fails")
    else:
        assert folder == Path("dag_id=attempts", f"run_id={run_id}", "task_id=fails")
    for attempt in ATTEMPTS:
        text = newest.with_name(name.format(attempt)).read_text()
        assert [said for said in ATTEMPTS if f"this is attempt {said} of four" in text] == [attempt]


def test_attempts_are_streams_of_the_log_group(generation: Generation) -> None:
    lines = generation.environment.run("logs", "--group", "Task", "--json").stdout.splitlines()
    newest = generation.log("attempts", "fails")
    folder = str(newest.parent.relative_to(generation.environment.airflow_home_dir / "logs")).replace(":", "_")
    streams = {event["logStreamName"] for event in map(json.loads, lines) if "this is attempt" in event["message"]}
    assert streams == {f"{folder}/{newest.name.replace('4', str(attempt))}" for attempt in ATTEMPTS}


def test_an_invented_option_is_a_variable(generation: Generation) -> None:
    assert generation.states("seen_in_dev") == {"greet": "success", "say": "success"}
    assert "env=dev" in generation.log("seen_in_dev", "say").read_text()


def test_startup_script_reaches_tasks_from_the_release_that_has_it(generation: Generation) -> None:
    team = "none" if generation.version == "1.10.12" else "data platform"
    assert f"team={team}" in generation.log("seen_in_dev", "say").read_text()
    tried = generation.environment.run("test-startup-script")
    assert tried.exit_code == 0
    assert ("MWAA runs no startup script with Airflow 1.10.12" in tried.stdout) == (generation.version == "1.10.12")


def test_macro_and_operator_of_a_plugin_are_there(generation: Generation) -> None:
    assert "hello team" in generation.log("seen_in_dev", "greet").read_text()
    assert "macro=hello all" in generation.log("seen_in_dev", "say").read_text()


def test_loader_shows_the_dags_of_nested_folders(generation: Generation) -> None:
    for team in ("east", "west"):
        assert generation.states(f"team_{team}") == {"say": "success"}
        assert f"{team} said" in generation.log(f"team_{team}", "say").read_text()


def test_rest_api_answers_as_the_generation_does(generation: Generation) -> None:
    environment, base = generation.environment, generation.environment.release.rest_base
    path = "/api/experimental/test" if base == "/api/experimental" else f"{base}/dags/attempts"
    with httpx.Client(base_url=environment.url(), timeout=TIMEOUT_S) as nobody:
        if generation.version == LATEST:
            token = nobody.get("/auth/token").json()["access_token"]
            assert nobody.get(path, headers={"Authorization": f"Bearer {token}"}).json()["dag_id"] == "attempts"
            return
        assert nobody.get(path).status_code in (401, 403)
        user, _, password = environment.release.login.partition(" / ")
        assert nobody.get(path, auth=(user, password)).status_code in (401, 403)
    with logged_in(environment) as client:
        answer = client.get(path)
    if environment.release.is_at_least("2.7"):  # auth_backends is `session`; before, deny_all
        assert answer.json()["dag_id"] == "attempts"
    else:
        assert answer.status_code in (401, 403)


def test_steps_of_emr_in_task_groups_succeed(generation: Generation) -> None:
    if generation.version != EMR_RELEASE:
        pytest.skip(f"written for {EMR_RELEASE}")
    tasks = ("cluster", "load.add", "load.wait", "report.add", "report.wait", "end")
    assert generation.states("emr_groups") == dict.fromkeys(tasks, "success")
    waits = generation.environment.query(
        "SELECT DISTINCT task_id FROM task_reschedule WHERE dag_id = 'emr_groups' ORDER BY task_id"
    )
    assert waits == [("load.wait",), ("report.wait",)]
    text = generation.log("emr_groups", "report.wait").read_text()
    assert "Rescheduling task" in text and "Success criteria met" in text


def test_configuration_of_a_run_overrides_params_or_not(generation: Generation) -> None:
    """The last of the module, since it sets the option to the other value."""
    environment, overridden = generation.environment, OVERRIDDEN[generation.version]

    def day(runs: dict[str, dict[str, Any]]) -> str:
        text = Generation(environment, runs).log("seen_in_dev", "say").read_text()
        return next(day for day in ("day=default", "day=of the run") if f"{day} macro" in text)

    assert day(generation.runs) == ("day=of the run" if overridden else "day=default")
    settings = (environment.root_dir / "mwaa.yaml").read_text()
    options = {"app.env": "dev", OVERRIDES: str(not overridden)}
    environment.runner.write({"mwaa.yaml": with_settings(settings, AirflowConfigurationOptions=options)})
    again = environment.run("up", "--port", "0", timeout_s=START_TIMEOUT_S)
    assert again.exit_code == 0, again.stderr
    environment.wait_until_healthy(TIMEOUT_S)  # the web server of a crowded machine may miss a look
    assert day(smoked(environment, "seen_in_dev")) == ("day=default" if overridden else "day=of the run")
