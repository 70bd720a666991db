"""What failed builds said, shortened from real runs of uv 0.13 and pip with the packages named."""

from __future__ import annotations

import pytest

from mwaa_local.requirements.build_words import BuildFailure, Cause, read
from mwaa_local.requirements.system_files import Kind, Need

TRACEBACK = """\
[stderr]
Traceback (most recent call last):
  File "<string>", line 14, in <module>
  File "/root/.cache/uv/builds-v0/.tmpX/lib/python3.11/site-packages/setuptools/build_meta.py", line 333, in run_setup
    return self._get_build_requires(config_settings, requirements=[])
"""
HINT = "\nhint: Build failures usually indicate a problem with the package or the build environment\n"
LEGACY = "cause: Call to `setuptools.build_meta:__legacy__.get_requires_for_build_wheel` failed (exit status: 1)\n"
MODERN = "cause: Call to `setuptools.build_meta.build_wheel` failed (exit status: 1)\n"
DISTUTILS = "error: Command '['gcc', '-I/root/.cache/x/include', '-c', 'src/a.c']' returned non-zero exit status 1.\n"


def gcc(place: str, header: str) -> str:
    """Return what gcc says of a header that is not there, and what distutils says of gcc."""
    return f"{place}: fatal error: {header}: No such file or directory\ncompilation terminated.\n{DISTUTILS}"


# Package and version -> what its build said here, and what it did not find.
LACKING = {
    "python-ldap 3.4.4": (gcc("Modules/common.h:15:10", "lber.h"), Kind.HEADER, ("lber.h",)),
    "sasl 0.3.1": (gcc("sasl/saslwrapper.h:22:10", "sasl/sasl.h"), Kind.HEADER, ("sasl/sasl.h",)),
    "pyodbc 4.0.39": (gcc("src/pyodbc.h:56:10", "sql.h"), Kind.HEADER, ("sql.h",)),
    "clang's words": ("a.c:1:10: fatal error: 'ffi.h' file not found\n", Kind.HEADER, ("ffi.h",)),
    "a library alone": ("/usr/bin/ld: cannot find -lsybdb\ncollect2: error: ld returned 1\n", Kind.LIBRARY, ("sybdb",)),
    "no compiler": ("error: [Errno 2] No such file or directory: 'gcc'\n", Kind.PROGRAM, ("gcc",)),
    "no compiler, older": ("error: command 'gcc' failed: No such file or directory\n", Kind.PROGRAM, ("gcc",)),
    "no compiler, older still": ("unable to execute 'gcc': No such file or directory\n", Kind.PROGRAM, ("gcc",)),
    "m2crypto 0.40.1": ("error: command 'swig' failed: No such file or directory\n", Kind.PROGRAM, ("swig",)),
    "mysqlclient 2.2.4": (
        "Trying pkg-config --exists mysqlclient\n"
        "Command 'pkg-config --exists mysqlclient' returned non-zero exit status 1.\n"
        "Trying pkg-config --exists mariadb\n"
        "Command 'pkg-config --exists mariadb' returned non-zero exit status 1.\n"
        f"{TRACEBACK}Exception: Can not find valid pkg-config name.\nSpecify MYSQLCLIENT_CFLAGS manually\n",
        Kind.PKG_CONFIG,
        ("mysqlclient", "mariadb"),
    ),
    "mysqlclient 2.1.1": (
        "/bin/sh: 1: mysql_config: not found\n/bin/sh: 1: mariadb_config: not found\n"
        f"/bin/sh: 1: mysql_config: not found\n{TRACEBACK}OSError: mysql_config not found\n",
        Kind.PROGRAM,
        ("mysql_config", "mariadb_config"),
    ),
    "gssapi 1.8.3": (
        f"/bin/sh: 1: krb5-config: not found\n{TRACEBACK}subprocess.CalledProcessError: Command 'krb5-config --libs "
        "gssapi' returned non-zero exit status 127.\n",
        Kind.PROGRAM,
        ("krb5-config",),
    ),
    "kerberos 1.3.1": (
        "gcc: error: /bin/sh:: linker input file not found: No such file or directory\n"
        "gcc: error: krb5-config:: linker input file not found: No such file or directory\n"
        f"gcc: error: found: linker input file not found: No such file or directory\n{DISTUTILS}",
        Kind.PROGRAM,
        ("krb5-config",),
    ),
    "pycurl 7.45.3": (
        f"{TRACEBACK}FileNotFoundError: [Errno 2] No such file or directory: 'curl-config'\n"
        "ConfigurationError: Could not run curl-config: [Errno 2] No such file or directory: 'curl-config'\n",
        Kind.PROGRAM,
        ("curl-config",),
    ),
    "psycopg2 2.9.9": ("Error: pg_config executable not found.\n", Kind.PROGRAM, ("pg_config",)),
    "gdal 3.6.2": (
        f"{TRACEBACK}gdal_config_error: [Errno 2] No such file or directory: 'gdal-config'\n"
        "Could not find gdal-config. Make sure you have installed the GDAL native library.\n",
        Kind.PROGRAM,
        ("gdal-config",),
    ),
    "dbus-python 1.3.2": (
        'meson.build:1:0: ERROR: Dependency "dbus-1" not found, tried pkgconfig\n',
        Kind.PKG_CONFIG,
        ("dbus-1",),
    ),
    "xmlsec 1.3.13": ("Package xmlsec1 was not found in the pkg-config search path.\n", Kind.PKG_CONFIG, ("xmlsec1",)),
    "pyarrow 25.0.1": (
        'CMake Error at CMakeLists.txt:294 (find_package):\n  By not providing "FindArrow.cmake" this project has\n'
        '  Could not find a package configuration file provided by "Arrow" with any of\n',
        Kind.CMAKE,
        ("Arrow",),
    ),
    "h5py 3.8.0": (
        "error: libhdf5.so: cannot open shared object file: No such file or directory\n",
        Kind.LIBRARY,
        ("hdf5",),
    ),
    "shapely 1.7.1": (
        f"Failed `CDLL(libgeos_c.so)`\n{TRACEBACK}OSError: Could not find library geos_c or load any of its variants\n",
        Kind.LIBRARY,
        ("geos_c",),
    ),
    "cryptography 3.4.8": (f"error: can't find Rust compiler\n{HINT}", Kind.PROGRAM, ("rustc",)),
}


