"""Imports of provider modules that MWAA would not find, and versions withdrawn from the index."""

from __future__ import annotations

import functools
import http.server
import threading
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from mwaa_local.check.requirements.check import RequirementsCheck
from mwaa_local.check.requirements.lines import Line
from mwaa_local.check.requirements.provider_imports import MAX_SOURCE_BYTES, ProviderImport, provider_imports
from mwaa_local.check.requirements.provider_listing import Listing, Listings, list_modules
from mwaa_local.check.requirements.provider_modules import (
    MAX_FAILED_DOWNLOADS,
    PROVIDER_MISSING,
    PROVIDER_MODULE_MISSING,
    Download,
    Providers,
    package_of,
    provider_findings,
    similar,
)
from mwaa_local.check.requirements.resolver import Resolver
from mwaa_local.check.requirements.source import take_apart
from mwaa_local.check.requirements.verdict import Checked, Conflict, PackageChange, Verdict, Works
from mwaa_local.check.requirements.yanked import YANKED_RELEASE
from mwaa_local.finding import ERROR, WARNING, Finding
from mwaa_local.project import Project
from mwaa_local.release import Release

OLD = Release.load("2.2.2")
AMAZON = "apache-airflow-providers-amazon"
SNOWFLAKE = "apache-airflow-providers-snowflake"
OPERATORS = "airflow.providers.amazon.aws.operators"
FILE = "requirements/requirements.txt"
LICENCE = '# A licence.\n"""A package."""\nfrom __future__ import annotations\n'


def a_project(root_dir: Path, files: Mapping[str, str | bytes]) -> Project:
    for name, text in files.items():
        path = root_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return Project(root_dir)


def imports(root_dir: Path, text: str | bytes) -> list[tuple[int, str, str, bool]]:
    found = provider_imports(a_project(root_dir, {"dags/a.py": text}))
    return [(item.line, item.module, item.name, item.is_sure) for item in found]


# What a source imports.


def test_every_form_of_import_is_found(tmp_path: Path) -> None:
    text = (
        "import os, airflow.providers.a.b as c\n"
        "from airflow.providers.a.b import d, e\n"
        "from airflow.providers.a.c import *\n"
        "from airflow.providers import f\n"
    )
    assert imports(tmp_path, text) == [
        (1, "airflow.providers.a.b", "", True),
        (2, "airflow.providers.a.b", "d", True),
        (2, "airflow.providers.a.b", "e", True),
        (3, "airflow.providers.a.c", "", True),
        (4, "airflow.providers.f", "", True),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "from airflow.providers_manager import x",
        "import airflow.providers",
        "from airflow.providers import *",
        "from .airflow.providers.a import x",
        "# airflow.providers.a\nx = 'import airflow.providers.a'",
        "def broken(:\nimport airflow.providers.a",
        b"import airflow.providers.a\0",
        b"# coding: nonsense\nimport airflow.providers.a",
        "import airflow.providers.a\n" + "(" * 100_000,
        "import airflow.providers.a\n#" + " " * MAX_SOURCE_BYTES,
    ],
)
def test_what_is_no_import_or_no_source_is_passed_over(tmp_path: Path, text: str | bytes) -> None:
    assert imports(tmp_path, text) == []


@pytest.mark.parametrize(
    "caught", ["ImportError", "(KeyError, ModuleNotFoundError)", "Exception", "builtins.ImportError"]
)
def test_import_whose_failure_is_expected_is_passed_over_but_not_what_stands_in(tmp_path: Path, caught: str) -> None:
    text = f"try:\n  import airflow.providers.a\nexcept {caught}:\n  import airflow.providers.b\n"
    assert imports(tmp_path, text) == [(4, "airflow.providers.b", "", False)]


def test_import_in_a_try_that_expects_something_else_counts(tmp_path: Path) -> None:
    text = "try:\n  import airflow.providers.a\nexcept KeyError:\n  pass\n"
    assert [item[1] for item in imports(tmp_path, text)] == ["airflow.providers.a"]


