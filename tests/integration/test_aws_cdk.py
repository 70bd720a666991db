"""`cdk bootstrap`, `deploy`, a changed `deploy`, one that fails, and `destroy`: npm's aws-cdk, a real environment.

The stack in `cdk/app.js` is as users write theirs: nothing in it knows of this machine.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mwaa_local.runtime.choice import existing_runtime
from tests.environments import LATEST
from tests.integration.mwaa_service import MwaaService, mwaa_service
from tests.integration.stacks import Stacks

pytestmark = [
    pytest.mark.full,
    pytest.mark.network,
    pytest.mark.skipif(shutil.which("npm") is None, reason="npm, from which aws-cdk comes, is not installed"),
]
APP_DIR = Path(__file__).parent / "cdk"
ACCOUNT, REGION = "000000000000", "us-east-1"
STACK, NAME = "Airflow", "from-cdk"
INSTALL_TIMEOUT_S, DEPLOY_TIMEOUT_S = 600.0, 1800.0


@dataclass(frozen=True)
class Cdk:
    """aws-cdk, in a folder of the test's, and the service that it meets."""

    folder: Path
    service: MwaaService

    def run(self, *words: str, fails: bool = False, **context: Any) -> str:
        argv = [str(self.folder / "node_modules" / ".bin" / "cdk"), *words]
        for name, value in {"airflow": LATEST, "parallelism": 7, **context}.items():
            argv += ["--context", f"{name}={value}"]
        done = subprocess.run(
            argv,
            cwd=self.folder,
            env=self._env(),
            capture_output=True,
            text=True,
            timeout=DEPLOY_TIMEOUT_S,
            check=False,
        )
        output = done.stdout + done.stderr
        assert (done.returncode != 0) is fails, output
        return output

    def deploy(self, *, fails: bool = False, **context: Any) -> str:
        return self.run("deploy", "--require-approval", "never", fails=fails, **context)

    def variables(self) -> dict[str, str]:
        """Return the variables of the running scheduler."""
        project = self.service.project(NAME)
        plan = existing_runtime(project, self.service.runner.env).running_plan()
        assert plan is not None
        scheduler = plan.component("scheduler")
        assert scheduler is not None
        return dict(scheduler.env)

    def _env(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "CDK_HOME": str(self.folder / "home"),  # where it remembers the account of each key; not below HOME
            "CI": "true",
            "AWS_ENDPOINT_URL": self.service.aws.url,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "CDK_DISABLE_VERSION_CHECK": "1",
            "CDK_DISABLE_CLI_TELEMETRY": "true",
        }


@pytest.fixture(scope="module")
def cdk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cdk]:
    folder = tmp_path_factory.mktemp("cdk")
    shutil.copytree(APP_DIR, folder, dirs_exist_ok=True)
    npm = ["npm", "install", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run(npm, cwd=folder, check=True, timeout=INSTALL_TIMEOUT_S)
    with mwaa_service(tmp_path_factory.mktemp("mwaa")) as service:
        yield Cdk(folder, service)


@pytest.fixture(scope="module")
def stacks(cdk: Cdk) -> Stacks:
    return Stacks(cdk.service.aws)


def test_bootstrap(cdk: Cdk, stacks: Stacks) -> None:
    cdk.run("bootstrap", f"aws://{ACCOUNT}/{REGION}")
    assert stacks.described("CDKToolkit")["StackStatus"] == "CREATE_COMPLETE"


def test_deploy_makes_an_environment_and_waits_until_it_is_available(cdk: Cdk, stacks: Stacks) -> None:
    output = cdk.deploy()
    environment = cdk.service.mwaa.get_environment(Name=NAME)["Environment"]
    assert environment["Status"] == "AVAILABLE"
    assert stacks.outputs(STACK)["Arn"] == environment["Arn"]
    assert environment["Arn"] in output
    assert environment["AirflowConfigurationOptions"] == {
        "core.parallelism": "7",
        "core.dags_are_paused_at_creation": "false",
    }
    url = cdk.service.aws.client("ssm").get_parameter(Name="/airflow/url")["Parameter"]["Value"]
    assert url == environment["WebserverUrl"]
    assert cdk.variables()["AIRFLOW__CORE__PARALLELISM"] == "7"
    events = [event[:2] for event in stacks.events(STACK)]
    url_begins = next(place for place, event in enumerate(events) if event[0].startswith("Url"))
    assert events.index(("Environment", "CREATE_COMPLETE")) < url_begins


def test_a_changed_option_is_an_update_in_place(cdk: Cdk, stacks: Stacks) -> None:
    created = cdk.service.mwaa.get_environment(Name=NAME)["Environment"]["CreatedAt"]
    cdk.deploy(parallelism=9)
    environment = cdk.service.mwaa.get_environment(Name=NAME)["Environment"]
    assert (environment["Status"], environment["CreatedAt"]) == ("AVAILABLE", created)
    assert cdk.variables()["AIRFLOW__CORE__PARALLELISM"] == "9"
    assert stacks.described(STACK)["StackStatus"] == "UPDATE_COMPLETE"


def test_a_failed_update_goes_back_to_what_was_deployed(cdk: Cdk, stacks: Stacks) -> None:
    fault = cdk.service.runner.run("fault", "set", "update-failed", "--times", "1")
    assert fault.exit_code == 0, fault.stderr
    output = cdk.deploy(parallelism=11, fails=True)
    assert "Update failed." in output
    assert stacks.described(STACK)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert cdk.service.mwaa.get_environment(Name=NAME)["Environment"]["Status"] == "AVAILABLE"
    assert cdk.variables()["AIRFLOW__CORE__PARALLELISM"] == "9"


def test_destroy_leaves_neither_environment_nor_network(cdk: Cdk, stacks: Stacks) -> None:
    stack_id, ids = stacks.described(STACK)["StackId"], stacks.ids(STACK)
    cdk.run("destroy", "--force")
    assert stacks.described(stack_id)["StackStatus"] == "DELETE_COMPLETE"
    assert set(stacks.statuses(stack_id).values()) == {"DELETE_COMPLETE"}
    assert cdk.service.mwaa.list_environments()["Environments"] == []
    assert not cdk.service.project(NAME).root_dir.exists()
    vpcs = [vpc["VpcId"] for vpc in cdk.service.aws.client("ec2").describe_vpcs()["Vpcs"]]
    assert not set(vpcs) & set(ids.values())
    assert json.dumps(ids)  # the names were known, so that something was looked for
