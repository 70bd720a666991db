"""What goes into a package for a private environment: which file of a package, which of the plugins, which options."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest

from mwaa_local.check.requirements.resolver import Package
from mwaa_local.errors import PackagesUnavailable
from mwaa_local.packaging.archive import EntryRefused, plugin_files, write_zip
from mwaa_local.packaging.building import why_useless
from mwaa_local.packaging.choice import File, choose, fits, is_pure
from mwaa_local.packaging.download import Downloads
from mwaa_local.packaging.listing import requirements_text
from mwaa_local.release import Release
from tests.wheels import make_wheel

NEW, OLD = Release.load("3.3.1"), Release.load("2.2.2")  # glibc 2.34 and Python 3.12; glibc 2.26 and Python 3.7
PURE = "a-1.0-py3-none-any.whl"
OWN = "a-1.0-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"


def entry(*filenames: str, sdist: str = "") -> dict[str, Any]:
    """Return what uv's lock says of a package with these files."""
    plain: dict[str, Any] = {"wheels": [{"url": f"https://x/{name}", "hashes": {"sha256": "0"}} for name in filenames]}
    return plain | ({"sdist": {"url": f"https://x/{sdist}"}} if sdist else {})


def chosen(*filenames: str, sdist: str = "", release: Release = NEW) -> str:
    """Return the name of the file that is taken, "" for none."""
    files, _ = choose({"a": Package("a", "1.0", "", ())}, {"a": entry(*filenames, sdist=sdist)}, release)
    return files[0].filename if files else ""


# Files of a package.


@pytest.mark.parametrize("others", [(PURE,), ("a-1.0-cp38-abi3-manylinux_2_28_x86_64.whl",)])
def test_wheel_for_this_very_python_is_taken_before_a_more_general_one(others: tuple[str, ...]) -> None:
    assert chosen(*others, OWN) == chosen(OWN, *others) == OWN


def test_wheel_for_the_newest_glibc_that_fits_is_taken() -> None:
    wheels = [f"a-1.0-cp312-cp312-manylinux_2_{minor}_x86_64.whl" for minor in (17, 28, 39)]
    assert chosen(*wheels) == wheels[1]


@pytest.mark.parametrize(
    "name",
    [
        "a-1.0-cp312-cp312-macosx_11_0_arm64.whl",
        "a-1.0-cp312-cp312-manylinux_2_17_aarch64.whl",
        "a-1.0-cp312-cp312-musllinux_1_2_x86_64.whl",
        "a-1.0-cp311-cp311-manylinux_2_17_x86_64.whl",
        "no wheel at all.whl",
    ],
)
def test_wheel_of_another_platform_or_python_is_left_for_the_source(name: str) -> None:
    assert chosen(name, sdist="a-1.0.tar.gz") == "a-1.0.tar.gz"
    assert not fits(name, NEW)


def test_old_release_takes_wheels_of_its_own_python_and_glibc() -> None:
    own = "a-1.0-cp37-cp37m-manylinux_2_17_x86_64.whl"
    assert chosen(own, "a-1.0-cp37-cp37m-manylinux_2_28_x86_64.whl", OWN, release=OLD) == own


def test_package_without_any_file_is_named() -> None:
    files, without = choose({"a": Package("a", "1.0", "", ())}, {}, NEW)
    assert files == ()
    assert [(item.name, item.version) for item in without] == [("a", "1.0")]


def test_wheel_at_an_address_is_taken_with_version_and_hash() -> None:
    files, _ = choose({"a": Package("a", "", f"https://x/{PURE}#sha256=12", ())}, {}, NEW)
    assert files == (File("a", "1.0", PURE, f"https://x/{PURE}", "12"),)


@pytest.mark.parametrize(
    "url", ["git+https://x/a@1", "file:///home/me/a", "https://x/a-1.0-cp311-cp311-win_amd64.whl", f"https://x/b{PURE}"]
)
def test_address_that_gives_no_wheel_for_mwaa_is_named(url: str) -> None:
    files, without = choose({"a": Package("a", "", url, ())}, {}, NEW)
    assert (files, len(without)) == ((), 1)
    assert without[0].problem


