"""DAGs that Airflow does not see: what is said, and of which nothing."""

from __future__ import annotations

from mwaa_local.check.dags.import_findings import import_findings
from mwaa_local.check.dags.import_results import ImportedDag, ImportedDags, ImportedFile, LostDag
from mwaa_local.check.failures.failure import ImportFailure
from mwaa_local.finding import Finding
from mwaa_local.release import Release


def file(
    path: str, *lost: LostDag, dags: tuple[str, ...] = (), failures: tuple[ImportFailure, ...] = ()
) -> ImportedFile:
    made = tuple(ImportedDag(dag_id, 1, 1) for dag_id in dags)
    return ImportedFile(path, 0.1, made, failures, (), (), (), lost=lost)


def found(*files: ImportedFile, version: str = "2.2.2") -> list[Finding]:
    return list(import_findings(ImportedDags(files, 30.0, 1.0), Release.load(version), strict=False))


def test_ids_of_one_line_are_told_together_and_take_the_place_of_the_note_on_a_file_without_dags() -> None:
    [loop, other] = found(file("dags/a.py", LostDag("a", 9), LostDag("b", 9), LostDag("c", 12)))
    assert (loop.rule, loop.place) == ("dag-not-registered", "dags/a.py:9")
    assert loop.what == "DAGs a, b made here will not appear in Airflow"
    assert other.what == "DAG c made here will not appear in Airflow"
    assert "globals()" in loop.hint


def test_headline_stays_short() -> None:
    [finding] = found(file("dags/a.py", *(LostDag(f"d{number}", 9) for number in range(8))))
    assert finding.what == "DAGs d0, d1, d2, d3, d4 and 3 more made here will not appear in Airflow"


def test_only_later_releases_register_by_themselves() -> None:
    [old], [new] = (found(file("dags/a.py", LostDag("a", 9)), version=version) for version in ("2.2.2", "2.4.3"))
    assert ("auto_register" in old.why, "auto_register" in new.why) == (False, True)


def test_dag_that_another_file_registers_and_files_that_fail_are_not_told() -> None:
    assert found(file("dags/a.py", LostDag("a", 9), dags=("x",)), file("dags/b.py", dags=("a",))) == []
    failure = ImportFailure("error", "KeyError: 'a'", "dags/a.py", 3, ())
    [error] = found(file("dags/a.py", LostDag("a", 9), failures=(failure,)))
    assert error.rule == "dag-import-error"