@pytest.mark.parametrize("package", LACKING)
def test_what_the_system_lacks_is_found_in_the_output(package: str) -> None:
    said, kind, names = LACKING[package]
    failure = read(f"{MODERN}{said}{HINT}", "3.11")
    assert (failure.cause, failure.needs) == (Cause.SYSTEM, (Need(kind, names),))


@pytest.mark.parametrize(
    "said",
    [
        gcc("sasl/saslwrapper.cpp:196:12", "longintrepr.h"),  # sasl 0.3.1; uv hints at a library that has it
        f"src/lxml/etree.c:9:53: error: 'PyLongObject' has no member named 'ob_digit'\n{DISTUTILS}",  # lxml 4.9.1
        f"src/greenlet.c:1:9: error: 'PyThreadState' has no member named 'use_tracing'\n{DISTUTILS}",  # greenlet 1.1.0
    ],
)
def test_code_for_an_older_python_is_no_lack_of_the_system(said: str) -> None:
    assert read(f"{MODERN}{said}{HINT}", "3.12") == BuildFailure(
        Cause.PYTHON, "its C code does not compile with Python 3.12"
    )


def test_code_for_an_older_numpy_is_told_as_such() -> None:
    said = "fastparquet/speedups.c:4660:39: error: 'PyArray_Descr' has no member named 'subarray'\n" + DISTUTILS
    assert read(f"{MODERN}{said}{HINT}", "3.10").cause is Cause.NUMPY


@pytest.mark.parametrize(
    ("said", "reason", "module"),
    [
        ("ModuleNotFoundError: No module named 'pkg_resources'", None, "pkg_resources"),  # cx_Oracle 8.3.0
        ("AttributeError: 'build_ext' object has no attribute 'cython_sources'", None, ""),  # pyyaml 5.4.1
        ("RuntimeError: Cannot install on Python version 3.10.13; only versions >=3.6,<3.10 will do", None, ""),
        (
            "packaging.requirements.InvalidRequirement: Expected semicolon or end",  # tensorflow-gpu 2.12.0
            "InvalidRequirement: Expected semicolon or end",
            "",
        ),
        ("SystemExit: python 3.6 wanted", None, ""),
    ],
)
def test_error_of_the_build_script_is_its_last_exception(said: str, reason: str | None, module: str) -> None:
    failure = read(f"{MODERN}{TRACEBACK}{said}\n{HINT}", "3.12")
    assert (failure.cause, failure.reason, failure.missing_module) == (Cause.SETUP, reason or said, module)


