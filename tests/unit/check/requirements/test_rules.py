"""What the rules find in requirements files.

Sources: aws/amazon-mwaa-docker-images, `python/mwaa/utils/user_requirements.py`, `bin/airflow-user/safe-pip-install`;
MWAA user guide, "Installing Python dependencies".
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.version import Version

from mwaa_local.check.requirements.lines import ScannedConstraint, Unreadable, read
from mwaa_local.check.requirements.rule import admits, applies
from mwaa_local.check.requirements.rules import RULES, findings
from mwaa_local.finding import ERROR, NOTE, SEVERITIES, WARNING, Finding
from mwaa_local.masking import without_secrets
from mwaa_local.release import Release

NEW, OLD = "3.0.6", "2.2.2"  # MWAA adds constraints to the first, and none to the second
URL = "https://raw.githubusercontent.com/apache/airflow/constraints-3.0.6/constraints-3.12.txt"
OTHER_RELEASE = URL.replace("3.0.6", "2.8.1")
OTHER_PYTHON = URL.replace("3.12", "3.9")
FOLDERS = ("dags", "plugins", "requirements", "startup")
TOP = "requirements/requirements.txt"
Find = Callable[..., list[Finding]]


@pytest.fixture
def found(tmp_path: Path) -> Find:
    """Write a project's requirements file, and others, and return what is found in it, of one rule when named."""

    def find(
        text: str | bytes, rule: str = "", *, version: str = NEW, private: bool = False, **others: str
    ) -> list[Finding]:
        files = {name.replace("__", "/") + ".txt": content for name, content in others.items()}
        for name, content in {TOP: text, **files}.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
        home_map = {f"/usr/local/airflow/{name}": tmp_path / name for name in FOLDERS}
        entries = read(tmp_path / TOP, tmp_path, home_map, {"AIRFLOW_VERSION": version})
        all_found = findings(entries, Release.load(version), private)
        assert all(item.severity in RULES[item.rule].severities for item in all_found)
        return [item for item in all_found if rule in ("", item.rule)]

    return find


def severities(items: list[Finding]) -> list[tuple[int, str]]:
    return [(item.line, item.severity) for item in items]


def test_table_has_every_rule_with_severity_and_meaning() -> None:
    assert {rule.id for rule in RULES.values()} == set(RULES)
    for rule in RULES.values():
        assert rule.severities
        assert set(rule.severities) <= set(SEVERITIES)
        assert rule.meaning.endswith(".")


@pytest.mark.parametrize("version", Release.versions())
def test_good_file_has_no_finding_in_any_release(found: Find, version: str) -> None:
    url = Release.load(version).constraints_urls[0]
    text = f"# ours\n\n--constraint {url}\nboto3\nrequests>=2\nmy-own==1.2.3\n"
    assert found(text, version=version) == []


@pytest.mark.parametrize("version", Release.versions())
def test_versions_of_every_release_can_be_compared(version: str) -> None:
    release = Release.load(version)
    for pins in (release.packages.base, release.essential_constraints):
        for pin in pins.values():
            assert Version(pin)


def test_file_without_a_package_has_no_finding(found: Find) -> None:
    assert found("# nothing\n\n", private=True) == []
    assert found("") == []


# constraints


def test_missing_constraints_are_a_note_where_mwaa_adds_its_own(found: Find) -> None:
    (item,) = found("my-own==1\n", "missing-constraint")
    assert (item.severity, item.place) == (NOTE, TOP)
    assert URL in item.hint


def test_missing_constraints_are_a_warning_where_mwaa_adds_none(found: Find) -> None:
    (item,) = found("my-own==1\n", "missing-constraint", version=OLD)
    assert item.severity == WARNING
    assert found("# -c x\nmy-own==1\n", "missing-constraint", version=OLD)


def test_comment_that_opts_out_is_found_at_its_line(found: Find) -> None:
    items = found("boto3\n# no -c here, please\n")
    assert [(item.rule, item.line, item.severity) for item in items] == [("constraint-opt-out", 2, WARNING)]


