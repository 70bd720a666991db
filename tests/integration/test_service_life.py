"""The life of an environment that boto3 makes from nothing: created, updated, rolled back, killed, stopped, deleted.

The API is the real process, the client is boto3, the bucket is moto's, and what is created is Airflow.
"""

from __future__ import annotations

import io
import json
import os
import signal
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from mwaa_local.api.environments.worker import MODULE
from mwaa_local.project import Project
from mwaa_local.runtime.choice import existing_runtime
from tests.conftest import ProjectRunner, make_clean_env
from tests.environments import LATEST
from tests.integration.aws_server import answers, aws, client, wait_until  # noqa: F401 - a fixture

pytestmark = [pytest.mark.full, pytest.mark.network]

NAME, BUCKET = "made", "source-bucket"
TIMEOUT_S = 900.0
DAG = """
from airflow.sdk import dag, task

@dag
def from_bucket():
    @task
    def one(): ...

    one()

from_bucket()
"""
PLUGIN = "VALUE = 'from plugins.zip'\n"
GOOD_SCRIPT, BETTER_SCRIPT, BAD_SCRIPT = "export GREETING=good\n", "export GREETING=better\n", "set -e\nfalse\n"


@dataclass
class Service:
    """MWAA's API for one folder, seen by its clients."""

    runner: ProjectRunner
    aws_url: str

    @property
    def folder(self) -> Path:
        return self.runner.root_dir

    @property
    def project(self) -> Project:
        return Project(self.folder / NAME)

    def mwaa(self) -> Any:
        outcome = self.runner.run("api", str(self.folder), "--detach", "--json")
        assert outcome.exit_code == 0, outcome.stderr
        return client("mwaa", json.loads(outcome.stdout)["url"])

    def s3(self) -> Any:
        return client("s3", self.aws_url)

    def upload(self, key: str, body: str | bytes) -> str:
        return str(self.s3().put_object(Bucket=BUCKET, Key=key, Body=body)["VersionId"])

    def variables(self) -> dict[str, str]:
        """Return the variables of the running scheduler."""
        plan = existing_runtime(self.project, self.runner.env).running_plan()
        assert plan is not None
        scheduler = plan.component("scheduler")
        assert scheduler is not None
        return dict(scheduler.env)

    def workers(self) -> list[psutil.Process]:
        return [each for each in psutil.process_iter(["cmdline"]) if self._works_here(each.info["cmdline"] or [])]

    def _works_here(self, words: list[str]) -> bool:
        return MODULE in words and any(word.startswith(str(self.folder)) for word in words)

    def api_pid(self) -> int:
        address = self.folder / ".mwaa-local" / "api" / "api.json"
        return int(json.loads(address.read_text())["pid"])


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, aws: str) -> Iterator[Service]:  # noqa: F811
    home = tmp_path_factory.mktemp("home")
    env = {**make_clean_env(home), "AWS_ENDPOINT_URL": aws}
    service = Service(ProjectRunner(tmp_path_factory.mktemp("environments"), env), aws)
    service.s3().create_bucket(Bucket=BUCKET)
    service.s3().put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    yield service
    for worker in service.workers():
        worker.kill()
    service.runner.run("api", str(service.folder), "--stop")
    if service.project.root_dir.exists():
        ProjectRunner(service.project.root_dir, env).run("down", "--now")


def status_of(mwaa: Any) -> str:
    try:
        return str(mwaa.get_environment(Name=NAME)["Environment"]["Status"])
    except mwaa.exceptions.ResourceNotFoundException:
        return "gone"


def wait_for(mwaa: Any, *wanted: str) -> list[str]:
    """Wait for one of these statuses; return those seen, each once in a row."""
    seen: list[str] = []
    deadline = time.monotonic() + TIMEOUT_S
    while not seen or seen[-1] not in wanted:
        now = status_of(mwaa)
        if not seen or seen[-1] != now:
            seen.append(now)
        assert time.monotonic() < deadline, seen
        time.sleep(0.2)
    return seen


def plugins_zip() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("of_mine/__init__.py", PLUGIN)
    return content.getvalue()


def test_created_from_the_bucket_and_available_only_when_the_health_page_answers(service: Service) -> None:
    service.upload("dags/from_bucket.py", DAG)
    service.upload("dags/requirements.txt", "# the newest, which the environment does not name\nnonsense==\n")
    requirements = service.upload("requirements.txt", "# nothing\n")
    service.upload("requirements.txt", "# newer, not named\n")
    script = service.upload("startup.sh", GOOD_SCRIPT)
    service.upload("plugins.zip", plugins_zip())
    mwaa = service.mwaa()
    mwaa.create_environment(
        Name=NAME,
        AirflowVersion=LATEST,
        ExecutionRoleArn="arn:aws:iam::000000000000:role/execution",
        SourceBucketArn=f"arn:aws:s3:::{BUCKET}",
        DagS3Path="dags",
        RequirementsS3Path="requirements.txt",
        RequirementsS3ObjectVersion=requirements,
        StartupScriptS3Path="startup.sh",
        StartupScriptS3ObjectVersion=script,
        PluginsS3Path="plugins.zip",
        NetworkConfiguration={"SubnetIds": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]},
        AirflowConfigurationOptions={"core.parallelism": "7"},
        Tags={"team": "data"},
    )
    assert wait_for(mwaa, "AVAILABLE", "CREATE_FAILED", "UNAVAILABLE") == ["CREATING", "AVAILABLE"]
    environment = mwaa.get_environment(Name=NAME)["Environment"]
    assert answers(f"http://{environment['WebserverUrl']}/api/v2/monitor/health")
    assert environment["LastUpdate"]["Status"] == "SUCCESS"
    root = service.project.root_dir
    assert (root / "dags" / "from_bucket.py").read_text() == DAG
    assert (root / "requirements" / "requirements.txt").read_text() == "# nothing\n"
    assert (root / "plugins" / "of_mine" / "__init__.py").read_text() == PLUGIN
    assert service.variables()["AIRFLOW__CORE__PARALLELISM"] == "7"
    assert service.variables()["GREETING"] == "good"


