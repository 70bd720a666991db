"""Release: the committed catalogue, and what is said about versions that are not in it."""

from __future__ import annotations

import re
from datetime import date
from itertools import chain

import pytest
from packaging.version import Version

from mwaa_local.errors import ReleaseUnknown
from mwaa_local.release import DEFAULT_AIRFLOW_VERSION, PinFile, Release

# Source: MWAA user guide, "Apache Airflow versions on Amazon MWAA", September 2026, and its document history.
EVERY_VERSION = (
    "1.10.12",
    "2.0.2",
    "2.2.2",
    "2.4.3",
    "2.5.1",
    "2.6.3",
    "2.7.2",
    "2.8.1",
    "2.9.2",
    "2.10.1",
    "2.10.3",
    "2.11.0",
    "2.11.2",
    "3.0.6",
    "3.2.1",
    "3.3.1",
)
ENDED = EVERY_VERSION[: EVERY_VERSION.index("2.7.2")]
COMMAND_PLACEHOLDERS = {"host", "port", "workers"}
OPTION_PLACEHOLDERS = {
    "database_url",
    "result_backend",
    "broker_url",
    "default_queue",
    "fernet_key",
    "secret_key",
    "jwt_secret",
    "web_url",
    "web_is_secure",
    "execution_api_url",
    "airflow_home",
    "celery_config_json",
    "statsd_host",
    "statsd_port",
}
# Essential pins that the release's own constraints do not have. Source: the images' etc/ folder.
ESSENTIAL_PINS_OUTSIDE_CONSTRAINTS = {
    "apache-airflow": EVERY_VERSION,
    "fluent-logger": EVERY_VERSION,
    "flask-bcrypt": ("3.0.6", "3.2.1"),
    "flask-caching": ("3.0.6", "3.2.1"),
}
BROKER_CLIENT = "redis"
PIP_CHECK_LINE = (
    r"(?P<name>[\w-]+) (?P<version>[\w.]+) "
    r"(requires (?P<absent>[\w-]+), which is not installed"
    r"|has requirement .+, but you have (?P<there>[\w-]+) (?P<there_version>[\w.]+))\."
)
DATABASE_DRIVER = "psycopg2-binary"

every_release = pytest.mark.parametrize("release", Release.all(), ids=lambda release: release.airflow_version)


def load(version: str) -> Release:
    return Release.load(version)


def options_of(release: Release) -> list[tuple[str, str]]:
    tables = (
        release.forced_options,
        release.default_options,
        release.local_forced_options,
        release.local_default_options,
    )
    return list(chain.from_iterable(table.items() for table in tables))


def installed_names(release: Release) -> set[str]:
    packages = release.packages
    stand_ins = {requirement.partition("==")[0] for requirement in packages.replaced.values()}
    gone = packages.left_out.keys() | packages.replaced.keys()
    return (packages.base.keys() - gone) | stand_ins | packages.added.keys() | packages.unlisted.keys()


def test_every_release_is_there_oldest_first() -> None:
    assert Release.versions() == EVERY_VERSION
    assert tuple(release.airflow_version for release in Release.all()) == EVERY_VERSION


def test_default_is_the_newest_release() -> None:
    assert Release.versions()[-1] == DEFAULT_AIRFLOW_VERSION
    assert [release.airflow_version for release in Release.all() if release.is_default] == [DEFAULT_AIRFLOW_VERSION]


def test_a_release_is_read_once() -> None:
    assert load("2.10.3") is load("2.10.3")


def test_packages_are_read_only_when_looked_into() -> None:
    pins = PinFile(load("3.3.1").data_dir / "no-such-file.txt")
    assert "no-such-file" in repr(pins)
    with pytest.raises(FileNotFoundError):
        len(pins)


