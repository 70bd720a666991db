"""Builds that failed below pip, from its output: shortened from runs of pip 21.3, 23.2 and 26.3."""

from __future__ import annotations

import pytest

from mwaa_local.release import Release
from mwaa_local.requirements.build_judgement import Outcome
from mwaa_local.requirements.pip_builds import PipBuild, failed_build

HEADER = """\
      building '_ldap' extension
      Modules/common.h:15:10: fatal error: lber.h: No such file or directory
      compilation terminated.
      error: Command '['gcc', '-c', 'Modules/LDAPObject.c']' returned non-zero exit status 1.
"""
PKG_CONFIG = """\
      Command 'pkg-config --exists mysqlclient' returned non-zero exit status 1.
      Command 'pkg-config --exists mariadb' returned non-zero exit status 1.
      Traceback (most recent call last):
        File "/tmp/pip-build-env-x/overlay/lib/python3.11/site-packages/setuptools/build_meta.py", line 333, in run
      Exception: Can not find valid pkg-config name.
"""
MODULE = """\
      Traceback (most recent call last):
        File "<string>", line 6, in <module>
      ModuleNotFoundError: No module named 'pkg_resources'
"""


def pip_21(name: str, said: str) -> str:
    return f"""\
Collecting six
Collecting {name}==1.0
  Building wheel for {name} (pyproject.toml): started
  ERROR: Command errored out with exit status 1:
   command: /usr/bin/python3 /x/pep517/in_process/_in_process.py build_wheel /tmp/tmpx
       cwd: /tmp/pip-install-x/{name}
  Complete output (20 lines):
{said}  ----------------------------------------
  ERROR: Failed building wheel for {name}
Failed to build {name}
ERROR: Could not build wheels for {name}, which is required to install pyproject.toml-based projects
"""


def pip_23(name: str, said: str) -> str:
    """Return what it says of a build that fails before there is metadata: without the package's name in the end."""
    return f"""\
Collecting six
Collecting {name}==1.0
  Getting requirements to build wheel: finished with status 'error'
  error: subprocess-exited-with-error

  \u00d7 Getting requirements to build wheel did not run successfully.
  │ exit code: 1
  ╰─> [24 lines of output]
{said}      [end of output]

  note: This error originates from a subprocess, and is likely not a problem with pip.
error: subprocess-exited-with-error

\u00d7 Getting requirements to build wheel did not run successfully.
│ exit code: 1
╰─> See above for output.
"""


def pip_26(name: str, said: str) -> str:
    return pip_23(name, said).partition("error: subprocess-exited-with-error\n\n\u00d7")[0] + (
        f"ERROR: Failed to build '{name}' when getting requirements to build wheel\n"
    )


def pip_26_wheel(name: str, said: str) -> str:
    return pip_23("other", said).partition("note:")[0] + (
        f"ERROR: Failed building wheel for {name}\nFailed to build {name}\nerror: failed-wheel-build-for-install\n\n"
        f"\u00d7 Failed to build installable wheels for some pyproject.toml based projects\n╰─> {name}\n"
    )


def failed(output: str, version: str = "3.3.1") -> PipBuild | None:
    return failed_build(output.split("\n"), Release.load(version))


@pytest.mark.parametrize("pip", [pip_21, pip_23, pip_26, pip_26_wheel])
def test_build_that_lacks_what_the_image_has_is_a_matter_of_this_machine(pip: object) -> None:
    assert callable(pip)
    build = failed(pip("mysqlclient", PKG_CONFIG))
    assert build is not None
    assert build.is_of_machine
    assert build.reason == (
        "mysqlclient could not be built: this machine has no mysqlclient or mariadb for pkg-config, but MWAA's image "
        "has MariaDB-devel"
    )


def test_what_a_startup_script_installs_on_mwaa_is_left_open() -> None:
    """`check requirements`, which reads the script, may say more."""
    build = failed(pip_23("python-ldap", HEADER))
    assert build is not None
    assert build.is_of_machine
    assert "MWAA's image has openldap-devel only if the startup script installs it" in build.reason


@pytest.mark.parametrize("pip", [pip_21, pip_23, pip_26])
def test_build_that_is_broken_itself_fails_on_mwaa_too(pip: object) -> None:
    assert callable(pip)
    build = failed(pip("cx_Oracle", MODULE))
    assert build is not None
    assert build.build.outcome is Outcome.FAILS
    assert not build.is_of_machine
    assert build.reason.endswith("its build script fails: ModuleNotFoundError: No module named 'pkg_resources'")


@pytest.mark.parametrize(
    "output",
    [
        "",
        "ERROR: No matching distribution found for nosuchpackage",
        "ERROR: Cannot install a==1 and a==2 because these package versions have conflicting dependencies.",
        "error: subprocess-exited-with-error",
    ],
)
def test_other_failures_of_pip_are_none_of_a_build(output: str) -> None:
    assert failed(output) is None
