"""docker-compose.yml is written by hand; this keeps it the same machine as the plan, for each generation."""

from __future__ import annotations

import json
import re
import shlex
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from mwaa_local.delivery import Delivery
from mwaa_local.environment.environment import Environment
from mwaa_local.plan import COMPONENT_OF, ExitedOk, Plan
from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.runtime.compose.containers import compose_name
from mwaa_local.runtime.compose.databases import DATA_DIR, SERVER_WORDS, VOLUME
from mwaa_local.runtime.compose.files import ComposeFiles, env_file
from mwaa_local.runtime.compose.image import COMPOSE_PATH, Image, build_variables, context_files, postgres_image
from mwaa_local.runtime.compose.place import ENTRYPOINT
from mwaa_local.runtime.compose.prepare import ContainerPreparation
from mwaa_local.runtime.compose.runtime import ComposeRuntime
from mwaa_local.runtime.compose.variables import SETUP_SERVICES
from mwaa_local.runtime.ports import free_port
from mwaa_local.services.all import SERVICES
from mwaa_local.services.aws_clients import host_names
from mwaa_local.services.service import Service
from mwaa_local.wanted import Wanted

GENERATIONS = ("3.3.1", "2.10.3", "2.2.2", "1.10.12")
SERVERS = ("postgres", "redis", "door", "aws", "metrics", "iam")
DELIVERED = ("dags", "plugins", "requirements", "startup")
LOCAL_AWS = "Local: {Aws: local}\n"
STARTUP = "export TEAM=data\n"
_VARIABLE = re.compile(r"\$\{(\w+)(?::[-?]([^}]*))?\}")
_ESCAPES = {"\\\\": "\\", '\\"': '"', "\\$": "$", "\\n": "\n", "\\r": "\r"}


class Written:
    """What `mwaa-local env` writes for a project, and the compose file with its variables filled in."""

    def __init__(
        self, folder: Path, yaml_text: str, env: dict[str, str], port: int = 0, delivered: Delivery | None = None
    ) -> None:
        env = {**env, "DOCKER_HOST": f"unix://{folder}/no.sock"}  # files are written without asking an engine
        project = Project(folder)
        for name, text in {"mwaa.yaml": yaml_text, "dags/a.py": "", "startup/startup.sh": STARTUP}.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        environment = Environment.load(project)
        release = Release.load(environment.airflow_version)
        wanted = Wanted(project, environment, release, env, folder, port, delivered=delivered)
        runtime = ComposeRuntime(project, env)
        preparation = ContainerPreparation(wanted, None, lambda _: None, runtime.own, build_image=False)
        self.plan: Plan = preparation.prepare().plan
        self.project = project
        self.files = ComposeFiles.of(project)
        self.variables = read_env_file(self.files.env_path)
        self.compose: dict[str, Any] = yaml.safe_load(_VARIABLE.sub(self._value, COMPOSE_PATH.read_text()))

    def _value(self, match: re.Match[str]) -> str:
        value = self.variables.get(match[1], "")
        assert value or match[1] in self.variables or match[2] is not None, f"nobody sets {match[1]}"
        return value or match[2] or ""

    def service(self, component: str) -> dict[str, Any]:
        found: dict[str, Any] = self.compose["services"][component.partition(".")[0]]
        return found

    def running(self) -> dict[str, dict[str, Any]]:
        """Return the services of which Compose makes containers."""
        profiles = set(self.variables["COMPOSE_PROFILES"].split(","))
        return {
            name: service
            for name, service in self.compose["services"].items()
            if int(service.get("deploy", {}).get("replicas", 1)) > 0
            and ("profiles" not in service or profiles & set(service["profiles"]))
        }


def read_env_file(path: Path) -> dict[str, str]:
    """Read an env file as Compose does; tests/integration asks Compose itself whether that is right."""
    values = {}
    for line in path.read_text().splitlines():
        name, _, quoted = line.partition("=")
        values[name] = re.sub(r'\\[\\"$nr]', lambda match: _ESCAPES[match[0]], quoted[1:-1])
    return values


@pytest.fixture(params=[*((version, "") for version in GENERATIONS), (GENERATIONS[0], LOCAL_AWS)])
def written(request: pytest.FixtureRequest, tmp_path: Path, clean_env: dict[str, str]) -> Written:
    version, more = request.param
    text = f'AirflowVersion: "{version}"\nMinWorkers: 2\nMaxWorkers: 3\n{more}'
    return Written(tmp_path / "project", text, clean_env)


