"""Reading a requirements file into lines, as pip does.

Source of the format: pip's documentation, "Requirements File Format", and pip 26.3, `pip/_internal/req/req_file.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packaging.requirements import Requirement

from mwaa_local.check.requirements import line_syntax
from mwaa_local.check.requirements.lines import MAX_NESTING, Entry, Line, ScannedConstraint, Unreadable, read
from mwaa_local.requirements import text as requirements_file

FOLDERS = ("dags", "plugins", "requirements", "startup")
TOP = "requirements/requirements.txt"
Read = Callable[..., tuple[Entry, ...]]


@pytest.fixture
def entries(tmp_path: Path) -> Read:
    """Write a project's requirements file, and others by their path, and read it."""

    def read_files(content: str | bytes, others: dict[str, str] | None = None, **variables: str) -> tuple[Entry, ...]:
        for name, text in {TOP: content, **(others or {})}.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(text.encode() if isinstance(text, str) else text)
        home_map = {f"/usr/local/airflow/{name}": tmp_path / name for name in FOLDERS}
        return read(tmp_path / TOP, tmp_path, home_map, variables)

    return read_files


def only(found: tuple[Entry, ...]) -> Line:
    (line,) = (entry for entry in found if isinstance(entry, Line))
    return line


def test_requirement_is_read_with_place_marker_and_hashes(entries: Read) -> None:
    found = entries(
        '# first\n\nPandas[x]>=1 ; python_version > "3" \\\n  --hash=sha256:aa \\\n  --hash=sha256:bb # why\n'
    )
    line = only(found)
    assert (line.path, line.number, line.name) == (TOP, 3, "pandas")
    assert line.requirement == Requirement('pandas[x]>=1 ; python_version > "3"')
    assert line.hashes == ("sha256:aa", "sha256:bb")
    assert line.is_package
    assert not line.problem


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_line_numbers_are_right_with_every_line_break(entries: Read, newline: str) -> None:
    found = entries(newline.join(["boto3", "# c", "flask \\", "==1", "attrs"]))
    assert [(line.text.split()[0], line.number) for line in found if isinstance(line, Line)] == [
        ("boto3", 1),
        ("flask", 3),
        ("attrs", 5),
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_text_is_decoded_by_its_mark(entries: Read, encoding: str) -> None:
    mark = "\ufeff" if encoding == "utf-16-le" else ""
    assert only(entries((mark + "boto3==1\n").encode(encoding))).name == "boto3"


def test_text_that_is_no_utf8_is_named_with_its_line(entries: Read) -> None:
    (found,) = entries(b"boto3\n\xe9t\xe9==1\n")
    assert isinstance(found, Unreadable)
    assert (found.path, found.number) == (TOP, 2)
    assert "0xe9" in found.what


def test_unknown_encoding_and_missing_file_are_values_too(entries: Read, tmp_path: Path) -> None:
    (found,) = entries(b"# coding: klingon\nboto3\n")
    assert isinstance(found, Unreadable)
    assert found.number == 1
    (missing,) = read(tmp_path / "no.txt", tmp_path, {})
    assert isinstance(missing, Unreadable)
    assert missing.path == "no.txt"


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("-chttps://x", "constraint", "https://x"),
        ("--constraint=https://x", "constraint", "https://x"),
        ('--constraint "https://x"', "constraint", "https://x"),
        ("--extra-index https://x", "extra-index-url", "https://x"),
        ("--pypi-url https://x", "index-url", "https://x"),
        ("--no-index", "no-index", ""),
        ("--pre", "pre", ""),
        ("-f https://x/y", "find-links", "https://x/y"),
    ],
)
def test_options_are_read_in_every_spelling(entries: Read, text: str, name: str, value: str) -> None:
    line = only(entries(text))
    assert line.values(name) == (value,)
    assert not line.is_package


@pytest.mark.parametrize("text", ["--bogus", "-c", "--no-index=1", "--req x", '--index-url "https://x'])
def test_options_that_pip_refuses_are_a_problem_of_the_line(entries: Read, text: str) -> None:
    assert only(entries(text)).problem


