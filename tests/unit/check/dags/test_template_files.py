"""What in a project says that a template file which is not there will be there on MWAA."""

from __future__ import annotations

from pathlib import Path

import pytest

from mwaa_local.check.dags.template_files import is_brought
from mwaa_local.project import Project


@pytest.mark.parametrize(
    ("files", "seen"),
    [
        ({".gitignore": "*.sql\n"}, ".gitignore keeps dags/sql/made/load.sql out of the repository"),
        ({".gitignore": "/dags/sql/made/\n"}, ".gitignore keeps dags/sql/made/load.sql out of the repository"),
        ({".gitignore": "made\n"}, ".gitignore keeps dags/sql/made/load.sql out of the repository"),
        ({".gitignore": "dags/**/load.sql\n"}, ".gitignore keeps dags/sql/made/load.sql out of the repository"),
        ({"dags/.gitignore": "sql/*/*.sql\n"}, "dags/.gitignore keeps dags/sql/made/load.sql out of the repository"),
        ({".gitmodules": "path = dags/sql/made\n"}, ".gitmodules speaks of made"),
        (
            {"startup/startup.sh": "aws s3 cp s3://b/made /usr/local/airflow/made\n"},
            "startup/startup.sh speaks of made",
        ),
        ({".github/workflows/deploy.yml": "run: dbt compile --target-path made\n"}, "deploy.yml speaks of made"),
        ({"Makefile": "dags/sql/made/load.sql: model.yml\n"}, "Makefile speaks of made"),
        # What has nothing to do with it.
        ({".gitignore": "*.sql\n!load.sql\n"}, ""),
        ({".gitignore": "# made\nmade.sql\nplugins/sql/made\n/sql\nload.sql/\n"}, ""),
        ({".github/workflows/deploy.yml": "run: aws s3 sync dags s3://b/dags # handmade, made-up\n"}, ""),
        ({"README.md": "made\n"}, ""),
    ],
)
def test_file_may_come_from_elsewhere_where_the_project_says_so(
    files: dict[str, str], seen: str, tmp_path: Path
) -> None:
    (tmp_path / "dags" / "sql").mkdir(parents=True)
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    said = is_brought(Project(tmp_path), "sql/made/load.sql", ["dags"])
    assert said.endswith(seen) if seen else said == ""


@pytest.mark.parametrize("name", ["/usr/local/airflow/dags/made/run.sh", "bash made/run.sh", "s3://made/run.sh"])
def test_what_airflow_never_finds_is_not_helped_by_a_file(name: str, tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text("made run.sh", encoding="utf-8")
    assert is_brought(Project(tmp_path), name, ["dags"]) == ""


def test_folder_outside_of_the_project_is_not_spoken_of(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text("upload to airflow\n", encoding="utf-8")
    (tmp_path / ".gitignore").write_text("*.sh\n", encoding="utf-8")
    assert is_brought(Project(tmp_path), "run.sh", ["/usr/local/airflow/include", str(tmp_path / "include")]) == ""


@pytest.mark.parametrize("line", ["*[\\]", "[z-a].sh", "[!]x]", "[[:alpha:]]un.sh", "[", "!", "**"])
def test_odd_line_of_a_gitignore_is_no_crash(line: str, tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text(f"{line}\ndags/made/*.[s]h\n", encoding="utf-8")
    assert ".gitignore keeps" in is_brought(Project(tmp_path), "made/run.sh", ["dags"])


def test_file_beside_others_is_looked_for_by_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "dags" / "sql").mkdir(parents=True)
    (tmp_path / "Makefile").write_text("sqlfluff lint dags/sql\n", encoding="utf-8")
    assert is_brought(Project(tmp_path), "sql/load.sql", ["dags"]) == ""
    (tmp_path / "Makefile").write_text("python make.py > dags/sql/load.sql\n", encoding="utf-8")
    assert is_brought(Project(tmp_path), "sql/load.sql", ["dags"]) == "Makefile speaks of load.sql"
