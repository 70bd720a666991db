"""`mwaa-local sync`, on the bucket of a real local AWS: what it shows, what it does, and with which exit code."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mwaa_local.sync.public_access import BLOCKS
from tests.conftest import ProjectRunner
from tests.integration.aws_endpoint import Endpoint, endpoint
from tests.unit.sync.buckets import held

pytestmark = pytest.mark.network  # moto's packages, once
BUCKET = "source"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    with endpoint(tmp_path_factory.mktemp("aws"), {"buckets": [BUCKET]}) as started:
        yield started


@pytest.fixture
def s3(aws: Endpoint) -> Any:
    client = aws.client("s3")
    for one in client.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        client.delete_object(Bucket=BUCKET, Key=one["Key"])
    return client


@pytest.fixture
def runner(project: Callable[..., ProjectRunner], aws: Endpoint) -> ProjectRunner:
    """A project as the MWAA API makes one, as far as its sync goes."""
    source = json.dumps({"bucket": BUCKET, "path": "dags"})
    runner = project({"mwaa.yaml": "AirflowVersion: 3.3.1\n", ".mwaa-local/sync/source.json": source})
    return ProjectRunner(runner.root_dir, {**runner.env, "AWS_ENDPOINT_URL": aws.url})


def dags(runner: ProjectRunner) -> dict[str, bytes]:
    return held(runner.root_dir / "dags")


def test_plan_shows_what_sync_then_does(runner: ProjectRunner, s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="dags/a.py", Body=b"1")
    planned = runner.run("sync", "--plan")
    assert (planned.exit_code, planned.stdout) == (1, "write   dags/a.py  (new)\n")
    assert "s3://source/dags: 1 to write, 0 to delete" in planned.stderr
    assert dags(runner) == {}
    done = runner.run("sync")
    assert (done.exit_code, done.stdout) == (0, "write   dags/a.py  (new)\n")
    assert "s3://source/dags: 1 written, 0 deleted" in done.stderr
    assert dags(runner) == {"a.py": b"1"}
    again = runner.run("sync", "--plan")
    assert (again.exit_code, again.stdout) == (0, "")
    s3.delete_object(Bucket=BUCKET, Key="dags/a.py")
    assert runner.run("sync", "--plan").stdout == "delete  dags/a.py\n"
    assert runner.run("sync").exit_code == 0
    assert dags(runner) == {}


def test_what_is_its_users_is_listed_and_stays(runner: ProjectRunner, s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="dags/mine.py", Body=b"the bucket's")
    s3.put_object(Bucket=BUCKET, Key="dags/x/../../up.py", Body=b"1")
    runner.write({"dags/mine.py": "mine", "dags/other.py": "other"})
    outcome = runner.run("sync", "--json")
    assert outcome.exit_code == 1
    assert json.loads(outcome.stdout) == {
        "source": "s3://source/dags",
        "applied": True,
        "write": [],
        "delete": [],
        "left": [{"name": "mine.py", "why": "a file that is not from the bucket is in its place"}],
        "skipped": [{"key": "dags/x/../../up.py", "why": "it would lead to another folder"}],
    }
    assert dags(runner) == {"mine.py": b"mine", "other.py": b"other"}
    assert not (runner.root_dir / "up.py").exists()


def test_bucket_that_was_opened_is_not_synced_nor_planned(runner: ProjectRunner, s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="dags/a.py", Body=b"1")
    s3.delete_public_access_block(Bucket=BUCKET)
    try:
        for outcome in (runner.run("sync", "--plan"), runner.run("sync")):
            assert outcome.exit_code == 3
            assert "s3://source is open to the public" in outcome.stderr
    finally:
        s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=dict.fromkeys(BLOCKS, True))
    assert dags(runner) == {}


def test_bucket_that_is_not_there_is_told(runner: ProjectRunner) -> None:
    runner.write({".mwaa-local/sync/source.json": json.dumps({"bucket": "nowhere", "path": "dags"})})
    outcome = runner.run("sync")
    assert outcome.exit_code == 3
    assert "the bucket nowhere does not exist" in outcome.stderr


def test_without_an_aws_there_is_nothing_to_read(runner: ProjectRunner) -> None:
    env = {name: value for name, value in runner.env.items() if name != "AWS_ENDPOINT_URL"}
    outcome = ProjectRunner(runner.root_dir, env).run("sync")
    assert outcome.exit_code == 3
    assert "cannot read s3://source/dags: no AWS of this machine runs" in outcome.stderr


def test_project_with_folders_of_its_own_has_nothing_to_sync(project: Callable[..., ProjectRunner]) -> None:
    runner = project({"dags/a.py": "1", "mwaa.yaml": "SourceBucketArn: arn:aws:s3:::mine\nDagS3Path: code/dags\n"})
    (runner.root_dir / "plugins").mkdir(exist_ok=True)
    assert runner.run("sync", "--plan").stdout == "dags/  ->  s3://mine/code/dags/\n", "no object without a file"
    files = ("plugins/a.py", "requirements/requirements.txt", "startup/startup.sh")
    runner.write(dict.fromkeys(files, "# 1"))
    outcome = runner.run("sync", "--plan")
    assert outcome.exit_code == 0
    assert outcome.stdout.splitlines() == [
        "dags/  ->  s3://mine/code/dags/",
        "plugins  ->  s3://mine/plugins.zip  (zipped)",
        "requirements/requirements.txt  ->  s3://mine/requirements.txt",
        "startup/startup.sh  ->  s3://mine/startup.sh",
    ]
    assert "nothing to sync" in outcome.stderr
    plain = json.loads(runner.run("sync", "--json").stdout)
    assert (plain["source"], plain["bucket"], len(plain["objects"])) == ("folders", "mine", 4)


def test_environment_that_is_not_there_is_told(project: Callable[..., ProjectRunner]) -> None:
    outcome = project({"dags/a.py": "1"}).run("sync", "orders")
    assert outcome.exit_code == 3
    assert "there is no environment orders here" in outcome.stderr


def test_environment_of_the_api_is_found_by_its_name(runner: ProjectRunner, s3: Any, tmp_path: Path) -> None:
    from mwaa_local.api.environments import record as records
    from mwaa_local.project import Project
    from mwaa_local.sync.state import Source, SyncState

    s3.put_object(Bucket=BUCKET, Key="dags/a.py", Body=b"1")
    owner = tmp_path / "owner"
    made = Project(owner / ".mwaa-local/environments/orders")
    made.root_dir.mkdir(parents=True)
    (owner / "dags").mkdir()
    made.make_state_dir()
    records.save(made, records.Record("orders", records.BY_API, 0.0, {}))
    SyncState(made).comes_from(Source(BUCKET, "dags"))
    outcome = ProjectRunner(owner, runner.env).run("sync", "orders")
    assert (outcome.exit_code, outcome.stdout) == (0, "write   dags/a.py  (new)\n"), outcome.stderr
    assert held(made.dags_dir) == {"a.py": b"1"}
