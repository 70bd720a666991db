"""What holds in a running environment of every generation: the sample project, started once for all tests here.

Sources for what MWAA does: aws/amazon-mwaa-docker-images, `images/airflow/*/python/mwaa/config/`, and the MWAA user
guide. Where the environment differs from MWAA, docs/differences.md says so.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from mwaa_local.database.revision import revision
from mwaa_local.runtime.process.servers import HOME_SUFFIX, KEPT
from tests.conftest import cache_dir
from tests.environments import EACH_GENERATION, RUN_TIMEOUT_S, RunningEnvironment, wait_until
from tests.exactness import differences, listing_of

pytestmark = [
    pytest.mark.network,
    pytest.mark.parametrize("environment", EACH_GENERATION, indirect=True),
]

MWAA_HOME_DIR = "/usr/local/airflow"
ENDED_STATES = {"success", "failed", "upstream_failed", "skipped"}
# Celery refuses the message at once; the scheduler tries to send it three times before the task fails.
OTHER_QUEUE_TIMEOUT_S = 60.0
ANSWER_TIMEOUT_S = 120.0  # Airflow 3's first answer to tasks took half a minute on a machine with ten times its load
FOREIGN_NAME = "evil.example"
# Shown by `options` where the value is made at start or secret.
PLACEHOLDER = re.compile(r"<[^>]+>|\*\*\*")
# Airflow 3 itself points a task's database options at nothing, under the new name and the old one.
SET_BY_AIRFLOW = {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "AIRFLOW__CORE__SQL_ALCHEMY_CONN"}


def test_every_component_is_ready(environment: RunningEnvironment) -> None:
    status = environment.status()
    assert status["healthy"], status
    wanted = {"postgres", "redis", "door", "metrics", "webserver", "scheduler", "worker.1", "triggerer"}
    if environment.release.dag_processor_argv:
        wanted.add("dag-processor")
    assert {item["name"] for item in status["components"]} == wanted
    assert {item["state"] for item in status["components"]} == {"ready"}
    assert status["airflow_version"] == environment.release.airflow_version
    assert status["figures"]["import_errors"] == 0
    assert status["figures"]["dags"] == 4


def test_up_says_address_login_and_next_command(environment: RunningEnvironment) -> None:
    last = environment.started.stderr[environment.started.stderr.index("is ready after") :]
    assert environment.url() in last
    assert (environment.release.login or "none needed") in last
    assert "mwaa-local status" in last


def test_sample_dag_succeeded_through_the_worker(environment: RunningEnvironment) -> None:
    query = "SELECT task_id, state, try_number FROM task_instance WHERE dag_id = 'hello_mwaa'"

    def ended_tasks() -> list[Any]:
        """Return all tasks when none goes on: other tests may have run the DAG here, too."""
        found = environment.query(query)
        return found if all(state in ENDED_STATES for _, state, _ in found) else []

    rows = wait_until(ended_tasks, RUN_TIMEOUT_S, "no task goes on")
    assert {(task, state) for task, state, _ in rows} == {
        ("read_option", "success"),
        ("read_startup_variable", "success"),
        ("say_goodbye", "success"),
        ("use_plugin", "success"),
    }
    received = [line for line in worker_log(environment) if "received" in line and "ask" in line]
    assert len(received) >= len(rows)


def worker_log(environment: RunningEnvironment) -> list[str]:
    return environment.run("logs", "worker").stdout.splitlines()


def test_packages_are_exactly_those_of_the_release(environment: RunningEnvironment) -> None:
    listing = listing_of([environment.plan().preload_argv[0]])
    assert differences(environment.release, listing) == []


def test_database_has_the_schema_that_the_release_names(environment: RunningEnvironment) -> None:
    assert revision(environment.plan().database_url) == environment.release.database_revision


def test_all_that_a_first_migration_leaves_in_the_cache_is_known_as_ours(environment: RunningEnvironment) -> None:
    release = environment.release.airflow_version
    names = [path for path in (cache_dir() / KEPT.folder).glob(f"{release}-*") if KEPT.match(path.name)]
    assert any(path.name.endswith(HOME_SUFFIX) for path in names)
    assert [path for path in names if not KEPT.is_ours(path)] == []


@pytest.fixture(scope="session")
def probes() -> dict[str, dict[str, Any]]:
    """What the probe task found, by release."""
    return {}


@pytest.fixture
def probe(environment: RunningEnvironment, probes: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Run the probe DAG once per environment; return what its task found."""
    version = environment.release.airflow_version
    if version not in probes:
        environment.trigger("probe", "probe_run")
        assert environment.wait_for_run("probe", "probe_run") == "success"
        probes[version] = json.loads(environment.read("probe.json"))
    return probes[version]