def test_options_that_pip_ignores_are_told_apart(entries: Read) -> None:
    beside_package = only(entries("boto3 --no-index -c x.txt --hash=sha256:aa"))
    assert beside_package.ignored == ("--no-index", "--constraint")
    assert beside_package.values("constraint") == ()
    assert beside_package.hashes == ("sha256:aa",)
    names_file = only(entries("--pre -c https://x --no-index word -c https://y"))
    assert [(option.name, option.value) for option in names_file.options] == [("constraint", "https://x")]
    assert names_file.ignored == ("--pre", "--no-index", "--constraint", "")
    assert only(entries("-c https://x -r https://y")).values("requirement") == ("https://y",)
    editable = only(entries("-e git+https://h/x#egg=x --config-settings a=b --pre"))
    assert (editable.values("config-settings"), editable.ignored) == (("a=b",), ("--pre",))
    assert only(entries("-r https://x --config-settings a=b")).ignored == ("--config-settings",)
    assert only(entries("--no-index --hash=sha256:aa")).ignored == ("--hash",)


def test_variables_expand_as_in_pip(entries: Read) -> None:
    line = only(
        entries("-i https://${USER_1}:${pass}@${HOST}/${EMPTY}", USER_1="me", HOST="h", EMPTY="", **{"pass": "x"})
    )
    assert line.values("index-url") == ("https://me:${pass}@h/${EMPTY}",)
    assert line.unknown_variables == ("EMPTY",)
    assert line.text == "-i https://${USER_1}:${pass}@${HOST}/${EMPTY}"


def test_unknown_variable_makes_no_line_wrong(entries: Read) -> None:
    line = only(entries("${PACKAGE}==1"))
    assert (line.requirement, line.problem, line.unknown_variables) == (None, "", ("PACKAGE",))
    assert line.is_open
    assert not only(entries("-i https://${WHO}@h")).is_open
    assert not only(entries("a @ https://${WHO}@h/a-1.0.tar.gz")).is_open


def test_what_a_variable_stands_for_is_not_in_a_problem(entries: Read) -> None:
    line = only(entries("boto3 ${X}", X="hunter2 = 1"))
    assert line.problem
    assert "hunter2" not in repr(line)


@pytest.mark.parametrize(
    ("text", "name", "specifier"),
    [
        ("https://h/foo_bar-1.0-py3-none-any.whl", "foo-bar", "==1.0"),
        ("git+https://github.com/a/b@v1#egg=bee&subdirectory=c", "bee", ""),
        ("bee @ git+https://github.com/a/b@v1", "bee", ""),
        ("-e git+https://github.com/a/b#egg=bee", "bee", ""),
        ("https://h/x.tar.gz", "", ""),
    ],
)
def test_addresses_are_told_from_requirements(entries: Read, text: str, name: str, specifier: str) -> None:
    line = only(entries(text))
    assert line.url
    assert line.name == name
    assert not name or str(line.requirement and line.requirement.specifier) == specifier
    assert line.is_package
    assert line.local_paths == ()
    assert line.is_editable == text.startswith("-e")


def test_marker_of_an_address_is_kept(entries: Read) -> None:
    line = only(entries("https://h/foo-1.0-py3-none-any.whl ; python_version < '3'"))
    assert line.requirement is not None
    assert str(line.requirement.marker) == 'python_version < "3"'


@pytest.mark.parametrize(
    ("text", "mwaa_path", "exists"),
    [
        ("./dags/lib", "/usr/local/airflow/dags/lib", True),
        ("-e /usr/local/airflow/dags/lib[extra]", "/usr/local/airflow/dags/lib", True),
        ("lib @ file:///usr/local/airflow/dags/lib", "/usr/local/airflow/dags/lib", True),
        ("file:///usr/local/airflow/dags/li%62", "/usr/local/airflow/dags/lib", True),
        ("-e ../lib", "/usr/local/lib", False),
        ("-e .", "/usr/local/airflow", True),
        ("x-1-py3-none-any.whl", "/usr/local/airflow/x-1-py3-none-any.whl", False),
        ("--find-links ../plugins", "/usr/local/airflow/plugins", False),
        ("-c ../dags/lib/setup.py", "/usr/local/airflow/dags/lib/setup.py", True),
    ],
)
def test_local_paths_are_those_of_the_container(entries: Read, text: str, mwaa_path: str, exists: bool) -> None:
    found = entries(text, {"dags/lib/setup.py": ""})
    (local,) = next(entry for entry in found if isinstance(entry, Line)).local_paths
    if mwaa_path == "/usr/local/lib":  # is a folder of most machines
        exists = Path(mwaa_path).exists()
    assert (local.mwaa_path, local.exists) == (mwaa_path, exists)


