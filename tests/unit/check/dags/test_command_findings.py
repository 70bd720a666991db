"""Scripts of the project that a task runs as programs: what is said, and whether its hint works."""

from __future__ import annotations

from pathlib import Path

import pytest

from mwaa_local.check.dags.import_results import ImportedDag, ImportedDags, ImportedFile, TaskFact
from mwaa_local.check.dags.task_findings import Defined, task_findings
from mwaa_local.check.dags.task_places import TaskPlaces
from mwaa_local.finding import Finding
from mwaa_local.project import Project
from mwaa_local.release import Release

SCRIPT = "/usr/local/airflow/dags/load.sh"


def fact(kind: str, what: str, detail: str, *, file: str = "") -> TaskFact:
    return TaskFact(kind, what, True, "d", "t", "BashOperator", "bash_command", "dags/a.py", 4, file, 0, detail)


def found(root_dir: Path, *facts: TaskFact) -> list[Finding]:
    for name in ("dags", "plugins"):
        (root_dir / name).mkdir()
        (root_dir / name / "load.sh").write_text("echo\n", encoding="utf-8")
    file = ImportedFile("dags/a.py", 0.1, (ImportedDag("d", 1, 3),), (), (), (), (), facts=facts)
    places = TaskPlaces(lambda _path: None)
    release = Release.load("3.3.1")
    return list(task_findings(ImportedDags((file,), 30.0, 1.0), release, Project(root_dir), places, Defined()))


@pytest.mark.parametrize(
    ("command", "hint"),
    [
        (f"{SCRIPT} ", f'bash {SCRIPT} ", with the blank at the end'),
        ("cd /usr/local/airflow/dags && ./load.sh\n", f'bash {SCRIPT} ", with the blank at the end'),
        (f"{SCRIPT} now", f"as in bash {SCRIPT}"),
        ("/usr/local/airflow/plugins/load.sh ", 'bash /usr/local/airflow/plugins/load.sh ", with the blank at the end'),
    ],
)
def test_command_of_the_hint_is_not_taken_for_a_template_file(tmp_path: Path, command: str, hint: str) -> None:
    [finding] = found(tmp_path, fact("command", command, "cwd="))
    assert finding.rule == "script-not-executable"
    assert hint in finding.hint
    assert ("blank" in finding.hint) == ("blank" in hint)


def test_text_of_a_template_file_may_end_as_it_likes(tmp_path: Path) -> None:
    [finding] = found(tmp_path, fact("command", SCRIPT, "cwd=", file="dags/run.sh"))
    assert finding.hint == f"run it by its interpreter, as in bash {SCRIPT}"


def test_command_that_never_runs_for_want_of_its_file_is_told_once(tmp_path: Path) -> None:
    [finding] = found(tmp_path, fact("no-file", SCRIPT, "dags"), fact("command", SCRIPT, "cwd="))
    assert finding.rule == "template-file-missing"
