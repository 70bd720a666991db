"""AWS CLI 2, which no package index has: Debian's, from a release that has a new enough one, in a folder of its own."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import COMMAND, ProjectRunner, make_clean_env
from tests.integration.aws_endpoint import control_plane, endpoint

DEBIAN = "trixie"  # 13, with AWS CLI 2.23.6
MIRROR = "http://deb.debian.org/debian"
BUCKET, GROUP = "bucket-one", "group-one"
# That version knows no way to leave out prefixes (`docs/aws.md`), so that a shell needs these.
HOSTS = "127.0.0.1 localhost api.localhost env.localhost ops.localhost\n"

pytestmark = [
    pytest.mark.full,
    pytest.mark.network,
    pytest.mark.skipif(shutil.which("mmdebstrap") is None, reason="mmdebstrap, which fetches it, is not installed"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may change its root folder"),
]


@dataclass(frozen=True)
class Cli2:
    """A project whose `PATH` begins with that CLI."""

    runner: ProjectRunner
    env: dict[str, str]
    version: str

    def aws(self, *words: str) -> str:
        """Run it by `mwaa-local aws`; return what it printed."""
        outcome = self.runner.run("aws", *words, env=self.env)
        assert outcome.exit_code == 0, outcome.stderr
        return outcome.stdout

    def shell(self, program: str) -> str:
        """Run it by itself in a shell that has what `aws-env` prints."""
        done = subprocess.run(
            ["/bin/sh", "-ec", f'eval "$({shlex.join(COMMAND)} aws-env)"; {program}'],
            cwd=self.runner.root_dir,
            env={**self.runner.env, **self.env, "AWS_PAGER": ""},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli2]:
    folder = tmp_path_factory.mktemp("cli2")
    root = folder / "debian"
    argv = ["mmdebstrap", "--quiet", "--variant=minbase", "--include=awscli", DEBIAN, str(root), MIRROR]
    made = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr[-2000:]
    (root / "etc" / "hosts").write_text(HOSTS)
    program = folder / "bin" / "aws"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec chroot {root} aws "$@"\n')
    program.chmod(0o755)
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    project = folder / "project"
    (project / "dags").mkdir(parents=True)
    with endpoint(folder, {"buckets": [BUCKET]}) as aws, control_plane(aws.socket_path):
        (project / "mwaa.yaml").write_text(f"Local: {{Aws: '{aws.url}'}}\n")
        path = {"PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}
        yield Cli2(ProjectRunner(project, make_clean_env(folder)), path, version)


def test_command_takes_it(cli: Cli2) -> None:
    assert cli.version.startswith("aws-cli/2.")
    assert cli.aws("--version") == cli.version


def test_it_asks_the_project_through_the_command(cli: Cli2) -> None:
    assert json.loads(cli.aws("s3api", "list-buckets", "--query", "Buckets[].Name")) == [BUCKET]
    assert json.loads(cli.aws("mwaa", "list-environments")) == {"Environments": ["mine"]}


def test_it_asks_the_project_in_a_shell_with_the_variables(cli: Cli2) -> None:
    assert json.loads(cli.shell("aws mwaa list-environments")) == {"Environments": ["mine"]}
    assert BUCKET in cli.shell("aws s3 ls")


def test_it_asks_the_project_by_a_profile(cli: Cli2) -> None:
    profile = cli.runner.run("aws-env", "--profile-name", "mine").stdout
    root = Path(shlex.split((Path(cli.env["PATH"].split(os.pathsep)[0]) / "aws").read_text())[3])
    (root / "root" / ".aws").mkdir()
    (root / "root" / ".aws" / "config").write_text(profile)
    done = subprocess.run(
        ["aws", "--profile", "mine", "mwaa", "list-environments"],
        env={**cli.env, "HOME": "/root", "AWS_PAGER": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"Environments": ["mine"]}


def test_it_shows_logs_as_only_version_2_does(cli: Cli2) -> None:
    now = int(time.time() * 1000)
    stream = f"--log-group-name {GROUP} --log-stream-name one"
    said = cli.shell(
        f"aws logs create-log-group --log-group-name {GROUP}; aws logs create-log-stream {stream};"
        f"aws logs put-log-events {stream} --log-events timestamp={now},message=hello >/dev/null;"
        f"aws logs tail {GROUP}"
    )
    assert said.split()[1:] == ["one", "hello"]
