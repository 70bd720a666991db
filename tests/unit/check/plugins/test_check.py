"""plugins.zip and the plugins/ folder, rule by rule; nothing is ever extracted.

What imports do was tried with the plugin loader of Airflow 2.2.2, 2.10.3 and 3.3.1, which is the same in all three.
"""

from __future__ import annotations

import os
import stat
import struct
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mwaa_local.check.binaries import wheel_tags
from mwaa_local.check.plugins import survey as plugins_survey
from mwaa_local.check.plugins.check import MAX_FINDINGS_PER_RULE, check_plugins
from mwaa_local.check.plugins.modules import Module, read_module
from mwaa_local.finding import ERROR, NOTE, WARNING, Finding
from mwaa_local.release import Release

LATEST, NEWER_2, OLDER = (Release.load(version) for version in ("3.3.1", "2.10.3", "2.2.2"))
OLDEST = Release.load("1.10.12")
PLUGIN = "from airflow.plugins_manager import AirflowPlugin\nclass Mine(AirflowPlugin):\n    name = 'mine'\n"
Files = Mapping[str, str | bytes]
Check = Callable[..., tuple[Finding, ...]]


@pytest.fixture(params=["zip", "folder"])
def check(request: pytest.FixtureRequest, tmp_path: Path) -> Check:
    """Check files as a zip, and as a folder."""

    def in_zip(files: Files, release: Release = LATEST) -> tuple[Finding, ...]:
        return check_plugins(make_zip(tmp_path, files), release)

    def in_folder(files: Files, release: Release = LATEST) -> tuple[Finding, ...]:
        root = tmp_path / "plugins"
        for name, content in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return check_plugins(root, release)

    return in_zip if request.param == "zip" else in_folder


def make_zip(folder: Path, files: Files) -> Path:
    path = folder / "plugins.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def rules(findings: tuple[Finding, ...]) -> list[tuple[str, str]]:
    return [(finding.rule, finding.severity) for finding in findings]


def only(findings: tuple[Finding, ...]) -> Finding:
    assert len(findings) == 1, findings
    return findings[0]


def elf(machine: int = 62, bits: int = 2, tail: bytes = b"") -> bytes:
    head = b"\x7fELF" + bytes([bits, 1, 1]) + bytes(9) + struct.pack("<HH", 3, machine)
    return head.ljust(64, b"\0") + b"\0libc.so.6\0GLIBC_2.2.5\0" + tail


PE = b"MZ".ljust(60, b"\0") + struct.pack("<I", 64) + b"PE\0\0" + bytes(40)
MACHO = b"\xcf\xfa\xed\xfe" + bytes(60)
FAT_MACHO = b"\xca\xfe\xba\xbe" + struct.pack(">I", 2) + bytes(60)
JAVA_CLASS = b"\xca\xfe\xba\xbe" + struct.pack(">HH", 0, 61) + bytes(60)


# Good plugins.


def test_plugins_as_they_should_be_have_no_findings(check: Check) -> None:
    files = {
        "my_plugin.py": PLUGIN,
        "operators/__init__.py": "",
        "operators/load.py": "import json\nfrom operators.base import Base\n",
        "operators/base.py": "class Base: ...\n",
        "certificates/ca.pem": "text",
        "bin/tool": elf(),
        "numpy-2.1.0-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl": "wheel",
        "six-1.17.0-py2.py3-none-any.whl": "wheel",
    }
    assert check(files) == ()


def test_empty_zip_is_how_plugins_are_taken_away_again(tmp_path: Path) -> None:
    assert check_plugins(make_zip(tmp_path, {}), LATEST) == ()


@pytest.mark.parametrize("release", Release.all(), ids=lambda release: release.airflow_version)
def test_sample_plugins_pass_for_every_release(release: Release) -> None:
    assert check_plugins(Path(__file__).parents[4] / "plugins", release) == ()


# What cannot be unpacked.


