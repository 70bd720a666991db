"""`mwaa-local aws` and `aws-env`: real clients, given what the commands give them, at an endpoint that runs."""

from __future__ import annotations

import configparser
import json
import os
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from mwaa_local.services.aws import aws_python
from tests.conftest import COMMAND, Outcome, ProjectRunner, cache_dir, make_clean_env
from tests.integration.aws_endpoint import Endpoint, Recorder, control_plane, endpoint

pytestmark = pytest.mark.network
BUCKET = "bucket-one"
LIST = (
    "import boto3; c = boto3.client('mwaa'); print(c.list_environments()['Environments'], c.meta.endpoint_url);"
    "print([b['Name'] for b in boto3.client('s3').list_buckets()['Buckets']])"
)
IN_THE_WAY = {
    "AWS_PROFILE": "prod",
    "AWS_SESSION_TOKEN": "real",
    "AWS_ACCESS_KEY_ID": "AKIAREAL",
    "AWS_ENDPOINT_URL_S3": "https://real.example",
    "NO_PROXY": "localhost",
}
# Says what it was started with, and ends as no CLI does.
CLI = (
    '#!/bin/sh\n[ "$1" = --version ] && echo "aws-cli/{version} Python/3.11" && exit\nenv; printf "<%s>" "$@"; exit 7\n'
)