def test_every_component_is_a_service_and_no_other_runs(written: Written) -> None:
    assert set(written.running()) == {component.name.partition(".")[0] for component in written.plan.components}


def test_commands_are_those_of_the_plan(written: Written) -> None:
    for component in written.plan.components:
        command = written.service(component.name)["command"]
        words = shlex.split(command) if isinstance(command, str) else command
        own = component.argv if component.name in SERVERS else component.argv[len(ENTRYPOINT) :]
        assert tuple(words) == own, component.name


def test_variables_are_those_of_the_plan(written: Written) -> None:
    for component in written.plan.components:
        if component.name in ("postgres", "redis", *SETUP_SERVICES):
            continue
        assert read_env_file(Path(written.service(component.name)["env_file"])) == dict(component.env), component.name


def test_services_wait_for_what_the_plan_says(written: Written) -> None:
    conditions = dict.fromkeys(SERVERS, "service_healthy") | dict.fromkeys(
        SETUP_SERVICES, "service_completed_successfully"
    )
    for component in written.plan.components:
        waits = written.service(component.name).get("depends_on", {})
        # Only the order of stopping asks for more: the worker before the web server.
        asked = {name: item["condition"] for name, item in waits.items() if item["condition"] != "service_started"}
        assert asked == {name: conditions[name] for name in component.depends_on}, component.name


def test_worker_stops_before_the_webserver_and_servers_last(written: Written) -> None:
    assert written.service("worker")["depends_on"]["webserver"] == {"condition": "service_started"}
    webserver, worker = written.plan.component("webserver"), written.plan.component("worker.1")
    assert webserver is not None and worker is not None
    assert worker.stop_stage < webserver.stop_stage


def test_one_time_components_are_not_restarted_and_others_are(written: Written) -> None:
    for component in written.plan.components:
        restart = written.service(component.name)["restart"]
        assert restart == ("no" if isinstance(component.ready, ExitedOk) else "unless-stopped"), component.name


def test_engine_waits_longer_than_mwaa_before_it_kills(written: Written) -> None:
    for component in written.plan.components:
        grace_s = int(written.service(component.name)["stop_grace_period"].removesuffix("s"))
        assert grace_s >= component.stop_timeout_s, component.name


def test_ports_are_published_on_this_machine_only(written: Written) -> None:
    published = [entry for service in written.running().values() for entry in service.get("ports", ())]
    assert {entry.split(":")[0] for entry in published} == {"127.0.0.1"}
    assert {int(entry.split(":")[1]) for entry in published} == set(written.plan.ports.values())


