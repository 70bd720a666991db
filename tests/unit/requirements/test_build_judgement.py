"""What a failed build means for MWAA's image: by the release's list of system packages, on every release."""

from __future__ import annotations

import tomllib
from collections import Counter
from pathlib import Path

import pytest

from mwaa_local.check.requirements.builds import Builds
from mwaa_local.check.requirements.resolver import Resolver
from mwaa_local.release import Release
from mwaa_local.requirements.build_judgement import Build, Outcome, judge
from mwaa_local.requirements.build_words import BuildFailure, Cause
from mwaa_local.requirements.script_commands import Brings
from mwaa_local.requirements.system_files import TABLE_PATH, Kind, Lacking, Need, Present, in_image, needed_by

RELEASES = {release.airflow_version: release for release in Release.all()}
# Since 2.9.2 AWS publishes a bill of materials with each image.
LISTED = [version for version, release in RELEASES.items() if release.is_at_least("2.9.2")]
UNLISTED = [version for version in RELEASES if version not in LISTED]
MYSQL = Need(Kind.PKG_CONFIG, ("mysqlclient", "mariadb", "libmariadb"))
LDAP = Need(Kind.HEADER, ("lber.h",))


def of_system(*needs: Need) -> BuildFailure:
    return BuildFailure(Cause.SYSTEM, "", needs)


def judged(failure: BuildFailure, version: str = "3.3.1", *, brings: Brings = Brings.NOTHING) -> Build:
    return judge(failure, RELEASES[version], brings=brings)


def test_lists_are_complete_where_there_is_a_bill_of_materials() -> None:
    assert [version for version, release in RELEASES.items() if release.system_packages_complete] == LISTED
    assert all(len(RELEASES[version].system_packages) > 400 for version in LISTED)
    assert all(RELEASES[version].system_packages for version in UNLISTED)


@pytest.mark.parametrize("version", LISTED)
def test_image_of_a_listed_release_has_what_mysqlclient_needs_and_lacks_what_python_ldap_needs(version: str) -> None:
    assert in_image(MYSQL, RELEASES[version]) == Present("MariaDB-devel")
    assert judged(of_system(MYSQL), version).outcome is Outcome.UNTRIED
    build = judged(of_system(LDAP), version)
    assert build.outcome is Outcome.FAILS
    assert build.why == "its build needs the header lber.h, and MWAA's image has no openldap-devel"
    assert build.hint == "install it in the startup script: `sudo dnf -y install openldap-devel`"


@pytest.mark.parametrize("version", UNLISTED)
@pytest.mark.parametrize("need", [MYSQL, LDAP, Need(Kind.PROGRAM, ("cmake",)), Need(Kind.LIBRARY, ("odbc",))])
def test_nothing_is_said_to_be_lacking_where_the_list_is_not_complete(version: str, need: Need) -> None:
    assert not isinstance(in_image(need, RELEASES[version]), Lacking)
    assert judged(of_system(need), version).outcome is Outcome.UNTRIED


@pytest.mark.parametrize("version", ["2.4.3", "2.5.1", "2.6.3", "2.7.2", "2.8.1"])
def test_build_scripts_of_older_images_fetch_mariadb(version: str) -> None:
    why = judged(of_system(MYSQL), version).why
    assert why == (
        "this machine has no mysqlclient, mariadb or libmariadb for pkg-config, but MWAA's image has MariaDB-devel"
    )


@pytest.mark.parametrize(
    "need",
    [
        Need(Kind.PROGRAM, ("mysql_config", "mariadb_config")),
        Need(Kind.PROGRAM, ("pg_config",)),
        Need(Kind.PROGRAM, ("krb5-config",)),
        Need(Kind.PROGRAM, ("curl-config",)),
        Need(Kind.PROGRAM, ("xml2-config",)),
        Need(Kind.PROGRAM, ("gcc",)),
        Need(Kind.PROGRAM, ("g++",)),
        Need(Kind.PROGRAM, ("make",)),
        Need(Kind.PROGRAM, ("pkg-config",)),
        Need(Kind.HEADER, ("Python.h",)),
        Need(Kind.HEADER, ("libpq-fe.h",)),
        Need(Kind.HEADER, ("openssl/ssl.h",)),
        Need(Kind.HEADER, ("libxml/xmlversion.h",)),
        Need(Kind.LIBRARY, ("ffi",)),
    ],
)
@pytest.mark.parametrize("version", LISTED)
def test_lack_of_what_the_image_has_is_this_machines(version: str, need: Need) -> None:
    build = judged(of_system(need), version)
    assert build.outcome is Outcome.UNTRIED
    assert "but MWAA's image has" in build.why


@pytest.mark.parametrize(
    ("need", "package"),
    [
        (Need(Kind.HEADER, ("sasl/sasl.h",)), "cyrus-sasl-devel"),
        (Need(Kind.HEADER, ("sql.h",)), "unixODBC-devel"),
        (Need(Kind.PROGRAM, ("cmake",)), "cmake"),
        (Need(Kind.PROGRAM, ("rustc",)), "rust"),
        (Need(Kind.PKG_CONFIG, ("xmlsec1",)), "xmlsec1-devel"),
        (Need(Kind.CMAKE, ("Arrow",)), "libarrow-devel"),
    ],
)
def test_what_the_image_lacks_fails_there(need: Need, package: str) -> None:
    assert judged(of_system(need)).why.endswith(f"MWAA's image has no {package}")


