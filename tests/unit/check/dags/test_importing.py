"""What importing the DAG files means: findings of values; what of the launcher's side is pure."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mwaa_local.check.asked import AskedValue
from mwaa_local.check.dags.import_findings import MEANINGS, import_findings
from mwaa_local.check.dags.import_limits import IMPORT_OPTION, PROCESSOR_OPTION, Limit
from mwaa_local.check.dags.import_results import ImportedDag, ImportedDags, ImportedFile
from mwaa_local.check.dags.importing import _Answers
from mwaa_local.check.failures.failure import FAILED, NETWORK_TOUCH, ImportFailure, OutsideCall
from mwaa_local.finding import ERROR, NOTE, WARNING, Finding
from mwaa_local.masking import Mask
from mwaa_local.release import Release

NEW, OLD = Release.load("3.3.1"), Release.load("2.10.3")
LIMIT_S = 30.0
GOOD = ImportedFile("dags/a.py", 0.1, (ImportedDag("a", 2, 5),), (), (), (), ())
BAD = ImportFailure("error", "KeyError: 'a'", "dags/a.py", 3, ('File "dags/a.py", line 3, in <module>',))
ANSWER: dict[str, Any] = {
    "file": "dags/a.py",
    "seconds": 0.5,
    "dags": [{"id": "a", "tasks": 1, "line": 4}],
    "errors": [],
    "asked": [{"kind": "variable", "name": "v", "path": "dags/a.py", "line": 2}],
    "touches": [],
    "warnings": [],
}


def found(*files: ImportedFile, release: Release = NEW, strict: bool = False, **more: Any) -> tuple[Finding, ...]:
    return import_findings(ImportedDags(files, LIMIT_S, 1.0, **more), release, strict=strict)


def failed(**changes: Any) -> ImportedFile:
    return replace(GOOD, dags=(), failures=(replace(BAD, **changes),))


def test_good_file_has_no_finding() -> None:
    assert found(GOOD) == ()


def test_error_shows_its_frames_and_then_itself() -> None:
    [finding] = found(failed())
    assert (finding.rule, finding.severity, finding.place) == ("dag-import-error", ERROR, "dags/a.py:3")
    assert finding.why.splitlines() == ['File "dags/a.py", line 3, in <module>', "KeyError: 'a'"]


def test_value_with_which_airflow_does_not_start_is_named_instead_of_a_traceback() -> None:
    said = "`[logging] logging_level` should not be 'DEBUGG'. Possible values: CRITICAL, INFO."
    trace = f'  File "/srv/airflow/conf.py", line 404, in _validate_enums\na.AirflowConfigException: {said}'
    [finding] = found(problem=f"Python ended with exit code 1.\n{trace}")
    assert finding.what == "Airflow 3.3.1 does not start with this value of logging.logging_level"
    assert (finding.why, finding.hint) == (
        said,
        "correct logging.logging_level in AirflowConfigurationOptions or in the startup script",
    )
    [finding] = found(problem="Python ended with exit code 1.\nMemoryError")
    assert "could not import all DAG files" in finding.what


def test_error_in_an_imported_module_names_the_dag_file() -> None:
    [finding] = found(failed(path="plugins/b.py"))
    assert finding.path == "plugins/b.py"
    assert finding.what.endswith(", imported by dags/a.py")


@pytest.mark.parametrize(("seconds", "rules"), [(15.0, []), (15.1, ["dag-import-slow"])])
def test_slow_begins_above_half_of_the_limit(seconds: float, rules: list[str]) -> None:
    assert [finding.rule for finding in found(replace(GOOD, seconds=seconds))] == rules


@pytest.mark.parametrize("import_limit_s", [0.0, 120.0])
def test_import_without_a_limit_or_a_higher_one_still_has_that_of_the_process(import_limit_s: float) -> None:
    quick, slow = (ImportedDags((replace(GOOD, seconds=seconds),), import_limit_s, 1.0) for seconds in (25.0, 35.0))
    assert import_findings(quick, NEW, strict=False) == ()
    [finding] = import_findings(slow, NEW, strict=False)
    assert finding.rule == "dag-import-slow"
    assert "35.0 s of the 50 s that dag_processor.dag_file_processor_timeout allows" in finding.what


@pytest.mark.parametrize(
    ("kind", "import_limit_s", "struck", "to_raise"),
    [
        ("timeout", 30.0, f"{IMPORT_OPTION} is 30 s", f"{IMPORT_OPTION}, which has an effect up to {PROCESSOR_OPTION}"),
        ("killed", 120.0, f"{PROCESSOR_OPTION} is 50 s", PROCESSOR_OPTION),
        ("killed", 0.0, f"{PROCESSOR_OPTION} is 50 s", PROCESSOR_OPTION),
        ("killed", 30.0, f"{PROCESSOR_OPTION} is 50 s", f"{PROCESSOR_OPTION} and {IMPORT_OPTION}"),
    ],
)
def test_time_limit_that_struck_is_named_and_the_one_to_raise(
    kind: str, import_limit_s: float, struck: str, to_raise: str
) -> None:
    [finding] = import_findings(ImportedDags((failed(kind=kind),), import_limit_s, 1.0), NEW, strict=False)
    assert (finding.rule, finding.severity) == ("dag-import-timeout", ERROR)
    assert finding.why.splitlines()[-1] == f"{struck}."
    assert finding.hint.partition("or raise ")[2].partition(" (50 s)")[0] == to_raise


def test_time_limit_has_the_name_that_the_release_gives_it() -> None:
    limit = Limit("core.dag_file_processor_timeout", 60.0)
    [finding] = import_findings(
        ImportedDags((failed(kind="killed"),), 120.0, 1.0, processor_limit=limit), OLD, strict=False
    )
    assert finding.why.splitlines()[-1] == "core.dag_file_processor_timeout is 60 s."
    assert finding.hint.endswith("or raise core.dag_file_processor_timeout")


def test_file_that_timed_out_is_not_also_slow() -> None:
    [finding] = found(replace(failed(kind="timeout"), seconds=30.0))
    assert (finding.rule, finding.severity) == ("dag-import-timeout", ERROR)


@pytest.mark.parametrize("kind", ["died", "ended"])
def test_end_of_python_is_a_crash(kind: str) -> None:
    [finding] = found(failed(kind=kind, said="Python ended with exit code 4"))
    assert (finding.rule, finding.severity) == ("dag-import-crash", ERROR)


@pytest.mark.parametrize(
    ("release", "rule", "severity"), [(NEW, "dag-import-error", ERROR), (OLD, "top-level-database", WARNING)]
)
def test_query_is_an_error_where_airflow_refuses_it(release: Release, rule: str, severity: str) -> None:
    file = replace(failed(kind="database"), touches=(OutsideCall("database", "metadata database", "dags/a.py", 3),))
    [finding] = found(file, release=release)
    assert (finding.rule, finding.severity) == (rule, severity)


@pytest.mark.parametrize(("strict", "severity"), [(False, NOTE), (True, ERROR)])
@pytest.mark.parametrize("kind", ["variable", "connection"])
def test_what_is_not_known_is_an_error_only_when_strict(kind: str, strict: bool, severity: str) -> None:
    [finding] = found(replace(GOOD, asked=(AskedValue(kind, "v", "dags/a.py", 2),)), strict=strict)
    assert (finding.rule, finding.severity, finding.line) == (f"missing-{kind}", severity, 2)
    assert f"AIRFLOW_{kind[:3].upper() if kind == 'variable' else 'CONN'}_V" in finding.hint


def test_missing_module_is_an_error_also_after_a_stand_in() -> None:
    file = replace(failed(missing="pandas"), asked=(AskedValue("variable", "v", "dags/a.py", 2),))
    [error] = [finding for finding in found(file) if finding.rule == "dag-import-error"]
    assert error.severity == ERROR
    assert "pandas" in error.hint


@pytest.mark.parametrize(
    ("code", "missing", "severity"),
    [
        ('importlib.import_module(f"jobs.{TEAM}")', "jobs.team", WARNING),
        ('importlib.import_module(f"jobs.{TEAM}")', "jobs", ERROR),
        ('importlib.import_module(Variable.get("team"))', "team", WARNING),
        ('importlib.import_module(f"v{int(NUMBER)}")', "v1", WARNING),
        ("importlib.import_module(NAME)", "anything", WARNING),
        ('importlib.import_module("pandas")', "pandas", ERROR),
        ("import team", "team", ERROR),
        ("import os, team.models", "team", ERROR),
        ("from team import models", "team", ERROR),
    ],
)
def test_module_whose_name_a_placeholder_made_is_a_warning(code: str, missing: str, severity: str) -> None:
    file = failed(missing=missing, trace=('File "dags/a.py", line 3, in <module>', f"  {code}"))
    file = replace(file, asked=(AskedValue("variable", "team", "dags/a.py", 2),))
    [finding] = [finding for finding in found(file) if finding.rule == "dag-import-error"]
    assert finding.severity == severity
    assert ("placeholder" in finding.hint) is (severity == WARNING)
    [finding] = [finding for finding in found(file, strict=True) if finding.rule == "dag-import-error"]
    assert finding.severity == ERROR


def test_failed_connection_names_the_host() -> None:
    touch = OutsideCall("network", "example.com:443", "dags/a.py", 2)
    [error, _] = sorted(found(replace(failed(of_connection=True), touches=(touch,))), key=lambda item: item.rule)
    assert "example.com:443" in error.hint
    assert error.severity == WARNING  # MWAA's network may reach it


def test_connection_to_the_own_machine_fails_on_mwaa_too() -> None:
    touch = OutsideCall("network", "127.0.0.1:5432", "dags/a.py", 2)
    [error, _] = sorted(found(replace(failed(of_connection=True), touches=(touch,))), key=lambda item: item.rule)
    assert error.severity == ERROR


def test_duplicate_is_reported_at_each_place() -> None:
    other = replace(GOOD, path="dags/b.zip", dags=(ImportedDag("a", 1, 0),))
    first, second = found(GOOD, other)
    assert (first.place, first.what) == ("dags/a.py:5", "DAG id a is also in dags/b.zip")
    assert (second.place, second.what) == ("dags/b.zip", "DAG id a is also in dags/a.py:5")


def test_end_of_the_probe_is_reported() -> None:
    [finding] = found(problem="Python ended with exit code 9.")
    assert (finding.rule, finding.path, finding.why) == ("dag-import-crash", "dags", "Python ended with exit code 9.")


def test_missing_file_below_mwaas_home_is_a_warning_where_it_cannot_be_shown() -> None:
    file = failed(said="FileNotFoundError: '/usr/local/airflow/dags/a.json'")
    [elsewhere], [here] = found(file, paths_note="not permitted"), found(file)
    assert (elsewhere.severity, here.severity) == (WARNING, ERROR)
    assert "not permitted" in elsewhere.hint


def test_rules_are_listed() -> None:
    file = replace(failed(), asked=(AskedValue("variable", "v", "dags/a.py", 2),))
    assert {finding.rule for finding in found(file)} <= set(MEANINGS)


def test_line_that_is_not_whole_yet_is_read_later(tmp_path: Path) -> None:
    told: list[ImportedFile] = []
    path, line = tmp_path / "answers.jsonl", json.dumps(ANSWER)
    answers = _Answers(path, Path("/home/x/airflow"), Mask(), told.append)
    answers.read()
    path.write_text('{"files": [], "limit_s": 30.0, "processor_limit": ["a.b", 50.0], "links": {}}\n' + line[:20])
    answers.read()
    assert (told, answers.limit_s, answers.done) == ([], LIMIT_S, False)
    path.write_text(
        '{"files": [], "limit_s": 30.0, "processor_limit": ["a.b", 50.0], "links": {}}\n' + line + '\n{"done": true}\n'
    )
    answers.read()
    answers.read()
    assert [file.path for file in told] == ["dags/a.py"]
    assert answers.done


def test_folder_of_the_trial_is_not_shown(tmp_path: Path) -> None:
    told: list[ImportedFile] = []
    error = {"kind": "error", "said": "no /home/x/airflow/dags/b", "path": "dags/a.py", "line": 1, "trace": []}
    answer = {**ANSWER, "errors": [{**error, "missing": "", "connection": False, "subjects": []}]}
    (tmp_path / "answers.jsonl").write_text(json.dumps(answer) + "\n")
    _Answers(tmp_path / "answers.jsonl", Path("/home/x/airflow"), Mask(), told.append).read()
    assert told[0].failures[0].said == "no /usr/local/airflow/dags/b"


def test_ids_of_all_dags_are_known_only_if_no_more_can_come_about() -> None:
    other = replace(GOOD, path="dags/b.py", dags=(ImportedDag("b", 1, 3), ImportedDag("c", 1, 4)))
    assert ImportedDags((GOOD, other), 30.0, 1.0).dag_ids == ("a", "b", "c")
    assert ImportedDags((GOOD, other), 30.0, 1.0).has_all_dags
    asked = replace(other, asked=(AskedValue("variable", "teams", "dags/b.py", 2),))
    touching = replace(other, touches=(OutsideCall(NETWORK_TOUCH, "teams.example", "dags/b.py", 2),))
    failing = replace(other, failures=(ImportFailure(FAILED, "KeyError: 'a'", "dags/b.py", 2, ()),))
    defaulted = replace(other, defaulted=asked.asked)
    for file in (asked, defaulted, touching, failing):
        assert not ImportedDags((GOOD, file), 30.0, 1.0).has_all_dags
    assert not ImportedDags((GOOD,), 30.0, 1.0, problem="interrupted").has_all_dags
    assert not ImportedDags((GOOD,), 30.0, 1.0, plugins_asked=True).has_all_dags


def test_used_defaults_and_what_plugins_asked_are_read_and_told_to_nobody(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    answer = {**ANSWER, "asked": [], "defaulted": [{"kind": "variable", "name": "v", "path": "dags/a.py", "line": 2}]}
    first = {"files": [], "limit_s": 30.0, "processor_limit": ["a.b", 50.0], "links": {}, "plugins_asked": True}
    path.write_text(json.dumps(first) + "\n" + json.dumps(answer) + "\n")
    answers = _Answers(path, Path("/home/x/airflow"), Mask(), lambda _file: None)
    answers.read()
    [file] = answers.files
    assert file.defaulted == (AskedValue("variable", "v", "dags/a.py", 2),)
    assert answers.plugins_asked
    assert found(file) == ()