def test_local_aws_sees_nothing_but_its_own_folders_and_the_fixtures(tmp_path: Path, clean_env: dict[str, str]) -> None:
    written = Written(tmp_path / "project", LOCAL_AWS, clean_env)
    (written.project.root_dir / "tests" / "aws").mkdir(parents=True)
    written = Written(tmp_path / "project", LOCAL_AWS, clean_env)
    mounts = dict(entry.split(":")[:2] for entry in written.service("aws")["volumes"])
    fixtures = str(written.project.root_dir / "tests" / "aws")
    seen = {inside: path for path, inside in (entry.split(":")[:2] for entry in written.service("worker")["volumes"])}
    assert mounts == {
        str(written.files.services_dir / "aws"): "/opt/mwaa/aws",
        str(written.project.state_dir / "api"): "/opt/mwaa/api",
        str(written.project.state_dir / "aws"): "/opt/mwaa/aws-state",
        str(written.project.state_dir / "iam"): "/opt/mwaa/calls",
        fixtures: "/opt/mwaa/fixtures",
        **{seen[f"/usr/local/airflow/{name}"]: f"/opt/mwaa/source/{name}" for name in DELIVERED},
    }
    started_from = json.loads((written.files.services_dir / "aws" / "aws.json").read_text())
    assert started_from["state"] == "/opt/mwaa/aws-state"
    assert stat.S_IMODE((written.project.state_dir / "aws").stat().st_mode) == 0o700  # made here, not by Docker as root
    for path in (written.files.services_dir / "aws" / "aws.json", written.files.dir / "aws.env"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_local_aws_has_the_names_that_clients_make_of_its_host(tmp_path: Path, clean_env: dict[str, str]) -> None:
    written = Written(tmp_path / "project", LOCAL_AWS, clean_env)
    aliases = written.service("aws")["networks"]["default"]["aliases"]
    assert ("aws", *aliases) == host_names("aws")
    started_from = json.loads((written.files.services_dir / "aws" / "aws.json").read_text())
    assert started_from["names"] == ["aws", *aliases]


@pytest.mark.parametrize("version", ["2.2.2", "3.3.1"])
def test_old_boto3_finds_its_files_where_containers_see_them(
    version: str, tmp_path: Path, clean_env: dict[str, str]
) -> None:
    written = Written(tmp_path / "project", f'AirflowVersion: "{version}"\n{LOCAL_AWS}', clean_env)
    variables = read_env_file(written.files.dir / "worker.env")
    assert variables["AWS_ENDPOINT_URL"] == "http://aws:5000"
    places = {name: variables.get(name) for name in ("AWS_DATA_PATH", "AWS_CONFIG_FILE")}
    if version == "3.3.1":
        assert places == {"AWS_DATA_PATH": None, "AWS_CONFIG_FILE": None}
        return
    assert places == {"AWS_DATA_PATH": "/opt/mwaa/run/aws", "AWS_CONFIG_FILE": "/opt/mwaa/run/aws/config"}
    assert f"{written.files.dir}/run:/opt/mwaa/run:ro" in written.service("worker")["volumes"]
    partitions = json.loads((written.files.dir / "run" / "aws" / "endpoints.json").read_text())["partitions"]
    assert {partition["defaults"]["hostname"] for partition in partitions} == {"aws:5000"}


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_each_service_has_a_part_in_the_compose_file_that_is_there_when_asked_for(
    service: type[Service], tmp_path: Path, clean_env: dict[str, str]
) -> None:
    written = Written(tmp_path / "project", "{}", clean_env)
    part = written.service(service.name)
    assert part["profiles"] == [service.name]
    assert part["env_file"] == str(written.files.dir / f"{service.name}.env")
    wanted = written.plan.component(service.name) is not None
    assert part["ports"] == [f"127.0.0.1:{written.plan.ports[service.name] if wanted else 0}:{service.port}"]
    assert f"{written.files.services_dir / service.name}:/opt/mwaa/{service.name}:ro" in part["volumes"]
    assert (service.name in written.running()) == wanted == (service.name in ("door", "metrics"))


def test_change_of_fixtures_is_a_change_of_the_local_aws_alone(tmp_path: Path, clean_env: dict[str, str]) -> None:
    port = free_port()

    def keys() -> tuple[str, str]:
        variables = Written(tmp_path / "project", LOCAL_AWS, clean_env, port).variables
        return variables["MWAA_AWS_KEY"], variables["MWAA_READS"]

    first = keys()
    assert keys() == first
    path = tmp_path / "project" / "tests" / "aws" / "secrets.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("a: b\n")
    second = keys()
    assert second[0] != first[0]
    assert second[1] == first[1]


def test_settings_are_put_in_by_the_migration_and_restart_nothing(tmp_path: Path, clean_env: dict[str, str]) -> None:
    port = free_port()
    first = Written(tmp_path / "project", "{}", clean_env, port)
    text = "airflow:\n  variables:\n    - {variable_name: a, variable_value: tell-nobody}\n"
    (tmp_path / "project" / "airflow_settings.yaml").write_text(text)
    second = Written(tmp_path / "project", "{}", clean_env, port)
    assert first.variables["MWAA_READS"] == second.variables["MWAA_READS"]
    start = json.loads((second.files.dir / "run" / "migrate-db.json").read_text())
    assert start["seed"]["variables"][0]["value"] == "tell-nobody"
    assert "tell-nobody" not in json.dumps(start["then"])
    assert (second.files.dir / "run" / Path(start["then"][0][2]).name).is_file()


def test_workers_are_as_many_as_min_workers(written: Written) -> None:
    assert int(written.service("worker")["deploy"]["replicas"]) == 2


def test_each_service_finds_what_it_starts_from(written: Written) -> None:
    for name in (*COMPONENT_OF, *SETUP_SERVICES):
        path = written.files.dir / "run" / f"{name}.json"
        assert path.is_file()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert written.compose["services"][name]["environment"]["MWAA_LOCAL_SERVICE"] == name


def test_nothing_secret_can_be_read_by_others(written: Written) -> None:
    assert stat.S_IMODE(written.files.dir.stat().st_mode) == 0o700
    for path in written.files.dir.glob("*.env"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_names_are_the_project_s_and_the_database_is_the_release_s(written: Written) -> None:
    name = compose_name(written.project)
    assert written.compose["name"] == name
    assert written.compose["volumes"]["database"]["name"] == f"{name}-database-{written.plan.airflow_version}"
    assert all(volume["name"].startswith(name) for volume in written.compose["volumes"].values())


def test_services_see_the_four_folders_where_mwaa_has_them(written: Written) -> None:
    for name in ("scheduler", "worker", "webserver", "requirements"):
        mounts = dict(entry.split(":")[:2][::-1] for entry in written.compose["services"][name]["volumes"])
        for folder in ("dags", "plugins", "requirements", "startup"):
            assert Path(mounts[f"/usr/local/airflow/{folder}"]).is_dir()
    assert mounts["/usr/local/airflow/dags"] == str(written.project.dags_dir)


def test_services_see_the_folders_of_another_delivery(tmp_path: Path, clean_env: dict[str, str]) -> None:
    names = ("dags", "plugins", "requirements", "startup")
    for name in names:
        (tmp_path / "copy" / name).mkdir(parents=True)
    (tmp_path / "copy" / "requirements" / "requirements.txt").write_text("tinydb==4.8.2\n")
    copy = Delivery({name: tmp_path / "copy" / name for name in names})
    written = Written(tmp_path / "project", "{}", clean_env, delivered=copy)
    mounts = dict(entry.split(":")[:2][::-1] for entry in written.service("worker")["volumes"])
    assert {mounts[f"/usr/local/airflow/{name}"] for name in names} == {str(path) for path in copy.folders.values()}
    start = json.loads((written.files.dir / "run" / "requirements.json").read_text())
    assert start["startup_script"] is False  # the copy has none, the project has
    assert start["pip"] is not None


def test_dags_are_read_only_if_asked_for(tmp_path: Path, clean_env: dict[str, str]) -> None:
    for text, mode in (("{}", "rw"), ("Local: {DagsWritable: false}\n", "ro")):
        written = Written(tmp_path / mode, text, clean_env)
        for name in ("worker", "scheduler", "requirements"):
            [mount] = [entry for entry in written.service(name)["volumes"] if ":/usr/local/airflow/dags:" in entry]
            assert mount.endswith(f":{mode}"), name


def test_no_limits_unless_asked_for(tmp_path: Path, clean_env: dict[str, str]) -> None:
    free = Written(tmp_path / "free", "{}", clean_env)
    assert free.service("worker")["deploy"]["resources"]["limits"] == {"cpus": "0", "memory": "0"}
    text = "EnvironmentClass: mw1.large\nLocal: {EnforceClass: true}\n"
    strict = Written(tmp_path / "strict", text, clean_env)
    assert strict.service("worker")["deploy"]["resources"]["limits"] == {"cpus": "4", "memory": "8g"}
    assert strict.service("webserver")["deploy"]["resources"]["limits"] == {"cpus": "2", "memory": "4g"}


def test_change_of_plugins_or_startup_script_is_a_change_of_services(tmp_path: Path, clean_env: dict[str, str]) -> None:
    port = free_port()  # the same for all: services know the address of the web pages

    def reads() -> str:
        return Written(tmp_path / "project", "{}", clean_env, port).variables["MWAA_READS"]

    first = reads()
    assert reads() == first
    (tmp_path / "project" / "plugins").mkdir()
    (tmp_path / "project" / "plugins" / "a.py").write_text("")
    assert reads() != first


def test_signals_go_to_the_whole_group_where_the_plan_says_so(written: Written) -> None:
    for component in written.plan.components:
        environment = written.service(component.name).get("environment", {})
        # tini's own word (README of krallin/tini, "Process group killing"): any value turns it on.
        assert ("TINI_KILL_PROCESS_GROUP" in environment) == component.stop_group, component.name
        assert not component.stop_group or written.service(component.name)["init"] is True


def test_helpers_are_asked_first_where_the_plan_says_so(written: Written) -> None:
    for component in written.plan.components:
        environment = written.service(component.name).get("environment", {})
        wanted = "helpers-first" if component.stop_helpers_first else None
        assert environment.get("MWAA_LOCAL_STOP") == wanted, component.name


def test_packages_are_a_set_per_state_in_a_volume_per_image(tmp_path: Path, clean_env: dict[str, str]) -> None:
    def volume_and_key(text: str) -> tuple[str, str]:
        written = Written(tmp_path / "project", text, clean_env)
        keys = {
            service["environment"].get("MWAA_LOCAL_PACKAGES", "")
            for name, service in written.compose["services"].items()
            if name in (*COMPONENT_OF, "requirements")
        }
        assert len(keys) == 1
        assert "MWAA_LOCAL_PACKAGES" not in written.compose["services"]["migrate-db"]["environment"]
        return written.compose["volumes"]["packages"]["name"], keys.pop()

    volume, key = volume_and_key("{}")
    path = tmp_path / "project" / "requirements" / "requirements.txt"
    path.parent.mkdir()
    path.write_text("tinydb==4.8.2\n")
    assert volume_and_key("{}")[0] == volume
    assert volume_and_key("{}")[1] != key
    other_volume, other_key = volume_and_key("Local: {SystemPackages: [tree]}\n")
    assert other_volume != volume
    assert other_key != key


def test_key_of_packages_changes_with_requirements_and_startup_script(
    tmp_path: Path, clean_env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def key() -> str:
        return Written(tmp_path / "project", "{}", clean_env).variables["MWAA_PACKAGES_KEY"]

    first = key()
    path = tmp_path / "project" / "requirements" / "requirements.txt"
    path.parent.mkdir()
    path.write_text("# nothing yet\n")
    assert key() == first
    path.write_text("tinydb==4.8.2\n")
    second = key()
    assert second != first
    monkeypatch.setattr("tests.unit.runtime.compose.test_compose_file.STARTUP", "export TEAM=other\n")
    assert key() != second


@pytest.mark.parametrize("version", GENERATIONS)
def test_build_context_holds_every_package_and_nothing_of_the_user(version: str) -> None:
    release = Release.load(version)
    files = context_files(release)
    assert f"apache-airflow=={version}" in re.sub(r"\[.*?\]", "", files["packages.txt"])
    assert {"Dockerfile", "entrypoint/__main__.py", "build_options.txt", "hidden.txt"} <= set(files)
    assert not [name for name in files if name.startswith(("dags", "requirements/", "startup"))]


def test_dockerfile_needs_no_image_but_its_base() -> None:
    text = (COMPOSE_PATH.parent / "docker" / "Dockerfile").read_text()
    assert "# syntax=" not in text.replace("`# syntax=`", "")
    assert set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) == {"${BASE_IMAGE}"}
    assert not re.search(r"https?://(?!deb\.debian\.org)", re.sub(r"\\\?", "", text))


def test_env_file_keeps_every_character(tmp_path: Path) -> None:
    value = "a b$c ${d} \"e\" 'f' \\n\\ g\nh\ri #j = é"
    path = tmp_path / "x.env"
    path.write_text(env_file({"X": value}))
    assert read_env_file(path) == {"X": value}


def test_a_database_alone_is_served_as_in_an_environment(tmp_path: Path, clean_env: dict[str, str]) -> None:
    written = Written(tmp_path / "project", "", clean_env)
    service = written.service("postgres")
    assert service["image"] == postgres_image(clean_env)
    assert tuple(service["command"]) == SERVER_WORDS
    assert service["volumes"] == [f"{VOLUME}:{DATA_DIR}"]
    release = Release.load(written.plan.airflow_version)
    name = ComposeRuntime(written.project, clean_env).own.database_volume(release.airflow_version)
    assert written.compose["volumes"][VOLUME]["name"] == name
    build = yaml.safe_load(COMPOSE_PATH.read_text())["services"]["migrate-db"]["build"]
    named = set(re.findall(r"\$\{(MWAA_\w+)", json.dumps(build)))
    image = Image.of(release, Environment.load(written.project).local, clean_env, is_rootless=False)
    assert named <= {*build_variables(release, image), "MWAA_DOCKER_DIR"}, "an image is built with these alone"