def test_task_sees_mwaa_paths(environment: RunningEnvironment, probe: dict[str, Any]) -> None:
    home_dir = probe["env"]["AIRFLOW_HOME"]
    if home_dir != MWAA_HOME_DIR:  # where Linux allows no mount namespace, `up` and `status` say so
        remarks = environment.status()["remarks"]
        assert any(remark["subject"] == "paths" and MWAA_HOME_DIR in remark["what"] for remark in remarks)
        assert home_dir == str(environment.airflow_home_dir)
    assert probe["dag_file"] in (f"{home_dir}/dags/probe.py", str(environment.root_dir / "dags" / "probe.py"))
    assert "hello_mwaa.py" in probe["listing"]["dags"]
    assert "hello_plugin.py" in probe["listing"]["plugins"]
    assert "requirements.txt" in probe["listing"]["requirements"]
    assert "startup.sh" in probe["listing"]["startup"]


def test_mwaa_paths_do_not_appear_on_this_system(environment: RunningEnvironment) -> None:
    assert not Path(MWAA_HOME_DIR).exists()


def test_task_knows_folders_by_the_airflow_home_alone(probe: dict[str, Any]) -> None:
    # amazon-mwaa-docker-images sets no variable for them; the DAG file itself asserts the same in the dag-processor
    assert [name for name in probe["env"] if name.startswith("AIRFLOW__") and name.endswith("_FOLDER")] == []


def test_task_finds_account_region_and_environment_in_its_log_group(
    environment: RunningEnvironment, probe: dict[str, Any]
) -> None:
    # as AWS's samples take them, from the variable of amazon-mwaa-docker-images, mwaa/logging
    arn = probe["env"]["MWAA__LOGGING__AIRFLOW_TASK_LOG_GROUP_ARN"].split(":")
    name = probe["env"]["AIRFLOW_ENV_NAME"]
    assert arn[3:] == [probe["env"]["AWS_REGION"], "000000000000", "log-group", f"airflow-{name}-Task"]
    assert probe["env"]["MWAA__LOGGING__AIRFLOW_TASK_LOGS_ENABLED"] == "true"


def test_task_sees_option_and_startup_variable(environment: RunningEnvironment, probe: dict[str, Any]) -> None:
    assert probe["env"]["AIRFLOW__APP__GREETING"] == "Hello from mwaa.yaml"
    assert probe["env"]["TEAM_NAME"] == "data platform"
    assert probe["env"]["MWAA_AIRFLOW_COMPONENT"] == "worker"


def test_task_sees_the_variables_of_mwaa(environment: RunningEnvironment, probe: dict[str, Any]) -> None:
    env = probe["env"]
    assert env["AIRFLOW_VERSION"] == environment.release.airflow_version
    assert env["HOME"] == env["AIRFLOW_HOME"]
    assert env["AWS_REGION"] == env["AWS_DEFAULT_REGION"] == "us-east-1"
    assert env["AWS_EXECUTION_ENV"].startswith("Amazon_MWAA_")
    assert env["AIRFLOW__CORE__EXECUTOR"].endswith("CeleryExecutor")


def test_task_gets_no_aws_credentials(environment: RunningEnvironment, probe: dict[str, Any]) -> None:
    assert not probe["aws_credentials"]
    assert not [name for name in probe["env"] if name.startswith("AWS_") and ("KEY" in name or "TOKEN" in name)]
    assert probe["env"]["AWS_EC2_METADATA_DISABLED"] == "true"


def test_options_of_the_worker_are_what_a_task_sees(environment: RunningEnvironment, probe: dict[str, Any]) -> None:
    shown = shown_options(environment, "worker")
    known = {name: value for name, value in shown.items() if not PLACEHOLDER.search(value)}
    differing = {
        name: (value, probe["options"].get(name))
        for name, value in known.items()
        if probe["options"].get(name) != value and name not in SET_BY_AIRFLOW
    }
    assert len(known) > len(shown) / 2
    assert differing == {}
    assert set(probe["options"]) - SET_BY_AIRFLOW == set(shown) - SET_BY_AIRFLOW


def shown_options(environment: RunningEnvironment, component: str) -> dict[str, str]:
    """Return what `options` shows of Airflow's configuration."""
    plain = json.loads(environment.run("options", "--json", "--component", component).stdout)
    return {item["name"]: item["value"] for item in plain["variables"] if item["name"].startswith("AIRFLOW__")}