def test_file_that_is_no_zip_is_named_with_the_command_that_makes_one(tmp_path: Path) -> None:
    path = tmp_path / "plugins.zip"
    path.write_bytes(b"this is text")
    finding = only(check_plugins(path, LATEST))
    assert (finding.rule, finding.severity, finding.path) == ("not-a-zip", ERROR, path.as_posix())
    assert "cd plugins && zip -r ../plugins.zip ." in finding.hint


def test_zip_cut_off_in_the_middle_is_no_zip(tmp_path: Path) -> None:
    path = make_zip(tmp_path, {"a.py": "x = 1\n"})
    path.write_bytes(path.read_bytes()[:-10])
    assert rules(check_plugins(path, LATEST)) == [("not-a-zip", ERROR)]


def test_missing_file_is_said_and_not_raised(tmp_path: Path) -> None:
    finding = only(check_plugins(tmp_path / "plugins.zip", LATEST))
    assert finding.rule == "unreadable"
    assert "No such file" in finding.why


def test_pipe_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "plugins.zip")
    assert rules(check_plugins(tmp_path / "plugins.zip", LATEST)) == [("not-a-zip", ERROR)]


def test_pipe_in_the_folder_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    assert check_plugins(tmp_path, LATEST) == ()


def test_encrypted_zip_is_refused_without_reading_it(tmp_path: Path) -> None:
    path = make_zip(tmp_path, {"a.py": "def broken(:\n"})
    raw = bytearray(path.read_bytes())
    raw[6] |= 1  # general purpose flags of the file's own header, and of the directory
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(raw)
    assert rules(check_plugins(path, LATEST)) == [("encrypted", ERROR)]


def test_damaged_file_in_the_zip_is_named(tmp_path: Path) -> None:
    path = tmp_path / "plugins.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.py", "x = 1\n")
    path.write_bytes(path.read_bytes().replace(b"x = 1", b"x = 2"))
    finding = only(check_plugins(path, LATEST))
    assert (finding.rule, finding.path) == ("damaged", f"{path}/a.py")


# Names and links.


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("/etc/cron.d/x", "absolute"),
        ("../x.txt", "leads upwards"),
        ("a/../../x.txt", "leads upwards"),
        ("C:/x.txt", "drive letter"),
        ("operators\\x.txt", "backslash"),
        ("a\x1b[31m.txt", "cannot be shown"),
    ],
)
def test_unsafe_name_is_an_error(tmp_path: Path, name: str, problem: str) -> None:
    finding = only(check_plugins(make_zip(tmp_path, {name: "text", "ok.py": ""}), LATEST))
    assert (finding.rule, finding.severity) == ("unsafe-path", ERROR)
    assert problem in finding.what
    assert finding.what.isprintable()
    assert finding.path.isprintable()


def test_two_dots_within_a_name_are_safe(check: Check) -> None:
    assert check({"a..b.txt": "", "..hidden": ""}) == ()


def test_dot_before_a_name_means_nothing(tmp_path: Path) -> None:
    files = {"./plugins/a.py": "", "./plugins/sub/b.txt": ""}
    assert rules(check_plugins(make_zip(tmp_path, files), LATEST)) == [("top-folder", ERROR)]


def link_in_zip(tmp_path: Path, target: str) -> Path:
    info = zipfile.ZipInfo("sub/link")
    info.create_system = 3
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "plugins.zip", "w") as archive:
        archive.writestr(info, target)
    return tmp_path / "plugins.zip"


@pytest.mark.parametrize("target", ["/etc/passwd", "../../x", "a/../../../x", "/usr/local/airflow/plugins/../dags/x"])
def test_link_in_the_zip_that_leads_out_is_an_error(tmp_path: Path, target: str) -> None:
    finding = only(check_plugins(link_in_zip(tmp_path, target), LATEST))
    assert (finding.rule, finding.severity) == ("symlink", ERROR)
    assert target in finding.what


@pytest.mark.parametrize("target", ["other", "../other", "/usr/local/airflow/plugins/other"])
def test_link_in_the_zip_that_stays_inside_is_a_warning(tmp_path: Path, target: str) -> None:
    assert rules(check_plugins(link_in_zip(tmp_path, target), LATEST)) == [("symlink", WARNING)]