@pytest.mark.parametrize(
    ("version", "meant"),
    [
        ("3.3", "3.3.1"),
        ("3.3.2", "3.3.1"),
        ("3", "3.3.1"),
        ("2.10", "2.10.3"),
        ("2.10,3", "2.10.3"),
        ("v2.10.3", "2.10.3"),
        ("2.8.4", "2.8.1"),
        ("1.10.15", "1.10.12"),
        ("4.0.0", "3.3.1"),
        ("latest", "3.3.1"),
        ("", "3.3.1"),
        ("../3.3.1", "3.3.1"),
        (" 3.3.1", "3.3.1"),
        ("9" * 5000, "3.3.1"),
    ],
)
def test_unknown_version_names_the_closest_release(version: str, meant: str) -> None:
    with pytest.raises(ReleaseUnknown) as caught:
        Release.load(version)
    assert repr(version) in caught.value.what
    assert f"closest: {meant}" in caught.value.why
    assert f"AirflowVersion to {meant}" in caught.value.hint
    assert "mwaa-local releases" in caught.value.hint


def test_versions_are_compared_by_number_not_by_text() -> None:
    assert load("2.10.3").is_at_least("2.9.2")
    assert load("2.10.3").is_at_least("2.10.3")
    assert not load("2.9.2").is_at_least("2.10")


@every_release
def test_facts_of_every_release_are_complete(release: Release) -> None:
    assert release.state == ("ended" if release.airflow_version in ENDED else "offered")
    assert bool(release.end_of_support) == (release.state == "ended")
    dates = [date.fromisoformat(text) for text in (release.available_since, release.end_of_support) if text]
    assert dates == sorted(dates)
    assert release.python_version in release.supported_pythons
    assert release.python_full_version.startswith(release.python_version)
    # Source: MWAA user guide: Amazon Linux 2023 from 2.7.2 on.
    assert release.operating_system == f"Amazon Linux {2023 if release.is_at_least('2.7.2') else 2}"
    assert release.packages.base["apache-airflow"] == release.airflow_version
    assert release.data_dir.is_dir()
    for provider, version in release.providers.items():
        assert release.packages.base[f"apache-airflow-providers-{provider}"] == version


@every_release
def test_only_known_placeholders_are_used(release: Release) -> None:
    of_their_own = {"python_argv": {"bin"}, "failed_deps_argv": {"dag_id", "task_id", "run_id", "logical_date"}}
    used: dict[str, set[str]] = {"components": set(), **{name: set() for name in of_their_own}}
    for name in [name for name in vars(release) if name.endswith("_argv")]:
        words = " ".join(getattr(release, name) or ())
        used[name if name in of_their_own else "components"] |= set(re.findall(r"\{(\w+)\}", words))
    assert used["components"] == COMMAND_PLACEHOLDERS
    assert all(used[name] <= placeholders for name, placeholders in of_their_own.items())
    of_options = {name for _, value in options_of(release) for name in re.findall(r"\{(\w+)\}", value)}
    assert of_options <= OPTION_PLACEHOLDERS


@every_release
def test_options_are_section_and_key_and_values_are_text(release: Release) -> None:
    for option, value in options_of(release):
        assert re.fullmatch(r"[a-z_]+\.[a-z0-9_]+", option)
        assert value
    for name, value in release.default_variables.items():
        assert re.fullmatch(r"[A-Z_]+", name)
        assert value


@every_release
def test_no_option_is_in_two_forced_tables_or_both_forced_and_defaulted(release: Release) -> None:
    forced = release.forced_options.keys() | release.local_forced_options.keys()
    assert not release.forced_options.keys() & release.local_forced_options.keys()
    assert not forced & (release.default_options.keys() | release.local_default_options.keys())


@every_release
def test_no_table_sets_an_option_that_this_airflow_lost(release: Release) -> None:
    ours = {option for option, _ in options_of(release)}
    assert not ours & release.removed_options.keys()


@every_release
def test_every_release_runs_celery_with_a_broker_a_database_and_one_queue(release: Release) -> None:
    options = dict(options_of(release))
    assert options["core.executor"] == "CeleryExecutor"
    assert options["celery.broker_url"] == "{broker_url}"
    assert options["celery.result_backend"] == "{result_backend}"
    assert options["celery_broker_transport_options.visibility_timeout"] == "43200"
    section = "database" if release.is_at_least("2.3") else "core"
    assert options[f"{section}.sql_alchemy_conn"] == "{database_url}"
    section = "operators" if release.is_at_least("2.1") else "celery"
    assert options[f"{section}.default_queue"] == "{default_queue}"
    own_config = options.get("celery.celery_config_options")
    if release.is_at_least("3.2"):
        assert own_config is None
        assert options["celery.extra_celery_config"] == "{celery_config_json}"
    else:
        assert own_config == "mwaa_support.celery_config.CELERY_CONFIG"
        assert "celery.extra_celery_config" not in options


