"""What `prepare` makes of a requirements file, without running pip.

Source of the constraint rules: aws/amazon-mwaa-docker-images, `python/mwaa/utils/user_requirements.py`; of the file
format: pip's documentation, "Requirements File Format".
"""

from __future__ import annotations

import codecs
from collections.abc import Callable
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mwaa_local.release import Release
from mwaa_local.requirements import text as requirements_file
from mwaa_local.requirements.prepare import ConstraintSource, PreparedRequirements, prepare

URL = "https://raw.githubusercontent.com/apache/airflow/constraints-2.10.3/constraints-3.11.txt"
OTHER_URL = "https://raw.githubusercontent.com/apache/airflow/constraints-2.8.1/constraints-3.11.txt"


def make_release(folder: Path, *, injected: bool = True, essential: bool = True) -> Release:
    """A release whose data lie in `folder`; what requirements do not use stays blank."""

    class ReleaseHere(Release):
        data_dir = folder

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "airflow_constraints.txt").write_text("boto3==1.35.36\n")
    (folder / "mwaa_essential_constraints.txt").write_text("apache-airflow==2.10.3\n")
    blank: dict[str, Any] = {
        f.name: "" for f in fields(Release) if f.default is MISSING and f.default_factory is MISSING
    }
    return ReleaseHere(
        **{
            **blank,
            "airflow_version": "2.10.3",
            "essential_constraints": {"apache-airflow": "2.10.3"} if essential else {},
            "constraints_injected": injected,
            "constraints_urls": (URL,),
        }
    )


@pytest.fixture
def release(tmp_path: Path) -> Release:
    return make_release(tmp_path / "catalogue")


Prepare = Callable[..., PreparedRequirements]


@pytest.fixture
def prepared(tmp_path: Path, release: Release) -> Prepare:
    """Write `requirements/requirements.txt` and other files of a project, and prepare it."""

    def prepare_files(
        content: str | bytes, others: dict[str, str] | None = None, **options: Any
    ) -> PreparedRequirements:
        project = tmp_path / "project"
        for name, text in {"requirements/requirements.txt": content, **(others or {})}.items():
            (project / name).parent.mkdir(parents=True, exist_ok=True)
            (project / name).write_bytes(text.encode() if isinstance(text, str) else text)
        options.setdefault("release", release)
        return prepare(project / "requirements" / "requirements.txt", work_dir=tmp_path / "work", **options)

    return prepare_files


def text_of(result: PreparedRequirements) -> str:
    return result.path.read_bytes().decode()


def test_file_without_constraints_gets_those_of_the_release(prepared: Prepare, release: Release) -> None:
    result = prepared("boto3\n")
    assert result.argv_tail == (
        "--constraint",
        str(release.essential_constraints_path),
        "-r",
        str(result.path),
        "-c",
        str(release.constraints_path),
    )
    assert result.constraints is ConstraintSource.INJECTED
    assert "adds those of Airflow 2.10.3" in result.notes[0]


@pytest.mark.parametrize("line", [f"-c {URL}", f"--constraint {URL}", f'--constraint "{URL}"'])
def test_file_with_constraints_keeps_them_and_the_essential_pins(
    prepared: Prepare, release: Release, line: str
) -> None:
    result = prepared(f"{line}\nboto3\n")
    assert result.argv_tail[:2] == ("--constraint", str(release.essential_constraints_path))
    assert result.argv_tail[2:] == ("-r", str(result.path))
    assert result.constraints is ConstraintSource.FROM_FILE
    assert result.notes == ()


@pytest.mark.parametrize("comment", ["# -c no thanks", "# --constraint off", "boto3  # see -c flag"])
def test_mention_in_a_comment_keeps_constraints_away(prepared: Prepare, comment: str) -> None:
    result = prepared(f"{comment}\nboto3\n")
    assert "-c" not in result.argv_tail
    assert result.constraints is ConstraintSource.NONE
    assert "only the essential pins hold" in result.notes[0]


@pytest.mark.parametrize("line", ["--constraint /dev/null", "-c ../dags/none.txt"])
def test_constraints_that_hold_nothing_are_none_and_their_line_is_told(prepared: Prepare, line: str) -> None:
    """`up` and `status` show the note."""
    result = prepared(f"boto3\n{line}\n", {"dags/none.txt": "# nothing\n"})
    assert "-c" not in result.argv_tail
    assert result.constraints is ConstraintSource.NONE
    assert result.notes[0].startswith("MWAA adds no constraints of Airflow 2.10.3 because of line 2, ")
    assert result.path.read_text().splitlines()[1].endswith(("/dev/null", "none.txt"))


