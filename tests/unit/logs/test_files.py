"""Which files belong to a log group, and the names of their streams."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from mwaa_local.logs import streams
from mwaa_local.logs.files import airflow_logs_dir, stream_files
from mwaa_local.logs.groups import Group
from mwaa_local.project import Project
from tests.unit.logs import written

SAFE_RUN = "run_id=manual__2025-11-30T12_00_53.039+00_00"
HOST = socket.gethostname()
BEGAN_S = 1764504039  # 2025-11-30T12:00:39Z


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path)
    written.write(airflow_logs_dir(project), written.AIRFLOW_3 | written.AIRFLOW_2)
    scripts = {
        "requirements_install.out": written.REQUIREMENTS,
        "startup_script_scheduler.out": written.STARTUP,
        "startup_script_worker.out": written.STARTUP,
        "startup_script_worker.2.out": written.STARTUP,
        "startup_script_webserver.out": "",
        "supervisor.out": "",
        "scheduler.log": written.SCHEDULER,
    }
    written.write(project.logs_dir, scripts)
    return project


def found(project: Project, group: Group) -> dict[str, str]:
    return {file.path.name: file.stream for file in stream_files(project, group)}


def test_task_group_has_tasks_and_their_triggers_alone(project: Project) -> None:
    assert {file.stream for file in stream_files(project, Group.TASK)} == {
        f"dag_id=two/{SAFE_RUN}/task_id=each/map_index=1/attempt=1.log",
        f"dag_id=two/{SAFE_RUN}/task_id=each/map_index=1/attempt=1.log.trigger.7.log",
        f"dag_id=two/{SAFE_RUN}/task_id=hello/attempt=1.log",
    }


def test_files_that_were_parsed_have_streams_by_their_names(project: Project) -> None:
    assert sorted(file.stream for file in stream_files(project, Group.DAG_PROCESSING)) == [
        "dag_processor_manager.log",
        "scheduler_dag_processor_two.py.log",
        "scheduler_two.py.log",
    ]


def test_a_link_to_the_newest_folder_brings_no_file_twice(project: Project) -> None:
    before = list(stream_files(project, Group.DAG_PROCESSING))
    (airflow_logs_dir(project) / "scheduler" / "latest").symlink_to("2025-11-30")
    (airflow_logs_dir(project) / "dag_id=two" / "linked.log").symlink_to(before[0].path)
    assert list(stream_files(project, Group.DAG_PROCESSING)) == before
    assert len(list(stream_files(project, Group.TASK))) == 3


def test_requirements_and_startup_script_are_in_the_groups_of_their_containers(project: Project) -> None:
    requirements = {"requirements_install.out": f"requirements_install_{HOST}_{BEGAN_S}.log"}
    assert found(project, Group.SCHEDULER) == requirements | {
        "startup_script_scheduler.out": f"startup_script_execution_{HOST}_{BEGAN_S}.log"
    }
    assert found(project, Group.WORKER) == requirements | {
        "startup_script_worker.out": f"startup_script_execution_{HOST}_{BEGAN_S}.log",
        "startup_script_worker.2.out": f"startup_script_execution_{HOST}-2_{BEGAN_S}.log",
    }
    assert found(project, Group.WEB_SERVER) == requirements  # its script has said nothing


@pytest.mark.parametrize(
    ("component", "airflow_3", "stream"),
    [
        ("scheduler", True, f"scheduler_{HOST}_{BEGAN_S}.log"),
        ("triggerer", True, f"triggerer_{HOST}_{BEGAN_S}.log"),
        ("webserver", False, f"webserver_{HOST}_{BEGAN_S}.log"),
        ("worker.1", True, f"worker_{HOST}_{BEGAN_S}.log"),
        ("worker.12", True, f"worker_{HOST}-12_{BEGAN_S}.log"),
        ("dag-processor", True, "dag-processor-manager.log"),
        ("dag-processor", False, "dag_processor_manager.log"),
    ],
)
def test_streams_of_components(component: str, airflow_3: bool, stream: str) -> None:
    assert streams.of_component(component, BEGAN_S * 1000 + 999, airflow_3=airflow_3) == stream


def test_every_component_of_airflow_has_one_group() -> None:
    components = ("scheduler", "triggerer", "worker.3", "webserver", "dag-processor")
    assert [sum(group.gets_output_of(name) for group in Group) for name in components] == [1] * len(components)
    assert not any(group.gets_output_of(name) for group in Group for name in ("postgres", "redis", "aws", "door"))


def test_names_are_those_of_get_environment() -> None:
    from mwaa_local.api.operations.reading import LOG_GROUPS

    named = {f"{part}": f"airflow-mine-{group}" for part, group in LOG_GROUPS.items()}
    assert {group.member: group.name_in("mine") for group in Group} == named