def test_link_out_of_the_folder_is_reported_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "broken.py").write_text("def broken(:\n")
    root = tmp_path / "plugins"
    root.mkdir()
    (root / "inside.txt").touch()
    (root / "to_folder").symlink_to(tmp_path / "outside")
    (root / "to_file.py").symlink_to("../outside/broken.py")
    (root / "to_inside.txt").symlink_to("inside.txt")
    findings = check_plugins(root, LATEST)
    assert [finding.path.rpartition("/")[2] for finding in findings] == ["to_file.py", "to_folder"]
    assert {finding.rule for finding in findings} == {"symlink"}


def test_file_that_is_there_twice_is_a_warning(tmp_path: Path) -> None:
    with (
        pytest.warns(UserWarning, match="Duplicate name"),
        zipfile.ZipFile(tmp_path / "plugins.zip", "w") as archive,
    ):
        archive.writestr("a.py", "x = 1\n")
        archive.writestr("a.py", "x = 2\n")
    finding = only(check_plugins(tmp_path / "plugins.zip", LATEST))
    assert (finding.rule, finding.severity) == ("duplicate", WARNING)
    assert "2 files" in finding.what


# The top folder.


def test_zip_of_the_folder_instead_of_its_contents_is_an_error(check: Check) -> None:
    finding = only(check({"plugins/operators/__init__.py": "", "plugins/my_plugin.py": PLUGIN}))
    assert (finding.rule, finding.severity) == ("top-folder", ERROR)
    assert finding.hint.endswith("cd plugins && zip -r ../plugins.zip .")


def test_junk_beside_the_top_folder_does_not_hide_it(tmp_path: Path) -> None:
    files: Files = {"plugins/a.py": "", "__MACOSX/plugins/._a.py": b"\0\5\x16\7", ".DS_Store": b"\0"}
    assert rules(check_plugins(make_zip(tmp_path, files), LATEST)) == [("macos-junk", NOTE), ("top-folder", ERROR)]


def test_top_folder_that_modules_import_is_a_warning(check: Check) -> None:
    files = {"plugins/__init__.py": "", "plugins/base.py": "", "plugins/a.py": "from plugins.base import x\n"}
    assert rules(check(files)) == [("top-folder", WARNING)]


def test_folder_named_plugins_beside_other_files_is_none(check: Check) -> None:
    assert check({"plugins/__init__.py": "", "a.py": ""}) == ()


def test_other_rules_look_below_the_top_folder(check: Check) -> None:
    found = check({"plugins/json/helpers.py": "x = 1\n"})
    assert [finding.rule for finding in found] == ["top-folder", "shadows-package"]


# Sources.


def test_syntax_error_has_file_and_line(check: Check) -> None:
    finding = only(check({"operators/__init__.py": "", "operators/a.py": "x = 1\ndef broken(:\n"}))
    assert (finding.rule, finding.severity, finding.line) == ("syntax-error", ERROR, 2)
    assert finding.path.endswith("/operators/a.py")
    assert finding.place.endswith("/operators/a.py:2")


def test_syntax_of_a_newer_python_is_an_error_on_an_older_release(check: Check) -> None:
    files = {"a.py": "match x:\n    case 1: pass\n"}
    assert check(files, LATEST) == ()
    assert rules(check(files, OLDER)) == [("syntax-error", ERROR)]


@pytest.mark.parametrize(
    "source", [b"x = '\0'\n", b"\xff\xfe", b"# coding: no-such\n", b"(" * 5000, b"-" * 100_000 + b"1"]
)
def test_source_that_is_none_is_an_error_and_no_crash(check: Check, source: bytes) -> None:
    assert rules(check({"a.py": source})) == [("syntax-error", ERROR)]


def test_source_in_another_encoding_and_odd_escapes_pass(check: Check) -> None:
    assert check({"a.py": "# coding: latin-1\nx = 'é\\d'\n".encode("latin-1"), "b.py": b"\xef\xbb\xbfx = 1\r\n"}) == ()