def test_comment_opts_out_of_nothing_where_mwaa_adds_none_or_the_file_has_some(found: Find) -> None:
    assert not found("# -c x\nboto3\n", "constraint-opt-out", version=OLD)
    assert not found(f"# -c x\n-c {URL}\nboto3\n", "constraint-opt-out")


def test_constraint_that_pip_ignores_opts_out(found: Find) -> None:
    assert severities(found(f"boto3 -c {URL}\n", "constraint-opt-out")) == [(1, WARNING)]
    assert found(f"boto3 -c {URL}\n", "ignored-option")


@pytest.mark.parametrize("text", [f"--constraint={OTHER_RELEASE}", f"-c{OTHER_RELEASE}"])
def test_constraint_that_mwaa_overlooks_is_found(found: Find, text: str) -> None:
    assert severities(found(f"boto3\n{text}\n", "constraint-overlooked")) == [(2, WARNING)]
    assert not found(f"boto3\n{text}\n", "constraint-overlooked", version=OLD)


def test_constraint_of_a_nested_file_is_overlooked(found: Find) -> None:
    (item,) = found("-r ../dags/a.txt\n", "constraint-overlooked", dags__a=f"boto3\n-c {OTHER_RELEASE}\n")
    assert item.place == "dags/a.txt:2"


def test_overlooked_constraints_of_the_release_itself_do_no_harm(found: Find) -> None:
    assert not found(f"boto3\n--constraint={URL}\n")


def test_constraints_of_another_release_or_python_are_found(found: Find) -> None:
    assert severities(found(f"boto3\n-c {OTHER_RELEASE}\n", "other-release-constraints")) == [(2, WARNING)]
    assert not found(f"boto3\n-c {OTHER_RELEASE}\n", "other-python-constraints")
    assert severities(found(f"boto3\n-c {OTHER_PYTHON}\n", "other-python-constraints")) == [(2, WARNING)]
    assert not found(f"boto3\n-c {OTHER_PYTHON}\n", "other-release-constraints")
    assert found(f"boto3\n-c {URL.replace('3.0.6', 'main')}\n", "other-release-constraints")


def test_constraints_may_name_the_release_by_variable(found: Find) -> None:
    assert not found(f"boto3\n-c {URL.replace('3.0.6', '${AIRFLOW_VERSION}')}\n")


@pytest.mark.parametrize("text", ["--constraint /dev/null\nboto3\n", "-c ../dags/none.txt\nboto3\n"])
def test_constraints_that_hold_nothing_are_told_at_their_line(found: Find, text: str) -> None:
    items = found(text, dags__none="# nothing\n")
    assert [(item.rule, item.line, item.severity) for item in items] == [("constraint-opt-out", 1, WARNING)]
    assert items[0].what == "MWAA adds no constraints of Airflow 3.0.6 because of this line"
    assert "essential pins" in items[0].why


def test_constraints_that_hold_nothing_are_as_good_as_none_where_mwaa_adds_none(found: Find) -> None:
    [item] = found("--constraint /dev/null\nmy-own==1\n", version=OLD)
    assert (item.rule, item.severity) == ("missing-constraint", WARNING)
    assert "hold nothing" in item.what


def test_own_constraints_say_what_they_leave_free(found: Find) -> None:
    pins = Release.load(NEW).constraints_path.read_text()
    whole = "".join(line for line in pins.splitlines(keepends=True) if not line.startswith("urllib3=="))
    [item] = found("--constraint ../dags/own.txt\nurllib3==2.6.0\n", "own-constraints", dags__own=whole)
    assert (item.line, item.severity) == (1, NOTE)
    assert "those hold urllib3, and yours do not" in item.why
    assert not found("--constraint ../dags/own.txt\nboto3\n", "own-constraints", dags__own=pins)


# packages


@pytest.mark.parametrize(
    "text", ["flask==3.1.0", "Flask>=3", "SQLAlchemy~=2.0", "https://h/flask-3.1.0-py3-none-any.whl"]
)
def test_version_that_an_essential_pin_excludes_is_an_error(found: Find, text: str) -> None:
    assert severities(found(f"boto3\n{text}\n", "overrides-essential")) == [(2, ERROR)]