def test_one_of_several_names_is_enough() -> None:
    need = Need(Kind.PKG_CONFIG, ("ldap", "mariadb"))
    assert judged(of_system(need)).outcome is Outcome.UNTRIED


@pytest.mark.parametrize("names", [("nobody_knows.h",), ("lber.h", "nobody_knows.h")])
def test_what_the_table_does_not_know_is_not_judged(names: tuple[str, ...]) -> None:
    build = judged(of_system(Need(Kind.HEADER, names)))
    assert build.outcome is Outcome.UNTRIED
    assert build.why.endswith("and whether MWAA's image has it is not known")


def test_startup_script_may_install_what_the_image_lacks() -> None:
    build = judged(of_system(LDAP), brings=Brings.PACKAGES)
    assert build == Build(
        Outcome.UNTRIED,
        "this machine has no header lber.h, and MWAA's image has openldap-devel only if the startup script installs it",
    )


def test_script_that_may_bring_it_in_another_way_makes_it_doubtful() -> None:
    build = judged(of_system(LDAP), brings=Brings.ANYTHING)
    assert build.outcome is Outcome.DOUBTFUL
    assert build.why.endswith("MWAA's image has no openldap-devel; the startup script may bring it, in a way that this "
                              "check cannot follow")  # fmt: skip


def test_fault_of_the_package_fails_on_mwaa_too() -> None:
    assert judged(BuildFailure(Cause.PYTHON, "its C code …")).outcome is Outcome.FAILS
    assert judged(BuildFailure(Cause.NUMPY, "its C code …")).outcome is Outcome.FAILS
    setup = BuildFailure(Cause.SETUP, "KeyError: 'x'")
    assert judged(setup) == Build(Outcome.FAILS, "its build script fails: KeyError: 'x'")


def test_module_that_the_image_has_may_be_found_by_a_build_without_isolation() -> None:
    failure = BuildFailure(Cause.SETUP, "ModuleNotFoundError", missing_module="pkg_resources", is_legacy=True)
    assert judged(failure, "2.10.3").outcome is Outcome.DOUBTFUL  # setuptools 65 has it
    assert judged(failure, "3.3.1").outcome is Outcome.FAILS  # setuptools 83 does not
    isolated = BuildFailure(Cause.SETUP, "ModuleNotFoundError", missing_module="pkg_resources")
    assert judged(isolated, "2.10.3").outcome is Outcome.FAILS


def test_compiler_of_this_machine_is_not_that_of_the_image() -> None:
    build = judged(BuildFailure(Cause.COMPILER, "expected ';'"))
    assert build.outcome is Outcome.DOUBTFUL
    assert build.why == "this machine's compiler refuses its code (MWAA has gcc 11.5.0): expected ';'"


def test_failure_without_a_known_cause_is_doubtful_and_one_of_the_machine_is_not_judged() -> None:
    assert judged(BuildFailure(Cause.COMMAND)).why == "a program that its build runs fails here"
    assert judged(BuildFailure(Cause.COMMAND)).outcome is Outcome.DOUBTFUL
    assert judged(BuildFailure(Cause.UNKNOWN)) == Build(Outcome.DOUBTFUL, "its build fails here")
    assert judged(BuildFailure(Cause.MACHINE, "the disk was full")) == Build(Outcome.UNTRIED, "the disk was full")


@pytest.mark.parametrize("version", RELEASES)
def test_package_whose_needs_are_known_fails_without_a_build_where_the_list_is_complete(
    version: str, tmp_path: Path
) -> None:
    never = Resolver(RELEASES[version], tmp_path, {})
    is_known = [judged(of_system(*needed_by(name)), version).outcome for name in ("python-ldap", "sasl", "xmlsec")]
    if version not in LISTED:
        assert is_known == [Outcome.UNTRIED] * 3
        return
    assert is_known == [Outcome.FAILS] * 3
    build = Builds(never).try_one("python-ldap", "no version that any index has")
    assert build.why == "its build needs the header lber.h, and MWAA's image has no openldap-devel"


def test_every_need_that_is_known_is_in_the_table() -> None:
    names = tomllib.loads(TABLE_PATH.read_text(encoding="utf-8"))["needed_by"]
    assert needed_by("boto3") == ()
    for name in names:
        assert [type(in_image(need, RELEASES["3.3.1"])) for need in needed_by(name)] == [Lacking], name


def test_table_names_each_thing_once_and_only_known_kinds() -> None:
    rows = tomllib.loads(TABLE_PATH.read_text(encoding="utf-8"))["part"]
    kinds = {kind.value for kind in Kind}
    assert all(row.keys() <= {"packages", "offered", *kinds} for row in rows)
    named = Counter((kind, name) for row in rows for kind in kinds for name in row.get(kind, ()))
    assert [key for key, number in named.items() if number > 1] == []
