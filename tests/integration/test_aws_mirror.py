"""A project's folders as the objects of its source bucket: read by botocore, and not to be written there."""

from __future__ import annotations

import http.client
import io
import os
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.environments import wait_until
from tests.integration.aws_endpoint import Endpoint, endpoint

pytestmark = pytest.mark.network  # moto's packages, once
BUCKET = "my-bucket"
A_DAG = {"Bucket": BUCKET, "Key": "dags/a.py"}
OBJECTS_PATH = f"/_mwaa-local/buckets/{BUCKET}/objects"
SIGNED = "AWS4-HMAC-SHA256 Credential=local/20000101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
FILES = {
    "dags/a.py": "a",
    "dags/team/é ü.sql": "select",
    "dags/__pycache__/a.pyc": "",
    "plugins/operators/one.py": "one",
    "plugins/run.sh": "#!/bin/sh\n",
    "plugins/.DS_Store": "",
    "plugins/x.pyc": "",
    "requirements/requirements.txt": "# none\n",
}


def source_of(folder: Path) -> dict[str, Any]:
    def part(kind: str, key: str, path: str) -> dict[str, str]:
        return {"kind": kind, "key": key, "path": str(folder / path), "shown": f"/home/me/{path}"}

    parts = [
        part("folder", "dags/", "dags"),
        part("zip", "plugins.zip", "plugins"),
        part("file", "requirements.txt", "requirements/requirements.txt"),
        part("file", "startup.sh", "startup/startup.sh"),
    ]
    return {"bucket": BUCKET, "region": "us-east-1", "parts": parts}


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def project_in(folder: Path) -> Path:
    project = folder / "project"
    write(project, FILES)
    (project / "plugins/run.sh").chmod(0o755)
    return project


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return project_in(tmp_path)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """One for tests that leave the folders as they are."""
    folder = tmp_path_factory.mktemp("kept")
    with endpoint(folder, source=source_of(project_in(folder))) as started:
        yield started


@pytest.fixture
def aws(folder: Path, tmp_path: Path) -> Iterator[Endpoint]:
    # A fixture that is in the mirror's place, too: it is put in before.
    fixtures = {"buckets": [BUCKET], "objects": [[BUCKET, "dags/fixture.py", "fixture"]], "folder": str(tmp_path)}
    (tmp_path / "fixture").write_text("from tests/aws")
    with endpoint(tmp_path, fixtures, source=source_of(folder)) as started:
        yield started


@pytest.fixture
def s3(aws: Endpoint) -> Any:
    return aws.client("s3")


def keys(s3: Any) -> list[str]:
    return [one["Key"] for one in s3.list_objects_v2(Bucket=BUCKET).get("Contents", ())]


def test_folders_are_objects_that_are_as_new_as_they_are(folder: Path, s3: Any) -> None:
    assert keys(s3) == ["dags/a.py", "dags/fixture.py", "dags/team/é ü.sql", "plugins.zip", "requirements.txt"]
    first = s3.head_object(Bucket=BUCKET, Key="dags/a.py")["VersionId"]
    write(folder, {"dags/a.py": "changed", "dags/new.py": "new", "startup/startup.sh": "true\n"})
    (folder / "requirements/requirements.txt").unlink()
    (folder / "dags/team/é ü.sql").unlink()
    wait_until(lambda: "dags/new.py" in keys(s3), 10, "the next look")
    assert keys(s3) == ["dags/a.py", "dags/fixture.py", "dags/new.py", "plugins.zip", "startup.sh"]
    assert s3.get_object(Bucket=BUCKET, Key="dags/a.py")["Body"].read() == b"changed"
    assert s3.get_object(Bucket=BUCKET, Key="dags/a.py", VersionId=first)["Body"].read() == b"a"