@pytest.mark.parametrize("text", ["flask", "flask==2.2.5", "flask<3", "flask==3.1.0 ; python_version < '3.12'"])
def test_version_that_the_essential_pin_fits_is_no_finding(found: Find, text: str) -> None:
    assert not found(text, "overrides-essential")


def test_constraint_lines_ask_for_nothing(found: Find) -> None:
    items = found("-c ../dags/c.txt\nmy-own\n", dags__c="flask==3.1.0\nmy-own==1\n")
    assert [item.rule for item in items] == ["own-constraints"]


def test_version_that_replaces_one_of_the_image_is_found(found: Find) -> None:
    (item,) = found("-c https://h/own.txt\nboto3==1.0\n", "overrides-base")
    assert (item.line, item.severity) == (2, WARNING)
    assert Release.load(NEW).packages.base["boto3"] in item.what


def test_version_that_the_constraints_exclude_as_well_is_an_error(found: Find) -> None:
    (item,) = found("boto3==1.0\n", "overrides-base")
    assert item.severity == ERROR
    assert not found("boto3>=1\n", "overrides-base")


def test_package_that_nothing_holds_is_unpinned(found: Find) -> None:
    assert severities(found("my-own\nother>=1,<2\nthird==1.*\nfourth==1.2\n", "unpinned")) == [
        (1, WARNING),
        (2, WARNING),
        (3, WARNING),
    ]


def test_package_is_held_by_constraints_image_or_address(found: Find) -> None:
    assert not found("apache-airflow-providers-snowflake\n", "unpinned")  # by constraints
    assert found("apache-airflow-providers-snowflake\n", "unpinned", version=OLD)
    assert not found("boto3\n", "unpinned", version=OLD)  # by being there
    assert found("boto3>=999\n", "unpinned", version=OLD)
    assert not found("my-own @ https://h/x.tar.gz\n", "unpinned")
    assert not found("-c https://h/unknown.txt\nmy-own\n", "unpinned")


def test_opt_out_leaves_packages_unpinned(found: Find) -> None:
    assert found("# -c none\napache-airflow-providers-snowflake\n", "unpinned")


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        ("apache-airflow", WARNING),
        ("apache_airflow[snowflake]", WARNING),
        ("apache-airflow==3.0.6", WARNING),
        ("apache-airflow==2.8.1", ERROR),
        ("apache-airflow-task-sdk==0.1", ERROR),
    ],
)
def test_airflow_itself_is_found(found: Find, text: str, severity: str) -> None:
    assert severities(found(text, "requests-airflow")) == [(1, severity)]
    assert [item.rule for item in found(text) if item.severity != NOTE] == ["requests-airflow"]


def test_duplicates_are_found_by_normalised_name(found: Find) -> None:
    assert severities(found("my-own>=1\nMy_Own<9\n", "duplicate-requirement")) == [(2, WARNING)]
    assert severities(found("my-own==1\nmy.own==2\n", "duplicate-requirement")) == [(2, ERROR)]
    assert severities(found("my-own==1\nmy-own>1\n", "duplicate-requirement")) == [(2, ERROR)]
    assert severities(found("my-own>1\nmy-own==1\n", "duplicate-requirement")) == [(2, ERROR)]
    assert severities(found("my-own==1\nmy-own==1\n", "duplicate-requirement")) == [(2, NOTE)]


def test_lines_for_different_pythons_are_no_duplicates(found: Find) -> None:
    text = "my-own==1 ; python_version < '3.8'\nmy-own==2 ; python_version >= '3.8'\n"
    assert not found(text, "duplicate-requirement")


@pytest.mark.parametrize(
    ("marker", "holds"),
    [
        ("sys_platform == 'linux'", True),
        ("sys_platform == 'darwin'", False),
        ("platform_machine == 'aarch64'", False),
        ("python_full_version >= '3.12.0'", True),
        ("extra == 'x'", False),
    ],
)
def test_markers_are_those_of_mwaa_whatever_this_machine_is(marker: str, holds: bool) -> None:
    assert applies(Marker(marker), Release.load(NEW)) is holds