def test_update_changes_options_and_files_at_the_named_versions(service: Service) -> None:
    mwaa = service.mwaa()
    version = service.upload("startup.sh", BETTER_SCRIPT)
    mwaa.update_environment(
        Name=NAME,
        AirflowConfigurationOptions={"core.parallelism": "9"},
        StartupScriptS3Path="startup.sh",
        StartupScriptS3ObjectVersion=version,
    )
    with pytest.raises(mwaa.exceptions.ValidationException, match="made is UPDATING and cannot be deleted now"):
        mwaa.delete_environment(Name=NAME)
    assert wait_for(mwaa, "AVAILABLE", "UPDATE_FAILED", "UNAVAILABLE") == ["UPDATING", "AVAILABLE"]
    assert service.variables()["AIRFLOW__CORE__PARALLELISM"] == "9"
    assert service.variables()["GREETING"] == "better"
    members = mwaa.get_environment(Name=NAME)["Environment"]
    assert members["StartupScriptS3ObjectVersion"] == version


def test_update_that_does_not_come_up_is_rolled_back(service: Service) -> None:
    mwaa = service.mwaa()
    before = mwaa.get_environment(Name=NAME)["Environment"]
    version = service.upload("startup.sh", BAD_SCRIPT)
    mwaa.update_environment(
        Name=NAME,
        AirflowConfigurationOptions={"core.parallelism": "11"},
        StartupScriptS3Path="startup.sh",
        StartupScriptS3ObjectVersion=version,
    )
    assert wait_for(mwaa, "UPDATE_FAILED", "AVAILABLE", "UNAVAILABLE") == ["UPDATING", "ROLLING_BACK", "UPDATE_FAILED"]
    after = mwaa.get_environment(Name=NAME)["Environment"]
    assert "startup script failed" in after["LastUpdate"]["Error"]["ErrorMessage"]
    assert after["StartupScriptS3ObjectVersion"] == before["StartupScriptS3ObjectVersion"]
    assert after["AirflowConfigurationOptions"] == {"core.parallelism": "9"}
    assert service.variables()["AIRFLOW__CORE__PARALLELISM"] == "9"
    assert service.variables()["GREETING"] == "better"
    assert (service.project.root_dir / "startup" / "startup.sh").read_text() == BETTER_SCRIPT
    assert answers(f"http://{after['WebserverUrl']}/api/v2/monitor/health")
    status = json.loads(ProjectRunner(service.project.root_dir, service.runner.env).run("status", "--json").stdout)
    assert status["healthy"]
    assert any("exit" in event["why"] for event in status["service"]["environments"][0]["events"])


def test_update_with_which_a_component_dies_is_rolled_back(service: Service) -> None:
    mwaa = service.mwaa()
    mwaa.update_environment(Name=NAME, AirflowConfigurationOptions={"core.parallelism": "many"})
    assert wait_for(mwaa, "UPDATE_FAILED", "AVAILABLE", "UNAVAILABLE") == ["UPDATING", "ROLLING_BACK", "UPDATE_FAILED"]
    error = mwaa.get_environment(Name=NAME)["Environment"]["LastUpdate"]["Error"]
    assert error["ErrorMessage"].startswith("mwaa-local: scheduler")
    assert service.variables()["AIRFLOW__CORE__PARALLELISM"] == "9"


def test_update_is_gone_on_with_after_worker_and_api_were_killed(service: Service) -> None:
    mwaa = service.mwaa()
    mwaa.update_environment(Name=NAME, AirflowConfigurationOptions={"core.parallelism": "13"})
    wait_until(service.workers)
    time.sleep(3)  # into the start of components
    os.kill(service.api_pid(), signal.SIGKILL)
    for worker in service.workers():
        worker.kill()
    wait_until(lambda: not service.workers())
    again = service.mwaa()
    assert wait_for(again, "AVAILABLE", "UPDATE_FAILED", "UNAVAILABLE") == ["UPDATING", "AVAILABLE"]
    assert service.variables()["AIRFLOW__CORE__PARALLELISM"] == "13"


def test_environment_whose_supervisor_was_killed_is_not_called_available(service: Service) -> None:
    mwaa = service.mwaa()
    wait_for(mwaa, "AVAILABLE")
    state = json.loads((service.project.run_dir / "state.json").read_text())
    os.kill(state["pid"], signal.SIGKILL)
    assert wait_for(mwaa, "UNAVAILABLE")[-1] == "UNAVAILABLE"


def test_up_and_down_are_seen_through_the_api(service: Service) -> None:
    mwaa = service.mwaa()
    here = ProjectRunner(service.project.root_dir, service.runner.env)
    outcome = here.run("up")
    assert outcome.exit_code == 0, outcome.stderr
    assert wait_for(mwaa, "AVAILABLE")[-1] == "AVAILABLE"
    assert mwaa.get_environment(Name=NAME)["Environment"]["SourceBucketArn"].endswith(BUCKET)
    assert here.run("down", "--now").exit_code == 0
    assert wait_for(mwaa, "UNAVAILABLE")[-1] == "UNAVAILABLE"


def test_deleted_environment_leaves_nothing(service: Service) -> None:
    mwaa = service.mwaa()
    mwaa.delete_environment(Name=NAME)
    assert wait_for(mwaa, "gone")[-1] == "gone"
    assert mwaa.list_environments()["Environments"] == []
    assert [path.name for path in service.folder.iterdir()] == [".mwaa-local"]