@pytest.mark.parametrize("line", ["type X = int", "def f[T](x: T): ...", "class A[T]: ...", "x = f'{y['a']}'"])
def test_syntax_that_came_with_3_12_is_no_error_where_3_11_judges(check: Check, line: str) -> None:
    found = check({"a.py": f"{line}\n"}, LATEST)
    assert rules(found) == ([("syntax-error", WARNING)] if sys.version_info < (3, 12) else [])
    assert all("3.12 may allow it" in finding.why for finding in found)


@pytest.mark.parametrize("line", ["type X = int", "def f[T](x: T): ...", "class A[T]: ..."])
def test_syntax_that_came_with_3_12_is_an_error_on_3_11(check: Check, line: str) -> None:
    assert rules(check({"a.py": f"{line}\n"}, NEWER_2)) == [("syntax-error", ERROR)]


def test_plugin_with_a_relative_import_does_not_register(check: Check) -> None:
    files = {"mine/__init__.py": "", "mine/hooks.py": "", "mine/plugin.py": f"from .hooks import *\n{PLUGIN}"}
    finding = only(check(files))
    assert (finding.rule, finding.severity, finding.line) == ("relative-import", ERROR, 1)
    assert "Mine does not register" in finding.what


def test_relative_import_elsewhere_is_a_warning(check: Check) -> None:
    files = {"mine/__init__.py": "from .hooks import x\n", "mine/hooks.py": "x = 1\n"}
    assert rules(check(files)) == [("relative-import", WARNING)]


def test_relative_import_that_need_not_run_is_none(check: Check) -> None:
    guarded = (
        "try:\n    from .a import x\nexcept ImportError:\n    from mine.a import x\ndef f():\n    from . import a\n"
    )
    assert check({"mine/__init__.py": "", "mine/a.py": "x = 1\n", "mine/b.py": guarded}) == ()


VENDORED = {"vendored/__init__.py": "from . import types\n", "vendored/types.py": "", "vendored/old.py": "print 'x'\n"}


@pytest.mark.parametrize(
    ("release", "where", "line"),
    [
        (LATEST, "vendored/", "*"),
        (LATEST, "", "vendored/"),
        (LATEST, "", "/vendored/*.py  # not ours"),
        (NEWER_2, "vendored/", ".*"),
        (NEWER_2, "", "^vendored/"),
    ],
)
def test_files_that_an_airflowignore_hides_are_not_judged(
    check: Check, release: Release, where: str, line: str
) -> None:
    assert check({**VENDORED, f"{where}.airflowignore": f"{line}\n"}, release) == ()


@pytest.mark.parametrize(
    ("release", "line"), [(LATEST, ".*"), (LATEST, "vendored.py"), (NEWER_2, "*.py"), (OLDEST, "vendored")]
)
def test_files_that_an_airflowignore_does_not_hide_are_judged(check: Check, release: Release, line: str) -> None:
    found = check({**VENDORED, ".airflowignore": f"{line}\n"}, release)
    assert ("syntax-error", ERROR) in rules(found)


@pytest.mark.parametrize(
    ("release", "hint"),
    [
        (LATEST, "list it in plugins/.airflowignore: tool-3.1/"),
        (NEWER_2, r"list it in plugins/.airflowignore: ^tool\-3\.1/"),
        (OLDEST, "keep it out of plugins/"),
    ],
)
def test_way_out_for_what_is_no_plugin_is_named_and_works(check: Check, release: Release, hint: str) -> None:
    files = {"tool-3.1/lib/package.py": "print 'x'\n"}
    finding = only(check(files, release))
    assert finding.hint.endswith(hint)
    if release is not OLDEST:
        assert check({**files, ".airflowignore": hint.rpartition(": ")[2]}, release) == ()


