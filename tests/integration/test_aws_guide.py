"""The session in docs/aws.md: every command of it, in the order and by the shell of whoever reads it."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY_DIR, ProjectRunner, cache_dir, make_clean_env
from tests.environments import LATEST, sample_files

pytestmark = [pytest.mark.network]

SESSION = re.compile(r"^## A session from.*?(?=^## )", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SESSION_TIMEOUT_S = 600.0
BETWEEN = "-- end of block {} --"


def blocks() -> list[str]:
    text = (REPOSITORY_DIR / "docs" / "aws.md").read_text(encoding="utf-8")
    found = SESSION.search(text)
    assert found
    return BLOCK.findall(found[0])


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[ProjectRunner]:
    made = ProjectRunner(tmp_path / "project", {**make_clean_env(cache_dir()), "MWAA_LOCAL_RUNTIME": "process"})
    made.write(sample_files(LATEST))
    settings = {"AirflowVersion": LATEST, "Local": {"Aws": "local", "WebserverPort": 0}}
    made.write({"mwaa.yaml": json.dumps(settings)})
    yield made
    for folder in (*(made.root_dir / ".mwaa-local" / "environments").glob("*"), made.root_dir):
        made.run("down", "--project", str(folder))
    made.run("api", str(made.root_dir), "--stop")


@pytest.mark.full  # about a minute and a half
def test_every_command_of_the_session_does_what_the_guide_says(runner: ProjectRunner) -> None:
    written = blocks()
    marked = [f"{block}\necho '{BETWEEN.format(number)}'\n" for number, block in enumerate(written)]
    script = "set -eu\n" + "".join(marked)
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=runner.root_dir,
        env={**runner.env, "PATH": f"{REPOSITORY_DIR / '.venv' / 'bin'}{os.pathsep}{runner.env['PATH']}"},
        capture_output=True,
        text=True,
        timeout=SESSION_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said = []
    rest = done.stdout
    for number in range(len(written)):
        block, _, rest = rest.partition(BETWEEN.format(number) + "\n")
        said.append(block)
    _up, _bucket, created, status, command, login, run, second, logged, counted, updated, deleted = said
    assert json.loads(created)["Arn"].endswith(":environment/orders")
    assert status.split() == ["AVAILABLE"]
    assert "hello_mwaa" in base64.b64decode(json.loads(command)["stdout"]).decode()
    assert re.fullmatch(r"http://localhost:\d+/aws_mwaa/aws-console-sso\?login=true#\S+\n", login)
    assert '"dag_id": "hello_mwaa"' in run
    assert run.split()[-1] == "success", run
    assert second.split()[-1] == "200", second
    assert "works in worker" in logged
    assert float(counted.split()[-1]) >= 4  # the sample's tasks
    assert updated.split()[-1] == "AVAILABLE"
    assert "orders" not in deleted.split("{", 1)[0]
    assert not (runner.root_dir / ".mwaa-local" / "environments" / "orders").exists()
