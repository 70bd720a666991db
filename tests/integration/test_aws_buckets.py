"""Buckets as the launcher reads them from the local AWS: on a real port, written to by botocore and CloudFormation."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.environments import wait_until
from tests.integration.aws_endpoint import Answer, Endpoint, endpoint

pytestmark = pytest.mark.network  # moto's packages, once
BUCKET, OTHER = "versioned", "plain"
VERSIONED = {"Status": "Enabled"}


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    with endpoint(tmp_path_factory.mktemp("aws"), {"buckets": [BUCKET, OTHER]}) as started:
        started.client("s3").put_bucket_versioning(Bucket=OTHER, VersioningConfiguration={"Status": "Suspended"})
        yield started


def listing(aws: Endpoint, bucket: str = BUCKET, prefix: str = "", mark: str = "") -> Answer:
    query = f"?{urlencode({'prefix': prefix})}" if prefix else ""
    headers = {"If-None-Match": mark} if mark else {}
    return aws.ask("GET", f"/_mwaa-local/buckets/{bucket}/objects{query}", headers)


def objects(answer: Answer) -> dict[str, dict[str, Any]]:
    assert answer.status == 200, answer.text
    return {one["key"]: one for one in json.loads(answer.text)["objects"]}


def fetched(aws: Endpoint, bucket: str, wanted: list[Any]) -> list[tuple[dict[str, Any], bytes]]:
    connection = http.client.HTTPConnection("127.0.0.1", aws.port, timeout=30)
    connection.request("POST", f"/_mwaa-local/buckets/{bucket}/objects", json.dumps(wanted))
    answer, found = connection.getresponse(), []
    while not (about := json.loads(answer.readline())).get("end"):
        found.append((about, answer.read(about.get("size", 0))))
    assert answer.read() == b""
    connection.close()
    return found


def test_listing_has_the_newest_objects_below_a_prefix_as_s3_names_them(aws: Endpoint) -> None:
    s3 = aws.client("s3")
    s3.put_object(Bucket=BUCKET, Key="listed/a.py", Body=b"1")
    last = s3.put_object(Bucket=BUCKET, Key="listed/a.py", Body=b"22")
    odd = s3.put_object(Bucket=BUCKET, Key="listed/é ü/b+c%20&?.txt", Body=b"")
    s3.put_object(Bucket=BUCKET, Key="listed/gone.py", Body=b"1")
    s3.delete_object(Bucket=BUCKET, Key="listed/gone.py")
    s3.put_object(Bucket=BUCKET, Key="elsewhere/a.py", Body=b"1")
    assert objects(listing(aws, prefix="listed/")) == {
        key: {"key": key, "version": put["VersionId"], "etag": put["ETag"].strip('"'), "size": size}
        for key, put, size in (("listed/a.py", last, 2), ("listed/é ü/b+c%20&?.txt", odd, 0))
    }
    assert listing(aws, "nowhere").status == 404
    assert "the bucket nowhere does not exist" in listing(aws, "nowhere").text


@pytest.mark.parametrize(
    "write",
    [
        lambda s3: s3.put_object(Bucket=BUCKET, Key="marked", Body=b"1"),
        lambda s3: s3.put_object(Bucket=BUCKET, Key="marked", Body=b"1"),
        lambda s3: s3.copy_object(Bucket=BUCKET, Key="copied", CopySource=f"{BUCKET}/marked"),
        lambda s3: s3.delete_object(Bucket=BUCKET, Key="marked"),
        lambda s3: s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "copied"}]}),
    ],
    ids=["put", "put again", "copy", "delete", "delete many"],
)
def test_after_a_write_a_listing_is_another_one_and_without_one_costs_nothing(
    write: Callable[[Any], Any], aws: Endpoint
) -> None:
    s3 = aws.client("s3")
    mark = listing(aws).headers["ETag"]
    s3.list_objects_v2(Bucket=BUCKET)
    s3.put_object(Bucket=OTHER, Key="another bucket's", Body=b"1")
    unchanged = listing(aws, mark=mark)
    assert (unchanged.status, unchanged.text) == (304, "")
    write(s3)
    changed = listing(aws, mark=mark)
    assert changed.status == 200
    assert changed.headers["ETag"] != mark
    assert listing(aws, mark=changed.headers["ETag"]).status == 304


def test_bucket_that_was_made_anew_is_another_one(aws: Endpoint) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="again")
    mark = listing(aws, "again").headers["ETag"]
    s3.delete_bucket(Bucket="again")
    s3.create_bucket(Bucket="again")
    assert listing(aws, "again", mark=mark).status == 200


def test_many_objects_come_in_one_answer_each_in_the_version_that_was_named(aws: Endpoint) -> None:
    s3 = aws.client("s3")
    first = s3.put_object(Bucket=BUCKET, Key="bulk/a", Body=b"first\n")["VersionId"]
    second = s3.put_object(Bucket=BUCKET, Key="bulk/a", Body=b"\0\n{}" * 1_000_000)["VersionId"]
    s3.put_object(Bucket=OTHER, Key="bulk/b", Body=b"unversioned")
    (old, new, gone, none) = fetched(
        aws, BUCKET, [["bulk/a", first], ["bulk/a", second], ["bulk/a", "no-version"], ["bulk/none", "null"]]
    )
    assert old[1] == b"first\n"
    assert new[1] == b"\0\n{}" * 1_000_000
    assert new[0]["etag"] == s3.head_object(Bucket=BUCKET, Key="bulk/a")["ETag"].strip('"')
    assert (gone[0], none[0]) == ({"key": "bulk/a"}, {"key": "bulk/none"})
    assert [content for _, content in fetched(aws, OTHER, [["bulk/b", "null"]])] == [b"unversioned"]


@pytest.mark.parametrize("body", [b"", b"{}x", b"[1]", b'[["a"]]', b"3"])
def test_body_that_names_no_objects_is_refused(body: bytes, aws: Endpoint) -> None:
    answer = aws.ask("POST", f"/_mwaa-local/buckets/{BUCKET}/objects", {}, body)
    assert (answer.status, "pairs of key and version" in answer.text) == (400, True)


@pytest.mark.parametrize(
    ("method", "rest"), [("GET", ""), ("GET", "/else"), ("PUT", "/objects"), ("DELETE", "/objects")]
)
def test_other_paths_are_none(method: str, rest: str, aws: Endpoint) -> None:
    assert aws.ask(method, f"/_mwaa-local/buckets/{BUCKET}{rest}").status == 404


@pytest.mark.parametrize("header", [("Host", "evil.example"), ("Sec-Fetch-Site", "cross-site")])
def test_foreign_pages_get_no_object(header: tuple[str, str], aws: Endpoint) -> None:
    for method in ("GET", "POST"):
        answer = aws.ask(method, f"/_mwaa-local/buckets/{BUCKET}/objects", dict([header]))
        assert (answer.status, "objects" in answer.text) == (403, False)


def test_restart_keeps_the_mark_of_what_is_as_it_was(tmp_path: Path) -> None:
    with endpoint(tmp_path, {"buckets": [BUCKET]}, state=tmp_path / "state") as before:
        before.client("s3").put_object(Bucket=BUCKET, Key="kept", Body=b"1")
        mark = listing(before).headers["ETag"]
        before.process.terminate()
        wait_until(lambda: before.process.poll() is not None, 30, "it has ended")
    with endpoint(tmp_path, {"buckets": [BUCKET]}, state=tmp_path / "state", port=before.port) as after:
        assert listing(after, mark=mark).status == 304
        after.client("s3").put_object(Bucket=BUCKET, Key="kept", Body=b"2")
        assert listing(after, mark=mark).status == 200
