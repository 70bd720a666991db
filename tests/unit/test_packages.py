"""Package sets: what is wanted of each release, which interpreter, what the caller's shell may change, and copies."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from mwaa_local.check.project import environment_part
from mwaa_local.check.python import python_findings, without_stand_in
from mwaa_local.errors import DiskFull, PackagesUnavailable, PythonUnavailable
from mwaa_local.interpreters import stand_in_hint, stand_in_note
from mwaa_local.packages import COMPLETE_NAME, PackageStore, PythonEnvironment, locked, wanted_packages
from mwaa_local.project import Project
from mwaa_local.release import Packages, Release
from mwaa_local.remarks import Remark
from tests.contexts import check_context

THIS_MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"
NO_MINOR = "3.99"  # a Python that nobody has
every_release = pytest.mark.parametrize("version", Release.versions())


# What is wanted.


@every_release
def test_every_package_of_the_release_is_there_exactly_or_has_a_reason(version: str) -> None:
    packages = Release.load(version).packages
    wanted = set(wanted_packages(Release.load(version)))
    for name, pin in packages.base.items():
        if name in packages.left_out:
            assert packages.left_out[name], f"{name} is left out without a reason"
            assert f"{name}=={pin}" not in wanted
        else:
            assert packages.replaced.get(name, f"{name}=={pin}") in wanted


@every_release
def test_nothing_is_wanted_twice_or_without_a_version(version: str) -> None:
    requirements = [Requirement(line) for line in wanted_packages(Release.load(version))]
    names = [canonicalize_name(item.name) for item in requirements]
    assert len(names) == len(set(names))
    assert all(item.url or [clause.operator for clause in item.specifier] == ["=="] for item in requirements)


@every_release
def test_exceptions_name_packages_of_the_release(version: str) -> None:
    packages = Release.load(version).packages
    assert {*packages.replaced, *packages.left_out} <= set(packages.base)


def test_postgres_driver_comes_as_a_wheel() -> None:
    wanted = wanted_packages(Release.load("3.3.1"))
    assert any(line.startswith("psycopg2-binary==") for line in wanted)
    assert not any(line.startswith("psycopg2==") for line in wanted)


def test_airflow_itself_is_the_releases() -> None:
    for version in ("3.3.1", "2.10.3", "2.2.2"):
        assert f"apache-airflow=={version}" in wanted_packages(Release.load(version))


# The interpreter.


@pytest.fixture
def store(tmp_path: Path, clean_env: dict[str, str]) -> PackageStore:
    """A store that may look for interpreters but not download any."""
    offline = {"UV_PYTHON_DOWNLOADS": "never", "UV_OFFLINE": "1", "UV_HTTP_RETRIES": "0"}
    search_path = os.pathsep.join([str(Path(sys.executable).resolve().parent), clean_env["PATH"]])
    return PackageStore(tmp_path / "cache", {**clean_env, **offline, "PATH": search_path})


def release_on(*pythons: str, packages: Packages | None = None) -> Release:
    """Return a release whose Airflow runs on these Pythons, the first being MWAA's."""
    release = Release.load("3.3.1")
    return replace(release, python_version=pythons[0], supported_pythons=pythons, packages=packages or release.packages)


def test_mwaas_own_minor_version_is_taken_where_it_is(store: PackageStore) -> None:
    path, version = store.find_python(release_on(THIS_MINOR, NO_MINOR))
    assert version.startswith(f"{THIS_MINOR}.")
    asked = subprocess.run([path, "-c", "import platform; print(platform.python_version())"], capture_output=True)
    assert asked.stdout.decode().strip() == version


def test_interpreter_behind_mwaa_locals_own_virtual_environment_is_found(tmp_path: Path) -> None:
    venv_dir = tmp_path / "venv"  # as where it is activated: uv passes over it, and nothing else is on PATH
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv_dir)], check=True)
    env = {"HOME": str(tmp_path), "PATH": str(venv_dir / "bin"), "UV_PYTHON_DOWNLOADS": "never"}
    path, _ = PackageStore(tmp_path / "cache", env).find_python(release_on(THIS_MINOR, NO_MINOR))
    assert Path(path).resolve() == Path(sys.executable).resolve()