def test_nested_files_are_read_where_they_are_named(entries: Read) -> None:
    found = entries(
        "boto3\n-r more.txt\n--constraint /usr/local/airflow/dags/c.txt\nattrs\n",
        {"requirements/more.txt": "flask\n", "dags/c.txt": "six==1\n-r again.txt", "dags/again.txt": "idna"},
    )
    lines = [(line.path, line.number, line.name, line.is_constraint) for line in found if isinstance(line, Line)]
    assert lines == [
        (TOP, 1, "boto3", False),
        (TOP, 2, "", False),
        ("requirements/more.txt", 1, "flask", False),
        (TOP, 3, "", False),
        ("dags/c.txt", 1, "six", True),
        ("dags/c.txt", 2, "", True),
        ("dags/again.txt", 1, "idna", False),
        (TOP, 4, "attrs", False),
    ]


def test_circle_is_read_once_and_said(entries: Read) -> None:
    found = entries("-r a.txt\nboto3\n", {"requirements/a.txt": "six\n-r ./requirements.txt\n"})
    assert [line.name for line in found if isinstance(line, Line) and line.name] == ["six", "boto3"]
    (circle,) = (entry for entry in found if isinstance(entry, Unreadable))
    assert (circle.path, circle.number) == ("requirements/a.txt", 2)


def test_file_named_twice_is_read_once_without_a_word(entries: Read) -> None:
    found = entries("-r a.txt\n-r a.txt\n", {"requirements/a.txt": "six\n"})
    assert [line.name for line in found if isinstance(line, Line) and line.name] == ["six"]
    assert not any(isinstance(entry, Unreadable) for entry in found)


def test_endless_nesting_ends(entries: Read) -> None:
    others = {f"requirements/{number}.txt": f"-r {number + 1}.txt" for number in range(MAX_NESTING * 3)}
    assert any(isinstance(entry, Unreadable) for entry in entries("-r 0.txt", others))


def test_nested_address_and_missing_file_are_left_to_the_line(entries: Read) -> None:
    remote, missing = (entry for entry in entries("-r https://h/x.txt\n-r no.txt\n") if isinstance(entry, Line))
    assert remote.local_paths == ()
    assert not missing.local_paths[0].exists


def test_scan_sees_lines_of_the_first_file_alone_comments_too(entries: Read) -> None:
    text = "# -c none\n--constraint=https://x\n-chttps://x\n--constraint https://x\n-r a.txt\n"
    found = entries(text, {"requirements/a.txt": "-c https://x\n"})
    assert [entry.number for entry in found if isinstance(entry, ScannedConstraint)] == [1, 4]


@pytest.mark.parametrize(
    "text",
    [
        "https://[",
        "-f file://[x",
        "-c \0",
        "-r " + "x" * 5000,
        "boto3==" + "9" * 5000,
        "a; " + "(" * 5000,
        "-e",
        "-",
        "--",
        ";",
        "a @",
        "@",
        "x.whl",
        "-r /",
        "\\",
    ],
)
def test_odd_line_gives_a_value(entries: Read, text: str) -> None:
    assert all(entry.path == TOP for entry in entries(text))


PIECES = """boto3 ==1 >=2 -c -r -e --hash=sha256:aa --no-index https://u:p@h/x ./x ${A} ; ;python_version>'3' #
\" ' @ [x] x.whl -f --pre"""
words = st.sampled_from([*PIECES.split(), "\\\n", "\n", "\r\n", " "])


@given(text=st.lists(words | st.text(max_size=4), max_size=12).map(" ".join))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_text_is_read_with_places_inside_it(entries: Read, text: str) -> None:
    found = entries(text.encode("utf-8", "surrogatepass"), A="b c")
    count = len(text.splitlines())
    assert all(entry.path == TOP and 0 <= entry.number <= count for entry in found)


@given(content=st.binary(max_size=60))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_bytes_are_read(entries: Read, content: bytes) -> None:
    entries(content)


@given(text=st.lists(words, max_size=8).map(" ".join))
def test_options_are_those_that_the_rewriting_of_files_sees(text: str) -> None:
    """Two readers of options, this one and the one that keeps offsets, must not drift apart."""
    for logical in requirements_file.logical_lines(text):
        line = logical.text.strip()
        try:
            given_options, _ = line_syntax._options(line[requirements_file.options_start(line) :])
        except ValueError:
            continue
        valued = [(option.name, option.value) for option in given_options if option.name not in ("no-index", "pre")]
        assert valued == [(option.name, option.value) for option in requirements_file.options(line)]