@pytest.mark.parametrize("source", ["from . import b\n", "from operators import b\n", "import operators.b\n"])
def test_imported_package_without_init_is_a_warning(check: Check, source: str) -> None:
    importer = "operators/a.py" if source.startswith("from .") else "a.py"
    found = [finding for finding in check({importer: source, "operators/b.py": ""}) if finding.rule == "missing-init"]
    assert only(tuple(found)).severity == WARNING
    assert "package operators has no __init__.py" in found[0].what


def test_package_around_a_package_needs_an_init(check: Check) -> None:
    files = {"company/a.py": "", "company/hooks/__init__.py": "", "company/hooks/b.py": ""}
    assert rules(check(files)) == [("missing-init", WARNING)]


def test_folder_of_scripts_needs_no_init(check: Check) -> None:
    assert check({"scripts/run.py": "import os\n", "sql/a.sql": "SELECT 1"}) == ()


def test_package_without_init_works_until_another_takes_its_name(tmp_path: Path) -> None:
    """What the rule `missing-init` says of Python, tried with Python."""
    for name in ("plugins/operators", "dags/operators"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "plugins" / "operators" / "mine.py").touch()

    def imported() -> int:
        code = "import sys; sys.path += sys.argv[1:]; import operators.mine"
        argv = [sys.executable, "-c", code, str(tmp_path / "plugins"), str(tmp_path / "dags")]
        return subprocess.run(argv, capture_output=True, check=False).returncode

    assert imported() == 0
    (tmp_path / "dags" / "operators" / "__init__.py").touch()
    assert imported() == 1


@pytest.mark.parametrize(
    ("name", "owner"),
    [("logging.py", "Python's own module"), ("hooks/types.py", "Python's own"), ("redis.py", "the package redis")],
)
def test_module_with_the_name_of_one_that_is_there_is_a_warning(check: Check, name: str, owner: str) -> None:
    finding = only(check({name: "x = 1\n"}, NEWER_2))
    assert (finding.rule, finding.severity) == ("shadows-package", WARNING)
    assert owner in finding.what
    assert "later `import" in finding.why


@pytest.mark.parametrize(("name", "owner"), [("email", "Python's own"), ("airflow", "Airflow"), ("boto3", "boto3")])
def test_folder_with_the_name_of_a_package_that_is_there_is_a_warning(check: Check, name: str, owner: str) -> None:
    finding = only(check({f"{name}/__init__.py": "", f"{name}/mine.py": ""}))
    assert (finding.rule, finding.severity) == ("shadows-package", WARNING)
    assert owner in finding.what
    assert "does not find this one" in finding.why


def test_package_that_only_another_release_has_is_no_conflict(check: Check) -> None:
    assert "pandas" in OLDER.packages.base
    assert "pandas" not in LATEST.packages.base
    assert check({"pandas.py": ""}, LATEST) == ()
    assert rules(check({"pandas.py": ""}, OLDER)) == [("shadows-package", WARNING)]


def test_airflow_1_loads_plugins_under_names_of_their_own(check: Check) -> None:
    assert check({"hooks/types.py": ""}, OLDEST) == ()
    assert "does not find this file" in only(check({"types.py": ""}, OLDEST)).why


# Binaries.


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.so", elf(machine=183), "ARM"),
        ("a.so", elf(machine=3, bits=1), "32-bit x86"),
        ("a.so", elf(machine=62, bits=1), "32-bit programs"),
        ("a.so", elf(machine=9999), "machine 9999"),
        ("lib.so.1", elf(tail=b"libc.musl-x86_64.so.1\0"), "musl"),
        ("a.so", elf(tail=b"GLIBC_2.39\0"), "needs glibc 2.39, and Amazon Linux 2023 has 2.34"),
        ("a.cpython-39-x86_64-linux-gnu.so", elf(), "Python 3.9"),
        ("a.pyd", PE, "Windows"),
        ("a.dylib", MACHO, "macOS"),
        ("a.so", FAT_MACHO, "macOS"),
    ],
)
def test_library_of_another_platform_is_an_error(check: Check, name: str, content: bytes, problem: str) -> None:
    finding = only(check({f"lib/{name}": content}))
    assert (finding.rule, finding.severity) == ("foreign-binary", ERROR)
    assert problem in finding.what