def test_what_stands_in_is_noted_with_the_way_to_the_right_one(tmp_path: Path) -> None:
    (tmp_path / "dags").mkdir()
    note, hint = stand_in_note("3.11", "3.12.1"), stand_in_hint("3.11")
    base = PythonEnvironment(tmp_path, "3.12.1", "digest", note, hint)
    [found] = python_findings(Project.find(tmp_path), base)
    assert (found.severity, found.rule) == ("warning", "python-stands-in")
    assert found.what == "Python 3.12.1 is used instead of MWAA's 3.11: packages and syntax may differ"
    assert "pyenv install 3.11" in found.hint
    assert python_findings(Project.find(tmp_path), PythonEnvironment(tmp_path, "3.11.7", "digest")) == ()


def test_what_stands_in_is_reported_with_the_environment_whether_or_not_there_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "dags").mkdir()
    project = Project.find(tmp_path)
    base = PythonEnvironment(tmp_path, "3.12.1", "digest", "another Python", "install it")
    for text in ("", "AirflowVersion: 3.3.1\n"):
        if text:
            (tmp_path / "mwaa.yaml").write_text(text)
        context = check_context(project, tmp_path, base, airflow_version="3.3.1")
        part = environment_part(context)
        assert [finding.what for finding in part.findings] == ["another Python"]
        assert part.outcome == "findings"
        assert not environment_part(replace(context, base=replace(base, note="", hint=""))).findings


def test_what_a_start_says_again_is_not_reported_twice(tmp_path: Path) -> None:
    (tmp_path / "dags").mkdir()
    base = PythonEnvironment(tmp_path, "3.12.1", "digest", "another Python", "install it")
    found = python_findings(Project.find(tmp_path), base)
    assert without_stand_in(found, [Remark("warning", "python", "another Python")]) == []
    assert without_stand_in(found, [Remark("warning", "options", "something else")]) == list(found)


def test_another_minor_version_stands_in(store: PackageStore) -> None:
    assert store.find_python(release_on(NO_MINOR, THIS_MINOR))[1].startswith(f"{THIS_MINOR}.")


def test_no_interpreter_on_which_this_airflow_runs(store: PackageStore) -> None:
    with pytest.raises(PythonUnavailable, match=rf"no Python {NO_MINOR} for Airflow 3\.3\.1") as caught:
        store.find_python(release_on(NO_MINOR, "3.98"))
    assert f"{NO_MINOR}, 3.98" in caught.value.why
    assert f"pyenv install {NO_MINOR}" in caught.value.hint


# Building.

NOT_TO_BE_HAD = Packages(base={"a-package-that-is-nowhere": "1.0"})


def test_index_that_does_not_answer_is_said_and_nothing_half_made_is_used(
    tmp_path: Path, clean_env: dict[str, str]
) -> None:
    deaf = {"UV_DEFAULT_INDEX": "http://127.0.0.1:1/simple", "UV_HTTP_RETRIES": "0", "UV_PYTHON_DOWNLOADS": "never"}
    deaf["UV_CACHE_DIR"] = str(tmp_path / "empty-cache")
    store = PackageStore(tmp_path / "cache", {**clean_env, **deaf})
    steps: list[str] = []
    for _ in range(2):
        with pytest.raises(PackagesUnavailable) as caught:
            store.base(release_on(THIS_MINOR, packages=NOT_TO_BE_HAD), steps.append)
        assert "127.0.0.1:1" in caught.value.why
        assert "UV_DEFAULT_INDEX" in caught.value.hint
    assert steps == ["installing 1 packages of Airflow 3.3.1"] * 2
    assert not list((tmp_path / "cache").rglob(COMPLETE_NAME))


def test_cache_folder_that_cannot_be_written_is_said(tmp_path: Path, clean_env: dict[str, str]) -> None:
    (tmp_path / "file").touch()
    store = PackageStore(tmp_path / "file" / "cache", {**clean_env, "UV_PYTHON_DOWNLOADS": "never"})
    with pytest.raises(DiskFull, match="cannot write below") as caught:
        store.base(release_on(THIS_MINOR), lambda _: None)
    assert str(tmp_path / "file") in caught.value.what


def test_second_command_waits_for_the_first_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "set.lock"
    said: list[str] = []
    waiting, entered = threading.Event(), threading.Event()

    def second() -> None:
        def say(text: str) -> None:
            said.append(text)
            waiting.set()

        with locked(path, say):
            entered.set()

    with locked(path, said.append):
        thread = threading.Thread(target=second)
        thread.start()
        assert waiting.wait(30)
        assert not entered.is_set()
    thread.join(30)
    assert entered.is_set()
    assert said == ["waiting for another mwaa-local that installs the same packages"]


