"""A sync from real buckets: of a local AWS of ours, which has paths of its own for it, and of any other."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from mwaa_local.api.aws_query import Aws
from mwaa_local.api.environments.registry import Registry
from mwaa_local.api.prerequisites.bucket import NOT_BLOCKED, refusal_of_bucket
from mwaa_local.project import Project
from mwaa_local.sync.other_aws import OtherAwsBucket
from mwaa_local.sync.own_aws import OwnAwsBucket, is_own_aws
from mwaa_local.sync.public_access import BLOCKS
from mwaa_local.sync.reading import BucketMissing, BucketUnreadable, ReadableBucket
from mwaa_local.sync.state import Source
from mwaa_local.sync.syncing import DagsSync
from tests.environments import wait_until
from tests.integration import aws_server
from tests.integration.aws_endpoint import endpoint
from tests.unit.api.serving import add, served
from tests.unit.sync.buckets import held

pytestmark = pytest.mark.network  # moto's packages, once
aws = aws_server.aws
# Keys that XML, URLs and folders may get wrong, and one that can be no file.
OBJECTS = {
    "dags/a.py": b"a",
    "dags/sub/é ü+%20&?=#.txt": b"x" * 3_000_000,
    "dags/empty": b"",
    "dags/<&>\"'": b"2",
    "dags/a//b.py": b"no file",
    "dags/folder/": b"",
    "dagsnot/a.py": b"elsewhere",
    "plugins.zip": b"elsewhere",
}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with endpoint(tmp_path_factory.mktemp("aws")) as started:
        yield started.url


@pytest.fixture(params=["own", "other"])
def url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue("own" if request.param == "own" else "aws"))


def bucket_at(url: str, name: str) -> ReadableBucket:
    return OwnAwsBucket(url, name) if is_own_aws(url) else OtherAwsBucket(url, name)


@pytest.fixture
def bucket(url: str) -> str:
    """The name of a new bucket."""
    name, client = f"source-{uuid4()}", aws_server.client("s3", url)
    client.create_bucket(Bucket=name)
    client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


@pytest.fixture
def s3(url: str) -> Any:
    return aws_server.client("s3", url)


def test_own_endpoint_is_known_from_others(own: str, aws: str) -> None:
    assert [is_own_aws(url) for url in (own, aws, "http://127.0.0.1:1", "https://localhost")] == [True, *[False] * 3]


def test_folder_follows_the_bucket(url: str, bucket: str, s3: Any, tmp_path: Path) -> None:
    for key, body in OBJECTS.items():
        s3.put_object(Bucket=bucket, Key=key, Body=body)
    (tmp_path / ".mwaa-local").mkdir()
    sync = DagsSync(Project(tmp_path), Source(bucket, "dags"), bucket_at(url, bucket))
    first = sync.run()
    assert first is not None
    files = {key.removeprefix("dags/"): body for key, body in OBJECTS.items() if key.startswith("dags/")}
    assert held(tmp_path / "dags") == {name: files[name] for name in files.keys() - {"a//b.py", "folder/"}}
    assert [one.key for one in first.plan.skipped] == ["dags/a//b.py"]
    s3.delete_object(Bucket=bucket, Key="dags/a.py")
    s3.put_object(Bucket=bucket, Key="dags/empty", Body=b"filled")
    second = sync.run()
    assert second is not None
    assert (second.written, second.deleted) == (("empty",), ("a.py",))
    third = sync.run()
    assert third is not None
    assert third.is_nothing


@pytest.mark.full
def test_more_objects_than_fit_on_a_page_all_come(url: str, bucket: str, s3: Any, tmp_path: Path) -> None:
    for number in range(1003):
        s3.put_object(Bucket=bucket, Key=f"dags/{number}.py", Body=b"%d" % number)
    (tmp_path / ".mwaa-local").mkdir()
    DagsSync(Project(tmp_path), Source(bucket, "dags"), bucket_at(url, bucket)).run()
    assert held(tmp_path / "dags") == {f"{number}.py": b"%d" % number for number in range(1003)}


def test_bucket_tells_whether_it_is_as_mwaa_wants_it(url: str, bucket: str, s3: Any) -> None:
    def told() -> tuple[bool, bool]:
        listing = bucket_at(url, bucket).listing("dags/")
        assert listing is not None
        return listing.is_versioned, listing.is_closed

    assert told() == (True, True)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    assert told() == (False, True)
    blocks = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True}
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=blocks)
    assert told() == (False, False)
    blocks["RestrictPublicBuckets"] = True
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=blocks)
    assert told() == (False, True)


def test_bucket_whose_public_access_block_was_deleted_is_open_also_after_a_restart(tmp_path: Path) -> None:
    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    with endpoint(tmp_path / "first", state=tmp_path / "state") as before:
        s3 = aws_server.client("s3", before.url)
        s3.create_bucket(Bucket="opened")
        bucket = OwnAwsBucket(before.url, "opened")
        listing = bucket.listing("")
        assert listing is not None
        assert listing.is_closed
        s3.delete_public_access_block(Bucket="opened")
        opened = bucket.listing("", listing.mark)
        assert opened is not None, "the mark is another one"
        assert not opened.is_closed
        before.process.terminate()
        wait_until(lambda: before.process.poll() is not None, 30, "it has ended")
    with endpoint(tmp_path / "second", state=tmp_path / "state") as after:
        bucket = OwnAwsBucket(after.url, "opened")
        kept = bucket.listing("")
        assert kept is not None
        assert not kept.is_closed
        aws_server.client("s3", after.url).put_public_access_block(
            Bucket="opened", PublicAccessBlockConfiguration=dict.fromkeys(BLOCKS, True)
        )
        closed = bucket.listing("")
        assert closed is not None
        assert closed.is_closed


def test_api_and_sync_judge_the_public_access_block_alike(own: str) -> None:
    s3 = aws_server.client("s3", own)
    s3.create_bucket(Bucket="alike")
    s3.put_bucket_versioning(Bucket="alike", VersioningConfiguration={"Status": "Enabled"})
    open_words = (NOT_BLOCKED.format(name="alike"), False)

    def judged() -> tuple[object, bool, bool]:
        listings = [reader(own, "alike").listing("") for reader in (OwnAwsBucket, OtherAwsBucket)]
        closed = [listing.is_closed for listing in listings if listing is not None]
        return refusal_of_bucket(Aws(own, "us-east-1"), "arn:aws:s3:::alike"), closed[0], closed[1]

    assert judged() == (None, True, True)
    new = s3.get_public_access_block(Bucket="alike")["PublicAccessBlockConfiguration"]
    assert new == dict.fromkeys(BLOCKS, True), "as a new bucket of AWS"
    s3.delete_public_access_block(Bucket="alike")
    assert judged() == (open_words, False, False)
    with pytest.raises(ClientError, match="NoSuchPublicAccessBlockConfiguration"):
        s3.get_public_access_block(Bucket="alike")
    s3.put_public_access_block(Bucket="alike", PublicAccessBlockConfiguration=dict.fromkeys(BLOCKS, False))
    assert judged() == (open_words, False, False)
    s3.put_public_access_block(Bucket="alike", PublicAccessBlockConfiguration=dict.fromkeys(BLOCKS, True))
    assert judged() == (None, True, True)


@pytest.mark.parametrize("changes", [{"MaxWorkers": 3}, {"DagS3Path": "other"}, {}])
def test_update_is_refused_for_settings_of_the_bucket_whatever_it_names(
    changes: dict[str, Any], own: str, tmp_path: Path
) -> None:
    s3, name = aws_server.client("s3", own), f"updated-{uuid4()}"
    s3.create_bucket(Bucket=name)
    add(tmp_path, "updated", SourceBucketArn=f"arn:aws:s3:::{name}")
    registry = Registry(tmp_path, {**os.environ, "AWS_ENDPOINT_URL": own, "AWS_REGION": "us-east-1"})
    with served(registry) as api:
        with pytest.raises(ClientError, match=f"versioning of the source bucket {name} is not enabled"):
            api.client().update_environment(Name="updated", **changes)
        s3.delete_public_access_block(Bucket=name)
        with pytest.raises(ClientError, match="does not have BlockPublicAccess set"):
            api.client().update_environment(Name="updated", **changes)


def test_settings_of_the_bucket_count_as_a_change_for_who_asks_by_its_mark(own: str) -> None:
    s3 = aws_server.client("s3", own)
    s3.create_bucket(Bucket="marked")
    bucket = OwnAwsBucket(own, "marked")
    listing = bucket.listing("")
    assert listing is not None
    assert bucket.listing("", listing.mark) is None
    s3.put_bucket_versioning(Bucket="marked", VersioningConfiguration={"Status": "Enabled"})
    assert bucket.listing("", listing.mark) is not None


def test_bucket_that_is_not_there_is_told(url: str) -> None:
    with pytest.raises(BucketMissing, match="the bucket nowhere does not exist"):
        bucket_at(url, "nowhere").listing("dags/")


@pytest.mark.parametrize("kind", [OwnAwsBucket, OtherAwsBucket])
def test_endpoint_that_does_not_answer_is_told(kind: Any) -> None:
    with pytest.raises(BucketUnreadable, match="cannot read s3://source at"):
        kind("http://127.0.0.1:1", "source").listing("dags/")