@pytest.mark.parametrize("option", ["core.executor", "core.default_task_retries", "core.parallelism"])
def test_option_in_effect_is_the_one_shown(environment: RunningEnvironment, option: str) -> None:
    section, key = option.split(".")
    outcome = environment.run("airflow", "config", "get-value", section, key)
    assert outcome.exit_code == 0, outcome.stderr
    shown = shown_options(environment, "scheduler")
    assert outcome.stdout.split()[-1] == shown[f"AIRFLOW__{section.upper()}__{key.upper()}"]


def test_everything_listens_on_127_0_0_1_only(environment: RunningEnvironment) -> None:
    addresses = set()
    for process in environment.processes():
        with contextlib.suppress(psutil.NoSuchProcess):  # parsers of DAG files come and go
            connections = process.net_connections("inet")
            addresses |= {tuple(item.laddr) for item in connections if item.status == psutil.CONN_LISTEN}
    assert {address for address, _ in addresses} == {"127.0.0.1"}, addresses
    assert {port for _, port in addresses} >= set(environment.plan().ports.values())


def test_web_server_is_not_reachable_from_outside(environment: RunningEnvironment) -> None:
    port = environment.plan().ports["door"]
    for address in other_addresses():
        with socket.socket() as client:
            client.settimeout(2)
            assert client.connect_ex((address, port)) != 0, address


def other_addresses() -> Iterator[str]:
    """Yield this machine's IPv4 addresses other than the loopback's."""
    for addresses in psutil.net_if_addrs().values():
        for item in addresses:
            if item.family == socket.AF_INET and not item.address.startswith("127."):
                yield item.address


def test_web_page_lists_the_sample_dag(environment: RunningEnvironment) -> None:
    if environment.release.login:
        with logged_in(environment) as client:
            assert "hello_mwaa" in client.get("/home").text
        return
    with httpx.Client(base_url=environment.url(), timeout=30) as client:
        assert client.get("/", follow_redirects=True).status_code == http.client.OK
        token = client.get("/auth/token").json()["access_token"]
        answer = client.get("/api/v2/dags", headers={"Authorization": f"Bearer {token}"}).json()
    assert "hello_mwaa" in [dag["dag_id"] for dag in answer["dags"]]


def raw_answer(environment: RunningEnvironment, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    """Return what the web server answers to a request as no browser here would send it."""
    address = f"http://127.0.0.1:{environment.plan().ports['door']}"
    content = b"{}" if method == "POST" else None
    return httpx.request(method, address + path, headers=headers, content=content, timeout=ANSWER_TIMEOUT_S)


@pytest.mark.parametrize("host", [FOREIGN_NAME, f"{FOREIGN_NAME}:8080", f"localhost.{FOREIGN_NAME}"])
def test_web_page_that_leads_its_own_name_here_learns_nothing(environment: RunningEnvironment, host: str) -> None:
    for path in ("/", f"{environment.release.rest_base}/dags", "/ui/config", "/auth/token", "/home", "/no"):
        answer = raw_answer(environment, path, Host=host)
        assert (path, answer.status_code) == (path, http.client.MISDIRECTED_REQUEST)
        assert f"nothing answers to the name '{host}' here" in answer.text
        assert "Local:\n  WebserverNames: [" in answer.text
    assert raw_answer(environment, "/auth/token", "POST", Host=host).status_code == http.client.MISDIRECTED_REQUEST


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]"])
def test_web_server_answers_to_the_names_of_this_machine(environment: RunningEnvironment, name: str) -> None:
    path = "/api/v2/dags" if not environment.release.login else environment.release.health_path
    for port in ("", ":80", f":{environment.plan().ports['door']}"):
        assert raw_answer(environment, path, Host=name + port).status_code == http.client.OK


def test_page_of_another_site_triggers_no_dag(environment: RunningEnvironment) -> None:
    if environment.release.login:
        pytest.skip("with a login, the browser keeps the session from other sites")
    path, count = "/api/v2/dags/hello_mwaa/dagRuns", "SELECT count(*) FROM dag_run WHERE dag_id = 'hello_mwaa'"
    before = environment.query(count)
    host = f"localhost:{environment.plan().ports['door']}"
    for origin in (f"https://{FOREIGN_NAME}", "null", "http://localhost", "http://localhost:1"):
        answer = raw_answer(environment, path, "POST", Host=host, Origin=origin)
        assert answer.status_code == http.client.FORBIDDEN
        assert "a page of another site" in answer.text
    assert environment.query(count) == before
    # Its own page's request comes as far as Airflow, to which a login without a name is none.
    answer = raw_answer(environment, "/auth/token", "POST", Host=host, Origin=f"http://{host}")
    assert answer.status_code == http.client.UNPROCESSABLE_ENTITY, answer.text
    assert "a page of another site" not in answer.text


