"""An environment whose files are in a bucket: DAGs follow it by themselves, the other files with an update.

The API, the local AWS, the observer and Airflow are the real ones, and so are the clients: boto3 and the AWS CLI.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mwaa_local.observer.place import ObserverFolder
from tests.conftest import ProjectRunner
from tests.environments import LATEST, wait_until
from tests.integration.mwaa_service import AVAILABLE_TIMEOUT_S, MwaaService, mwaa_service
from tests.unit.sync.buckets import held

pytestmark = [pytest.mark.full, pytest.mark.network]
NAME, BUCKET = "synced", "source"
SYNC_TIMEOUT_S = 20.0  # for what is to be there within a second, on a busy machine
DAG = """
from airflow.sdk import dag, task

@dag(dag_id={name!r})
def made():
    @task
    def one(): ...

    one()

made()
"""
BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MwaaService]:
    with mwaa_service(tmp_path_factory.mktemp("mwaa")) as started:
        s3 = started.aws.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        s3.put_object(Bucket=BUCKET, Key="dags/first.py", Body=DAG.format(name="first"))
        created(started)
        local = started.project(NAME).environment_path
        local.write_text(local.read_text().replace("Local:\n", "Local:\n  SyncSeconds: 1\n"))
        outcome = here(started).run("up")
        assert outcome.exit_code == 0, outcome.stderr
        yield started


def created(service: MwaaService) -> None:
    service.mwaa.create_environment(
        Name=NAME,
        AirflowVersion=LATEST,
        ExecutionRoleArn="arn:aws:iam::000000000000:role/execution",
        SourceBucketArn=f"arn:aws:s3:::{BUCKET}",
        DagS3Path="dags",
        NetworkConfiguration={"SubnetIds": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]},
    )
    await_status(service, "AVAILABLE")


def await_status(service: MwaaService, wanted: str) -> None:
    def status() -> str:
        return str(service.mwaa.get_environment(Name=NAME)["Environment"]["Status"])

    settled = ("AVAILABLE", "CREATE_FAILED", "UPDATE_FAILED", "UNAVAILABLE")
    wait_until(lambda: status() in settled, 3 * AVAILABLE_TIMEOUT_S, "the operation is over")
    assert status() == wanted, service.events(NAME)


def here(service: MwaaService) -> ProjectRunner:
    return ProjectRunner(service.project(NAME).root_dir, service.runner.env)


@pytest.fixture
def s3(service: MwaaService) -> Any:
    return service.aws.client("s3")


def dags(service: MwaaService) -> dict[str, bytes]:
    return {name: body for name, body in held(service.project(NAME).dags_dir).items() if "__pycache__" not in name}


def follows(service: MwaaService, check: Callable[[dict[str, bytes]], bool], what: str) -> None:
    wait_until(lambda: check(dags(service)), SYNC_TIMEOUT_S, what)


def remarks(service: MwaaService) -> list[str]:
    plain = json.loads(here(service).run("status", "--json").stdout)
    return [remark["what"] for remark in plain["remarks"] if remark["subject"] == "sync"]


def test_dag_of_the_bucket_is_there_from_the_beginning(service: MwaaService) -> None:
    assert dags(service) == {"first.py": DAG.format(name="first").encode()}
    assert "synced 1 file from s3://source/dags" in service.events(NAME)


def test_object_that_is_put_becomes_a_dag_and_one_that_is_deleted_goes(service: MwaaService, s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="dags/team/second.py", Body=DAG.format(name="second"))
    s3.put_object(Bucket=BUCKET, Key="dags/team/sql/query.sql", Body=b"select 1")
    follows(service, lambda found: {"team/second.py", "team/sql/query.sql"} <= found.keys(), "both are there")

    def airflow_has_it() -> bool:
        answer = service.mwaa.invoke_rest_api(Name=NAME, Path="/dags", Method="GET")
        return "second" in [dag["dag_id"] for dag in answer["RestApiResponse"]["dags"]]

    wait_until(airflow_has_it, AVAILABLE_TIMEOUT_S, "Airflow has the DAG")
    for key in ("dags/team/second.py", "dags/team/sql/query.sql"):
        s3.delete_object(Bucket=BUCKET, Key=key)
    follows(service, lambda found: found.keys() == {"first.py"}, "both are gone")
    assert not (service.project(NAME).dags_dir / "team").exists()


def test_aws_s3_sync_of_the_command_line_is_followed(service: MwaaService) -> None:
    runner = here(service)
    runner.write({"../upload/cli.py": DAG.format(name="cli"), "../upload/data/x.csv": "1,2\n"})
    upload = runner.root_dir.parent / "upload"
    words = ("--endpoint-url", service.aws.url)
    keep = ("--exclude", "first.py", "--delete")
    outcome = runner.run("aws", *words, "s3", "sync", str(upload), f"s3://{BUCKET}/dags/", *keep)
    assert outcome.exit_code == 0, outcome.stderr
    follows(service, lambda found: {"cli.py", "data/x.csv"} <= found.keys(), "what was synced is there")
    (upload / "cli.py").unlink()
    (upload / "data/x.csv").unlink()
    assert runner.run("aws", *words, "s3", "sync", str(upload), f"s3://{BUCKET}/dags/", *keep).exit_code == 0
    follows(service, lambda found: found.keys() == {"first.py"}, "what was deleted is gone")


def test_file_that_was_changed_here_stays_and_status_says_so(service: MwaaService, s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="dags/edited.py", Body=b"VALUE = 1")
    follows(service, lambda found: "edited.py" in found, "it is there")
    (service.project(NAME).dags_dir / "edited.py").write_bytes(b"VALUE = 'mine'")
    s3.put_object(Bucket=BUCKET, Key="dags/edited.py", Body=b"VALUE = 2")
    wait_until(lambda: remarks(service) == ["dags/edited.py stays as it is"], SYNC_TIMEOUT_S, "status says so")
    assert dags(service)["edited.py"] == b"VALUE = 'mine'"
    (service.project(NAME).dags_dir / "edited.py").unlink()
    follows(service, lambda found: found.get("edited.py") == b"VALUE = 2", "the bucket's is there")
    wait_until(lambda: remarks(service) == [], SYNC_TIMEOUT_S, "nothing is left to say")


def test_bucket_that_is_open_to_the_public_is_not_synced(service: MwaaService, s3: Any) -> None:
    s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=dict.fromkeys(BLOCKS, False))
    wait_until(
        lambda: remarks(service) == [f"DAGs are not synced: s3://{BUCKET} is open to the public"],
        SYNC_TIMEOUT_S,
        "status says so",
    )
    s3.put_object(Bucket=BUCKET, Key="dags/late.py", Body=b"")
    time.sleep(3)
    assert "late.py" not in dags(service)
    s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=dict.fromkeys(BLOCKS, True))
    follows(service, lambda found: "late.py" in found, "it is synced again")


def test_sync_goes_on_after_the_observer_was_killed(service: MwaaService, s3: Any) -> None:
    folder = ObserverFolder.of(service.project(NAME))
    pid = folder.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: folder.pid not in (None, pid), AVAILABLE_TIMEOUT_S, "the API has started it again")
    s3.put_object(Bucket=BUCKET, Key="dags/after.py", Body=b"")
    follows(service, lambda found: "after.py" in found, "it is there")


def test_other_files_come_with_an_update_at_the_version_that_it_names(service: MwaaService, s3: Any) -> None:
    first = s3.put_object(Bucket=BUCKET, Key="requirements.txt", Body=b"# first\n")["VersionId"]
    s3.put_object(Bucket=BUCKET, Key="requirements.txt", Body=b"# second\n")
    service.mwaa.update_environment(Name=NAME, RequirementsS3Path="requirements.txt", RequirementsS3ObjectVersion=first)
    await_status(service, "AVAILABLE")
    path = service.project(NAME).requirements_path
    assert path.read_text() == "# first\n"
    s3.put_object(Bucket=BUCKET, Key="dags/with.py", Body=b"")
    follows(service, lambda found: "with.py" in found, "DAGs are synced")
    assert path.read_text() == "# first\n"
    s3.delete_object(Bucket=BUCKET, Key="requirements.txt", VersionId=first)
    service.mwaa.update_environment(Name=NAME, MaxWorkers=2)
    await_status(service, "UPDATE_FAILED")
    update = service.mwaa.get_environment(Name=NAME)["Environment"]["LastUpdate"]
    assert update["Error"]["ErrorMessage"] == f"Unable to read version {first} of file requirements.txt"
    assert path.read_text() == "# first\n"
    follows(service, lambda found: "with.py" in found, "DAGs stay")


def test_deleted_environment_leaves_nothing(service: MwaaService) -> None:
    service.mwaa.delete_environment(Name=NAME)
    wait_until(lambda: service.mwaa.list_environments()["Environments"] == [], AVAILABLE_TIMEOUT_S, "it is gone")
    assert not service.project(NAME).root_dir.exists()