# paths, addresses, text


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        ("-e ../lib", ERROR),
        ("-e .", ERROR),
        ("./vendor/x-1-py3-none-any.whl", ERROR),
        ("-e /usr/local/airflow/dags/lib", ERROR),  # there is none
        ("/usr/local/airflow/plugins/x-1-py3-none-any.whl", WARNING),  # may be made later
        ("-r no.txt", ERROR),
        ("-r /usr/local/airflow/startup/no.txt", ERROR),
        ("-f ../dags/no", WARNING),
        ("-f ../..", WARNING),
        ("-f /nowhere/wheels", WARNING),
        ("x @ file:///nowhere/x-1-py3-none-any.whl", WARNING),
    ],
)
def test_path_that_mwaa_cannot_see_is_found(found: Find, text: str, severity: str) -> None:
    assert severities(found(f"boto3\n{text}\n", "local-path")) == [(2, severity)]


@pytest.mark.parametrize("text", ["./x", "x @ file:///nowhere/x.zip", "https://h/x.zip"])
def test_line_for_another_platform_is_no_package_of_mwaa(found: Find, text: str) -> None:
    assert found(f"{text} ; sys_platform == 'darwin'\n") == []


def test_hint_on_a_path_names_the_folder_that_suits_it(found: Find) -> None:
    assert "plugins/" in found("-e ../lib", "local-path")[0].hint
    assert "dags/" in found("boto3\n-c ../../c.txt", "local-path")[0].hint


def test_message_shows_the_requirement_without_its_hashes(found: Find) -> None:
    (item,) = found("-c https://h/x\nboto3==1.0 --hash=sha256:aaaa\n", "overrides-base")
    assert "`boto3==1.0`" in item.what


def test_path_of_this_machine_is_an_error(found: Find, tmp_path: Path) -> None:
    assert severities(found(f"-c {tmp_path}/dags/c.txt\nboto3", "local-path", dags__c="six==1")) == [(1, ERROR)]


def test_file_beside_the_requirements_file_stays_here(found: Find) -> None:
    (item,) = found("-r more.txt\n", "local-path", requirements__more="boto3")
    assert (item.line, item.severity) == (1, WARNING)


def test_files_in_folders_that_mwaa_has_are_no_finding(found: Find) -> None:
    text = "-c /usr/local/airflow/dags/c.txt\n-r ../plugins/p.txt\nboto3\n"
    items = found(text, dags__c="six==1", plugins__p="boto3")
    assert {item.rule for item in items} == {"duplicate-requirement", "own-constraints"}


@pytest.mark.parametrize(
    "text",
    [
        "--index-url https://user:{}@h/simple",
        "--extra-index-url=https://{}@h/simple",
        "-i https://{}:@h/simple",
        "my-own @ git+https://{}@github.com/a/b",
        "git+https://user:{}@github.com/a/b@v1#egg=b",
        "-f https://h/links?a=1&X-Amz-Signature={}",
        "-f https://h/links?token={}",
        "-i https://user:a/{}@h/simple",
        "-i 'https://user:{}@h/simple",
        "my-own=1 @ https://user:{}@h",
        "my-own==1 --index-url https://user:{}@h/simple",
    ],
)
def test_secret_is_found_and_never_shown(found: Find, text: str) -> None:
    items = found(f"boto3\n{text.format('hunter2')}\n")
    assert severities([item for item in items if item.rule == "index-credentials"]) == [(2, WARNING)]
    assert "hunter2" not in repr(items)


@pytest.mark.parametrize(
    "text",
    [
        "--index-url https://${AIRFLOW__FOO__USER}:${AIRFLOW__FOO__PASS}@h:8080/simple",
        "--index-url https://user:${PASS}@h/simple",
        "--index-url https://${TOKEN}@h:8080/simple@1",
        "b @ git+ssh://git@github.com/a/b@v1",
        "b @ git+https://github.com/a/b@v1#sha256=aa",
        "-f https://h/links?design=1&token=${TOKEN}",
        "-i https://[::1]:8080/a@b",
    ],
)
def test_address_without_a_secret_is_shown_as_it_is(found: Find, text: str) -> None:
    assert without_secrets(text) == text
    assert not found(text, "index-credentials")