@contextlib.contextmanager
def logged_in(environment: RunningEnvironment) -> Iterator[httpx.Client]:
    """Give a client that went through the login page with the login that `up` shows."""
    with httpx.Client(base_url=environment.url(), timeout=30, follow_redirects=True) as client:
        page = client.get("/login/").text
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
        assert token, page
        user, _, password = environment.release.login.partition(" / ")
        answer = client.post("/login/", data={"username": user, "password": password, "csrf_token": token[1]})
        assert "Invalid login" not in answer.text
        yield client


def test_task_for_another_queue_fails(environment: RunningEnvironment) -> None:
    environment.trigger("other_queue", "other_queue_run")
    assert environment.wait_for_run("other_queue", "other_queue_run", OTHER_QUEUE_TIMEOUT_S) == "failed"
    assert environment.status()["figures"]["queued_messages"] == 0


def secrets_of(environment: RunningEnvironment) -> list[str]:
    plain = json.loads((environment.project.state_dir / "secrets.json").read_text())
    return [*plain.pop("database_passwords").values(), *plain.values()]


def test_no_secret_is_in_a_log(environment: RunningEnvironment, probe: dict[str, Any]) -> None:
    secrets = [secret.encode() for secret in secrets_of(environment)]
    folders = (environment.project.logs_dir, environment.airflow_home_dir / "logs")
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert len(files) > len(environment.plan().components)
    assert [path for path in files if any(secret in path.read_bytes() for secret in secrets)] == []


def test_no_secret_is_in_a_command_line(environment: RunningEnvironment) -> None:
    secrets, processes = secrets_of(environment), environment.processes()
    assert secrets and processes
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            line = " ".join(process.cmdline())
            assert not [secret for secret in secrets if secret in line], process


@pytest.mark.parametrize("words", [("options",), ("options", "--all", "--json", "--component", "worker"), ("status",)])
def test_no_secret_is_shown(environment: RunningEnvironment, words: tuple[str, ...]) -> None:
    outcome = environment.run(*words)
    assert not [secret for secret in secrets_of(environment) if secret in outcome.stdout + outcome.stderr]


def test_files_that_hold_a_secret_are_private(environment: RunningEnvironment) -> None:
    secrets = [secret.encode() for secret in secrets_of(environment)]
    skipped = {environment.project.database_dir, environment.project.state_dir / "packages"}
    holding = [
        path
        for path in environment.project.state_dir.rglob("*")
        if path.is_file()
        and not skipped.intersection(path.parents)
        and any(secret in path.read_bytes() for secret in secrets)
    ]
    assert environment.project.state_dir / "secrets.json" in holding
    assert [path for path in holding if not is_private(path)] == []
    # Databases hold the users' secrets as well as ours.
    for folder in (environment.project.database_dir, environment.project.run_dir):
        assert is_private(folder)


def is_private(path: Path) -> bool:
    return stat.S_IMODE(path.stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO) == 0


def test_logs_of_what_users_run_are_private(environment: RunningEnvironment) -> None:
    """A startup script or a task may print what nobody else should read."""
    readable = [path for path in environment.project.logs_dir.iterdir() if path.stat().st_size and not is_private(path)]
    assert readable == []


def test_logs_command_shows_every_component(environment: RunningEnvironment) -> None:
    lines = [json.loads(line) for line in environment.run("logs", "--json").stdout.splitlines()]
    components = {component.name for component in environment.plan().components}
    # Another file may have seeded it, and these two write nothing while all is well.
    silent = {"door", "metrics"}
    assert {line["component"] for line in lines} - {"seed", *silent} == components - silent


def test_broker_message_stays_hidden_for_as_long_as_on_mwaa(environment: RunningEnvironment) -> None:
    """12 h, or a long task is delivered a second time (MWAA's queues: VisibilityTimeout 43200)."""
    outcome = environment.run("airflow", "config", "get-value", "celery_broker_transport_options", "visibility_timeout")
    assert outcome.stdout.split()[-1] == "43200"


def test_nothing_waits_longer_than_it_should(environment: RunningEnvironment) -> None:
    wait_until(lambda: environment.status()["figures"]["queued_messages"] == 0, 30, "an empty queue")