@pytest.mark.parametrize("line", [f"--constraint={URL}", f"-c{URL}", "-r more.txt"])
def test_spelling_that_mwaa_overlooks_gets_both(prepared: Prepare, release: Release, line: str) -> None:
    result = prepared(f"{line}\nboto3\n", {"requirements/more.txt": f"-c {URL}\n"})
    assert result.argv_tail[-2:] == ("-c", str(release.constraints_path))
    assert result.constraints is ConstraintSource.INJECTED
    assert "to those of the file" in result.notes[0]


def test_release_before_2_7_2_gets_no_constraints(prepared: Prepare, tmp_path: Path) -> None:
    old = make_release(tmp_path / "old", injected=False, essential=False)
    result = prepared("boto3\n", release=old)
    assert result.argv_tail == ("-r", str(result.path))
    assert result.constraints is ConstraintSource.NONE
    assert prepared(f"--constraint={URL}\n", release=old).constraints is ConstraintSource.FROM_FILE


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_constraints_are_found_in_a_file_with_byte_order_mark(prepared: Prepare, encoding: str) -> None:
    result = prepared(f"boto3\n-c {URL}\n".encode(encoding))
    assert result.constraints is ConstraintSource.FROM_FILE


@pytest.mark.parametrize(
    "line",
    [
        "-c {}",
        "-c{}",
        "-c '{}'",
        "--constraint {}",
        "--constraint={}",
        '--constraint "{}"',
        '--constraint="{}"',
        "--constr {}",
        "--constr={}",
        "-c \\\n  {}",
        "--pre -c {}  # official",
        "  -c\t{}",
    ],
)
def test_official_address_becomes_the_catalogue_file(prepared: Prepare, release: Release, line: str) -> None:
    result = prepared(line.format(URL) + "\nboto3\n")
    assert text_of(result).replace("'", "") == line.replace('"', "").replace("'", "").format(
        release.constraints_path
    ) + ("\nboto3\n")


def test_official_address_with_the_version_variable_becomes_the_catalogue_file(
    prepared: Prepare, release: Release
) -> None:
    result = prepared("-c " + URL.replace("2.10.3", "${AIRFLOW_VERSION}") + "\n")
    assert text_of(result) == f"-c {release.constraints_path}\n"


def test_address_broken_over_two_lines_keeps_the_line_break(prepared: Prepare, release: Release) -> None:
    result = prepared(f"-c {URL[:30]}\\\n{URL[30:]}\nboto3\n")
    assert text_of(result) == f"-c {release.constraints_path}\\\n\nboto3\n"


@pytest.mark.parametrize(
    "line",
    [
        f"# -c {URL}",
        f"--extra-index-url {URL}",
        "-c https://example.com/constraints.txt",
        f'-c "{URL}',
        f"boto3 @ {URL}",
        "--index-url https://${AIRFLOW__FOO__USER}:${AIRFLOW__FOO__PASS}@example.com/simple",
        "-r ${WHERE}",
        'boto3[crt]>=1 ; python_version < "3.12"  # comment',
        "boto3==1.0 \\",
    ],
)
def test_everything_else_is_copied_as_it_is(prepared: Prepare, line: str) -> None:
    content = f"\n{line}\n\n# end\n"
    assert text_of(prepared(content)) == content


def test_constraints_of_another_release_are_copied_from_the_catalogue_and_noted(prepared: Prepare) -> None:
    result = prepared(f"-c {OTHER_URL}\nboto3\n")
    copy_path = Path(text_of(result).split()[1])
    assert copy_path.parent == result.path.parent
    assert copy_path.read_bytes() == Release.load("2.8.1").constraints_path.read_bytes()
    assert "those of Airflow 2.8.1, the environment has 2.10.3; they are taken from the catalogue" in result.notes[0]


@pytest.mark.parametrize("url", [OTHER_URL.replace("2.8.1", "2.8.4"), OTHER_URL.replace("3.11", "3.9")])
def test_constraints_that_the_catalogue_lacks_are_left_and_noted(prepared: Prepare, url: str) -> None:
    result = prepared(f"-c {url}\nboto3\n")
    assert url in text_of(result)
    assert "they are fetched from raw.githubusercontent.com" in result.notes[0]


def test_nested_files_are_copied_with_the_official_address_replaced(prepared: Prepare, release: Release) -> None:
    result = prepared("-r sub/more.txt\nboto3\n", {"requirements/sub/more.txt": f"--constraint={URL}\nrequests\n"})
    nested = Path(text_of(result).split()[1])
    assert nested.read_text() == f"--constraint={release.constraints_path}\nrequests\n"
    assert result.copies[nested].name == "more.txt"


