"""Whoever is killed in the middle of an operation, it is gone on with: by the next one who asks for the environment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from mwaa_local.api.environments import record as records
from mwaa_local.api.environments.record import Operation
from mwaa_local.api.environments.registry import Registry
from mwaa_local.api.environments.worker import WORKER_END_S, take_lock
from tests.unit.api.environments.served_environments import (
    GONE,
    NAME,
    let_creation_fail,
    members,
    wait_for,
    wait_until,
    workers_of,
)

# Until a worker has imported what it needs, has begun, has written the record some times, and is over.
MOMENTS_S = (
    0.0,
    0.6,
    1.0,
    *(pytest.param(each, marks=pytest.mark.full) for each in (0.3, 0.4, 0.5, 0.7, 0.8, 1.2, 1.5)),
)


@pytest.fixture
def registry(tmp_path: Path, clean_env: dict[str, str]) -> Registry:
    registry = Registry.of_folder(tmp_path / "environments", clean_env)
    let_creation_fail(registry)
    return registry


def kill_workers(registry: Registry) -> int:
    workers = workers_of(registry.folder)
    for worker in workers:
        worker.kill()
    return len(workers)


@pytest.mark.parametrize("moment_s", MOMENTS_S)
def test_worker_killed_at_any_moment_is_followed_by_another(registry: Registry, moment_s: float) -> None:
    registry.create(members())
    time.sleep(moment_s)
    kill_workers(registry)
    assert wait_for(registry, "CREATE_FAILED")[-1] == "CREATE_FAILED"
    registry.find(NAME).delete()
    time.sleep(moment_s)
    kill_workers(registry)
    assert wait_for(registry, GONE)[-1] == GONE

    def nothing_is_left() -> bool:
        registry.resume()
        return not list(registry.folder.glob(f"{records.REMOVED}*"))

    wait_until(nothing_is_left)
    assert not (registry.folder / NAME).exists()


def test_only_one_worker_works_on_an_environment(registry: Registry, clean_env: dict[str, str]) -> None:
    registry.create(members())
    others = [Registry.of_folder(registry.folder, clean_env) for _ in range(3)]
    for _ in range(20):
        for each in (registry, *others):
            each.find(NAME)
        assert len(workers_of(registry.folder)) <= 1
        time.sleep(0.02)
    wait_for(registry, "CREATE_FAILED")
    events = [event.what for event in registry.find(NAME).events]
    assert sum("create failed" in what for what in events) == 1, events


def test_operation_outlives_the_process_that_began_it(registry: Registry, clean_env: dict[str, str]) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path;"
        "from mwaa_local.api.environments.registry import Registry;"
        "from tests.unit.api.environments.served_environments import members;"
        "Registry.of_folder(Path(sys.argv[1]), dict(os.environ)).create(members());"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    began = subprocess.run([sys.executable, "-c", program, str(registry.folder)], env=clean_env, check=False)
    assert began.returncode == -signal.SIGKILL
    assert wait_for(registry, "CREATE_FAILED")[-1] == "CREATE_FAILED"


def test_record_of_an_operation_whose_worker_never_started_is_gone_on_with(registry: Registry) -> None:
    registry.create(members())
    wait_for(registry, "CREATE_FAILED")
    project = registry.find(NAME).project
    records.change(project, lambda record: replace(record, operation=Operation.new(records.DELETE, {})))
    registry.resume()  # as an API does when it starts
    wait_for(registry, GONE)


def test_worker_that_dies_each_time_is_given_up(registry: Registry) -> None:
    registry.create(members())
    wait_for(registry, "CREATE_FAILED")
    project = registry.find(NAME).project
    tired = replace(Operation.new(records.CREATE, {}), attempts=20)
    records.change(project, lambda record: replace(record, operation=tired, settled=""))
    assert wait_for(registry, "CREATE_FAILED")[-1] == "CREATE_FAILED"
    assert "ended 20 times" in registry.find(NAME).events[-1].what


def test_lock_of_a_worker_is_not_inherited_by_what_it_starts(registry: Registry) -> None:
    registry.create(members())
    wait_for(registry, "CREATE_FAILED")
    lock = take_lock(registry.find(NAME).project, WORKER_END_S)
    assert lock is not None
    assert not os.get_inheritable(lock)
    os.close(lock)
