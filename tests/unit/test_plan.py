"""Environment + Release + Place -> Plan: which components, in which order, with which commands and signs of life.

Golden files: `golden/plan_<release>.json` hold the plan of one environment per generation. After a wanted change write
them anew and read the difference: `python -m tests.unit.test_plan` in the repository's folder.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mwaa_local.cache.users import PROCESS, User
from mwaa_local.environment.environment import Environment
from mwaa_local.environment.local import LocalSettings
from mwaa_local.errors import ComponentUnknown
from mwaa_local.home import Folder
from mwaa_local.launch import Launch, make_plan
from mwaa_local.place import Place
from mwaa_local.plan import (
    READY_CHECKS,
    STOP_STAGE_SERVERS,
    STOP_TIMEOUT_S,
    Component,
    DatabaseReady,
    HeartbeatReady,
    HttpReady,
    LogReady,
    Plan,
)
from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.runtime.compose.place import ContainerPlace
from mwaa_local.runtime.process.place import ProcessPlace
from mwaa_local.steps import Steps

GOLDEN_DIR = Path(__file__).parent / "golden"
GOLDEN_RELEASES = ("3.3.1", "2.10.3", "2.2.2")

PLACE = ProcessPlace(
    home_dir="/usr/local/airflow",
    ports={"door": 8080, "webserver": 8080, "postgres": 5433, "redis": 6380},
    server_env={"LC_ALL": "C"},
    run_dir=Path("/run"),
    user=User(Path("/cache"), Project(Path("/project")), PROCESS),
    steps=Steps(lambda _: None),
)
DAGS = Folder("/project/dags", "1:2", read_only=True)
LAUNCH = Launch(
    python="/cache/bin/python",
    database_url="postgresql://airflow:db-pass@127.0.0.1:5433/airflow",
    broker_url="redis://:broker-pass@127.0.0.1:6380/0",
    worker_queues=("celery-queue", "default"),
    postgres_argv=("/bin/postgres", "-D", "/data"),
    broker_argv=("/bin/valkey-server", "/run/broker.conf"),
    env_of={name: {"MWAA_AIRFLOW_COMPONENT": name} for name in ("scheduler", "worker", "webserver")},
    workers=("worker.1",),
    forkserver="/cache/lib/forkserver.py",
    homes_dir="/project/.mwaa-local/homes/1",
    folders={"dags": DAGS, "logs": Folder("/project/.mwaa-local/airflow/logs", "1:3")},
)


def workers(count: int) -> tuple[str, ...]:
    return tuple(f"worker.{number}" for number in range(1, count + 1))


def plan_of(version: str, launch: Launch = LAUNCH, place: Place = PLACE) -> Plan:
    return make_plan(Environment(airflow_version=version), Release.load(version), place, launch)


def component(plan: Plan, name: str) -> Component:
    found = plan.component(name)
    assert found is not None
    return found


def golden(version: str) -> str:
    return json.dumps(plan_of(version, replace(LAUNCH, workers=workers(2))).to_json(), indent=2) + "\n"


@pytest.mark.parametrize("version", GOLDEN_RELEASES)
def test_plan_is_the_golden_one(version: str) -> None:
    expected = (GOLDEN_DIR / f"plan_{version}.json").read_text()
    assert golden(version) == expected, "changed? python -m tests.unit.test_plan writes the golden files anew"


@pytest.mark.parametrize("version", Release.versions())
def test_plan_survives_its_way_to_the_supervisor(version: str) -> None:
    plan = plan_of(version)
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


TEXT = st.text(max_size=20)
CHECKS = st.sampled_from(READY_CHECKS).flatmap(st.builds)
COMPONENTS = st.builds(
    Component,
    name=TEXT,
    argv=st.lists(TEXT, max_size=3).map(tuple),
    env=st.dictionaries(TEXT, TEXT, max_size=3),
    ready=CHECKS,
    depends_on=st.lists(TEXT, max_size=2).map(tuple),
    airflow_argv=st.lists(TEXT, max_size=2).map(tuple),
    restart=st.booleans(),
    stop_timeout_s=st.floats(0, 100),
    stop_signal=TEXT,
    stop_stage=st.integers(0, 3),
    unprivileged=st.booleans(),
)


@given(st.lists(COMPONENTS, max_size=3).map(tuple), st.dictionaries(TEXT, st.integers(0, 65535), max_size=3))
def test_any_plan_survives_its_way_to_the_supervisor(components: tuple[Component, ...], ports: dict[str, int]) -> None:
    plan = replace(plan_of("3.3.1"), components=components, ports=ports)
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


def test_components_of_each_generation() -> None:
    """Airflow 3 has a DAG processor of its own; the triggerer came with 2.2; MWAA before that had neither."""
    names = {version: {item.name for item in plan_of(version).components} for version in Release.versions()}
    always = {"postgres", "redis", "scheduler", "worker.1", "webserver"}
    assert names["3.3.1"] == {*always, "dag-processor", "triggerer"}
    assert {*always, "triggerer"} <= names["2.10.3"]
    assert names["2.2.2"] == {*always, "triggerer"}
    assert names["2.0.2"] == always
    assert names["1.10.12"] == always


@pytest.mark.parametrize("version", Release.versions())
def test_airflow_waits_for_the_servers_and_ends_before_them(version: str) -> None:
    plan = plan_of(version)
    airflow = [item for item in plan.components if item.airflow_argv]
    servers = [item for item in plan.components if not item.airflow_argv]
    assert [item.name for item in servers] == ["postgres", "redis"]
    assert all(item.depends_on == ("postgres", "redis") for item in airflow)
    assert all(item.stop_stage < STOP_STAGE_SERVERS for item in airflow)
    assert all(item.stop_stage == STOP_STAGE_SERVERS for item in servers)
    assert component(plan, "worker.1").stop_stage < component(plan, "webserver").stop_stage


def test_airflow_components_get_the_time_that_mwaa_gives_them_to_stop() -> None:
    """Source: amazon-mwaa-docker-images, `python/mwaa/subprocess/subprocess.py`: 90 s of patience."""
    assert STOP_TIMEOUT_S == 90
    assert {item.stop_timeout_s for item in plan_of("3.3.1").components if item.airflow_argv} == {STOP_TIMEOUT_S}


def test_each_component_has_its_own_sign_of_life() -> None:
    plan = plan_of("3.3.1")
    assert component(plan, "postgres").ready == DatabaseReady()
    assert component(plan, "scheduler").ready == HeartbeatReady("SchedulerJob")
    assert component(plan, "dag-processor").ready == HeartbeatReady("DagProcessorJob")
    assert component(plan, "worker.1").ready == LogReady(" ready.")
    assert component(plan, "webserver").ready == HttpReady("http://127.0.0.1:8080/api/v2/monitor/health")
    assert component(plan_of("2.10.3"), "webserver").ready == HttpReady("http://127.0.0.1:8080/health")


def test_postgres_does_not_run_as_root_and_stops_fast() -> None:
    plan = plan_of("3.3.1")
    assert [item.name for item in plan.components if item.unprivileged] == ["postgres"]
    assert component(plan, "postgres").stop_signal == "SIGINT"


@pytest.mark.parametrize(
    ("name", "shared"),
    [("scheduler", "scheduler"), ("dag-processor", "scheduler"), ("triggerer", "scheduler"), ("worker.1", "worker")],
)
def test_variables_come_from_the_container_in_which_the_component_runs_on_mwaa(name: str, shared: str) -> None:
    assert component(plan_of("3.3.1"), name).env == {"MWAA_AIRFLOW_COMPONENT": shared}


def test_port_is_in_the_command_and_no_placeholder_is_left() -> None:
    plan = plan_of("2.2.2", place=replace(PLACE, ports={**PLACE.ports, "webserver": 18080}))
    assert "18080" in component(plan, "webserver").airflow_argv
    for version in Release.versions():
        assert not [word for item in plan_of(version).components for word in item.argv if "{" in word]


def test_worker_listens_to_the_queues_of_the_environment_only() -> None:
    argv = component(plan_of("3.3.1"), "worker.1").airflow_argv
    assert argv[argv.index("-q") + 1] == "celery-queue,default"
    assert plan_of("3.3.1").queue == "celery-queue"


@pytest.mark.parametrize("version", Release.versions())
def test_several_workers_have_names_of_their_own(version: str) -> None:
    plan = plan_of(version, replace(LAUNCH, workers=workers(3)))
    found = [item for item in plan.components if item.name.startswith("worker")]
    assert [item.name for item in found] == ["worker.1", "worker.2", "worker.3"]
    assert len({item.airflow_argv for item in found}) == 3
    pid_paths = {item.airflow_argv[item.airflow_argv.index("--pid") + 1] for item in found}
    assert pid_paths == {f"/usr/local/airflow/airflow-worker.{number}.pid" for number in (1, 2, 3)}


@pytest.mark.parametrize("version", Release.versions())
@pytest.mark.parametrize("place", [PLACE, ContainerPlace(PLACE.ports, Path("/files"), Path("/run"))])
def test_worker_is_the_same_alone_and_beside_others(version: str, place: Place) -> None:
    alone, beside = (plan_of(version, replace(LAUNCH, workers=workers(count)), place) for count in (1, 2))
    assert component(alone, "worker.1") == component(beside, "worker.1")


@pytest.mark.parametrize("version", Release.versions())
@pytest.mark.parametrize("place", [PLACE, ContainerPlace(PLACE.ports, Path("/files"), Path("/run"))])
def test_grown_plan_is_the_plan_with_so_many_workers(version: str, place: Place) -> None:
    plans = {count: plan_of(version, replace(LAUNCH, workers=workers(count)), place) for count in (1, 2, 5)}
    assert plans[1].grown("worker", 1) == plans[2]
    assert plans[2].grown("worker", 3) == plans[5]
    assert plans[2].grown("worker", 0) == plans[2]


def test_worker_that_leaves_is_no_component_but_keeps_its_number_and_its_home() -> None:
    plan = plan_of("3.3.1", replace(LAUNCH, workers=workers(3)))
    left = plan.retired(["worker.1", "worker.3"], 100.0)
    assert [item.name for item in left.meant("worker")] == ["worker.2"]
    assert left.leaving == {"worker.1": 100.0, "worker.3": 100.0}
    assert left.homes == plan.homes
    assert [item.name for item in left.grown("worker", 2).meant("worker")] == ["worker.2", "worker.4", "worker.5"]
    gone = left.without_left(["worker.1"])
    assert gone.leaving == {"worker.1": 100.0}
    assert "worker.3" not in gone.homes
    assert [item.name for item in gone.grown("worker", 1).meant("worker")] == ["worker.2", "worker.3"]
    assert Plan.from_json(json.loads(json.dumps(left.to_json()))) == left


@pytest.mark.parametrize("version", Release.versions())
@pytest.mark.parametrize("place", [PLACE, ContainerPlace(PLACE.ports, Path("/files"), Path("/run"))])
def test_web_server_is_told_that_it_is_reached_by_https(version: str, place: ProcessPlace | ContainerPlace) -> None:
    plain, secure = (plan_of(version, place=each) for each in (place, replace(place, authority="/authority.pem")))
    words = ("--proxy-headers",) if version.startswith("3.") else ()
    for found, more in ((plain, ()), (secure, words)):
        argv = component(found, "webserver").argv
        assert argv[len(argv) - len(more) :] == more
        assert argv.count("--proxy-headers") == len(more)
    changed = {one.name for one, other in zip(plain.components, secure.components, strict=True) if one != other}
    assert changed <= {"webserver"}


def test_components_of_mwaas_scheduler_share_a_home_and_others_have_their_own() -> None:
    plan = plan_of("3.3.1").grown("worker", 1)
    homes = {item.name: item.home for item in plan.components}
    assert homes == {
        "postgres": "",
        "redis": "",
        "webserver": "webserver",
        "scheduler": "scheduler",
        "dag-processor": "scheduler",
        "triggerer": "scheduler",
        "worker.1": "worker.1",
        "worker.2": "worker.2",
    }
    home = plan.home("worker.2")
    assert home is not None
    assert (home.home_dir, home.folders["dags"]) == ("/project/.mwaa-local/homes/1/worker.2", DAGS)
    assert plan.home("") is None


def test_components_share_one_home_where_there_are_no_others() -> None:
    plan = plan_of("3.3.1", replace(LAUNCH, homes_dir=""))
    assert {item.home for item in plan.components} == {""}
    assert plan.home("worker.1") is None


def test_what_there_is_one_of_cannot_be_scaled() -> None:
    with pytest.raises(ComponentUnknown, match="scheduler") as caught:
        plan_of("3.3.1").grown("scheduler", 2)
    assert caught.value.why == "There can be several of: worker."


@pytest.mark.parametrize(("version", "count"), [("3.3.1", 3), ("2.0.2", 3), ("1.10.12", 1)])
def test_several_schedulers_are_alike_and_the_first_keeps_its_name(version: str, count: int) -> None:
    environment = Environment(airflow_version=version, local=LocalSettings(schedulers=3))
    plan = make_plan(environment, Release.load(version), PLACE, LAUNCH)
    names = ["scheduler", "scheduler.2", "scheduler.3"][:count]
    assert [item.name for item in plan.meant("scheduler")] == names
    first = component(plan, "scheduler")
    assert all(replace(item, name="scheduler", ready=first.ready) == first for item in plan.meant("scheduler"))
    beats = [HeartbeatReady("SchedulerJob", count=number) for number in range(1, count + 1)]
    assert [item.ready for item in plan.meant("scheduler")] == beats
    assert first == component(plan_of(version), "scheduler")


def test_worker_without_a_number_means_all_of_them() -> None:
    plan = plan_of("3.3.1", replace(LAUNCH, workers=workers(2)))
    assert [item.name for item in plan.meant("worker")] == ["worker.1", "worker.2"]
    assert [item.name for item in plan.meant("scheduler")] == ["scheduler"]


def test_without_a_fork_server_nothing_is_preloaded() -> None:
    plan = plan_of("3.3.1", replace(LAUNCH, forkserver=""))
    assert (plan.preload, plan.preload_argv) == ((), ())


@pytest.mark.parametrize("version", Release.versions())
def test_argv_is_complete_and_ends_with_the_airflow_command(version: str) -> None:
    """Airflow 1.10 has no module that could be run, only a script."""
    program = ("/cache/bin/airflow",) if version == "1.10.12" else ("-m", "airflow")
    for item in plan_of(version).components:
        if item.airflow_argv:
            assert item.argv == ("/cache/bin/python", *program, *item.airflow_argv)
            assert item.program_argv == program


def test_component_that_is_not_there_is_none() -> None:
    assert plan_of("2.0.2").component("triggerer") is None


if __name__ == "__main__":
    for release in GOLDEN_RELEASES:
        (GOLDEN_DIR / f"plan_{release}.json").write_text(golden(release))