def test_nested_path_is_taken_from_the_folder_of_the_file_that_names_it(prepared: Prepare) -> None:
    files = {"requirements/sub/a.txt": "-r b.txt\n", "requirements/sub/b.txt": "-c ../c.txt\n"}
    result = prepared("-r sub/a.txt\n", {**files, "requirements/c.txt": "boto3<2\n"})
    sources = [source.resolve().name for source in result.copies.values()]
    assert sources == ["requirements.txt", "a.txt", "b.txt", "c.txt"]


def test_missing_nested_file_keeps_its_own_full_path(prepared: Prepare, tmp_path: Path) -> None:
    assert text_of(prepared("-r missing.txt\n")) == f"-r {tmp_path / 'project' / 'requirements' / 'missing.txt'}\n"


def test_files_that_name_each_other_are_copied_once(prepared: Prepare) -> None:
    result = prepared("-r a.txt\n", {"requirements/a.txt": "-r requirements.txt\n"})
    assert len(result.copies) == 2


def test_nested_name_with_a_known_variable_is_followed(prepared: Prepare) -> None:
    result = prepared("-r ${STAGE}.txt\n", {"requirements/dev.txt": "requests\n"}, variables={"STAGE": "dev"})
    assert Path(text_of(result).split()[1]).read_text() == "requests\n"


def test_paths_of_the_container_become_the_projects(prepared: Prepare, tmp_path: Path) -> None:
    home = tmp_path / "my project"
    (home / "dags").mkdir(parents=True)
    (home / "dags" / "limits.txt").write_text("boto3<2\n")
    home_map = {f"/usr/local/airflow/{name}": home / name for name in ("dags", "plugins", "requirements")}
    lines = [
        '--constraint "/usr/local/airflow/dags/limits.txt"',
        "--find-links /usr/local/airflow/plugins",
        "-f/usr/local/airflow/plugins",
        "--find-links file:///usr/local/airflow/plugins",
        "/usr/local/airflow/plugins/a-1.0-py3-none-any.whl",
        'b @ file:///usr/local/airflow/plugins/b-1.0-py3-none-any.whl ; python_version > "3"',
        "c @ https://example.com/usr/local/airflow/plugins/c.whl",
        "/usr/local/airflow/plugins-more/d.whl",
        "# /usr/local/airflow/dags",
    ]
    result = prepared("\n".join(lines), home_map=home_map)
    limits_copy = tmp_path / "work" / "1-limits.txt"
    assert text_of(result).split("\n") == [
        f"--constraint {limits_copy}",
        f"--find-links '{home}/plugins'",
        f"-f'{home}/plugins'",
        f"--find-links {(home / 'plugins').as_uri()}",
        f"{home}/plugins/a-1.0-py3-none-any.whl",
        f'b @ {(home / "plugins").as_uri()}/b-1.0-py3-none-any.whl ; python_version > "3"',
        *lines[6:],
    ]


def test_without_a_home_map_paths_stay(prepared: Prepare) -> None:
    content = "--find-links /usr/local/airflow/plugins\n--no-index\n/usr/local/airflow/plugins/a.whl\n"
    assert text_of(prepared(content)) == content


def test_relative_find_links_are_taken_from_the_folder_of_the_file(prepared: Prepare, tmp_path: Path) -> None:
    result = prepared("--find-links wheels\n--find-links nowhere\n", {"requirements/wheels/readme": ""})
    wheels = tmp_path / "project" / "requirements" / "wheels"
    assert text_of(result) == f"--find-links {wheels}\n--find-links nowhere\n"


def test_coding_comment_is_obeyed_and_the_copy_is_marked_utf_8(prepared: Prepare) -> None:
    result = prepared("# -*- coding: latin-1 -*-\nboto3  # für alle\n".encode("latin-1"))
    assert result.path.read_bytes() == codecs.BOM_UTF8 + "# -*- coding: latin-1 -*-\nboto3  # für alle\n".encode()


def test_text_that_is_not_utf_8_is_named_with_its_line(prepared: Prepare) -> None:
    result = prepared(f"boto3\n# f\xfcr -c {URL}\n".encode("latin-1"))
    assert "requirements.txt:2: not utf-8 text (byte 0xfc)" in result.unreadable
    assert result.path.read_bytes() == f"boto3\n# f\xfcr -c {URL}\n".encode("latin-1")
    # MWAA adds the constraints too when it cannot read the file.
    assert result.constraints is ConstraintSource.INJECTED


