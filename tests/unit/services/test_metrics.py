"""The collector of metrics as a component of either runtime."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from mwaa_local.plan import HttpReady
from mwaa_local.secrets import load_secrets
from mwaa_local.services.metrics import Metrics, statsd_values
from tests.unit.runtime.compose.test_compose_file import Written, read_env_file
from tests.unit.services import test_door
from tests.unit.services.test_door import place_of, wanted_in

PORTS = {"door": 8080, "metrics": 20125}


@pytest.fixture(autouse=True)
def ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_door, "PORTS", PORTS)


@pytest.mark.parametrize(
    ("runtime", "listens", "reached"),
    [("process", ["127.0.0.1", 20125], ("127.0.0.1", "20125")), ("docker", ["0.0.0.0", 8125], ("metrics", "8125"))],
)
def test_it_listens_where_airflow_sends_to(
    runtime: str, listens: list[object], reached: tuple[str, str], tmp_path: Path
) -> None:
    wanted = wanted_in(tmp_path)
    place = place_of(runtime, wanted)
    component = Metrics.load(wanted).component(place, load_secrets(wanted.project.state_dir))
    folder = wanted.project.run_dir / ("services/metrics" if runtime == "docker" else ".")
    told = json.loads((folder / "metrics.json").read_text())
    assert (told["listens"], told["prefix"]) == (listens, "airflow.")
    assert tuple(statsd_values(place).values()) == reached
    assert component.ready == HttpReady("http://127.0.0.1:20125/_mwaa-local/metrics")
    assert component.stop_stage > 0  # Airflow's own components stop before it
    assert stat.S_IMODE((wanted.project.state_dir / "metrics").stat().st_mode) == 0o700


def test_container_keeps_minutes_on_this_machine_and_takes_udp_from_its_own_network_alone(
    tmp_path: Path, clean_env: dict[str, str]
) -> None:
    written = Written(tmp_path / "project", "{}", clean_env)
    service = written.service("metrics")
    told = json.loads((written.files.services_dir / "metrics" / "metrics.json").read_text())
    assert f"{written.project.state_dir}/metrics:{told['folder']}" in service["volumes"]
    assert not [entry for entry in service["ports"] if "udp" in entry]
    assert service["image"] == written.service("door")["image"]
    variables = read_env_file(written.files.dir / "worker.env")
    assert variables["AIRFLOW__METRICS__STATSD_HOST"] == "metrics"
    assert variables["AIRFLOW__METRICS__STATSD_PORT"] == str(told["listens"][1])
