"""Each release's package set is exactly what the catalogue says of MWAA's image; nothing runs for it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mwaa_local.packages import PackageStore, PythonEnvironment
from mwaa_local.release import Release
from tests.conftest import cache_dir, make_clean_env
from tests.environments import EVERY_RELEASE, LATEST
from tests.exactness import Listing, differences, listing_of, main

pytestmark = pytest.mark.network

Sets = Callable[[str], PythonEnvironment]
PIP_TIMEOUT_S = 300.0
NOTHING_BROKEN = "No broken requirements found."


@pytest.fixture(scope="module")
def package_set(tmp_path_factory: pytest.TempPathFactory) -> Sets:
    """Return the package set of a release, from the cache that tests keep, or installed from the index."""
    env = make_clean_env(tmp_path_factory.mktemp("home"))
    return lambda version: PackageStore(cache_dir(), env).base(Release.load(version), lambda _what: None)


@pytest.fixture(scope="module")
def latest(package_set: Sets) -> Listing:
    return listing_of([str(package_set(LATEST).python_path)])


@pytest.mark.parametrize("version", EVERY_RELEASE)
def test_installed_set_is_exactly_that_of_the_release(package_set: Sets, version: str) -> None:
    listing = listing_of([str(package_set(version).python_path)])
    assert differences(Release.load(version), listing) == []


@pytest.mark.parametrize("version", EVERY_RELEASE)
def test_pip_check_prints_nothing_that_the_catalogue_does_not_explain(package_set: Sets, version: str) -> None:
    argv = [str(package_set(version).python_path), "-I", "-m", "pip", "--disable-pip-version-check", "check"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=PIP_TIMEOUT_S, check=False, cwd="/")
    said = {line for line in done.stdout.splitlines() if line != NOTHING_BROKEN}
    assert said == Release.load(version).packages.pip_check.keys(), done.stderr
    assert done.returncode == bool(said)


def test_set_that_was_changed_is_found_out(package_set: Sets, tmp_path: Path) -> None:
    env = make_clean_env(tmp_path)
    clone = PackageStore(tmp_path / "cache", env).clone(package_set(LATEST), tmp_path / "clone")
    site_dir = clone.site_packages_dir
    (site_dir / "celery-5.6.3.dist-info").rename(site_dir / "celery.dist-info")
    metadata = site_dir / "celery.dist-info" / "METADATA"
    text = metadata.read_text()
    metadata.unlink()  # a hard link
    metadata.write_text(text.replace("Version: 5.6.3", "Version: 5.6.4"))
    (site_dir / "airflow" / "stray.py").write_text("")
    (site_dir / "redis" / "client.py").unlink()
    found = set(differences(Release.load(LATEST), listing_of([str(clone.python_path)])))
    assert {
        "on disk: celery 5.6.4 instead of 5.6.3",
        "importlib.metadata: celery 5.6.4 instead of 5.6.3",
        "files: airflow has files of no package",
        "files: redis/client.py is missing",
    } <= found
    assert main([LATEST, str(clone.python_path)]) == 1


def test_package_too_many_too_few_and_twice_are_found_out(latest: Listing) -> None:
    release = Release.load(LATEST)

    def told(pairs: list[tuple[str, str]]) -> list[str]:
        return differences(release, replace(latest, on_disk=pairs))

    pairs = list(latest.on_disk)
    assert told([*pairs, ("boto4", "1.0")]) == ["on disk: boto4 1.0 instead of None"]
    assert told([pair for pair in pairs if pair[0] != "redis"]) == [
        f"on disk: redis None instead of {release.packages.base['redis']}"
    ]
    assert told([*pairs, ("redis", release.packages.base["redis"])]) == ["on disk: redis is there 2 times"]
    assert differences(release, replace(latest, python="3.11")) == ["Python 3.11 instead of 3.12"]


@pytest.mark.full
def test_hidden_package_of_another_version_is_found_out(package_set: Sets) -> None:
    release = Release.load("2.8.1")
    listing = listing_of([str(package_set(release.airflow_version).python_path)])
    other = replace(release, packages=replace(release.packages, added={"redis": "4.5.5"}))
    assert differences(other, listing) == ["hidden: redis is not that of redis 4.5.5"]
    without = replace(release, packages=replace(release.packages, added={}))
    assert differences(without, listing) == ["files: redis has files of no package"]