@every_release
def test_database_driver_and_broker_client_are_installed_in_every_release(release: Release) -> None:
    assert {DATABASE_DRIVER, BROKER_CLIENT} <= installed_names(release)


@every_release
def test_exceptions_to_the_base_list_are_about_packages_in_it(release: Release) -> None:
    packages = release.packages
    exceptions = [*packages.replaced, *packages.left_out, *packages.from_source]
    assert len(exceptions) == len(set(exceptions))
    assert set(exceptions) <= packages.base.keys()
    assert not (packages.added.keys() | packages.unlisted.keys()) & packages.base.keys()
    assert all(packages.left_out.values())


def test_exceptions_are_few_and_named() -> None:
    left_out = {name for release in Release.all() for name in release.packages.left_out}
    replaced = {name for release in Release.all() for name in release.packages.replaced}
    assert left_out == {"psycopg2", "pycurl"}
    assert replaced == {"flask-openid", "psutil", "psycopg2", "setproctitle"}
    assert load("3.3.1").packages.from_source == ()
    assert load("2.10.3").packages.from_source == ("dill", "python-nvd3")


@every_release
def test_lines_of_pip_check_follow_from_the_list_of_the_image_itself(release: Release) -> None:
    """So `pip check` prints them on MWAA too, but for one package that the image builds."""
    packages = release.packages
    for line, why in packages.pip_check.items():
        match = re.fullmatch(PIP_CHECK_LINE, line)
        assert match is not None, line
        assert packages.base[match["name"]] == match["version"]
        if match["there"]:
            assert packages.base[match["there"]] == match["there_version"]
        else:
            assert match["absent"] not in packages.base
        assert why.startswith("only here") == (match["absent"] in packages.of_unknown_version)


@every_release
def test_release_says_as_of_which_image_it_is_true(release: Release) -> None:
    image_date, packages_date = (date.fromisoformat(day) for day in (release.image_date, release.packages_date))
    assert packages_date <= image_date


@every_release
def test_essential_pins_agree_with_constraints_but_for_listed_exceptions(release: Release) -> None:
    constraints = PinFile(release.constraints_path)
    assert len(constraints) > len(release.packages.base)
    for name, version in release.essential_constraints.items():
        if release.airflow_version not in ESSENTIAL_PINS_OUTSIDE_CONSTRAINTS.get(name, ()):
            assert constraints[name] == version


@every_release
def test_essential_pins_exist_from_2_9_2_on(release: Release) -> None:
    assert bool(release.essential_constraints) == release.is_at_least("2.9.2")
    assert release.essential_constraints_path.is_file()
    assert release.constraints_injected == release.is_at_least("2.7.2")


@every_release
def test_only_the_official_constraints_address_counts(release: Release) -> None:
    official = "https://raw.githubusercontent.com/apache/airflow/constraints-{}/constraints-{}.txt"
    assert release.constraints_urls == (official.format(release.airflow_version, release.python_version),)


@every_release
def test_protected_names_and_reserved_ones_follow_the_generation(release: Release) -> None:
    names = release.protected_variables
    assert len(names) == len(set(names))
    assert {"AIRFLOW_HOME", "AWS_REGION", "AWS_DEFAULT_REGION", "AIRFLOW__WEBSERVER__BASE_URL"} <= set(names)
    # Source: MWAA user guide, "Using a startup script": PYTHONPATH is free before 2.9.
    assert ("PYTHONPATH" in names) == release.is_at_least("2.9")
    assert ("USE_NON_CRITICAL_LOGGING" in names) == release.is_at_least("2.10.3")
    assert ("AIRFLOW__API__BASE_URL" in names) == release.is_at_least("3.0")