@dataclass(frozen=True)
class Started:
    """A project that asks an endpoint, and what there answers for MWAA."""

    runner: ProjectRunner
    aws: Endpoint
    asked: Recorder

    def run(self, *words: str, env: Mapping[str, str] | None = None) -> Outcome:
        return self.runner.run(*words, env=env)

    def boto3(self, program: str, env: Mapping[str, str]) -> list[str]:
        """Return the lines that a shell program prints, with a boto3 of today as `$PYTHON`."""
        python = aws_python(cache_dir(), os.environ, lambda _: None)
        env = {**self.runner.env, **env, "PYTHON": python, "LIST": LIST}
        done = subprocess.run(
            ["/bin/sh", "-c", program], cwd=self.runner.root_dir, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    """A project whose AWS is an endpoint that runs beside it, so that no environment need be started."""
    folder = tmp_path_factory.mktemp("commands")
    (folder / "dags").mkdir()
    runner = ProjectRunner(folder, make_clean_env(folder))
    with endpoint(folder, {"buckets": [BUCKET]}) as aws, control_plane(aws.socket_path) as asked:
        (folder / "mwaa.yaml").write_text(f"Local: {{Aws: '{aws.url}'}}\n")
        yield Started(runner, aws, asked)


def path_with(folder: Path, version: str) -> dict[str, str]:
    """Return a PATH with an `aws` of that version before everything else."""
    program = folder / "aws"
    program.write_text(CLI.replace("{version}", version))
    program.chmod(0o755)
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


def test_cli_of_ours_asks_the_project_with_words_and_exit_code_unchanged(project: Started, tmp_path: Path) -> None:
    env = {**IN_THE_WAY, **path_with(tmp_path, "2.12.9")}  # that one reads no endpoint
    listed = project.run("aws", "s3api", "list-buckets", "--query", "Buckets[].Name", "--output", "json", env=env)
    assert json.loads(listed.stdout) == [BUCKET], listed.stderr
    missing = project.run("aws", "s3api", "head-object", "--bucket", BUCKET, "--key", "no such", env=env)
    assert missing.exit_code == 255
    assert "Not Found" in missing.stderr
    mwaa = project.run("aws", "--region", "eu-west-1", "mwaa", "list-environments", "--output", "text", env=env)
    assert mwaa.stdout.split() == ["ENVIRONMENTS", "mine"]
    signature = project.asked.requests[-1][2]["authorization"]
    assert "Credential=local/" in signature
    assert "/eu-west-1/airflow/" in signature


def test_cli_of_the_user_is_taken_from_the_version_that_reads_the_endpoint(project: Started, tmp_path: Path) -> None:
    words = ("--query", "a b", "s3", "ls", "--", "--help", "")
    outcome = project.run("aws", *words, env={**IN_THE_WAY, **path_with(tmp_path, "2.13.0")})
    assert outcome.exit_code == 7
    *variables, given = outcome.stdout.splitlines()
    assert given == "<--query><a b><s3><ls><--><--help><>"
    env = dict(line.split("=", 1) for line in variables if "=" in line)
    assert env["AWS_ENDPOINT_URL"] == env["http_proxy"] == project.aws.url
    assert (env["AWS_PAGER"], env["AWS_CONFIG_FILE"], env["AWS_ACCESS_KEY_ID"]) == ("", "/dev/null", "local")
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3", "NO_PROXY"} & env.keys()


def test_client_that_must_put_a_prefix_before_the_host_finds_the_endpoint_as_its_proxy(project: Started) -> None:
    """A CLI before AWS_DISABLE_HOST_PREFIX_INJECTION: botocore told to do as that one does."""
    program = 'AWS_DISABLE_HOST_PREFIX_INJECTION=false AWS_ENDPOINT_URL=$URL http_proxy=$URL exec $PYTHON -c "$LIST"'
    keys = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_DEFAULT_REGION": "us-east-1"}
    lines = project.boto3(program, {**keys, "URL": project.aws.url})
    assert lines == [f"['mine'] {project.aws.url}", f"['{BUCKET}']"]
    assert project.asked.requests[-1][1] == "/environments"
    assert project.asked.requests[-1][2]["host"].startswith("api.localhost")


def test_variables_make_a_shell_of_somebodys_ask_the_project(project: Started) -> None:
    program = f'eval "$({shlex.join(COMMAND)} aws-env)"; exec $PYTHON -c "$LIST"'
    assert project.boto3(program, IN_THE_WAY) == [f"['mine'] {project.aws.url}", f"['{BUCKET}']"]


def test_profile_makes_a_client_ask_the_project(project: Started, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(project.run("aws-env", "--profile-name", "mine").stdout)
    assert configparser.ConfigParser().read(config) == [str(config)]
    env = {"AWS_CONFIG_FILE": str(config), "AWS_PROFILE": "mine"}
    assert project.boto3('exec $PYTHON -c "$LIST"', env) == [f"['mine'] {project.aws.url}", f"['{BUCKET}']"]


def test_json_has_the_same_and_what_is_in_the_way(project: Started) -> None:
    plain = json.loads(project.run("aws-env", "--json", env=IN_THE_WAY).stdout)
    assert plain["variables"]["AWS_ENDPOINT_URL"] == project.aws.url
    assert plain["unset"] == ["AWS_ENDPOINT_URL_S3", "AWS_PROFILE", "AWS_SESSION_TOKEN"]


def test_what_is_no_name_of_a_profile_is_refused(project: Started) -> None:
    outcome = project.run("aws-env", "--profile-name", "a]\nb")
    assert outcome.exit_code == 2
    assert "letters, digits" in outcome.stderr


def test_project_of_which_nothing_answers_is_told_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "dags").mkdir()
    runner = ProjectRunner(tmp_path, make_clean_env(tmp_path))
    for words in (("aws", "s3", "ls"), ("aws-env",)):
        outcome = runner.run(*words)
        assert (outcome.exit_code, outcome.stdout) == (3, "")
        assert "nothing of this project answers AWS's clients" in outcome.stderr
        assert "start both with `mwaa-local up`" in outcome.stderr


def test_help_is_ours_and_asks_nobody(tmp_path: Path) -> None:
    outcome = ProjectRunner(tmp_path, make_clean_env(tmp_path)).run("aws", "--help")
    assert outcome.exit_code == 0
    assert "mwaa-local aws s3 ls" in outcome.stdout