def test_import_for_type_checkers_alone_is_passed_over(tmp_path: Path) -> None:
    text = "if typing.TYPE_CHECKING:\n  import airflow.providers.a\nelse:\n  import airflow.providers.b\n"
    assert [item[1] for item in imports(tmp_path, text)] == ["airflow.providers.b"]


@pytest.mark.parametrize(
    ("text", "is_sure"),
    [
        ("class A:\n  import airflow.providers.a", True),
        ("with x:\n  import airflow.providers.a", True),
        ("def f():\n  import airflow.providers.a", False),
        ("async def f():\n  with x:\n    import airflow.providers.a", False),
        ("if x:\n  import airflow.providers.a", False),
        ("match x:\n  case 1:\n    import airflow.providers.a", False),
    ],
)
def test_import_is_sure_where_loading_the_file_runs_it(tmp_path: Path, text: str, is_sure: bool) -> None:
    assert [item[3] for item in imports(tmp_path, text)] == [is_sure]


def test_dags_and_plugins_are_read_but_not_what_was_installed_there(tmp_path: Path) -> None:
    text = "import airflow.providers.a"
    names = ("dags/x/a.py", "plugins/b.py", "plugins/v/site-packages/c.py", "dags/.git/d.py", "dags/e.txt", "f.py")
    found = provider_imports(a_project(tmp_path, dict.fromkeys(names, text)))
    assert [item.path for item in found] == ["dags/x/a.py", "plugins/b.py"]


def test_import_is_not_sure_where_airflow_may_be_told_to_ignore_the_file(tmp_path: Path) -> None:
    names = ("dags/a.py", "dags/x/b.py", "dags/x/y/c.py")
    project = a_project(tmp_path, {**dict.fromkeys(names, "import airflow.providers.a"), "dags/x/.airflowignore": "b"})
    assert [item.is_sure for item in provider_imports(project)] == [True, False, False]


def test_project_without_dags_has_no_imports(tmp_path: Path) -> None:
    assert provider_imports(Project(tmp_path)) == ()


# What a version of a provider has.


