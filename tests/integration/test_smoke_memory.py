"""A task that the kernel kills for lack of memory, in containers and in processes: what the smoke run says of it."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mwaa_local.project import Project
from mwaa_local.runtime.compose.containers import compose_name
from mwaa_local.runtime.compose.stored import PROJECT_LABEL, SERVICE_LABEL
from tests.conftest import COMMAND, ProjectRunner
from tests.docker_environments import containers_of, removed_at_the_end
from tests.environments import LATEST, TEST_DAGS_DIR, stopped_at_the_end, wait_until

pytestmark = [pytest.mark.full, pytest.mark.network]

CGROUPS_DIR = Path("/sys/fs/cgroup")
# All components of an environment together take less than half of it; what the task wants is twice as much.
LIMIT_BYTES = 3 * 1024**3
SMOKE_TIMEOUT_S = 500.0
WORDS = ("smoke", "fills_memory", "--no-check", "--dag-timeout", "120", "--json", "--junit", "smoke.xml")


def files(**local: object) -> dict[str, str]:
    settings = {"AirflowVersion": LATEST, "EnvironmentClass": "mw1.small", "Local": local}
    return {"mwaa.yaml": json.dumps(settings), "dags/memory.py": (TEST_DAGS_DIR / "memory.py").read_text()}


def assert_task_was_killed(exit_code: int, stdout: str, stderr: str) -> dict[str, Any]:
    """Return the task's result; the run went on around it, and no component died."""
    report = json.loads(stdout)
    assert (exit_code, report["outcome"], report["restarted"]) == (1, "task failure", []), stderr
    [run] = report["runs"]
    [task] = run["tasks"]
    assert (run["state"], task["state"], task["is_ok"]) == ("failed", "failed", False), task
    assert any("about to fill the memory" in line for line in task["log"])
    assert not any("chunks were had" in line for line in task["log"])
    assert "Likely out of memory error" in task["log"][-1]  # Airflow's own words after any SIGKILL
    assert task["problem"] == "failed: killed by the kernel for lack of memory"
    assert run["problem"] == f"fill: {task['problem']}"
    assert isinstance(task, dict)
    return task


@pytest.mark.docker
def test_task_beyond_the_limit_of_its_container(tmp_path: Path) -> None:
    with removed_at_the_end(tmp_path) as runner:
        runner.write(files(EnforceClass=True))
        project = Project(runner.root_dir.resolve())
        with oom_events(project) as events:
            outcome = runner.run(*WORDS, "--runtime", "docker", timeout_s=SMOKE_TIMEOUT_S)
            assert_task_was_killed(outcome.exit_code, outcome.stdout, outcome.stderr)
            assert wait_until(events.read_text, 5, "the engine's news").splitlines() == ["worker"]
        assert containers_of(project) == []


@contextlib.contextmanager
def oom_events(project: Project) -> Iterator[Path]:
    """Give a file with the service of each container in which the kernel kills for lack of memory, a line each."""
    path = project.root_dir / "oom"
    label = f"label={PROJECT_LABEL}={compose_name(project)}"
    template = f'{{{{index .Actor.Attributes "{SERVICE_LABEL}"}}}}'
    with path.open("w") as file:
        process = subprocess.Popen(
            ["docker", "events", "--filter", "event=oom", "--filter", label, "--format", template], stdout=file
        )
        try:
            yield path
        finally:
            process.kill()
            process.wait()


@dataclass(frozen=True)
class Cgroup:
    """A control group whose processes together may take so much memory, in either version of the kernel's interface."""

    dir: Path
    limit_name: str
    swap_limits: dict[str, int]  # files that keep swap from being taken instead, where they are
    events_name: str

    @property
    def kills(self) -> int:
        """How many processes the kernel has killed in it for lack of memory."""
        found = re.search(r"^oom_kill (\d+)$", (self.dir / self.events_name).read_text(), re.MULTILINE)
        assert found is not None, "the kernel does not count them"
        return int(found[1])


@pytest.fixture
def limited() -> Iterator[Cgroup]:
    if sys.platform != "linux":
        pytest.skip("there are no control groups")
    name = f"mwaa-local-test-{uuid.uuid4().hex[:8]}"
    if (CGROUPS_DIR / "cgroup.controllers").exists():
        cgroup = Cgroup(CGROUPS_DIR / name, "memory.max", {"memory.swap.max": 0}, "memory.events")
    else:
        swap_limits = {"memory.memsw.limit_in_bytes": LIMIT_BYTES}
        cgroup = Cgroup(CGROUPS_DIR / "memory" / name, "memory.limit_in_bytes", swap_limits, "memory.oom_control")
    try:
        cgroup.dir.mkdir()
        (cgroup.dir / cgroup.limit_name).write_text(str(LIMIT_BYTES))
    except OSError as error:
        with contextlib.suppress(OSError):
            cgroup.dir.rmdir()
        pytest.skip(f"no control group can be made with a limit of memory: {error}")
    for file_name, limit_bytes in cgroup.swap_limits.items():
        if (cgroup.dir / file_name).exists():
            (cgroup.dir / file_name).write_text(str(limit_bytes))
    yield cgroup
    wait_until(lambda: removed(cgroup.dir), 10, "the end of all processes in the control group")


def removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except OSError:
        return False
    return True


def test_task_beyond_the_limit_of_a_control_group(tmp_path: Path, limited: Cgroup) -> None:
    with stopped_at_the_end(tmp_path) as runner:
        runner.write(files())
        done = run_in(limited, runner, *WORDS)
        assert_task_was_killed(done.returncode, done.stdout, done.stderr)
        assert limited.kills == 1


def run_in(cgroup: Cgroup, runner: ProjectRunner, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `mwaa-local` in the control group, and with it all that it starts."""
    script = f"echo $$ > {shlex.quote(str(cgroup.dir / 'cgroup.procs'))} && exec {shlex.join([*COMMAND, *words])}"
    return subprocess.run(
        ["sh", "-c", script],
        cwd=runner.root_dir,
        env=dict(runner.env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SMOKE_TIMEOUT_S,
        check=False,
    )