def test_private_web_server_needs_no_index(found: Find) -> None:
    assert severities(found("boto3\n", "private-without-no-index", private=True)) == [(0, WARNING)]
    assert not found("boto3\n", "private-without-no-index")
    assert not found("--no-index\nboto3\n", "private-without-no-index", private=True)
    assert found("boto3 --no-index\n", "private-without-no-index", private=True)


def test_no_index_of_a_nested_file_counts(found: Find) -> None:
    assert not found("boto3\n-r ../dags/a.txt", "private-without-no-index", private=True, dags__a="--no-index")


def test_line_that_pip_cannot_read_is_an_error(found: Find) -> None:
    (item,) = found("boto3\nmy-own=1.2\n", "invalid-requirement")
    assert (item.line, item.severity) == (2, ERROR)
    assert "==" in item.hint
    assert found("--bogus\n", "invalid-requirement")
    # pip's grammar takes it, and then nothing fits it
    assert found("foo ===\n", "invalid-requirement")
    assert not found("foo ===1.0+local\n", "invalid-requirement")
    assert found("-c ../dags/c.txt\nboto3\n", "invalid-requirement", dags__c="a b")


def test_unknown_variable_is_a_warning_unless_the_service_may_set_it(found: Find) -> None:
    text = "-i https://${WHO}@h\n-f /${AWS_CONTAINER_CREDENTIALS_RELATIVE_URI}\nboto3\n"
    assert severities(found(text, "unknown-variable")) == [(1, WARNING), (2, NOTE)]


def test_crlf_is_fine_and_undecodable_text_is_an_error(found: Find) -> None:
    assert not found(f"-c {URL}\r\nboto3\r\n")
    (item,) = found(b"boto3\n\xff\n")
    assert (item.rule, item.line, item.severity) == ("unreadable-file", 2, ERROR)


def test_circle_is_an_error(found: Find) -> None:
    (item,) = found("-r ../dags/a.txt\nboto3", "unreadable-file", dags__a="-r ../requirements/requirements.txt")
    assert item.place == "dags/a.txt:1"


PIECES = """boto3 flask flask==9 my-own my-own==1 -c -r -e -i --hash=sha256:aa --no-index # # ; ${A} . / @ [x] ==
https://user:hunter2@h/x https://hunter2@h/x.whl -chttps://user:hunter2@h ./x /usr/local/airflow/dags/x ' \\"""


@given(
    text=st.lists(st.sampled_from([*PIECES.split(), "\n", "\n", "\\\n"]), max_size=14).map(" ".join),
    version=st.sampled_from((NEW, OLD, "3.3.1", "1.10.12")),
    private=st.booleans(),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_findings_stay_inside_the_file_and_show_no_secret(found: Find, text: str, version: str, private: bool) -> None:
    items = found(text, version=version, private=private)
    assert "hunter2" not in repr(items)
    assert all(0 <= item.line <= len(text.splitlines()) for item in items)
    assert all(item.what and "\n" not in item.what for item in items)
    assert items == found(text, version=version, private=private)


@given(pin=st.sampled_from(sorted(Release.load(NEW).essential_constraints.items())))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_every_essential_pin_is_held(found: Find, pin: tuple[str, str]) -> None:
    name, version = pin
    rule = "requests-airflow" if name == "apache-airflow" else "overrides-essential"
    assert [item.severity for item in found(f"{name}!={version}", rule)] == [ERROR]
    assert ERROR not in [item.severity for item in found(f"{name}=={version}")]


def test_version_with_too_many_digits_is_no_crash() -> None:
    assert admits(Requirement("a==" + "9" * 5000), "1")


def test_rules_read_values_that_need_no_file() -> None:
    items = findings([ScannedConstraint("x.txt", 1), Unreadable("x.txt", 0, "gone")], Release.load(NEW))
    assert [item.rule for item in items] == ["unreadable-file"]