def make_provider(folder: Path, name: str, version: str, files: Mapping[str, str]) -> Path:
    """Write the wheel of a provider, and the same unpacked beside it; return the folder of the latter."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{name.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    whole = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    whole[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*whole, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as wheel:
        for path, text in whole.items():
            wheel.writestr(path, text)
        wheel.extractall(folder / stem)
    return folder / stem


SNOWFLAKE_FILES = {
    "airflow/providers/snowflake/__init__.py": LICENCE,
    "airflow/providers/snowflake/hooks/__init__.py": "from .snowflake import SnowflakeHook\n",
    "airflow/providers/snowflake/hooks/snowflake.py": "SnowflakeHook = 1\n",
    "airflow/providers/snowflake/operators/__init__.py": LICENCE,
    "airflow/providers/snowflake/operators/snowflake_sql.py": "",
    "airflow/providers/snowflake/provider.yaml": "",
}


def test_listing_has_modules_and_packages_with_a_code_of_their_own(tmp_path: Path) -> None:
    folder = make_provider(tmp_path, SNOWFLAKE, "2.3.0", SNOWFLAKE_FILES)
    listing = list_modules(folder, SNOWFLAKE, "2.3.0")
    assert listing is not None
    assert sorted(name.removeprefix("airflow.providers.snowflake") for name in listing.modules) == [
        "",
        ".hooks",
        ".hooks.snowflake",
        ".operators",
        ".operators.snowflake_sql",
    ]
    assert listing.open == {"airflow.providers.snowflake.hooks"}


@pytest.mark.parametrize(("name", "version"), [(SNOWFLAKE, "2.3.1"), (AMAZON, "2.3.0")])
def test_another_version_or_package_has_no_listing(tmp_path: Path, name: str, version: str) -> None:
    assert list_modules(make_provider(tmp_path, SNOWFLAKE, "2.3.0", SNOWFLAKE_FILES), name, version) is None


@pytest.mark.parametrize(
    ("module", "name", "is_there"),
    [
        ("a.b", "", True),
        ("a.b.c", "", True),
        ("a.b.c", "AnyName", True),  # what a module defines is not known
        ("a.b", "c", True),
        ("a.b", "d", False),
        ("a.b.d", "", False),
        ("a.open", "AnyName", True),
    ],
)
def test_module_and_name_are_there(module: str, name: str, is_there: bool) -> None:
    listing = Listing(frozenset(("a", "a.b", "a.b.c", "a.open", "a.open.e")), frozenset(("a.open",)))
    assert listing.has(module, name) is is_there


def test_listing_is_fetched_once_and_kept(tmp_path: Path) -> None:
    folder = make_provider(tmp_path / "wheels", SNOWFLAKE, "2.3.0", SNOWFLAKE_FILES)
    asked: list[tuple[str, str]] = []

    def unpack(name: str, version: str) -> Path | None:
        asked.append((name, version))
        return folder

    first = Listings(tmp_path / "cache", unpack).of(SNOWFLAKE, "2.3.0")
    assert first is not None
    assert Listings(tmp_path / "cache", unpack).of(SNOWFLAKE, "2.3.0") == first
    assert asked == [(SNOWFLAKE, "2.3.0")]
    assert [path.suffix for path in (tmp_path / "cache" / "provider-modules").iterdir()] == [".json"]


def no_download(name: str, version: str) -> Path | None:
    raise AssertionError(f"{name} {version} is not to be fetched")


def test_package_set_that_is_here_already_is_taken_before_any_download(tmp_path: Path) -> None:
    folder = make_provider(tmp_path / "wheels", SNOWFLAKE, "2.3.0", SNOWFLAKE_FILES)
    library = tmp_path / "environments" / "2.2.2-abc" / "lib" / "python3.7"
    library.mkdir(parents=True)
    folder.rename(library / "site-packages")
    assert Listings(tmp_path, no_download).of(SNOWFLAKE, "2.3.0") is not None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 0}', '{"format": 1, "modules": 3, "open": []}', "\udcff"])
def test_damaged_listing_is_fetched_again(tmp_path: Path, text: str) -> None:
    path = tmp_path / "provider-modules" / f"{SNOWFLAKE}-2.3.0.json"
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8", errors="surrogateescape")
    folder = make_provider(tmp_path / "wheels", SNOWFLAKE, "2.3.0", SNOWFLAKE_FILES)
    assert Listings(tmp_path, lambda name, version: folder).of(SNOWFLAKE, "2.3.0") is not None


def test_cache_that_cannot_be_written_costs_only_time(tmp_path: Path) -> None:
    folder = make_provider(tmp_path / "wheels", SNOWFLAKE, "2.3.0", SNOWFLAKE_FILES)
    (tmp_path / "cache").write_text("a file in the way")
    assert Listings(tmp_path / "cache", lambda name, version: folder).of(SNOWFLAKE, "2.3.0") is not None


# What follows.


def listings(tmp_path: Path, known: Mapping[tuple[str, str], Sequence[str]]) -> Listings:
    """Return listings of these modules alone; nothing else can be had."""

    def unpack(name: str, version: str) -> Path | None:
        if (name, version) not in known:
            return None
        files = {f"{module.replace('.', '/')}.py": "" for module in known[name, version]}
        return make_provider(tmp_path / "wheels", name, version, files)

    return Listings(tmp_path / "cache", unpack)


def change(name: str, version: str) -> PackageChange:
    return PackageChange(name, version, "", False, ("requirements.txt:1",), None)


def found(
    tmp_path: Path,
    module: str,
    known: Mapping[tuple[str, str], Sequence[str]],
    *changes: PackageChange,
    release: Release = OLD,
    verdict: Verdict | None = None,
    lines: tuple[Line, ...] = (),
    name: str = "",
    is_sure: bool = True,
) -> list[Finding]:
    item = ProviderImport("dags/a.py", 7, module, name, is_sure)
    providers = Providers(release, verdict or Works(changes), changes, lines)
    return list(provider_findings([item], providers, listings(tmp_path, known)))


IN_IMAGE = {(AMAZON, "2.4.0"): [f"{OPERATORS}.batch", f"{OPERATORS}.s3_bucket"]}


def test_module_that_the_images_provider_lacks_is_an_error_at_the_import(tmp_path: Path) -> None:
    [finding] = found(tmp_path, f"{OPERATORS}.lambda_function", IN_IMAGE)
    assert (finding.rule, finding.severity, finding.place) == (PROVIDER_MODULE_MISSING, ERROR, "dags/a.py:7")
    assert finding.what == f"{OPERATORS}.lambda_function does not exist in {AMAZON} 2.4.0"
    assert finding.hint == ""  # nothing like it, and no newer version that could be looked into


def test_module_that_is_there_is_not_told(tmp_path: Path) -> None:
    assert found(tmp_path, f"{OPERATORS}.batch", IN_IMAGE) == []


def test_name_taken_out_of_a_plain_package_is_a_module(tmp_path: Path) -> None:
    [finding] = found(tmp_path, OPERATORS, IN_IMAGE, name="lambda_function")
    assert finding.what.startswith(f"{OPERATORS}.lambda_function does not exist")
    assert found(tmp_path, OPERATORS, IN_IMAGE, name="batch") == []


def test_import_that_may_not_run_is_a_warning(tmp_path: Path) -> None:
    [finding] = found(tmp_path, f"{OPERATORS}.lambda_function", IN_IMAGE, is_sure=False)
    assert finding.severity == WARNING


def test_hint_names_modules_with_a_similar_name(tmp_path: Path) -> None:
    [finding] = found(tmp_path, f"{OPERATORS}.s3", IN_IMAGE)
    assert finding.hint == f"version 2.4.0 has {OPERATORS}.s3_bucket"


def test_hint_names_the_newer_version_that_was_looked_into(tmp_path: Path) -> None:
    newer = {**IN_IMAGE, (AMAZON, "6.0.0"): [f"{OPERATORS}.lambda_function"]}
    [finding] = found(tmp_path, f"{OPERATORS}.lambda_function", newer)
    assert finding.hint == f"{AMAZON} 6.0.0, which Airflow 2.4.3 has on MWAA, has it"
    [finding] = found(tmp_path, f"{OPERATORS}.unheard_of", newer)
    assert finding.hint == ""


@pytest.mark.parametrize(
    ("brought", "has_it"),
    [
        ("6.5.0", "6.0.0"),  # of Airflow 2.4.3, and older than what the requirements bring
        ("1.0.0", "1.3.0"),  # of Airflow 2.0.2, older than the release
    ],
)
def test_hint_names_no_version_or_release_that_is_older(tmp_path: Path, brought: str, has_it: str) -> None:
    known = {(AMAZON, brought): [f"{OPERATORS}.x"], (AMAZON, has_it): [f"{OPERATORS}.lambda_function"]}
    [finding] = found(tmp_path, f"{OPERATORS}.lambda_function", known, change(AMAZON, brought))
    assert finding.hint == ""


def test_version_that_the_requirements_bring_counts(tmp_path: Path) -> None:
    known = {**IN_IMAGE, (AMAZON, "3.0.0"): [f"{OPERATORS}.lambda_function"]}
    assert found(tmp_path, f"{OPERATORS}.lambda_function", known, change(AMAZON, "3.0.0")) == []
    [finding] = found(tmp_path, f"{OPERATORS}.batch", known, change(AMAZON, "3.0.0"))
    assert "The requirements bring that version (requirements.txt:1)" in finding.why


def test_provider_that_cannot_be_looked_up_is_passed_over(tmp_path: Path) -> None:
    assert found(tmp_path, f"{OPERATORS}.lambda_function", {}) == []
    assert found(tmp_path, f"{OPERATORS}.batch", IN_IMAGE, change(AMAZON, "https://example.com/amazon.zip")) == []


def test_provider_that_nobody_brings_is_an_error_with_the_version_to_ask_for(tmp_path: Path) -> None:
    [finding] = found(tmp_path, "airflow.providers.snowflake.operators.snowflake", {})
    assert (finding.rule, finding.severity) == (PROVIDER_MISSING, ERROR)
    assert SNOWFLAKE in finding.hint
    assert finding.hint.endswith("2.3.0")


def test_provider_that_no_constraints_know_is_not_given_a_name(tmp_path: Path) -> None:
    [finding] = found(tmp_path, "airflow.providers.nobody.x", {})
    assert "apache-airflow-providers-nobody" not in f"{finding.what}{finding.hint}"


def test_package_that_is_not_of_apache_may_bring_a_provider(tmp_path: Path) -> None:
    own = change("acme-airflow", "1.0")
    module = "airflow.providers.acme.x"
    assert found(tmp_path, module, {("acme-airflow", "1.0"): [module]}, own) == []
    assert found(tmp_path, module, {}, own) == []  # it may, as far as is known
    assert len(found(tmp_path, "airflow.providers.acme.y", {("acme-airflow", "1.0"): [module]}, own)) == 1


def test_without_a_resolution_a_provider_is_missing_that_no_line_names(tmp_path: Path) -> None:
    verdict, module = Conflict((), ""), "airflow.providers.snowflake.x"
    other, named, foreign = (
        Line("requirements.txt", 1, name, Requirement(name)) for name in ("pandas", SNOWFLAKE, "acme-airflow")
    )
    [finding] = found(tmp_path, module, {}, verdict=verdict, lines=(other,))
    assert (finding.rule, finding.severity) == (PROVIDER_MISSING, ERROR)
    assert finding.why.startswith("MWAA's image of Airflow 2.2.2 does not have it, and no requirement names it")
    assert found(tmp_path, module, {}, verdict=verdict, lines=(other, named)) == []
    assert found(tmp_path, module, {}, verdict=verdict, lines=(other, foreign)) == []  # it may bring it
    assert len(found(tmp_path, f"{OPERATORS}.lambda_function", IN_IMAGE, verdict=verdict)) == 1


def test_nothing_is_looked_up_without_an_import(tmp_path: Path) -> None:
    assert list(provider_findings([], Providers(OLD, Works(()), (), ()), Listings(tmp_path, no_download))) == []


@pytest.mark.parametrize(
    ("module", "package"),
    [
        ("airflow.providers.apache.hive.x", "apache-airflow-providers-apache-hive"),
        ("airflow.providers.common.sql", "apache-airflow-providers-common-sql"),
        ("airflow.providers.common", ""),
        ("airflow.providers.amazon.aws.hooks", AMAZON),
        ("airflow.providers.google.cloud", "apache-airflow-backport-providers-google"),
    ],
)
def test_package_has_the_longest_name_that_fits(module: str, package: str) -> None:
    names = ["apache-hive", "common-sql", "amazon", "hive"]
    known = [f"apache-airflow-providers-{name}" for name in names]
    assert package_of(module, [*known, "apache-airflow-backport-providers-google"]) == package


@pytest.mark.parametrize(
    ("name", "others", "expected"),
    [
        ("pod", ["kubernetes_pod", "spark_kubernetes"], ["kubernetes_pod"]),
        ("aws_athena", ["athena", "glue"], ["athena"]),
        ("batchs", ["batch"], ["batch"]),
        ("sns", ["sqs", "ecs"], []),
    ],
)
def test_similar_modules_are_those_a_reader_would_take_for_it(
    name: str, others: Sequence[str], expected: Sequence[str]
) -> None:
    listing = Listing(frozenset((*(f"p.{other}" for other in others), f"q.{name}")), frozenset())
    assert similar(f"p.{name}", listing) == tuple(f"p.{other}" for other in expected)


# Against a package index.


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is that of http.server
        """Say nothing."""


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    """A package index with the wheels of `tmp_path/simple/NAME/`; those of version 1 are yanked."""
    (tmp_path / "simple").mkdir()
    handler = functools.partial(_Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/simple"
        server.shutdown()


def publish(tmp_path: Path, name: str, versions: Mapping[str, str], files: Mapping[str, str]) -> None:
    """Put versions of a package on the index, each with its attributes in the page (PEP 503, PEP 592)."""
    folder = tmp_path / "simple" / name
    links = []
    for version, attributes in versions.items():
        make_provider(folder, name, version, files)
        wheel = f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
        links.append(f'<a href="{wheel}"{attributes}>{wheel}</a>\n')
    (folder / "index.html").write_text(f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>")


def check(tmp_path: Path, index: str, text: str, dag: str = "") -> Checked:
    project = a_project(tmp_path / "project", {FILE: text, "dags/a.py": dag})
    env = {"UV_DEFAULT_INDEX": index, "UV_CACHE_DIR": str(tmp_path / "uv"), "HOME": str(tmp_path)}
    checking = RequirementsCheck(project, project.requirements_path, env, {}, cache_dir=tmp_path / "cache")
    return checking.check(Release.load("3.3.1"))


def of_rule(checked: Checked, rule: str) -> list[Finding]:
    assert isinstance(checked.verdict, Works), checked.verdict
    return [finding for finding in checked.findings if finding.rule == rule]


def test_yanked_version_is_reported_at_the_line_that_pins_it_with_the_reason(tmp_path: Path, index: str) -> None:
    publish(tmp_path, "alpha", {"1.0": ' data-yanked="broken (on Tuesdays)"', "0.9": ""}, {"alpha.py": ""})
    [finding] = of_rule(check(tmp_path, index, "# first\nAlpha==1.0\n"), YANKED_RELEASE)
    assert (finding.severity, finding.place) == (WARNING, f"{FILE}:2")
    assert finding.what == "alpha 1.0 was yanked from the package index"
    assert "Its authors say: broken (on Tuesdays). pip" in finding.why


def test_yanked_version_without_a_reason_is_reported_all_the_same(tmp_path: Path, index: str) -> None:
    publish(tmp_path, "alpha", {"1.0": ' data-yanked=""'}, {"alpha.py": ""})
    [finding] = of_rule(check(tmp_path, index, "alpha==1.0\n"), YANKED_RELEASE)
    assert finding.why.startswith("pip takes")


def test_version_that_is_not_yanked_is_taken_and_nothing_told(tmp_path: Path, index: str) -> None:
    publish(tmp_path, "alpha", {"1.0": " data-yanked", "0.9": ""}, {"alpha.py": ""})
    checked = check(tmp_path, index, "alpha\n")
    assert of_rule(checked, YANKED_RELEASE) == []
    assert isinstance(checked.verdict, Works)
    assert [item.version for item in checked.verdict.changes] == ["0.9"]


def test_wheel_of_the_version_that_the_requirements_bring_is_looked_into(tmp_path: Path, index: str) -> None:
    name = "apache-airflow-providers-acme"  # no constraints hold it
    files = {"airflow/providers/acme/__init__.py": LICENCE, "airflow/providers/acme/rocket.py": ""}
    publish(tmp_path, name, {"1.0": "", "2.0": ""}, files)
    dag = "from airflow.providers.acme.rocket import R\nfrom airflow.providers.acme.rockets import R\n"
    [finding] = of_rule(check(tmp_path, index, f"{name}<2\n", dag), PROVIDER_MODULE_MISSING)
    assert finding.what == f"airflow.providers.acme.rockets does not exist in {name} 1.0"
    assert finding.hint == "version 1.0 has airflow.providers.acme.rocket"
    assert finding.place == "dags/a.py:2"


def test_wheel_is_sought_where_the_file_says(tmp_path: Path, index: str) -> None:
    name = "apache-airflow-providers-acme"
    make_provider(tmp_path / "elsewhere", name, "1.0", {"airflow/providers/acme/rocket.py": ""})
    text = f"--find-links {tmp_path / 'elsewhere'}\n{name}==1.0\n"
    checked = check(tmp_path, index, text, "import airflow.providers.acme.moon\n")
    assert len(of_rule(checked, PROVIDER_MODULE_MISSING)) == 1


def test_index_is_left_alone_after_a_few_failures(tmp_path: Path, index: str) -> None:
    project = a_project(tmp_path / "project", {FILE: ""})
    source = take_apart(project, project.requirements_path, OLD, tmp_path / "copies", {})
    env = {"UV_DEFAULT_INDEX": index, "UV_CACHE_DIR": str(tmp_path / "uv"), "HOME": str(tmp_path)}
    download = Download(source, Resolver(OLD, tmp_path / "work", env), ())
    answers = [download(f"absent-{number}", "1.0") for number in range(MAX_FAILED_DOWNLOADS + 1)]
    assert set(answers) == {None}
    assert download.failed == MAX_FAILED_DOWNLOADS