def test_program_of_another_platform_is_a_warning(check: Check) -> None:
    assert rules(check({"bin/tool": elf(machine=183), "bin/tool.exe": PE})) == [("foreign-binary", WARNING)] * 2


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.cpython-312-x86_64-linux-gnu.so", elf(tail=b"GLIBC_2.34\0")),
        ("a.abi3.so", elf()),
        ("A.class", JAVA_CLASS),
        ("notes.txt", b"MZ is how a DOS program begins"),
        ("short.so", b"\x7fELF"),
        ("empty.so", b""),
    ],
)
def test_file_that_fits_or_is_no_binary_has_no_finding(check: Check, name: str, content: bytes) -> None:
    assert check({name: content}) == ()


def test_glibc_is_that_of_the_release(check: Check) -> None:
    library = {"a.so": elf(tail=b"GLIBC_2.28\0")}
    assert check(library, LATEST) == ()
    assert "Amazon Linux 2 has 2.26" in only(check(library, OLDER)).what


@pytest.mark.parametrize(
    ("wheel", "release", "fits"),
    [
        ("a-1.0-cp312-cp312-manylinux_2_34_x86_64.whl", LATEST, True),
        ("a-1.0-cp312-cp312-manylinux_2_35_x86_64.whl", LATEST, False),
        ("a-1.0-cp312-cp312-manylinux_2_17_aarch64.whl", LATEST, False),
        ("a-1.0-cp312-cp312-macosx_11_0_arm64.whl", LATEST, False),
        ("a-1.0-cp312-cp312-win_amd64.whl", LATEST, False),
        ("a-1.0-cp312-cp312-musllinux_1_1_x86_64.whl", LATEST, False),
        ("a-1.0-cp311-cp311-manylinux2014_x86_64.whl", LATEST, False),
        ("a-1.0-cp311-cp311-manylinux2014_x86_64.whl", NEWER_2, True),
        ("a-1.0-cp38-abi3-manylinux2014_x86_64.whl", LATEST, True),
        ("a-1.0-py2-none-any.whl", LATEST, False),
        ("a-1.0-cp37-cp37m-manylinux_2_26_x86_64.whl", OLDER, True),
        ("a-1.0-cp37-cp37m-manylinux_2_27_x86_64.whl", OLDER, False),
        ("a-1.0-cp37-cp37m-manylinux1_x86_64.whl", OLDER, True),
        ("a-1.0-cp37-cp37m-linux_x86_64.whl", OLDER, True),
    ],
)
def test_wheel_fits_by_its_tags(check: Check, wheel: str, release: Release, fits: bool) -> None:
    assert rules(check({wheel: "wheel"}, release)) == ([] if fits else [("foreign-binary", ERROR)])


def test_foreign_wheel_beside_one_that_fits_is_a_warning(check: Check) -> None:
    files = {"a-1.0-cp312-cp312-macosx_11_0_arm64.whl": "", "a-1.0-cp312-cp312-manylinux2014_x86_64.whl": ""}
    assert rules(check(files)) == [("foreign-binary", WARNING)]


def test_wheel_with_another_name_is_overlooked_by_pip(check: Check) -> None:
    assert rules(check({"a-latest.whl": ""})) == [("wheel-name", WARNING)]


def test_wheel_tags_are_those_of_this_interpreter_where_it_is_the_same() -> None:
    """On Linux x86-64 what pip itself takes, down from its own glibc, is among ours, but for musl."""
    if sys.platform != "linux" or os.uname().machine != "x86_64":
        pytest.skip("needs Linux on x86-64")
    from packaging.tags import sys_tags

    glibc = int(os.confstr("CS_GNU_LIBC_VERSION").rpartition(".")[2])  # type: ignore[union-attr]
    assert set(sys_tags()) == wheel_tags(sys.version_info.minor, glibc)


# Sizes, and what is only in the way.


