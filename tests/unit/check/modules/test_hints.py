"""What to do about a module that was not found: one hint for each kind, with the neighbour that has another one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from mwaa_local.check.modules.hints import MissingModule, ModuleHints
from mwaa_local.check.modules.names import DISTRIBUTIONS, brings, distributions_of, why_absent
from mwaa_local.check.modules.places import wanted_module
from mwaa_local.check.modules.requirements import Requirements
from mwaa_local.project import Project
from mwaa_local.release import Release

LATEST, OLD = Release.load("3.3.1"), Release.load("2.10.3")
SHARED = {"dags/shared/__init__.py": "", "dags/shared/names.py": "NAME = 1\n"}
ASKED = "requirements/requirements.txt"


def hint(
    root_dir: Path,
    files: Mapping[str, str],
    statement: str,
    missing: str,
    *,
    release: Release = LATEST,
    path: str = "dags/a.py",
    failed: bool = False,
) -> str:
    """Return the hint on a statement of a file for which Python says that `missing` was not found."""
    for name, text in files.items():
        (root_dir / name).parent.mkdir(parents=True, exist_ok=True)
        (root_dir / name).write_text(text)
    (root_dir / "dags").mkdir(exist_ok=True)
    requirements = Requirements.of(Project(root_dir), {}, failed=failed)
    wanted = wanted_module(missing, [f'File "{path}", line 1, in <module>', f"  {statement}"])
    return ModuleHints(root_dir, release, requirements).of(MissingModule(missing, wanted, path))


@pytest.mark.parametrize(
    ("statement", "missing", "said"),
    [
        (
            "from dags.shared.names import NAME",
            "dags",
            "leave out `dags.`: imports begin below dags/, so write `shared",
        ),
        ("from dags.shared import names", "dags", "so write `shared"),
        ("import dags.shared.names as n", "dags", "so write `shared.names`"),
        ("from plugins.own import X", "plugins", "imports begin below plugins/, so write `own`"),
        ("from plugins import own", "plugins", "so write `own`"),
        ("from plugins.shared import names", "plugins", "imports begin below dags/, so write `shared"),
        ("from dags.absent import x", "dags", "leave out `dags.`: imports begin below dags/, where there is no absent"),
        ("from my_repo.dags.shared import names", "my_repo", "leave out `my_repo.dags.`"),
        ("import dags", "dags", "leave out `dags.`"),
    ],
)
def test_folder_in_front_of_the_name_is_to_be_left_out(tmp_path: Path, statement: str, missing: str, said: str) -> None:
    found = hint(tmp_path, {**SHARED, "plugins/own.py": "X = 1\n"}, statement, missing)
    assert said in found
    assert "requirements" not in found


def test_own_package_that_is_nowhere_belongs_into_plugins_or_dags(tmp_path: Path) -> None:
    found = hint(tmp_path, {}, "from operators.hello_operator import HelloOperator", "operators")
    assert found == "put operators into plugins/ or dags/: neither has it"


def test_unknown_package_may_be_a_persons_own(tmp_path: Path) -> None:
    found = hint(tmp_path, {}, "import acme_tools", "acme_tools")
    assert found.startswith("if acme_tools is your own module, put it into plugins/ or dags/; if a package brings it")
    own_index = {ASKED: "--extra-index-url https://pypi.example.org/simple\nacme-other\n"}
    assert "(of your own index, too)" in hint(tmp_path, own_index, "import acme_tools", "acme_tools")


def test_module_that_is_hidden_by_another_of_its_name_is_shown_with_it(tmp_path: Path) -> None:
    files = {"dags/operators/a.py": "", "plugins/operators/hello.py": "X = 1\n"}
    found = hint(tmp_path, files, "from operators.hello import X", "operators.hello")
    assert found.startswith("plugins/operators/hello.py is hidden by dags/operators, which has the same name")
    found = hint(tmp_path / "other", {"dags/docker/mine.py": ""}, "import docker.mine", "docker.mine")
    assert found.startswith("dags/docker/mine.py is hidden by the installed package docker")


def test_module_deeper_in_the_folder_is_named_by_its_whole_name(tmp_path: Path) -> None:
    files = {"dags/team/helpers.py": "", "dags/team/a.py": "", "dags/other/helpers.py": ""}
    found = hint(tmp_path, files, "from helpers import x", "helpers", path="dags/team/a.py")
    assert (
        found == "it is dags/team/helpers.py, and imports begin below dags/: write `team.helpers` instead of `helpers`"
    )
    found = hint(tmp_path, files, "from helpers import x", "helpers", path="dags/other/b.py")
    assert "other.helpers" in found


def test_module_beside_dags_is_not_uploaded(tmp_path: Path) -> None:
    found = hint(tmp_path, {"include/tables.py": "T = 1\n"}, "from include.tables import T", "include")
    assert found.startswith("include is not uploaded: MWAA gets only dags/ and plugins/")
    found = hint(tmp_path, {"airflow/plugins/lunch/__init__.py": "", **SHARED}, "import lunch", "lunch")
    assert found.startswith("airflow/plugins/lunch is not uploaded")


@pytest.mark.parametrize(
    ("requirements", "outcome", "may_be"),
    [
        ("acme-parts==1\n", {"failed": True}, True),  # a line that no index here may know
        ("--extra-index-url https://pypi.example.org/simple\nacme-parts\n", {"failed": True}, True),
        ("acme-parts==1\n", {"failed_here": True}, True),
        ("acme-parts==1\n", {"untried": True}, True),
        ("acme-parts==1\n", {}, False),  # installed, and does not bring it
        ("# nothing\n", {"untried": True}, False),
    ],
)
def test_module_beside_dags_may_be_a_package_that_is_not_installed_here(
    tmp_path: Path, requirements: str, outcome: dict[str, bool], may_be: bool
) -> None:
    files = {ASKED: requirements, "src/acme/__init__.py": "", "include/tables.py": "", "dags/a.py": ""}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    hints = ModuleHints(tmp_path, LATEST, Requirements.of(Project(tmp_path), {}, **outcome))
    module = MissingModule("acme", "acme.parts_of_it", "dags/a.py")
    assert hints.may_be_on_mwaa(module) is may_be
    said = hints.of(module)
    assert "src/acme" in said
    assert "requirement" in said if may_be else "src/acme is not uploaded" in said
    assert not hints.may_be_on_mwaa(MissingModule("include", "include.tables", "dags/a.py"))


@pytest.mark.parametrize(
    ("distribution", "module", "is_brought"),
    [("acme-etl", "acme.etl.jobs", True), ("acme_etl", "acme_etl", True), ("acme", "acme.etl", True),
     ("acme-etl", "acme", False), ("acme-other", "acme.etl", False)],
)  # fmt: skip
def test_package_of_a_namespace_brings_its_part(distribution: str, module: str, is_brought: bool) -> None:
    assert brings(distribution, module) is is_brought


def test_folder_with_the_name_of_a_known_package_is_not_taken_for_it(tmp_path: Path) -> None:
    found = hint(tmp_path, {"docker/build.py": "", "dags/x/yaml/a.py": ""}, "import yaml", "yaml")
    assert found == f"add PyYAML to {ASKED}"


@pytest.mark.parametrize(
    ("statement", "missing", "package"),
    [
        ("import yaml", "yaml", "PyYAML"),
        ("from sklearn.svm import SVC", "sklearn", "scikit-learn"),
        ("from google.cloud import storage", "google", "google-cloud-storage"),
        ("from google.cloud import storage", "google.cloud", "google-cloud-storage"),
        ("from google.cloud.bigquery_v2 import X", "google.cloud.bigquery_v2", "google-cloud-bigquery"),
        ("from google.cloud import vision_v1", "google", "google-cloud-vision"),
        ("import jwt", "jwt", "PyJWT"),
        ("from dateutil import tz", "dateutil", "python-dateutil"),
        ("import pandas as pd", "pandas", "pandas"),
    ],
)
def test_package_is_called_as_on_the_index(tmp_path: Path, statement: str, missing: str, package: str) -> None:
    assert hint(tmp_path, {}, statement, missing) == f"add {package} to {ASKED}"


def test_table_lists_only_names_that_do_not_follow_from_the_module() -> None:
    derived = {
        module
        for module, name in DISTRIBUTIONS.items()
        if "." not in module
        and brings(name, module)
        and distributions_of(module)[0].lower().replace("-", "_") == module.lower()
    }
    assert derived == set()
    assert not brings("yaml", "yaml")
    assert brings("py_yaml".replace("_", ""), "yaml")


def test_requirement_whose_installation_failed_is_named(tmp_path: Path) -> None:
    files = {ASKED: "pandas\nPyYAML==99\nretrying==99.0\n"}
    found = hint(tmp_path, files, "import yaml", "yaml", failed=True)
    assert found.startswith(f"{ASKED}:2 asks for pyyaml, but pip could not install the requirements")
    found = hint(tmp_path, files, "import gspread", "gspread", failed=True)
    assert found.startswith("pip could not install the requirements: see `mwaa-local check requirements`")
    found = hint(tmp_path, files, "from operators.a import A", "operators", failed=True)
    assert found.startswith("put operators into plugins/")


def test_requirement_that_does_not_bring_its_module_is_named(tmp_path: Path) -> None:
    files = {ASKED: 'PyYAML ; python_version < "3.8"\n'}
    assert "look at its version and markers" in hint(tmp_path, files, "import yaml", "yaml")


def test_requirement_in_a_file_that_mwaa_does_not_read_is_named(tmp_path: Path) -> None:
    files = {"dags/requirements.txt": "# a list\nacme-tools==1.0\n"}
    found = hint(tmp_path, files, "import acme_tools", "acme_tools")
    assert found == f"dags/requirements.txt:2 asks for acme-tools, but MWAA installs {ASKED}: move the line there"
    found = hint(tmp_path, files, "import acme_others", "acme_others")
    assert found.endswith("MWAA does not read dags/requirements.txt")


@pytest.mark.parametrize(
    ("release", "statement", "missing", "said"),
    [
        (LATEST, "from airflow.providers.cncf.kubernetes.operators.pod import X", "airflow.providers.cncf",
         "add apache-airflow-providers-cncf-kubernetes to"),
        (OLD, "from airflow.providers.microsoft.mssql.operators.mssql import X", "airflow.providers.microsoft",
         "hold it at 3.9.1"),
        (LATEST, "from airflow.providers.apache.spark.hooks.spark import X", "airflow.providers.apache",
         "add apache-airflow-providers-apache-spark to"),
        (LATEST, "from airflow.providers.acme.a import X", "airflow.providers.acme",
         "add the provider package that has airflow.providers.acme.a"),
        (LATEST, "from airflow.providers.amazon.aws.operators.x import X", "airflow.providers.amazon.aws.operators.x",
         "of MWAA's image has no airflow.providers.amazon.aws.operators.x"),
    ],
)  # fmt: skip
def test_provider_is_named_by_its_package(
    tmp_path: Path, release: Release, statement: str, missing: str, said: str
) -> None:
    assert said in hint(tmp_path, {}, statement, missing, release=release)


def test_provider_of_requirements_that_failed_is_not_to_be_added(tmp_path: Path) -> None:
    files = {ASKED: "a\napache-airflow-providers-microsoft-mssql==3.3.2\n"}
    statement, missing = (
        "from airflow.providers.microsoft.mssql.operators.mssql import X",
        "airflow.providers.microsoft",
    )
    found = hint(tmp_path, files, statement, missing, failed=True)
    assert found.startswith(f"{ASKED}:2 asks for apache-airflow-providers-microsoft-mssql, but pip could not install")


def test_hook_of_a_plugin_is_imported_from_its_own_module(tmp_path: Path) -> None:
    statement, missing = "from airflow.hooks.acme import AcmeHook", "airflow.hooks.acme"
    assert "no such module" in hint(
        tmp_path, {"dags/acme.py": ""}, statement, missing, release=OLD, path="dags/acme.py"
    )
    found = hint(tmp_path, {"plugins/hooks/acme.py": ""}, statement, missing, release=OLD)
    assert found == "plugins add nothing to airflow.hooks from Airflow 2 on: write `from hooks.acme import …`"
    assert "plugins" not in hint(tmp_path, {}, statement, missing, release=Release.load("1.10.12"))


def test_sdk_is_of_airflow_3(tmp_path: Path) -> None:
    assert "from 3.0.0 on" in hint(tmp_path, {}, "from airflow.sdk import dag", "airflow.sdk", release=OLD)
    found = hint(tmp_path, {}, "from airflow.absent import x", "airflow.absent")
    assert found == "Airflow 3.3.1 has no such module: look in the Python API of that version in its documentation"


@pytest.mark.parametrize(
    ("statement", "missing", "path", "is_test"),
    [
        ("import pytest", "pytest", "dags/a.py", True),
        ("from moto import mock_aws", "moto", "dags/tests/test_a.py", True),
        ("import acme", "acme", "dags/tests/test_a.py", True),
        ("import acme", "acme", "dags/contest/attest.py", False),
    ],
)
def test_tests_are_to_be_ignored_or_moved(
    tmp_path: Path, statement: str, missing: str, path: str, is_test: bool
) -> None:
    found = hint(tmp_path, {}, statement, missing, path=path)
    assert found.startswith("tests are no DAG files: list them in dags/.airflowignore") is is_test


@pytest.mark.parametrize(
    ("module", "version", "is_said"),
    [
        ("imp", "3.12", True),
        ("imp", "3.11", False),
        ("urllib2", "3.7", True),
        ("pkg_resources", "3.12", True),
        ("importlib", "3.12", False),
        ("zoneinfo", "3.7", True),
        ("zoneinfo", "3.10", False),
    ],
)
def test_module_that_python_itself_no_longer_has_or_not_yet(module: str, version: str, is_said: bool) -> None:
    assert bool(why_absent(module, version)) is is_said
