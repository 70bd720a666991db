"""Components see the folders of a Delivery, whether those are the project's own or somebody else's copy."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.conftest import REPOSITORY_DIR, ProjectRunner, cache_dir

# In a process of its own: preparing gives the process MWAA's paths.
PREPARE = """\
import json, sys
from pathlib import Path
from mwaa_local.delivery import Delivery
from mwaa_local.environment.environment import Environment
from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.runtime.process.prepare import Preparation
from mwaa_local.wanted import Wanted

root_dir, copy_dir, cache_dir = map(Path, sys.argv[1:4])
env = json.load(sys.stdin)
project = Project(root_dir)
environment = Environment.load(project)
delivery = Delivery({name: copy_dir / name for name in ("dags", "plugins", "requirements", "startup")})
release = Release.load(environment.airflow_version)
wanted = Wanted(project, environment, release, env, cache_dir, webserver_port=0, delivered=delivery)
prepared = Preparation(wanted, None, lambda _: None).prepare()
home = Path(prepared.plan.home_dir)
print(json.dumps({
    "dags": sorted(path.name for path in (home / "dags").iterdir()),
    "plugins": sorted(path.name for path in (home / "plugins").iterdir()),
    "reads": bool(prepared.plan.component("scheduler").reads),
    "variable": prepared.plan.component("worker.1").env.get("FROM_THE_COPY", ""),
    "folders": sorted(prepared.plan.folders.keys() - {"logs", ".cache"}),
    "remarks": [remark.what for remark in prepared.remarks],
}))
"""


@pytest.mark.network
def test_processes_see_the_folders_of_another_delivery(project: Callable[..., ProjectRunner]) -> None:
    copy = {"dags/copied.py": "", "plugins/copied_plugin.py": "", "startup/startup.sh": "export FROM_THE_COPY=yes\n"}
    runner = project(
        {"mwaa.yaml": "AirflowVersion: 3.3.1\n", "dags/own.py": "", "requirements/requirements.txt": "x\n"}
    )
    runner.write({f"copy/{name}": text for name, text in copy.items()})
    folders = (runner.root_dir, runner.root_dir / "copy", cache_dir())
    argv = [sys.executable, "-c", PREPARE, *map(str, folders)]
    done = subprocess.run(
        argv, input=json.dumps(dict(runner.env)), cwd=REPOSITORY_DIR, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen == {
        "dags": ["copied.py"],
        "plugins": ["copied_plugin.py"],
        "reads": True,
        "variable": "yes",
        "folders": ["dags", "plugins", "startup"],
        "remarks": [],  # nothing of the project's own requirements
    }
