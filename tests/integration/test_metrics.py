"""Metrics of a running environment: what Airflow itself sent, and what `mwaa-local metrics` shows of it."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from packaging.version import Version
from prometheus_client.parser import text_string_to_metric_families

from mwaa_local.api.address import ApiFolder
from mwaa_local.metrics.minutes import Sums, read_now
from mwaa_local.services.metrics import metrics_dir
from tests.conftest import COMMAND
from tests.environments import EACH_GENERATION, RUN_TIMEOUT_S, RunningEnvironment, wait_until

pytestmark = [pytest.mark.network, pytest.mark.parametrize("environment", EACH_GENERATION, indirect=True)]
FIRST_TIMEOUT_S = 60.0
# Three metrics as Airflow sends them, and the end of all by the client beneath, which follows no list.
SEND = """
from airflow.stats import Stats
for name in ("scheduler_one", "executor_two", "pool_three"):
    Stats.incr(name)
import os
from statsd import StatsClient
StatsClient("127.0.0.1", int(os.environ["AIRFLOW__METRICS__STATSD_PORT"]), "airflow").incr("test_end")
"""


def test_airflow_sends_what_mwaa_puts_into_cloudwatch(environment: RunningEnvironment) -> None:
    """The names are those of the MWAA user guide, "Apache Airflow environment metrics in CloudWatch"."""
    folder = metrics_dir(environment.project)

    def sent() -> Sums | None:
        """Return all of it when the sample DAG's run is in it; it is written every few seconds."""
        now = read_now(folder)
        is_there = now is not None and "dagrun.duration.success.hello_mwaa" in now[1].timers
        return now[1] if now is not None and is_there and now[1].counters.get("ti_successes", 0) >= 4 else None

    found = wait_until(sent, FIRST_TIMEOUT_S, "what the run of the sample DAG sent")
    counters, gauges = found.counters, found.gauges
    assert counters["scheduler_heartbeat"] > 0
    assert "dagbag_size" in gauges
    assert counters["ti.finish.hello_mwaa.read_option.success"] >= 1
    assert gauges["executor.open_slots"].last >= 0
    assert gauges["pool.open_slots.default_pool"].last > 0
    assert gauges["dag_processing.import_errors"].last == 0


@pytest.mark.parametrize(
    ("lists", "sent"),
    [
        ({}, {"scheduler_one", "executor_two", "pool_three"}),
        ({"allow": "scheduler,executor"}, {"scheduler_one", "executor_two"}),
        ({"block": "pool"}, {"scheduler_one", "executor_two"}),
        ({"allow": "pool", "block": "pool"}, {"pool_three"}),  # the guide: a block list beside an allow list is ignored
    ],
)
def test_airflow_itself_follows_the_lists(
    environment: RunningEnvironment, lists: dict[str, str], sent: set[str], tmp_path: Path
) -> None:
    """With the variables that the scheduler has; MWAA user guide, "Choosing which metrics are reported"."""
    is_old = Version(environment.release.airflow_version) < Version("2.6")
    if is_old and "block" in lists:
        pytest.skip("Airflow had no block list then")
    scheduler = environment.plan().component("scheduler")
    assert scheduler is not None
    kind = "STATSD" if is_old else "METRICS"
    options = {f"AIRFLOW__METRICS__{kind}_{name.upper()}_LIST": value for name, value in lists.items()}
    with socket.socket(type=socket.SOCK_DGRAM) as collector:
        collector.bind(("127.0.0.1", 0))
        collector.settimeout(10)
        place = {"AIRFLOW__METRICS__STATSD_PORT": str(collector.getsockname()[1]), "AIRFLOW_HOME": str(tmp_path)}
        env = {**scheduler.env, "HOME": str(tmp_path), **place, **options}
        subprocess.run([scheduler.argv[0], "-c", SEND], env=env, cwd=tmp_path, check=True, timeout=RUN_TIMEOUT_S)
        packets: list[bytes] = []
        while not packets or packets[-1] != b"airflow.test_end:1|c":
            packets.append(collector.recv(1024))
    names = {packet.decode().partition(":")[0].partition(".")[2] for packet in packets[:-1]}
    assert names & {"scheduler_one", "executor_two", "pool_three"} == sent  # Airflow's own imports may send, too


def test_one_table_where_nobody_can_follow_one(environment: RunningEnvironment) -> None:
    outcome = environment.run("metrics")
    assert outcome.exit_code == 0, outcome.stderr
    head, tasks, heads, *rows = outcome.stdout.splitlines()
    assert head.startswith(f"Airflow {environment.release.airflow_version}  ")
    assert tasks.startswith("tasks: ")
    assert heads.split() == ["component", "state", "CPU", "memory", "heartbeat"]
    assert {row.split()[0] for row in rows} == {item.name for item in environment.plan().components} | {"all"}


def test_json_has_a_figure_of_everything(environment: RunningEnvironment) -> None:
    plain = json.loads(environment.run("metrics", "--json").stdout)
    assert plain["slots"] == 5  # mw1.small
    assert plain["running"] is not None
    components = {item["name"]: item for item in plain["components"]}
    assert min(item["memory_bytes"] for item in components.values()) > 1 << 20
    assert min(item["cpu_percent"] for item in components.values()) >= 0
    assert components["scheduler"]["memory_bytes"] > 20 << 20
    assert components["scheduler"]["heartbeat_age_s"] < 30
    assert components["redis"]["heartbeat_age_s"] is None


def test_table_in_a_terminal_follows_until_ctrl_c(environment: RunningEnvironment) -> None:
    outer, inner = pty.openpty()
    env = {**environment.runner.env, "TERM": "xterm"}
    argv = [*COMMAND, "metrics", "--project", str(environment.root_dir)]
    process = subprocess.Popen(argv, stdin=inner, stdout=inner, stderr=inner, env=env, start_new_session=True)
    os.close(inner)
    written = b""
    deadline = time.monotonic() + FIRST_TIMEOUT_S
    while written.count(b"component") < 2 and time.monotonic() < deadline:
        written += os.read(outer, 65536)
    process.send_signal(signal.SIGINT)
    with contextlib.suppress(OSError):  # how a terminal ends
        while part := os.read(outer, 65536):
            written += part
    assert process.wait(30) == 130
    os.close(outer)
    assert written.count(b"component") >= 2
    assert b"\033[J" in written  # each over the one before
    assert b"Traceback" not in written


def test_prometheus_reads_the_page_and_no_other_site_does(environment: RunningEnvironment) -> None:
    address = ApiFolder.of(environment.project.state_dir).address
    assert address is not None
    url = f"{address.url}/_mwaa-local/metrics"

    def asked(**headers: str) -> str:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as answer:
            assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
            return str(answer.read().decode())

    families = {family.name: family for family in text_string_to_metric_families(asked())}
    heartbeats = families["airflow_scheduler_heartbeat"].samples
    assert [sample.labels for sample in heartbeats] == [{"environment": environment.project.name}]
    assert heartbeats[0].value > 0
    for headers in ({"Host": "evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        with pytest.raises(urllib.error.HTTPError) as caught:
            asked(**headers)
        assert caught.value.code in (403, 421)