# Copies.


@pytest.fixture
def base(tmp_path: Path) -> PythonEnvironment:
    """A small virtual environment: interpreter, one package and its script."""
    folder = tmp_path / "cache" / "environments" / "base"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--symlinks", str(folder)], check=True)
    environment = PythonEnvironment(folder, "3.11.7", "digest", "a note", "a hint")
    package_dir = environment.site_packages_dir / "tool"
    package_dir.mkdir()
    (package_dir / "__init__.py").write_text("def main(): import sys; print('original', sys.prefix)\n")
    script = folder / "bin" / "tool"
    script.write_text(f"#!{folder}/bin/python\nfrom tool import main\nmain()\n")
    script.chmod(0o755)
    return environment


@pytest.fixture
def copy(base: PythonEnvironment, tmp_path: Path, clean_env: dict[str, str]) -> Callable[[], PythonEnvironment]:
    store = PackageStore(tmp_path / "cache", clean_env)
    return lambda: store.clone(base, tmp_path / "project" / "packages")


def say(environment: PythonEnvironment) -> str:
    return subprocess.check_output([environment.bin_dir / "tool"], text=True).strip()


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_copy_runs_by_itself(base: PythonEnvironment, copy: Callable[[], PythonEnvironment]) -> None:
    clone = copy()
    assert replace(clone, dir=base.dir) == base
    assert say(clone) == f"original {clone.dir}"
    assert say(base) == f"original {base.dir}"


def test_scripts_of_a_copy_start_its_own_interpreter(
    base: PythonEnvironment, copy: Callable[[], PythonEnvironment]
) -> None:
    clone = copy()
    for path in clone.bin_dir.iterdir():
        if path.is_file() and not path.is_symlink():
            assert str(base.dir).encode() not in path.read_bytes(), path.name
    assert os.access(clone.bin_dir / "tool", os.X_OK)


def test_copy_shares_files_until_they_are_replaced(
    base: PythonEnvironment, copy: Callable[[], PythonEnvironment]
) -> None:
    before = contents(base.dir)
    clone = copy()
    module = clone.site_packages_dir / "tool" / "__init__.py"
    assert module.samefile(base.site_packages_dir / "tool" / "__init__.py")
    # As pip does it: the old files go, new ones come.
    module.unlink()
    module.write_text("def main(): print('replaced')\n")
    script = clone.bin_dir / "tool"
    script.unlink()
    script.write_text(f"#!{clone.dir}/bin/python\nfrom tool import main\nmain()\n")
    script.chmod(0o755)
    assert say(clone) == "replaced"
    after = contents(base.dir)
    assert {name: after[name] for name in before} == before
    assert say(base) == f"original {base.dir}"


def test_copy_takes_the_place_of_an_older_one(base: PythonEnvironment, copy: Callable[[], PythonEnvironment]) -> None:
    old = copy().dir / "left over"
    old.touch()
    assert not (copy().dir / old.name).exists()


def test_copy_that_cannot_be_made_is_said_and_leaves_the_original(
    base: PythonEnvironment, tmp_path: Path, clean_env: dict[str, str]
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DiskFull, match="cannot write below"):
        PackageStore(tmp_path, clean_env).clone(base, tmp_path / "file" / "packages")
    assert say(base) == f"original {base.dir}"


def test_damaged_mark_of_a_finished_set_means_it_is_built_again(tmp_path: Path, clean_env: dict[str, str]) -> None:
    deaf = {"UV_DEFAULT_INDEX": "http://127.0.0.1:1/simple", "UV_HTTP_RETRIES": "0", "UV_PYTHON_DOWNLOADS": "never"}
    deaf["UV_CACHE_DIR"] = str(tmp_path / "empty-cache")
    store = PackageStore(tmp_path / "cache", {**clean_env, **deaf})
    release = release_on(THIS_MINOR, packages=NOT_TO_BE_HAD)
    with pytest.raises(PackagesUnavailable):
        store.base(release, lambda _: None)
    (folder,) = [path for path in (tmp_path / "cache" / "environments").iterdir() if path.is_dir()]
    for text in ("", "{", "[]", json.dumps({"digest": "another"})):
        (folder / COMPLETE_NAME).write_text(text)
        with pytest.raises(PackagesUnavailable):
            store.base(release, lambda _: None)