def test_commands_of_airflow_3() -> None:
    release = load("3.3.1")
    assert release.migrate_argv == ("db", "migrate")
    assert release.webserver_argv == ("api-server", "-H", "{host}", "-p", "{port}", "-w", "{workers}")
    assert release.scheduler_argv == ("scheduler", "-s")
    assert release.dag_processor_argv == ("dag-processor",)
    assert release.triggerer_argv == ("triggerer", "-s")
    assert release.worker_argv == ("celery", "worker", "-s")
    assert release.users_argv == ("sync-perm",)
    assert release.list_dags_argv == ("dags", "list")
    assert release.runs_without_date
    assert release.test_dag_argv == ("dags", "test")
    assert release.failed_deps_argv == ("tasks", "failed-deps", "{dag_id}", "{task_id}", "{run_id}")
    assert release.airflow_argv("/x/bin/python") == ("/x/bin/python", "-m", "airflow")
    assert (release.login, release.health_path, release.rest_base) == ("", "/api/v2/monitor/health", "/api/v2")


def test_commands_of_airflow_2() -> None:
    release = load("2.10.3")
    assert release.migrate_argv == ("db", "migrate")
    assert release.webserver_argv == ("webserver", "-H", "{host}", "-p", "{port}", "-w", "{workers}")
    assert release.dag_processor_argv == ("dag-processor",)
    assert release.users_argv is not None
    assert release.users_argv[:4] == ("users", "create", "-u", "airflow")
    assert (release.login, release.health_path, release.rest_base) == ("airflow / airflow", "/health", "/api/v1")
    assert not release.runs_without_date


@pytest.mark.parametrize(
    ("version", "migrate", "scheduler", "triggerer"),
    [
        ("2.0.2", ("db", "init"), ("scheduler",), None),
        ("2.2.2", ("db", "init"), ("scheduler", "-s"), ("triggerer",)),
        ("2.6.3", ("db", "init"), ("scheduler", "-s"), ("triggerer", "-s")),
        ("2.8.1", ("db", "migrate"), ("scheduler", "-s"), ("triggerer", "-s")),
    ],
)
def test_commands_grew_during_airflow_2(
    version: str, migrate: tuple[str, ...], scheduler: tuple[str, ...], triggerer: tuple[str, ...] | None
) -> None:
    release = load(version)
    assert (release.migrate_argv, release.scheduler_argv, release.triggerer_argv) == (migrate, scheduler, triggerer)
    assert release.dag_processor_argv is None
    assert release.startup_script
    assert release.failed_deps_argv[-1] == ("{logical_date}" if version == "2.0.2" else "{run_id}")


def test_commands_of_airflow_1() -> None:
    release = load("1.10.12")
    assert release.airflow_argv("/x/bin/python") == ("/x/bin/python", "/x/bin/airflow")
    assert release.list_dags_argv == ("list_dags",)
    assert not release.runs_without_date
    assert release.test_dag_argv is None
    assert release.failed_deps_argv == ("task_failed_deps", "{dag_id}", "{task_id}", "{logical_date}")
    assert release.migrate_argv == ("initdb",)
    assert release.webserver_argv == ("webserver", "-hn", "{host}", "-p", "{port}", "-w", "{workers}")
    assert release.scheduler_argv == ("scheduler",)
    assert release.worker_argv == ("worker", "-s")
    assert release.worker_name_argv("worker.2") == ("-cn", "worker.2@%h")
    assert release.users_argv is not None
    assert release.users_argv[0] == "create_user"
    assert release.triggerer_argv is None
    assert release.dag_processor_argv is None
    assert not release.startup_script


def test_newer_releases_name_workers_with_h() -> None:
    assert load("3.3.1").worker_name_argv("worker.2") == ("-H", "worker.2@%h")


@every_release
def test_generation_follows_the_family_of_images(release: Release) -> None:
    generation = "3.x" if release.is_at_least("3") else "2.x" if release.is_at_least("2.9") else "local-runner"
    assert release.generation == generation
    assert Version(release.airflow_version).major >= 1


def test_startup_scripts_run_from_airflow_2_on() -> None:
    """The user guide says Airflow 2 and later; docs/differences.md, choice-startup-202, for what else there is."""
    assert [release.airflow_version for release in Release.all() if not release.startup_script] == ["1.10.12"]
