"""What a resolution changes in MWAA's image."""

from __future__ import annotations

from pathlib import Path

import pytest

from mwaa_local.check.requirements.changes import changed, install_estimate_s, package_changes, wheel, without_wheel
from mwaa_local.check.requirements.lines import Line, read
from mwaa_local.check.requirements.resolver import Package, Resolver, is_prerelease, python_release
from mwaa_local.check.requirements.verdict import PackageChange
from mwaa_local.release import Release

NEWEST, OLD = Release.load("3.3.1"), Release.load("2.2.2")


def entry(*names: str, size: int | None = None) -> dict[str, object]:
    return {"wheels": [{"url": f"https://example.org/{name}", **({"size": size} if size else {})} for name in names]}


def package(name: str, version: str, *via: str) -> Package:
    return Package(name, version, "", via)


def test_package_in_the_image_s_own_version_is_no_change() -> None:
    version = NEWEST.packages.base["jinja2"]
    packages = {"jinja2": package("jinja2", version), "alpha": package("alpha", "1.0")}
    assert set(changed(packages, NEWEST)) == {"alpha"}


def test_package_that_the_list_of_the_image_skips_is_no_change() -> None:
    version = NEWEST.packages.unlisted["setuptools"]
    assert changed({"setuptools": package("setuptools", version)}, NEWEST) == {}
    packages = changed({"setuptools": package("setuptools", "1.0")}, NEWEST)
    [change] = package_changes(packages, NEWEST, {}, [])
    assert (change.base_version, change.is_downgrade) == (version, True)


@pytest.mark.parametrize(
    ("file_name", "is_change"),
    [
        (f"six-{NEWEST.packages.base['six']}-py3-none-any.whl", False),
        ("six-1.0-py3-none-any.whl", True),
        (f"six-{NEWEST.packages.base['six']}.tar.gz", True),
    ],
)
def test_address_of_the_wheel_that_the_image_has_is_no_change(file_name: str, is_change: bool) -> None:
    item = Package("six", "", f"https://example.org/{file_name}#sha256=00", ())
    assert (changed({"six": item}, NEWEST) != {}) is is_change


@pytest.mark.parametrize(("release", "version"), [(NEWEST, "3.12.13"), (OLD, "3.7.16")])
def test_python_is_named_in_full_since_uv_takes_a_minor_version_for_its_first_release(
    release: Release, version: str
) -> None:
    assert python_release(release) == version


def test_change_says_direction_reasons_and_size(tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text("\nalpha\nJinja2<3\n")
    lines = [line for line in read(path, tmp_path, {}) if isinstance(line, Line)]
    packages = {"jinja2": package("jinja2", "2.11.3", "-c x", "alpha"), "alpha": package("alpha", "1.0", "-r y")}
    metadata = {"alpha": entry("alpha-1.0-py3-none-any.whl", size=1000), "jinja2": {}}
    first, second = package_changes(packages, NEWEST, metadata, lines)
    assert (first.name, first.base_version, first.is_downgrade, first.reasons, first.size_bytes) == (
        *("alpha", "", False),
        *(("requirements.txt:2",), 1000),
    )
    assert (first.places, second.places) == ((("requirements.txt", 2),), (("requirements.txt", 3),))
    assert (second.name, second.is_downgrade, second.reasons, second.size_bytes) == (
        *("jinja2", True),
        *(("requirements.txt:3", "alpha"), None),
    )


@pytest.mark.parametrize(
    ("release", "name", "fits"),
    [
        (NEWEST, "x-1.0-py3-none-any.whl", True),
        (NEWEST, "x-1.0-cp312-cp312-manylinux_2_34_x86_64.whl", True),
        (NEWEST, "x-1.0-cp38-abi3-manylinux2014_x86_64.whl", True),
        (NEWEST, "x-1.0-cp312-cp312-manylinux_2_35_x86_64.whl", False),
        (NEWEST, "x-1.0-cp312-cp312-manylinux_2_17_aarch64.whl", False),
        (NEWEST, "x-1.0-cp312-cp312-macosx_11_0_arm64.whl", False),
        (NEWEST, "x-1.0-cp311-cp311-manylinux_2_17_x86_64.whl", False),
        (OLD, "x-1.0-cp37-cp37m-manylinux_2_24_x86_64.whl", True),
        (OLD, "x-1.0-cp37-cp37m-manylinux_2_28_x86_64.whl", False),
        (NEWEST, "not a wheel.whl", False),
    ],
)
def test_wheel_fits_mwaa_s_platform_whatever_this_machine_is(release: Release, name: str, fits: bool) -> None:
    packages, metadata = {"x": package("x", "1.0")}, {"x": entry(name)}
    assert (without_wheel(packages, metadata, release) == ()) is fits


def test_no_wheel_at_all_is_none() -> None:
    assert wheel({"sdist": {"url": "https://example.org/x-1.0.tar.gz"}}, frozenset()) is None


@pytest.mark.parametrize(("version", "answer"), [("1.0rc1", True), ("1.0", False), ("not a version", False)])
def test_prerelease_is_reported_by_its_version(version: str, answer: bool) -> None:
    assert is_prerelease(version) is answer


def test_address_of_the_index_is_in_a_private_file(tmp_path: Path) -> None:
    resolver = Resolver(
        NEWEST, tmp_path, {"PIP_INDEX_URL": "http://me:secret@127.0.0.1:9/simple", "UV_HTTP_RETRIES": "0"}
    )
    resolver.metadata({"x": package("x", "1.0")})
    [config] = tmp_path.glob("uv.*.toml")
    assert config.stat().st_mode & 0o077 == 0


def change(size_bytes: int | None) -> PackageChange:
    return PackageChange("x", "1.0", "", False, (), size_bytes)


def test_install_estimate_grows_with_packages_and_bytes() -> None:
    few, many = install_estimate_s([change(0)]), install_estimate_s([change(0)] * 10)
    large = install_estimate_s([change(150_000_000)])
    assert few is not None and many is not None and large is not None
    assert many == pytest.approx(10 * few)
    assert large - few == pytest.approx(10.0)


def test_install_estimate_is_unknown_where_a_size_is() -> None:
    assert install_estimate_s([change(1000), change(None)]) is None
    assert install_estimate_s([]) == 0


@pytest.mark.parametrize(("version", "is_judged"), [("2.5.1", False), ("2.8.1", False), ("2.2.2", True)])
def test_package_that_the_image_has_in_an_unknown_version_is_not_judged(version: str, is_judged: bool) -> None:
    packages = {"psycopg2": package("psycopg2", "2.9.5")}
    metadata = {"psycopg2": {"sdist": {"url": "https://example.org/psycopg2-2.9.5.tar.gz"}}}
    assert (without_wheel(packages, metadata, Release.load(version)) != ()) is is_judged