def test_build_script_without_an_exception_speaks_for_itself() -> None:
    said = "[stderr]\nThe 'sklearn' PyPI package is deprecated, use 'scikit-learn'\nrather than 'sklearn'\n"
    failure = read(f"{LEGACY}{said}{HINT}", "3.11")
    assert failure.reason == "The 'sklearn' PyPI package is deprecated, use 'scikit-learn'"
    assert (failure.cause, failure.is_legacy) == (Cause.SETUP, True)


def test_header_that_an_optional_part_asked_for_is_not_the_cause() -> None:
    """The script went on without it and failed for another reason."""
    said = gcc("check_libyaml.c:2:10", "yaml.h") + TRACEBACK + "AttributeError: no cython_sources\n"
    assert read(f"{MODERN}{said}{HINT}", "3.11").cause is Cause.SETUP


def test_exception_about_the_compiler_leaves_the_header_the_cause() -> None:
    said = gcc("a.c:2:10", "ffi.h") + TRACEBACK + "distutils.errors.CompileError: command '/usr/bin/gcc' failed\n"
    assert read(f"{MODERN}{said}{HINT}", "3.11").needs == (Need(Kind.HEADER, ("ffi.h",)),)


def test_other_error_of_a_compiler_is_told_in_its_words() -> None:
    said = f"src/a.c:5:3: error: expected ';' before 'return'\nsrc/a.c:9:1: error: second\n{DISTUTILS}"
    assert read(f"{MODERN}{said}{HINT}", "3.11") == BuildFailure(Cause.COMPILER, "expected ';' before 'return'")


def test_program_that_fails_here_may_do_better_elsewhere() -> None:
    """llvmlite 0.50.0, beside an older LLVM; its script knows only that CMake failed."""
    cmake = (
        "CMake Error at CMakeLists.txt:46 (message):\n  LLVM states that its version is 14,\n  only 22 will do.\n\n\n"
    )
    failed = "subprocess.CalledProcessError: Command '['cmake', '/root/x/ffi']' returned non-zero exit status 1.\n"
    told = BuildFailure(Cause.COMMAND, "LLVM states that its version is 14, only 22 will do")
    assert read(f"{MODERN}{cmake}{TRACEBACK}{failed}{HINT}", "3.10") == told
    assert read(f"{MODERN}{TRACEBACK}{failed}{HINT}", "3.10") == BuildFailure(Cause.COMMAND)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("urllib.error.URLError: <urlopen error [Errno -2] Name or service not known>", "not reached"),  # ibm-db
        ("OSError: [Errno 28] No space left on device", "the disk was full"),
        ("g++: fatal error: Killed (signal terminated program cc1plus)", "too little memory"),
        ("cause: Failed to parse: /root/.cache/x/src/pyproject.toml", "which pip may take"),  # orjson 3.8.0
    ],
)
def test_what_is_no_fault_of_the_package_is_no_failure_of_its_build(said: str, reason: str) -> None:
    failure = read(f"{MODERN}{TRACEBACK}{said}\n", "3.11")
    assert failure.cause is Cause.MACHINE
    assert reason in failure.reason


def test_reason_is_one_line_without_paths_of_this_machine() -> None:
    said = f"ValueError: cannot read /root/.cache/uv/sdists-v10/x/src/setup.cfg {'and so on ' * 40}"
    reason = read(f"{MODERN}{TRACEBACK}{said}\n", "3.11").reason
    assert reason.startswith("ValueError: cannot read … and so on")
    assert len(reason) <= 161
    assert "\n" not in reason


def test_advice_on_files_of_uv_is_not_repeated() -> None:
    said = f"{TRACEBACK}ModuleNotFoundError: No module named 'pkg_resources'\n"
    advice = 'hint: consider adding it\n\n[tool.uv.extra-build-dependencies]\ncx-oracle = ["pkg_resources"]\n'
    assert "uv" not in read(f"{MODERN}{said}{advice}", "3.12").reason


@pytest.mark.parametrize("said", ["", "exit 1", "\x00\ufffd", "error: Failed to build `x==1`"])
def test_output_that_says_nothing_has_no_reason(said: str) -> None:
    assert read(said) == BuildFailure(Cause.UNKNOWN)