def test_plugins_zip_is_that_of_the_folder_and_stays_the_same_version_while_it_does(folder: Path, s3: Any) -> None:
    def versions() -> list[str]:
        found = s3.list_object_versions(Bucket=BUCKET, Prefix="plugins.zip")["Versions"]
        return [one["VersionId"] for one in found]

    first = s3.get_object(Bucket=BUCKET, Key="plugins.zip")
    with zipfile.ZipFile(io.BytesIO(first["Body"].read())) as archive:
        modes = {entry.filename: entry.external_attr >> 16 & 0o777 for entry in archive.infolist()}
        assert archive.read("operators/one.py") == b"one"
    assert modes == {"operators/one.py": 0o644, "run.sh": 0o755}
    os.utime(folder / "plugins/operators/one.py", (1, 1))
    (folder / "plugins/y.pyc").write_text("")
    assert s3.head_object(Bucket=BUCKET, Key="plugins.zip")["VersionId"] == first["VersionId"]
    assert versions() == [first["VersionId"]]
    write(folder, {"plugins/operators/one.py": "two"})
    wait_until(lambda: len(versions()) == 2, 10, "the next look")


def test_bucket_is_as_mwaa_wants_it_and_there_for_who_lists_all(folder: Path, tmp_path: Path) -> None:
    with endpoint(tmp_path, source=source_of(folder)) as aws:
        s3 = aws.client("s3")
        assert [one["Name"] for one in s3.list_buckets()["Buckets"]] == [BUCKET]
        assert s3.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"
        blocks = s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"]
        assert set(blocks.values()) == {True}


def test_first_read_may_be_of_any_kind(folder: Path, tmp_path: Path) -> None:
    reads: dict[str, Callable[[Endpoint], str]] = {
        "host": lambda aws: aws.ask("GET", "/dags/a.py", {"Host": f"{BUCKET}.localhost", "Authorization": SIGNED}).text,
        "presigned": lambda aws: _presigned(aws.client("s3")),
        "copy": lambda aws: _copied(aws.client("s3")),
        "ours": lambda aws: "a" if '"dags/a.py"' in aws.ask("GET", OBJECTS_PATH).text else "",
    }
    for name, read in reads.items():
        (tmp_path / name).mkdir()
        with endpoint(tmp_path / name, source=source_of(folder)) as aws:
            assert read(aws) == "a", name


def _presigned(s3: Any) -> str:
    with urllib.request.urlopen(s3.generate_presigned_url("get_object", Params=A_DAG)) as answer:
        return str(answer.read().decode())


def _copied(s3: Any) -> str:
    s3.create_bucket(Bucket="other")
    s3.copy_object(Bucket="other", Key="x", CopySource=f"{BUCKET}/dags/a.py")
    return str(s3.get_object(Bucket="other", Key="x")["Body"].read().decode())


@pytest.mark.parametrize(
    "write_it",
    [
        lambda s3: s3.put_object(Bucket=BUCKET, Key="dags/a.py", Body=b"1"),
        lambda s3: s3.put_object(Bucket=BUCKET, Key="dags/not/there.py", Body=b"1"),
        lambda s3: s3.put_object(Bucket=BUCKET, Key="dags/team/é ü.sql", Body=b"1"),
        lambda s3: s3.delete_object(Bucket=BUCKET, Key="dags/a.py"),
        lambda s3: s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "dags/a.py"}, {"Key": "x"}]}),
        lambda s3: s3.copy_object(Bucket=BUCKET, Key="dags/b.py", CopySource=f"{BUCKET}/dags/a.py"),
        lambda s3: s3.create_multipart_upload(Bucket=BUCKET, Key="dags/large"),
    ],
    ids=["put", "put new", "put é", "delete", "delete many", "copy", "multipart"],
)
def test_write_is_refused_with_the_folder_to_change(write_it: Any, kept: Endpoint) -> None:
    s3 = kept.client("s3")
    with pytest.raises(ClientError, match="/home/me/dags") as caught:
        write_it(s3)
    error = caught.value.response
    assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == ("AccessDenied", 403)
    assert "dags/a.py" in keys(s3)


@pytest.mark.parametrize(("key", "named"), [("plugins.zip", "plugins"), ("startup.sh", "startup/startup.sh")])
def test_write_of_another_file_of_the_project_names_it(key: str, named: str, kept: Endpoint) -> None:
    s3 = kept.client("s3")
    with pytest.raises(ClientError, match=f"s3://{BUCKET}/{key} shows /home/me/{named}"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"1")


def test_all_else_in_the_bucket_is_written_as_in_any(kept: Endpoint) -> None:
    s3 = kept.client("s3")
    s3.put_object(Bucket=BUCKET, Key="data/x.csv", Body=b"1")
    s3.put_object(Bucket=BUCKET, Key="dagsnot", Body=b"1")
    assert {"data/x.csv", "dagsnot"} <= set(keys(s3))
    s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "dagsnot"}]})
    assert "dagsnot" not in keys(s3)