def test_unknown_coding_comment_is_named(prepared: Prepare) -> None:
    assert "klingon" in prepared("# coding: klingon\nboto3\n").unreadable


def test_windows_line_endings_stay(prepared: Prepare, release: Release) -> None:
    assert text_of(prepared(f"-c {URL}\r\nboto3\r\n")) == f"-c {release.constraints_path}\r\nboto3\r\n"


@pytest.mark.parametrize("content", ["", "\n\n", "# only\n  # comments\n", "\\\n"])
def test_file_without_content_is_empty(prepared: Prepare, content: str) -> None:
    assert prepared(content).is_empty


def test_missing_file_is_empty(tmp_path: Path, release: Release) -> None:
    result = prepare(tmp_path / "none.txt", release, tmp_path / "work")
    assert result.is_empty
    assert result.unreadable == ""


@pytest.mark.parametrize("content", ["boto3", "-c limits.txt", "--no-index"])
def test_file_with_content_is_not_empty(prepared: Prepare, content: str) -> None:
    assert not prepared(content).is_empty


def test_folder_in_place_of_the_file_is_named(tmp_path: Path, release: Release) -> None:
    (tmp_path / "requirements.txt").mkdir()
    assert "Is a directory" in prepare(tmp_path / "requirements.txt", release, tmp_path / "work").unreadable


@pytest.mark.parametrize(
    "line", ["-r " + "x" * 5000, "a/" + "b" * 5000, "-r a\0b", "-f a\0b", "-r .", "-c ''", "--", "-r", "x @ \0/"]
)
def test_odd_lines_never_stop_preparation(prepared: Prepare, line: str) -> None:
    assert prepared(line).digest


def test_digest_stays_for_the_same_input(prepared: Prepare, release: Release, tmp_path: Path) -> None:
    first = prepared("-r more.txt\n", {"requirements/more.txt": "requests\n"})
    again = prepare(first.source_path, release, tmp_path / "elsewhere")
    assert again.digest == first.digest


@pytest.mark.parametrize("changed", ["requirements/requirements.txt", "requirements/more.txt", "requirements/w/a.whl"])
def test_digest_changes_with_each_file(prepared: Prepare, tmp_path: Path, changed: str) -> None:
    files = {"requirements/more.txt": "requests\n", "requirements/w/a.whl": ""}
    first = prepared("-r more.txt\n-f w\n", files)
    path = tmp_path / "project" / changed
    before = path.read_text()
    second = prepared("-r more.txt\n-f w\n", {**files, changed: before + "# x\n"})
    assert second.digest != first.digest


def test_digest_changes_when_a_missing_file_appears(prepared: Prepare) -> None:
    assert prepared("-r more.txt\n").digest != prepared("-r more.txt\n", {"requirements/more.txt": ""}).digest


def test_digest_changes_with_the_release(prepared: Prepare, release: Release, tmp_path: Path) -> None:
    digests = [prepared("boto3\n").digest]
    digests.append(prepared("boto3\n", release=make_release(tmp_path / "a", injected=False)).digest)
    digests.append(prepared("boto3\n", release=make_release(tmp_path / "b", essential=False)).digest)
    release.constraints_path.write_text("boto3==2\n")
    digests.append(prepared("boto3\n").digest)
    assert len(set(digests)) == 4


@given(st.text(alphabet="ab-cr =#\\\n\r\t\"'$ü/\x0c", max_size=60))
def test_logical_lines_point_back_into_the_file(text: str) -> None:
    for line in requirements_file.logical_lines(text):
        assert len(line.text) == len(line.offsets)
        options = list(requirements_file.options(line.text))
        for option in options:
            assert 0 <= option.start <= option.end <= len(line.text)


@given(st.lists(st.sampled_from(["boto3", "-c {}", "--constraint={}", "-r \\", "# -c {}", "", "'", " -c{} "])))
def test_replacing_never_changes_the_number_of_lines(lines: list[str]) -> None:
    text = "\n".join(lines).format(*["URL"] * len(lines)) if lines else ""
    edits = [
        (line, requirements_file.Edit(option.start, option.end, "NEW"))
        for line in requirements_file.logical_lines(text)
        for option in requirements_file.options(line.text)
    ]
    assert requirements_file.replace(text, edits).count("\n") == text.count("\n")


@given(st.text(max_size=80))
def test_no_edits_leave_the_text_as_it_is(text: str) -> None:
    assert requirements_file.replace(text, []) == text
