"""`check` tells of each mistake in the files that seed an environment, at its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from mwaa_local.check.settings import _seed_findings, load_fixtures, load_settings
from mwaa_local.errors import SeedProblem
from mwaa_local.project import Project

SETTINGS = """airflow:
  connections:
    - conn_id: c
  variables:
    - variable_name: word
      variable_value: 1.0
    - variable_name: word
      variable_value: again
"""


def project(folder: Path, files: dict[str, str]) -> Project:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return Project(folder)


def test_each_mistake_of_the_settings_is_an_error_at_its_line(tmp_path: Path) -> None:
    settings, findings = load_settings(project(tmp_path, {"airflow_settings.yaml": SETTINGS}))
    assert settings.is_empty
    assert [(item.place, item.rule, item.severity) for item in findings] == [
        ("airflow_settings.yaml:3", "settings-invalid", "error"),
        ("airflow_settings.yaml:7", "settings-invalid", "error"),
    ]
    assert findings[0].hint == "give it a conn_type"
    assert "MWAA never sees this file" in findings[0].why


def test_remark_on_the_settings_is_a_warning_at_its_line(tmp_path: Path) -> None:
    text = "airflow:\n  variables:\n    - variable_name: a\n      variable_value: 1.0\n"
    settings, [finding] = load_settings(project(tmp_path, {"airflow_settings.yaml": text}))
    assert [variable.value for variable in settings.variables] == ["1"]
    assert (finding.place, finding.rule, finding.severity) == ("airflow_settings.yaml:4", "settings-odd", "warning")
    assert finding.what.startswith("variable_value becomes '1'")


@pytest.mark.parametrize("words", ["other.yaml:99: is odd", "airflow_settings.yaml:99: is odd", "perdu"])
@pytest.mark.parametrize("line", [7, 0])
def test_place_of_a_warning_does_not_depend_on_words(tmp_path: Path, words: str, line: int) -> None:
    path = tmp_path / "tests" / "aws" / "secrets.yaml"
    [finding] = _seed_findings(Project(tmp_path), [SeedProblem(path, line, words, "why", "hint")])
    assert (finding.path, finding.line, finding.what) == ("tests/aws/secrets.yaml", line, words)


def test_mistakes_of_the_local_aws_come_together(tmp_path: Path) -> None:
    files = {
        "tests/aws/secrets.yaml": "a:\nb: [\n",
        "tests/aws/parameters.yaml": "\n/a: {Typ: x}\n",
        "tests/aws/s3/lost.csv": "",
        "tests/aws/s3/Not_A_Bucket/a.csv": "",
    }
    fixtures, findings = load_fixtures(project(tmp_path, files))
    assert fixtures.counts == ""
    assert [item.place for item in findings] == [
        "tests/aws/parameters.yaml:2",
        "tests/aws/parameters.yaml:2",
        "tests/aws/s3/Not_A_Bucket",
        "tests/aws/s3/lost.csv",
        "tests/aws/secrets.yaml:3",
    ]
    assert {item.severity for item in findings} == {"error"}


def test_file_that_cannot_be_read_is_an_error_on_the_file(tmp_path: Path) -> None:
    (tmp_path / "airflow_settings.yaml").symlink_to("nowhere.yaml")
    _, [finding] = load_settings(Project(tmp_path))
    assert (finding.path, finding.line) == ("airflow_settings.yaml", 0)
    assert "is a link to a file that does not exist" in finding.what


def test_file_of_another_name_in_the_folder_of_the_local_aws_is_a_warning(tmp_path: Path) -> None:
    fixtures, [finding] = load_fixtures(project(tmp_path, {"tests/aws/secret.yml": "a: b\n"}))
    assert (finding.path, finding.severity) == ("tests/aws", "warning")
    assert fixtures.secrets == {}


def test_right_files_say_nothing(tmp_path: Path) -> None:
    files = {
        "airflow_settings.yaml": "airflow:\n  pools:\n    - pool_name: p\n      pool_slot: 2\n",
        "tests/aws/secrets.yaml": "a: b\n",
    }
    there = project(tmp_path, files)
    settings, of_settings = load_settings(there)
    fixtures, of_fixtures = load_fixtures(there)
    assert (settings.counts, of_settings, fixtures.counts, of_fixtures) == ("1 pool", (), "1 secret", ())
