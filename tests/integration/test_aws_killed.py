"""The local AWS, through which MWAA is asked, killed in the middle of operations: they go on, and it comes back.

The environments are real: the one of `up`, which UpdateEnvironment changes, and another, made and deleted through it.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from mwaa_local.project import Project
from mwaa_local.runtime.choice import existing_runtime
from mwaa_local.runtime.process.unit import QUICK_DEATH_S
from tests.conftest import ProjectRunner, make_clean_env
from tests.environments import LATEST
from tests.integration.aws_server import client, wait_until

pytestmark = [pytest.mark.full, pytest.mark.network]

NAME, MADE, BUCKET = "of-up", "made", "source-bucket"
TIMEOUT_S = 900.0
YAML = f"""\
# mine
Name: {NAME}
AirflowVersion: {LATEST}
AirflowConfigurationOptions: {{core.parallelism: "7"}}
Local: {{Aws: local, WebserverPort: 0, AwsPort: 0}}
"""


@dataclass
class Up:
    """A project that is up, with a local AWS."""

    runner: ProjectRunner

    @property
    def project(self) -> Project:
        return Project(self.runner.root_dir.resolve())

    def component(self, name: str) -> dict[str, Any]:
        components = json.loads(self.runner.run("status", "--json").stdout)["components"]
        found: dict[str, Any] = next(each for each in components if each["name"] == name)
        return found

    def variables(self, project: Project | None = None) -> dict[str, str]:
        """Return the variables of the running scheduler."""
        plan = existing_runtime(project or self.project, self.runner.env).running_plan()
        assert plan is not None
        scheduler = plan.component("scheduler")
        assert scheduler is not None
        return dict(scheduler.env)

    def client(self, service: str) -> Any:
        plan = existing_runtime(self.project, self.runner.env).running_plan()
        assert plan is not None
        return client(service, f"http://localhost:{plan.ports['aws']}")

    def status(self, name: str) -> str:
        """Return what MWAA says of an environment through the local AWS; `silent` where that does not answer."""
        mwaa = self.client("mwaa")
        try:
            return str(mwaa.get_environment(Name=name)["Environment"]["Status"])
        except mwaa.exceptions.ResourceNotFoundException:
            return "gone"
        except (BotoCoreError, ClientError):
            return "silent"

    def aws_pid(self) -> int:
        """Return the process of the local AWS, when it has lived so long that its death is no quick one.

        What dies quickly three times, one after the other, is not started again.
        """
        pid = int(self.component("aws")["pid"])
        wait_until(lambda: time.time() > psutil.Process(pid).create_time() + QUICK_DEATH_S, 2 * QUICK_DEATH_S)
        return pid

    def wait_for(self, name: str, *wanted: str) -> list[str]:
        """Wait for one of these statuses; return those that were said, each once in a row."""
        seen: list[str] = []

        def is_there() -> bool:
            now = self.status(name)
            if now != "silent" and (not seen or seen[-1] != now):
                seen.append(now)
            return now in wanted

        wait_until(is_there, TIMEOUT_S)
        return seen

    def wait_for_aws(self, before: int) -> None:
        wait_until(lambda: self.component("aws")["pid"] not in (None, before), 120)
        wait_until(lambda: self.component("aws")["state"] == "ready", 120)


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    env = make_clean_env(tmp_path_factory.mktemp("home"))
    up = Up(ProjectRunner(tmp_path_factory.mktemp("project"), env))
    up.runner.write({"mwaa.yaml": YAML, "dags/none.py": ""})
    outcome = up.runner.run("up")
    assert outcome.exit_code == 0, outcome.stderr
    yield up
    for folder in (*(up.project.state_dir / "environments").glob("*"), up.runner.root_dir):
        up.runner.run("down", "--now", "--project", str(folder))
    up.runner.run("api", str(up.runner.root_dir), "--stop")


def test_update_of_what_up_started_goes_on_and_leaves_its_file_alone(up: Up) -> None:
    up.wait_for(NAME, "AVAILABLE")
    killed, mwaa = up.aws_pid(), up.client("mwaa")
    mwaa.update_environment(Name=NAME, AirflowConfigurationOptions={"core.parallelism": "9"})
    assert up.status(NAME) == "UPDATING"
    os.kill(killed, signal.SIGKILL)
    assert up.wait_for(NAME, "AVAILABLE", "UPDATE_FAILED", "UNAVAILABLE") in (["UPDATING", "AVAILABLE"], ["AVAILABLE"])
    up.wait_for_aws(killed)
    assert up.variables()["AIRFLOW__CORE__PARALLELISM"] == "9"
    environment = up.client("mwaa").get_environment(Name=NAME)["Environment"]
    assert environment["LastUpdate"]["Status"] == "SUCCESS"
    assert environment["AirflowConfigurationOptions"] == {"core.parallelism": "9"}
    assert (up.runner.root_dir / "mwaa.yaml").read_text() == YAML
    assert "does not change" in events(up.project)[-1]["why"]


def test_up_follows_its_file_again(up: Up) -> None:
    outcome = up.runner.run("up")
    assert outcome.exit_code == 0, outcome.stderr
    assert up.variables()["AIRFLOW__CORE__PARALLELISM"] == "7"
    up.wait_for(NAME, "AVAILABLE")
    environment = up.client("mwaa").get_environment(Name=NAME)["Environment"]
    assert environment["AirflowConfigurationOptions"] == {"core.parallelism": "7"}


def test_creation_goes_on(up: Up) -> None:
    s3 = up.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=BUCKET, Key="dags/mine.py", Body=b"# mine\n")
    killed = up.aws_pid()
    up.client("mwaa").create_environment(
        Name=MADE,
        AirflowVersion=LATEST,
        ExecutionRoleArn="arn:aws:iam::000000000000:role/execution",
        SourceBucketArn=f"arn:aws:s3:::{BUCKET}",
        DagS3Path="dags",
        NetworkConfiguration={"SubnetIds": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]},
    )
    made = up.project.state_dir / "environments" / MADE
    wait_until((made / "dags" / "mine.py").exists, 120)
    wait_until(lambda: phase(made) == "starting", 120)
    os.kill(killed, signal.SIGKILL)
    assert record(made)["operation"]
    assert up.wait_for(MADE, "AVAILABLE", "CREATE_FAILED", "UNAVAILABLE")[-1] == "AVAILABLE"
    up.wait_for_aws(killed)
    assert (made / "dags" / "mine.py").read_text() == "# mine\n"
    assert up.client("mwaa").list_environments()["Environments"] == sorted([NAME, MADE])


def test_deletion_goes_on(up: Up) -> None:
    killed, mwaa = up.aws_pid(), up.client("mwaa")
    mwaa.delete_environment(Name=MADE)
    assert up.status(MADE) == "DELETING"
    os.kill(killed, signal.SIGKILL)
    assert (up.project.state_dir / "environments" / MADE).exists()
    assert up.wait_for(MADE, "gone")[-1] == "gone"
    up.wait_for_aws(killed)
    assert up.client("mwaa").list_environments()["Environments"] == [NAME]
    assert not (up.project.state_dir / "environments" / MADE).exists()


def record(folder: Path) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads((folder / ".mwaa-local" / "mwaa" / "environment.json").read_text())
    return plain


def phase(folder: Path) -> str:
    return str((record(folder)["operation"] or {}).get("phase", ""))


def events(project: Project) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = record(project.root_dir)["events"]
    return found