def test_object_that_another_way_took_or_changed_is_there_again(kept: Endpoint) -> None:
    s3 = kept.client("s3")
    before = s3.get_object(**A_DAG)["Body"].read()
    listed = b"<Delete><Object><Key><![CDATA[dags/a.py]]></Key></Object></Delete>"
    kept.ask("POST", f"/{BUCKET}?delete", {"Authorization": SIGNED}, listed)
    wait_until(lambda: "dags/a.py" in keys(s3), 10, "the next look")
    assert s3.get_object(**A_DAG)["Body"].read() == before


def test_copy_of_a_files_object_elsewhere_in_the_bucket_stays(kept: Endpoint) -> None:
    s3 = kept.client("s3")
    s3.copy_object(Bucket=BUCKET, Key="backup/a.py", CopySource=f"{BUCKET}/dags/a.py")
    kept.ask("POST", f"/{BUCKET}?delete", {"Authorization": SIGNED}, b"<Delete></Delete>")
    for _ in range(3):
        assert "backup/a.py" in keys(s3)


def test_bucket_that_was_there_before_keeps_what_is_in_it(folder: Path, tmp_path: Path) -> None:
    with endpoint(tmp_path, state=tmp_path / "state") as before:
        s3 = before.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        for key in ("dags/a.py", "dags/old.py", "data/x.csv"):
            s3.put_object(Bucket=BUCKET, Key=key, Body=b"before")
        before.process.terminate()
        wait_until(lambda: before.process.poll() is not None, 30, "it has ended")
    with endpoint(tmp_path, state=tmp_path / "state", source=source_of(folder)) as after:
        s3 = after.client("s3")
        assert {"dags/a.py", "dags/old.py", "dags/team/é ü.sql", "data/x.csv"} <= set(keys(s3))
        assert s3.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"
        assert s3.get_object(**A_DAG)["Body"].read() == b"a"
        assert s3.get_object(**A_DAG, VersionId="null")["Body"].read() == b"before"


def test_aws_command_line_lists_and_copies(kept: Endpoint, tmp_path: Path) -> None:
    env = {**os.environ, "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_REGION": "us-east-1"}
    argv = [sys.executable, "-m", "awscli", "--endpoint-url", kept.url, "s3"]

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*argv, *words], env=env, capture_output=True, text=True, check=False)

    assert "a.py" in run("ls", f"s3://{BUCKET}/dags/").stdout
    assert run("cp", "--recursive", f"s3://{BUCKET}/dags", str(tmp_path / "copy")).returncode == 0
    assert (tmp_path / "copy/team/é ü.sql").read_text() == "select"
    refused = run("cp", str(tmp_path / "copy/a.py"), f"s3://{BUCKET}/dags/b.py")
    assert refused.returncode == 1
    assert "/home/me/dags" in refused.stderr


def test_emptied_aws_shows_the_folders_again_at_once(folder: Path, aws: Endpoint, s3: Any) -> None:
    write(folder, {f"dags/many/{number}.py": "" for number in range(300)})  # what takes long to put
    keys(s3)
    s3.put_object(Bucket=BUCKET, Key="data/x.csv", Body=b"1")
    assert aws.ask("POST", "/_mwaa-local/aws/empty").status == http.client.OK
    found = keys(s3)
    assert ("dags/a.py" in found, "data/x.csv" in found) == (True, False)


def test_restart_makes_no_new_versions(folder: Path, tmp_path: Path) -> None:
    def versions(aws: Endpoint) -> list[tuple[str, str]]:
        found = aws.client("s3").list_object_versions(Bucket=BUCKET)["Versions"]
        return sorted((one["Key"], one["VersionId"]) for one in found)

    with endpoint(tmp_path, state=tmp_path / "state", source=source_of(folder)) as before:
        first = versions(before)
        before.process.terminate()
        wait_until(lambda: before.process.poll() is not None, 30, "it has ended")
    (folder / "dags/a.py").unlink()
    with endpoint(tmp_path, state=tmp_path / "state", source=source_of(folder)) as after:
        assert versions(after) == first
        assert "dags/a.py" not in keys(after.client("s3"))