def test_pure_is_what_any_platform_takes() -> None:
    assert (is_pure(PURE), is_pure(OWN)) == (True, False)


def test_built_wheel_with_a_library_of_another_system_is_useless(tmp_path: Path) -> None:
    make_wheel(tmp_path, "a", "1.0")
    assert why_useless(tmp_path / PURE, NEW) == ""
    with zipfile.ZipFile(tmp_path / PURE, "a") as wheel:
        wheel.writestr("a.so", b"\xcf\xfa\xed\xfe" + b"\0" * 64)
    assert "made for macOS" in why_useless(tmp_path / PURE, NEW)


def test_part_of_a_wheel_is_refused_though_the_index_tells_no_hash(tmp_path: Path) -> None:
    make_wheel(tmp_path, "a", "1.0")
    downloads = Downloads(tmp_path / "files", {}, [], tmp_path)
    file = File("a", "1.0", PURE, PURE, "")
    assert downloads.fetch_all([file], lambda _: None) == {file: tmp_path / "files" / PURE}
    (tmp_path / PURE).write_bytes((tmp_path / PURE).read_bytes()[:-40])
    with pytest.raises(PackagesUnavailable, match="only a part of one"):
        downloads.fetch_all([file], lambda _: None)


# The zip.


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def test_no_plugins_folder_means_no_files(tmp_path: Path) -> None:
    assert plugin_files(tmp_path / "plugins") == {}


def test_bytecode_and_macos_files_stay_out(tmp_path: Path) -> None:
    write(
        tmp_path, "a.py", "b/c.txt", ".airflowignore", "__pycache__/a.pyc", "b/__pycache__/x", "b/d.pyo", "b/.DS_Store"
    )
    assert sorted(plugin_files(tmp_path)) == [".airflowignore", "a.py", "b/c.txt"]


def test_link_within_the_folder_is_packed_as_what_it_leads_to(tmp_path: Path) -> None:
    write(tmp_path, "a/b.py")
    (tmp_path / "c.py").symlink_to("a/b.py")
    (tmp_path / "d").symlink_to("a")
    files = plugin_files(tmp_path)
    assert sorted(files) == ["a/b.py", "c.py", "d/b.py"]
    write_zip(tmp_path.parent / "plugins.zip", files)
    with zipfile.ZipFile(tmp_path.parent / "plugins.zip") as archive:
        assert [archive.read(name) for name in archive.namelist()] == [b"a/b.py"] * 3


@pytest.mark.parametrize(
    ("target", "says"), [("../..", "out of"), ("/etc/hosts", "out of"), ("nowhere", "nowhere"), (".", "that it is in")]
)
def test_link_that_leads_elsewhere_is_refused(tmp_path: Path, target: str, says: str) -> None:
    write(tmp_path, "plugins/a.py")
    (tmp_path / "plugins/link").symlink_to(target)
    with pytest.raises(EntryRefused, match=says):
        plugin_files(tmp_path / "plugins")


def test_zip_that_could_not_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "plugins.zip").write_text("old")
    with pytest.raises(FileNotFoundError):
        write_zip(tmp_path / "plugins.zip", {"a": tmp_path / "nothere"})
    assert [path.name for path in tmp_path.iterdir()] == ["plugins.zip"]
    assert (tmp_path / "plugins.zip").read_text() == "old"


# The requirements file.


@pytest.mark.parametrize(
    ("release", "held", "opts_out"), [(NEW, True, False), (NEW, False, True), (OLD, False, False), (OLD, True, False)]
)
def test_only_versions_that_airflows_constraints_did_not_hold_keep_mwaa_from_adding_them(
    release: Release, held: bool, opts_out: bool
) -> None:
    text = requirements_text(
        [File("b", "2", "", "", ""), File("a", "1", "", "", "")], release, held_by_constraints=held
    )
    assert ("--constraint " in text or "-c " in text) is opts_out
    assert text.endswith("--find-links /usr/local/airflow/plugins\n--no-index\n\na==1\nb==2\n")
