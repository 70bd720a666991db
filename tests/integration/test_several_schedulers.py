"""Several schedulers of one real environment: each is at work, and a DAG run takes place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.environments import TEST_DAGS_DIR, plain_files, start, stopped_at_the_end, wait_until

pytestmark = [pytest.mark.full, pytest.mark.network]

NAMES = {"scheduler", "scheduler.2"}
BEATS_TIMEOUT_S = 90.0  # several times scheduler.scheduler_heartbeat_sec, on a busy machine
BEATS = "SELECT id, latest_heartbeat FROM job WHERE job_type = 'SchedulerJob' AND state = 'running'"


def test_two_schedulers_both_beat_and_a_run_succeeds(tmp_path: Path) -> None:
    with stopped_at_the_end(tmp_path) as runner:
        dag = (TEST_DAGS_DIR / "all_slots.py").read_text()
        runner.write({**plain_files(Local={"Schedulers": 2}), "dags/all_slots.py": dag})
        running = start(runner)
        first = dict(running.query(BEATS))
        assert len(first) == 2, "`up` has waited for both"
        pids = running.pids()
        assert pids.keys() >= NAMES
        running.trigger("all_slots", "with_two")
        assert running.wait_for_run("all_slots", "with_two") == "success"

        def both_beat() -> bool:
            now = dict(running.query(BEATS))
            return now.keys() == first.keys() and all(now[job] > first[job] for job in first)

        wait_until(both_beat, BEATS_TIMEOUT_S, "later heartbeats of both")
        status = running.wait_until_healthy()
        assert {item["name"] for item in status["components"] if item["restarts"]} == set()
        assert {name: running.pids()[name] for name in NAMES} == {name: pids[name] for name in NAMES}
