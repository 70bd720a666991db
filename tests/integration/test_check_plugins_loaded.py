"""`mwaa-local check plugins` with the release's own Airflow: what registers, and what cannot be loaded."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from mwaa_local.check.plugins.files import open_plugins
from mwaa_local.check.plugins.loading import NotUnpacked, unpack
from tests.conftest import ProjectRunner
from tests.environments import EACH_GENERATION, LATEST
from tests.integration.test_errors import DEAD_INDEX

MakeProject = Callable[..., ProjectRunner]
# A plugin that all of these releases know, with a module beside it that it imports.
PLUGIN = """
from airflow.plugins_manager import AirflowPlugin
from flask import Blueprint
from own_macros import shout


class OwnPlugin(AirflowPlugin):
    name = "own"
    macros = [shout]
    flask_blueprints = [Blueprint("own_pages", __name__)]
    appbuilder_menu_items = [{"name": "Handbook", "category": "Docs", "href": "https://example.org"}]
"""
MACROS = "def shout(text):\n    print('loud')\n    return text.upper()\n"
NEWER = """
from airflow.plugins_manager import AirflowPlugin
import own_listener


class NewerPlugin(AirflowPlugin):
    name = "newer"
    listeners = [own_listener]
"""


# File -> severity, where the requirements ask for some package and are not installed in this check.
FAILING = {
    "plugins/bad.py": ("error", "1 / 0\n"),
    "plugins/airflow_name.py": ("error", "from airflow.utils.state import absent_name\n"),
    "plugins/airflow_argument.py": ("error", "from airflow import DAG\n\nDAG('x', colour=1)\n"),
    "plugins/own_name.py": ("error", "from own_macros import absent_name\n"),
    "plugins/older_name.py": ("warning", "from requests import absent_name\n"),
    "plugins/older_attribute.py": ("warning", "import requests\n\nrequests.absent_name()\n"),
    "plugins/older_argument.py": ("warning", "import requests\n\nrequests.Request(colour=1)\n"),
    "plugins/aws.py": ("warning", "import boto3\n\nboto3.client('sts', 'us-east-1').get_caller_identity()\n"),
    "plugins/region.py": ("warning", "import botocore.exceptions\n\nraise botocore.exceptions.NoRegionError\n"),
    "plugins/placeholder.py": (
        "warning",
        "from airflow.models import Variable\n\nTABLE = {'prod': 1}[Variable.get('stage')]\n",
    ),
    "plugins/computed.py": (
        "warning",
        "import importlib\n\nfrom airflow.models import Variable\n\n"
        "importlib.import_module(f\"jobs_{Variable.get('team')}\")\n",
    ),
    "plugins/query.py": (
        "warning",
        "from airflow.models.dag import DagModel\nfrom airflow.settings import Session\n\n"
        "Session().query(DagModel).all()\n",
    ),
}


@pytest.fixture
def runner(project: MakeProject) -> ProjectRunner:
    return project({"mwaa.yaml": f'AirflowVersion: "{LATEST}"\n', "dags/a.py": "", "requirements/requirements.txt": ""})


def loaded(runner: ProjectRunner, *words: str) -> dict[str, Any]:
    """Return what `--json` says."""
    outcome = runner.run("check", "plugins", "--json", *words)
    assert "Traceback" not in outcome.stderr, outcome.stderr
    plain = json.loads(outcome.stdout)
    assert plain["exit_code"] == outcome.exit_code
    assert isinstance(plain, dict)
    return plain


def write_zip(path: Path, files: dict[str, str]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)


@pytest.mark.network
@pytest.mark.parametrize("version", EACH_GENERATION)
def test_what_registers_is_reported_with_its_members(runner: ProjectRunner, version: str) -> None:
    runner.write({"plugins/own_plugin.py": PLUGIN, "plugins/own_macros.py": MACROS})
    plain = loaded(runner, "--airflow-version", version)
    assert (plain["exit_code"], plain["findings"]) == (0, [])
    [own] = plain["registered"]
    assert (own["name"], own["source"]) == ("own", "own_plugin.py")
    assert own["members"] == {
        "macros": ["own_macros.shout"],
        "flask_blueprints": ["own_pages"],
        "appbuilder_menu_items": ["Handbook"],
    }
    assert not list((runner.root_dir / "plugins").rglob("*.pyc"))


@pytest.mark.network
def test_zip_is_loaded_as_the_folder_is_and_listed_as_text(runner: ProjectRunner) -> None:
    files = {"sub/newer_plugin.py": NEWER, "own_listener.py": "def on_starting(component):\n    pass\n"}
    write_zip(runner.root_dir / "plugins.zip", files)
    outcome = runner.run("check", "plugins", "plugins.zip")
    assert outcome.exit_code == 0, outcome.stdout
    assert "registered newer (sub/newer_plugin.py): listeners: own_listener" in outcome.stdout.splitlines()


@pytest.mark.network
@pytest.mark.parametrize("version", EACH_GENERATION)
def test_only_what_is_sure_to_fail_on_mwaa_is_an_error(runner: ProjectRunner, version: str) -> None:
    sources = {name: source for name, (_, source) in FAILING.items()}
    runner.write({"plugins/own_plugin.py": PLUGIN, "plugins/own_macros.py": MACROS, **sources})
    runner.write({"requirements/requirements.txt": "own_package_of_requirements==1\n"})
    plain = loaded(runner, "--airflow-version", version)
    not_loaded = [finding for finding in plain["findings"] if finding["rule"] == "plugin-not-loaded"]
    assert {finding["path"]: finding["severity"] for finding in not_loaded} == {
        name: severity for name, (severity, _) in FAILING.items()
    }
    by_path = {finding["path"]: finding for finding in not_loaded}
    assert by_path["plugins/bad.py"]["why"].endswith("\n  1 / 0\nZeroDivisionError: division by zero")
    assert by_path["plugins/bad.py"]["line"] == 1
    assert "MWAA may have another version of requests" in by_path["plugins/older_name.py"]["hint"]
    assert "no variable team here" in by_path["plugins/computed.py"]["hint"]
    assert "the execution role asks, each time a component of Airflow starts" in by_path["plugins/aws.py"]["why"]
    assert [plugin["name"] for plugin in plain["registered"]] == ["own"]


@pytest.mark.network
def test_module_that_requirements_may_bring_is_a_warning(runner: ProjectRunner) -> None:
    runner.write({"plugins/own_plugin.py": "import own_package_of_requirements\n"})
    plain = loaded(runner)
    [finding] = plain["findings"]
    assert (plain["exit_code"], finding["line"]) == (1, 1)
    assert "put it into plugins/ or dags/" in finding["hint"]
    runner.write({"requirements/requirements.txt": "other_package==1\n"})
    plain = loaded(runner)
    [finding] = plain["findings"]
    assert (plain["exit_code"], finding["severity"]) == (0, "warning")


@pytest.mark.network
def test_module_that_a_requirement_asks_for_is_a_note(runner: ProjectRunner) -> None:
    runner.write({"plugins/own_plugin.py": "import absent_yaml, gitlab\n\n\nimport moto\n"})
    runner.write({"requirements/requirements.txt": "absent-yaml==1\n"})
    plain = loaded(runner)
    [finding] = plain["findings"]
    assert (plain["exit_code"], finding["severity"], finding["line"]) == (0, "note", 1)
    assert finding["hint"].startswith("requirements/requirements.txt:1 asks for")


@pytest.mark.network
def test_plugin_that_exits_is_named_and_excused_by_a_placeholder_alone(runner: ProjectRunner) -> None:
    runner.write({"plugins/exits.py": "import sys\n\nsys.exit(3)\n"})
    [finding] = loaded(runner)["findings"]
    assert (finding["severity"], finding["path"], finding["line"]) == ("error", "plugins/exits.py", 3)
    asks = "from airflow.models import Variable\nimport sys\n\nif Variable.get('stage') != 'prod':\n    sys.exit(3)\n"
    runner.write({"plugins/exits.py": asks})
    assert [(item["rule"], item["severity"]) for item in loaded(runner)["findings"]] == [
        ("missing-variable", "note"),
        ("plugin-not-loaded", "warning"),
    ]


@pytest.mark.network
def test_macro_that_no_task_can_register_is_an_error_and_dag_files_are_imported(runner: ProjectRunner) -> None:
    runner.write(
        {
            "plugins/own.py": "from airflow.plugins_manager import AirflowPlugin\n\n\n"
            "class Own(AirflowPlugin):\n    name = 'own'\n    macros = ['no_function']\n",
            "dags/one.py": "from airflow.sdk import DAG\n\ndag = DAG('one', schedule=None)\n",
        }
    )
    outcome = runner.run("check", "plugins")
    assert outcome.exit_code == 1
    assert "AttributeError: 'str' object has no attribute '__name__'" in outcome.stdout
    assert runner.run("check", "dags").exit_code == 0


@pytest.mark.network
def test_plugin_that_ends_python_is_an_error(runner: ProjectRunner) -> None:
    runner.write({"plugins/own_plugin.py": "import os\nprint('farewell', flush=True)\nos._exit(9)\n"})
    plain = loaded(runner)
    [finding] = plain["findings"]
    assert (finding["severity"], plain["registered"]) == ("error", [])
    assert "exit code 9" in finding["why"]
    assert "farewell" in finding["why"]


def test_what_is_wrong_already_is_not_run(runner: ProjectRunner) -> None:
    runner.write({"plugins/own_plugin.py": "def (\n", "plugins/writes.py": "open('/dev/null')\nraise SystemExit\n"})
    outcome = runner.run("check", "plugins", "--json")
    plain = json.loads(outcome.stdout)
    assert (outcome.exit_code, plain["registered"]) == (1, None)
    assert {finding["rule"] for finding in plain["findings"]} == {"syntax-error"}
    assert "not loaded" in outcome.stderr


def test_packages_that_cannot_be_had_are_an_error_after_what_was_found(runner: ProjectRunner, tmp_path: Path) -> None:
    runner.write({"plugins/sub/own.py": "", "plugins/json.py": ""})
    env = {"MWAA_LOCAL_CACHE_DIR": str(tmp_path / "empty"), "PIP_INDEX_URL": DEAD_INDEX, "UV_OFFLINE": "1"}
    outcome = runner.run("check", "plugins", env={**env, "UV_CACHE_DIR": str(tmp_path / "uv")})
    assert (outcome.exit_code, outcome.stdout) == (3, "")
    assert "warning[shadows-package]" in outcome.stderr.partition("error: could not install the release's packages")[0]


def test_no_load_leaves_it_at_looking(runner: ProjectRunner) -> None:
    runner.write({"plugins/own_plugin.py": "1 / 0\n"})
    plain = loaded(runner, "--no-load")
    assert (plain["exit_code"], plain["registered"]) == (0, None)


@pytest.mark.parametrize("name", ["../outside.py", "/outside.py", "a/../../outside.py", "a\\..\\outside.py"])
def test_nothing_is_unpacked_outside_of_the_folder(tmp_path: Path, name: str) -> None:
    write_zip(tmp_path / "plugins.zip", {name: "1 / 0\n"})
    with open_plugins(tmp_path / "plugins.zip") as plugins, pytest.raises(NotUnpacked):
        unpack(plugins, tmp_path / "plugins")
    assert not list(tmp_path.rglob("outside.py"))


def test_zip_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    write_zip(tmp_path / "plugins.zip", {"a.py": "123456", "b.py": "123456"})
    with open_plugins(tmp_path / "plugins.zip") as plugins, pytest.raises(NotUnpacked, match="more than 10 bytes"):
        unpack(plugins, tmp_path / "plugins", 10)


def test_what_a_plugin_starts_does_not_outlive_the_check(runner: ProjectRunner) -> None:
    source = "import subprocess, pathlib\nchild = subprocess.Popen(['sleep', '77.25'])\n"
    runner.write({"plugins/starter.py": source})
    assert runner.run("check", "plugins").exit_code == 0
    assert not [one for one in psutil.process_iter(["cmdline"]) if "77.25" in (one.info["cmdline"] or [])]


def test_plugins_are_checked_for_one_release_at_a_time(runner: ProjectRunner) -> None:
    outcome = runner.run("check", "plugins", "--airflow-version", "2.10.3,3.3.1")
    assert outcome.exit_code == 2
    assert "one release at a time" in outcome.stderr