def test_more_than_a_gigabyte_is_a_warning(tmp_path: Path) -> None:
    with (tmp_path / "model.bin").open("wb") as sparse:
        sparse.truncate(1_000_000_001)
    finding = only(check_plugins(tmp_path, LATEST))
    assert (finding.rule, finding.severity) == ("too-large", WARNING)


def test_source_that_unpacks_to_very_much_is_not_read_and_said(tmp_path: Path) -> None:
    path = make_zip(tmp_path, {"bomb.py": b"#" * (plugins_survey.MAX_SOURCE_BYTES + 2)})
    assert path.stat().st_size < plugins_survey.MAX_SOURCE_BYTES / 100
    finding = only(check_plugins(path, LATEST))
    assert (finding.rule, finding.severity) == ("not-read", NOTE)


def test_reading_stops_at_the_limit_for_all_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins_survey, "MAX_TOTAL_BYTES", 10)
    findings = check_plugins(make_zip(tmp_path, {"a.py": "x = 1234567\n", "b.py": "def broken(:\n"}), LATEST)
    assert [(finding.rule, finding.path[-4:]) for finding in findings] == [("not-read", "b.py")]


def test_compression_that_cannot_be_bounded_is_not_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "plugins.zip", "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("a.py", "def broken(:\n" * 10)
    assert rules(check_plugins(tmp_path / "plugins.zip", LATEST)) == [("not-read", NOTE)]


def test_many_findings_of_a_rule_end_with_their_number(check: Check) -> None:
    findings = check({f"a{number:02}.py": "def broken(:\n" for number in range(MAX_FINDINGS_PER_RULE + 5)})
    assert len(findings) == MAX_FINDINGS_PER_RULE + 1
    assert any(finding.what == "5 more findings of this rule" and finding.severity == ERROR for finding in findings)


def test_bytecode_in_the_zip_is_a_note(tmp_path: Path) -> None:
    files: Files = {"a.py": "", "__pycache__/a.cpython-39.pyc": b"\0", "b.pyc": b"\0"}
    finding = only(check_plugins(make_zip(tmp_path, files), LATEST))
    assert (finding.rule, finding.severity) == ("bytecode", NOTE)
    assert "2 files" in finding.what


def test_bytecode_that_python_leaves_in_the_folder_is_none(tmp_path: Path) -> None:
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.cpython-312.pyc").touch()
    assert check_plugins(tmp_path, LATEST) == ()


def test_files_of_macos_are_one_note(check: Check) -> None:
    finding = only(check({".DS_Store": "", "sub/.DS_Store": "", "sub/._a.py": "def broken(:\n"}))
    assert (finding.rule, finding.severity) == ("macos-junk", NOTE)


# No input is a crash.


def test_module_facts_of_imports() -> None:
    found = read_module(b"import a.b\nfrom c.d import e as f\nfrom . import g\n", "3.12")
    assert isinstance(found, Module)
    assert found.imports == {("a", "b"), ("c", "d", "e")}
    assert found.relative_line == 3


names = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12
) | st.sampled_from(
    ["a.py", "plugins/a.py", "a/b.so", "x-1.0-py3-none-any.whl", "../a", "a\\b", "//", "a/", "__MACOSX/a", "a/b/c.py"]
)
sound = st.dictionaries(names, st.binary(max_size=80) | st.sampled_from([b"from .x import y\n", elf(), PE]), max_size=6)


@settings(max_examples=150, deadline=None)
@given(files=sound, place=st.floats(0, 1), change=st.binary(max_size=6), cut=st.booleans())
def test_no_zip_is_a_crash_nor_extracted(files: Files, place: float, change: bytes, cut: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = make_zip(Path(folder), files)
        raw = path.read_bytes()
        at = int(place * len(raw))
        path.write_bytes(raw[:at] + change + (b"" if cut else raw[at + len(change) :]))
        for finding in check_plugins(path, LATEST):
            assert finding.what.isprintable()
            assert finding.path.encode()
        assert list(Path(folder).iterdir()) == [path]
