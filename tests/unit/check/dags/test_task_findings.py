"""What facts about tasks mean for MWAA: findings of values."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from mwaa_local.check.asked import AskedValue
from mwaa_local.check.dags.import_results import ImportedDag, ImportedDags, ImportedFile, TaskFact
from mwaa_local.check.dags.source import Source
from mwaa_local.check.dags.task_findings import Defined, task_findings
from mwaa_local.check.dags.task_places import TaskPlaces
from mwaa_local.check.dags.template_names import REMOVED, first_release, new_name, watched
from mwaa_local.check.failures.failure import ImportFailure
from mwaa_local.check.report.groups import groups
from mwaa_local.finding import ERROR, NOTE, WARNING, Finding
from mwaa_local.project import Project
from mwaa_local.release import Release

FACT = TaskFact("undefined", "X", True, "d", "t", "BashOperator", "bash_command", "dags/a.py", 4, "", 0, "")
TEXT = """\
from airflow import DAG
defaults = {"pool": "p"}
with DAG("d", default_args=defaults):
    BashOperator(
        task_id="t",
        bash_command="a"
        "{{ X }}",
    )
"""
FILE = ImportedFile("dags/a.py", 0.1, (ImportedDag("d", 1, 3),), (), (), (), ())
NOWHERE = Project(Path("/nowhere"))
FAILURE = ImportFailure("error", "KeyError: 'a'", "dags/b.py", 3, ())


def found(
    *facts: TaskFact,
    version: str = "3.3.1",
    defined: Defined | None = None,
    others: tuple[ImportedFile, ...] = (),
    project: Project = NOWHERE,
) -> list[Finding]:
    release = Release.load(version)
    imported = ImportedDags((replace(FILE, facts=facts), *others), 30.0, 1.0)
    places = TaskPlaces(lambda path: Source.parse(TEXT.encode(), path, release))
    return list(task_findings(imported, release, project, places, defined or Defined()))


@pytest.mark.parametrize(
    ("version", "certain", "outcome", "severity", "says"),
    [
        ("3.3.1", True, "fails", ERROR, "the task fails then"),
        ("1.10.12", True, "fails", ERROR, "the task fails then"),
        ("2.10.3", False, "fails", WARNING, "the task fails then"),  # beside user_defined_macros
        ("2.10.3", False, "may-fail", WARNING, "where it needs the name's value, the task fails"),
        ("3.3.1", False, "renders", WARNING, "Nothing fails there"),
        ("1.10.12", False, "renders", WARNING, "renders such a name as nothing"),
    ],
)
def test_undefined_name_is_an_error_where_rendering_surely_fails(
    version: str, certain: bool, outcome: str, severity: str, says: str
) -> None:
    [finding] = found(replace(FACT, certain=certain, detail=outcome), version=version)
    assert (finding.rule, finding.severity, finding.place) == ("template-name-undefined", severity, "dags/a.py:7")
    assert says in finding.why


@pytest.mark.parametrize(
    ("name", "version", "why", "hint"),
    [
        ("data_interval_start", "2.0.2", "from Airflow 2.2.2 on", "write execution_date"),
        ("triggering_asset_events", "2.10.3", "from Airflow 3.0.6 on", "write triggering_dataset_events"),
        ("conn", "2.0.2", "from Airflow 2.2.2 on", "XCom"),
        ("latest_date", "2.2.2", "", "write ds"),
        ("try_number", "3.3.1", "", "write ti.try_number"),
        ("exception", "2.10.3", "", "only callbacks are given it"),
        ("templates_dict", "3.3.1", "", "write params.NAME"),
    ],
)
def test_name_of_another_release_or_place_has_advice_of_this_one(name: str, version: str, why: str, hint: str) -> None:
    [finding] = found(replace(FACT, what=name), version=version)
    assert why in finding.why
    assert hint in finding.hint
    words = set(re.findall(r"\w+", finding.hint.removeprefix("write "))) if finding.hint.startswith("write ") else set()
    assert not {word for word in words if first_release(word, Release.load(version))}


def test_name_that_is_an_attribute_is_pointed_to() -> None:
    [finding] = found(replace(FACT, what="dag_id"))
    assert finding.hint == "write dag.dag_id"


@pytest.mark.parametrize(
    ("name", "version", "hint"),
    [
        ("dagrun", "3.3.1", "write dag_run if it is a misspelling; else write params.dagrun"),
        ("excution_date", "2.10.3", "write execution_date if"),
        ("excution_date", "3.3.1", "write logical_date if"),
        ("Variable", "2.10.3", "write var.value.NAME"),
        ("bucket", "2.10.3", "write params.bucket "),
        ("macros.nope", "2.10.3", "put it into user_defined_macros"),
        ("var.nope", "2.10.3", "write var.value.NAME, or var.json.NAME"),
    ],
)
def test_hint_on_a_name_has_what_is_probably_meant(name: str, version: str, hint: str) -> None:
    [finding] = found(replace(FACT, what=name), version=version)
    assert finding.hint.startswith(hint)


def test_hint_has_the_macro_that_the_release_has() -> None:
    [finding] = found(replace(FACT, what="ds_add", instead="macros.ds_add"))
    assert finding.hint == "write macros.ds_add"


def test_same_name_of_many_tasks_is_told_once() -> None:
    [finding] = found(*(replace(FACT, task_id=f"t{number}") for number in range(3)))
    assert finding.what == "X in bash_command of task t0 and 2 others is not defined"


@pytest.mark.parametrize("name", REMOVED)
def test_removed_name_is_an_error_on_airflow_3_and_a_note_before(name: str) -> None:
    [new] = found(replace(FACT, kind="watched", what=name))
    [old] = found(replace(FACT, kind="watched", what=name), version="2.11.2")
    assert (new.rule, new.severity, old.severity) == ("template-name-removed", ERROR, NOTE)
    assert new.hint == (f"write {new_name(name)}" if new_name(name) else "remove it: nothing has taken its place")


def test_releases_without_the_new_names_are_told_of_none() -> None:
    assert watched(Release.load("2.0.2")) == watched(Release.load("1.10.12")) == []
    assert "triggering_dataset_events" in watched(Release.load("3.0.6"))
    assert "triggering_dataset_events" not in watched(Release.load("2.11.2"))
    assert "expanded_ti_count" in watched(Release.load("2.5.1"))
    assert "expanded_ti_count" not in watched(Release.load("2.2.2"))  # which has it not yet


@pytest.mark.parametrize(
    ("folders", "severity"),
    [("dags\nplugins/sql", ERROR), ("dags\n/opt/sql", WARNING), ("/usr/local/airflow/dags", WARNING)],
)
def test_missing_file_is_an_error_only_where_all_folders_are_the_projects(folders: str, severity: str) -> None:
    [finding] = found(replace(FACT, kind="no-file", what="a.sh", detail=folders))
    assert (finding.rule, finding.severity) == ("template-file-missing", severity)


def test_missing_file_that_a_build_step_may_bring_is_a_warning_that_says_what_was_seen(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text("dbt compile > dags/a.sh\n", encoding="utf-8")
    [finding] = found(replace(FACT, kind="no-file", what="a.sh", detail="dags"), project=Project(tmp_path))
    assert (finding.rule, finding.severity) == ("template-file-missing", WARNING)
    assert "Makefile speaks of a.sh: make sure that it is there" in finding.why


@pytest.mark.parametrize(
    ("field", "version", "way_out"),
    [("bash_command", "2.10.3", "blank at the end"), ("sql", "2.10.3", "airflow.utils.template"),
     ("sql", "3.3.1", "airflow.sdk"), ("sql", "2.2.2", "template_searchpath")],
)  # fmt: skip
def test_way_out_for_what_is_no_template_is_one_of_the_release(field: str, version: str, way_out: str) -> None:
    [finding] = found(replace(FACT, kind="no-file", what="s3://b/a.sql", field=field, detail="dags"), version=version)
    assert way_out in finding.hint


def test_known_pool_and_placeholders_are_not_told() -> None:
    pool = replace(FACT, kind="pool", what="heavy", field="pool")
    [finding] = found(pool)
    assert (finding.rule, finding.severity, finding.place) == ("missing-pool", NOTE, "dags/a.py:2")
    assert found(pool, defined=Defined(frozenset({"heavy"}))) == []
    release = Release.load("3.3.1")
    asked = replace(FILE, asked=(AskedValue("variable", "heavy", "dags/a.py", 1),), facts=(pool,))
    places = TaskPlaces(lambda _path: None)
    assert task_findings(ImportedDags((asked,), 30.0, 1.0), release, Project(Path("/n")), places, Defined()) == ()


@pytest.mark.parametrize(("name", "severity"), [("env", WARNING), ("stage", ERROR)])
def test_template_file_whose_name_may_come_from_a_placeholder_may_be_there(name: str, severity: str) -> None:
    fact = replace(FACT, kind="no-file", what="sql/env/load.sql", field="sql", detail="dags")
    release = Release.load("3.3.1")
    places = TaskPlaces(lambda path: Source.parse(TEXT.encode(), path, release))
    asked = replace(FILE, asked=(AskedValue("variable", name, "dags/a.py", 1),), facts=(fact,))
    [finding] = task_findings(ImportedDags((asked,), 30.0, 1.0), release, Project(Path("/n")), places, Defined())
    assert (finding.rule, finding.severity) == ("template-file-missing", severity)


def test_absent_dag_is_told_only_if_all_files_were_imported() -> None:
    other = replace(FACT, kind="dag", what="e", field="trigger_dag_id")
    [finding] = found(other)
    assert (finding.rule, finding.severity) == ("missing-dag", NOTE)
    broken = replace(FILE, path="dags/b.py", dags=(), failures=(FAILURE,))
    assert found(other, others=(broken,)) == []
    assert found(other, others=(replace(FILE, path="dags/b.py", dags=(ImportedDag("e", 1, 1),)),)) == []


def test_connection_for_mail_may_be_in_a_secrets_backend() -> None:
    mail = replace(FACT, kind="mail", what="email_on_failure", field="email", detail="smtp_default")
    assert [item.severity for item in found(mail)] == [NOTE]
    assert found(mail, defined=Defined(has_backend=True)) == []
    [old] = found(replace(mail, detail="smtp.smtp_host"), version="2.10.3", defined=Defined(has_backend=True))
    assert (old.rule, old.severity) == ("mail-without-server", WARNING)


def test_mail_server_that_is_missing_is_one_cause_for_all_that_send_mail() -> None:
    mail = replace(FACT, kind="mail", what="email_on_failure", field="email", detail="smtp.smtp_host")
    both = found(mail, replace(mail, what="EmailOperator", field="to", line=9), version="2.10.3")
    [group] = groups(both)
    assert len(group.findings) == len(both) == 2
    assert group.finding.what == "Airflow is to send mail, and no smtp.smtp_host is set here"
