"""Failed imports by their reasons: AWS, the database, options that nobody sets, and DAGs that a loader shows again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import botocore.exceptions
import pytest

from mwaa_local.check.asked import AskedValue
from mwaa_local.check.dags.check import told_best
from mwaa_local.check.dags.import_findings import import_findings
from mwaa_local.check.dags.import_results import ImportedDag, ImportedDags, ImportedFile
from mwaa_local.check.dags.option_variables import OptionVariables
from mwaa_local.check.dags.source import Source
from mwaa_local.check.failures.failure import ImportFailure, OutsideCall
from mwaa_local.check.failures.hints import ProjectFacts
from mwaa_local.check.modules.hints import ModuleHints
from mwaa_local.check.modules.requirements import Requirements
from mwaa_local.check.report.groups import groups
from mwaa_local.environment.kinds import AwsMode
from mwaa_local.finding import ERROR, NOTE, WARNING, Finding
from mwaa_local.guest.dags.import_subjects import of_aws
from mwaa_local.release import Release

NEW, OLD = Release.load("3.3.1"), Release.load("2.10.3")
FRAME = 'File "dags/a.py", line 3, in <module>'
GOOD = ImportedFile("dags/a.py", 0.1, (ImportedDag("a", 2, 5),), (), (), (), ())
OTHER = replace(GOOD, path="dags/nested/a.py")


def failed(said: str, **more: Any) -> ImportedFile:
    failure = ImportFailure(
        **{"kind": "error", "said": said, "path": "dags/a.py", "line": 3, "trace": (FRAME,), **more}
    )
    return replace(GOOD, dags=(), failures=(failure,))


def found(
    *files: ImportedFile, release: Release = NEW, facts: ProjectFacts | None = None, **more: Any
) -> tuple[Finding, ...]:
    return import_findings(ImportedDags(files, 30.0, 1.0, **more), release, strict=False, facts=facts)


def test_long_message_is_cut_in_the_heading_and_whole_below_it() -> None:
    said = f"AirflowException: The trigger_rule must be one of {'x, ' * 300}; received 'all_dne'."
    [finding] = found(failed(said))
    assert len(finding.what) < 300
    assert finding.what.startswith("import error: AirflowException: The trigger_rule must be")
    assert finding.what.endswith(" received 'all_dne'.")
    assert said in finding.why
    [bare] = found(failed(said, trace=()))
    assert bare.why == said
    [short] = found(failed("KeyError: 'a'", trace=()))
    assert (short.what, short.why) == ("import error: KeyError: 'a'", "")


def options(root_dir: Path, *names: str) -> ProjectFacts:
    return replace(ProjectFacts.none(NEW), options=OptionVariables(root_dir, NEW, frozenset(names)))


@pytest.mark.parametrize(
    ("error", "lacks"),
    [
        (botocore.exceptions.NoCredentialsError(), "credentials"),
        (botocore.exceptions.NoRegionError(), "region"),
        (botocore.exceptions.EndpointConnectionError(endpoint_url="https://sts"), "answer"),
        (botocore.exceptions.ReadTimeoutError(endpoint_url="https://sts"), "answer"),
        (botocore.exceptions.ClientError({"Error": {"Code": "InvalidClientTokenId"}}, "GetCallerIdentity"), "refused"),
        (botocore.exceptions.ProfileNotFound(profile="mine"), ""),
        (botocore.exceptions.UnknownServiceError(service_name="x", known_service_names=["s3"]), ""),
        (botocore.exceptions.ParamValidationError(report="x"), ""),
        (ConnectionError("elsewhere"), ""),
    ],
)
def test_what_this_machine_lacks_of_aws_is_told_from_mistakes(error: Exception, lacks: str) -> None:
    assert of_aws(error) == lacks


def test_all_that_refused_requirements_would_bring_is_one_thing_to_mend() -> None:
    asked = {"pyyaml": "requirements/requirements.txt:1", "retrying": "requirements/requirements.txt:2"}
    requirements = Requirements("requirements/requirements.txt", asked, has_packages=True, failed=True)
    facts = replace(ProjectFacts.none(NEW), modules=ModuleHints(Path("/none"), NEW, requirements))
    files = [
        failed(f"ModuleNotFoundError: No module named '{name}'", missing=name, line=line)
        for line, name in enumerate(("yaml", "retrying", "gspread"), 1)
    ]
    first, second = groups(found(*files, facts=facts))
    assert [item.line for item in first.findings] == [1, 2]
    assert first.finding.what.endswith(
        "what requirements/requirements.txt asks for is missing, since pip could not install it"
    )
    assert first.finding.hint.startswith("correct requirements/requirements.txt first")
    assert "gspread" in second.finding.what


@pytest.mark.parametrize(("aws", "is_offered"), [(AwsMode.NONE, True), (AwsMode.LOCAL, True), (AwsMode.HOST, False)])
@pytest.mark.parametrize("lacks", ["credentials", "region", "answer", "refused"])
def test_call_of_aws_is_one_warning(aws: AwsMode, is_offered: bool, lacks: str) -> None:
    touch = OutsideCall("network", "sts.amazonaws.com:443", "dags/a.py", 3)
    file = replace(failed("NoCredentialsError: x", aws=lacks, of_connection=True), touches=(touch,))
    [finding] = found(file, facts=replace(ProjectFacts.none(NEW), aws=aws))
    assert (finding.rule, finding.severity, finding.line) == ("top-level-network", WARNING, 3)
    assert ("Aws: host" in finding.hint) is is_offered
    assert "move the call into a task" in finding.hint


@pytest.mark.parametrize(
    ("said", "more", "release", "anchor"),
    [
        ("KeyError: 'MWAA__CORE__TESTING_MODE'", {}, NEW, "service-variables"),
        ("KeyError: 'MWAA_HOME'", {}, OLD, "service-variables"),
        ("ModuleNotFoundError: No module named 'pycurl'", {"missing": "pycurl"}, Release.load("2.2.2"), "package-"),
        ("ModuleNotFoundError: No module named 'mwaa'", {"missing": "mwaa.config"}, NEW, "support-module"),
        ("NoCredentialsError: x", {"aws": "credentials"}, NEW, "aws-credentials"),
        ("DatabaseRefused: x", {"kind": "database"}, OLD, "dags-database"),
    ],
)
def test_what_only_mwaa_has_is_a_warning_that_points_to_the_difference(
    said: str, more: dict[str, Any], release: Release, anchor: str
) -> None:
    facts = replace(ProjectFacts.none(release), modules=ModuleHints(Path("/dev/null"), release, Requirements("x")))
    [finding] = found(failed(said, **more), release=release, facts=facts)
    assert finding.severity == WARNING
    assert finding.see.startswith(anchor)
    assert finding.plain()["see"].endswith(f"docs/differences.md#{finding.see}")


@pytest.mark.parametrize(
    ("said", "more"),
    [
        ("KeyError: 'MWAA__OWN__NAME'", {}),
        ("ModuleNotFoundError: No module named 'pycurl'", {"missing": "pycurl"}),
    ],
)
def test_what_mwaa_has_not_either_is_an_error_that_points_nowhere(said: str, more: dict[str, Any]) -> None:
    [finding] = found(failed(said, **more))
    assert (finding.severity, finding.see) == (ERROR, "")


def test_query_that_airflow_makes_is_a_note_and_that_of_the_file_a_warning() -> None:
    by_airflow = failed("DatabaseRefused: x", kind="database", asked_by="airflow/operators/subdag.py")
    [finding] = found(by_airflow, release=OLD)
    assert (finding.rule, finding.severity) == ("top-level-database", NOTE)
    assert "on MWAA the database answers" in finding.why
    assert "was not checked" in finding.why
    assert "TaskGroup" in finding.hint
    [finding] = found(failed("DatabaseRefused: x", kind="database"), release=OLD)
    assert (finding.severity, finding.hint.partition(":")[0]) == (WARNING, "move the query into a task")


NONE_TYPE = "AttributeError: 'NoneType' object has no attribute 'split'"
ADD = "AIRFLOW__APP__SUBNETS is not set: add `app.subnets` to AirflowConfigurationOptions in mwaa.yaml"


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("import os\nS = os.environ.get('AIRFLOW__APP__SUBNETS').split(',')\n", NONE_TYPE, ADD),
        ("from os import getenv as g\nS = g('AIRFLOW__APP__SUBNETS').split(',')\n", NONE_TYPE, ADD),
        ("import os\nS = os.environ['AIRFLOW__APP__SUBNETS']\n", "KeyError: 'AIRFLOW__APP__SUBNETS'", ADD),
        ("", "AirflowConfigException: section/key [app/subnets] not found in config", ADD),
        ("import os\nS = os.environ.get('AIRFLOW__APP__SUBNETS', 'a').split(',')\n", NONE_TYPE, ""),
        ("import os\nS = os.environ.get('AIRFLOW__APP__SET').split(',')\n", NONE_TYPE, ""),
        ("import os\nS = os.environ.get('SUBNETS').split(',')\n", NONE_TYPE, ""),
        ("import os\nS = os.environ.get('AIRFLOW__APP__SUBNETS').split(',')\n", "KeyError: 'a'", ""),
        (
            "",
            "KeyError: 'AIRFLOW__CORE__DAGS_FOLDER'",
            'AIRFLOW__CORE__DAGS_FOLDER is not set: ask `conf.get("core", "dags_folder")` of '
            "airflow.configuration instead",
        ),
    ],
)
def test_option_that_nobody_sets_is_named(tmp_path: Path, text: str, said: str, hint: str) -> None:
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "a.py").write_text(text)
    [finding] = found(failed(said), facts=options(tmp_path, "AIRFLOW__APP__SET"))
    assert (finding.rule, finding.severity, finding.hint) == ("dag-import-error", ERROR, hint)


@pytest.mark.parametrize(
    ("line", "is_told"),
    [
        ("os.environ['AIRFLOW__APP__SUBNETS']", True),
        ("os.environ.get('AIRFLOW__APP__SUBNETS').split(',')", True),
        ("os.getenv('AIRFLOW__APP__SUBNETS')[0]", True),
        ("os.environ.get('AIRFLOW__APP__SUBNETS')", False),
        ("os.environ.get('AIRFLOW__APP__SUBNETS', 'a').split(',')", False),
        ("os.environ['AIRFLOW__APP__SET']", False),
        ("os.environ['AIRFLOW__CORE__PARALLELISM']", False),
        ("os.environ['SUBNETS']", False),
        ("os.environ['AIRFLOW__APP__SUBNETS'] if 'AIRFLOW__APP__SUBNETS' in os.environ else ''", False),
    ],
)
def test_read_in_a_task_that_is_sure_to_fail_is_told_of(tmp_path: Path, line: str, is_told: bool) -> None:
    text = f"import os\n\n\ndef task():\n    return {line}\n"
    source = Source.parse(text.encode(), "dags/a.py", NEW)
    assert source is not None
    told = list(OptionVariables(tmp_path, NEW, frozenset(("AIRFLOW__APP__SET",))).findings(source))
    assert [(item.rule, item.severity, item.line, item.hint) for item in told] == [
        ("missing-option", WARNING, 5, ADD)
    ] * is_told


@pytest.mark.parametrize(
    "line", ["os.environ['AIRFLOW__APP__SUBNETS'] = 'a'", "os.environ.setdefault('AIRFLOW__APP__SUBNETS', '')"]
)
def test_option_that_the_file_itself_sets_is_not_missing(tmp_path: Path, line: str) -> None:
    text = f"import os\n{line}\nprint(os.environ['AIRFLOW__APP__SUBNETS'])\n"
    source = Source.parse(text.encode(), "dags/a.py", NEW)
    assert source is not None
    assert list(OptionVariables(tmp_path, NEW).findings(source)) == []


@pytest.mark.parametrize(
    ("host", "line", "severity"),
    [
        ("sts.amazonaws.com:443", 3, WARNING),
        ("sts.amazonaws.com:443", 2, ERROR),
        ("127.0.0.1:5432", 3, ERROR),
    ],
)
def test_time_spent_waiting_for_another_host_is_a_warning(host: str, line: int, severity: str) -> None:
    touch = OutsideCall("network", host, "dags/a.py", line)
    file = replace(failed("AirflowTaskTimeout: x", kind="timeout"), touches=(touch,))
    [finding] = [item for item in found(file) if item.rule == "dag-import-timeout"]
    assert finding.severity == severity
    assert (f"waited for {host}" in finding.why) is (severity == WARNING)


@pytest.mark.parametrize(
    ("loaded", "line", "is_duplicate"),
    [(("dags/nested/a.py",), 0, False), (("dags/nested/a.py",), 7, True), ((), 0, True), (("dags/b.py",), 0, True)],
)
def test_dag_that_a_loader_shows_again_is_no_duplicate(loaded: tuple[str, ...], line: int, is_duplicate: bool) -> None:
    loader = replace(GOOD, path="dags/loader.py", dags=(ImportedDag("a", 2, line),), loaded=loaded)
    rules = [finding.rule for finding in found(loader, OTHER)]
    assert rules == ["duplicate-dag-id"] * (2 if is_duplicate else 0)


def test_dag_id_of_two_files_is_one_cause() -> None:
    [group] = groups(found(GOOD, OTHER))
    assert group.places == ("dags/a.py:5", "dags/nested/a.py:5")
    assert group.finding.what == "more than one file has a DAG with the id a"


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("@dag(schedule=None)\ndef daily():\n    pass\n", "call what @dag decorates, at the top level: daily()"),
        ("@decorators.dag\ndef daily():\n    pass\n", "call what @dag decorates, at the top level: daily()"),
        ("@dag()\ndef daily():\n    pass\n\n\nMADE = [daily() for _ in ()]\n", "assign the DAG to a name"),
        ("def daily():\n    return DAG('daily')\n", "assign the DAG to a name"),
    ],
)
def test_function_under_dag_that_nothing_calls_is_named(tmp_path: Path, code: str, hint: str) -> None:
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags/a.py").write_text(code)
    facts = ProjectFacts(ModuleHints(tmp_path, NEW, Requirements("requirements.txt")))
    [finding] = found(replace(GOOD, dags=()), facts=facts)
    assert (finding.rule, finding.severity) == ("no-dag-in-file", NOTE)
    assert hint in finding.hint


def test_timetable_is_to_be_imported_as_it_is_registered() -> None:
    said = "SerializationError: Failed to serialize DAG 'a': Timetable class 'plugins.lunch.Lunch' is not registered"
    file = failed(said, trace=())
    [finding] = found(file, timetables=("airflow_x.Other", "lunch.Lunch"))
    assert "write `from lunch import Lunch`, not from plugins.lunch" in finding.hint
    assert finding.why == ""
    [finding] = found(file)
    assert finding.hint.startswith("register it: a plugin in plugins/ needs `timetables = [Lunch]`")


def test_module_that_a_providers_own_module_misses_is_a_missing_provider() -> None:
    library = 'File "airflow/providers/amazon/aws/operators/eks.py", line 9, in <module>'
    source = "  from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator"
    said, missing = "ModuleNotFoundError: No module named 'airflow.providers.cncf'", "airflow.providers.cncf"
    [finding] = found(failed(said, missing=missing, trace=(FRAME, library, source)))
    assert (finding.rule, finding.severity, finding.place) == ("provider-missing", ERROR, "dags/a.py:3")
    assert finding.hint.startswith("add apache-airflow-providers-cncf-kubernetes to requirements/requirements.txt")
    [finding] = found(failed(said, missing=missing, trace=(FRAME, source)))
    assert finding.rule == "dag-import-error"


@pytest.mark.parametrize(
    ("missing", "failed_here", "severity"),
    [
        ("pandas", True, WARNING),
        ("pandas", False, ERROR),
        ("acme", True, WARNING),
        ("operators", True, ERROR),
        ("airflow.operators.dummy", True, ERROR),
        ("airflow.providers.cncf", True, WARNING),
        ("imp", True, ERROR),
    ],
)
def test_module_of_requirements_that_only_this_machine_cannot_install_is_a_warning(
    tmp_path: Path, missing: str, failed_here: bool, severity: str
) -> None:
    requirements = Requirements("requirements/requirements.txt", {"pandas": "requirements/requirements.txt:2"})
    requirements = replace(requirements, failed_here=failed_here)
    facts = replace(ProjectFacts.none(NEW), modules=ModuleHints(tmp_path, NEW, requirements))
    [finding] = found(failed(f"ModuleNotFoundError: No module named '{missing}'", missing=missing), facts=facts)
    assert finding.severity == severity
    assert ("on this machine" in finding.hint) is (severity == WARNING and not missing.startswith("airflow"))


@pytest.mark.parametrize(("asked", "severity"), [(True, WARNING), (False, ERROR)])
def test_file_that_ends_python_over_a_placeholder_may_be_imported_on_mwaa(asked: bool, severity: str) -> None:
    values = (AskedValue("variable", "env", "dags/a.py", 1),) if asked else ()
    ended = replace(failed("exit code 1", kind="ended"), asked=values)
    [finding] = [item for item in found(ended) if item.rule == "dag-import-crash"]
    assert finding.severity == severity
    assert ("variable env" in finding.hint.lower()) is asked


@pytest.mark.parametrize(("severity", "kept"), [(ERROR, "provider-missing"), (WARNING, "dag-import-error")])
def test_finding_that_tells_more_is_kept_only_if_it_is_no_milder(severity: str, kept: str) -> None:
    of_import = Finding("dag-import-error", ERROR, "dags/a.py", 3, "import error")
    of_provider = Finding("provider-missing", severity, "dags/a.py", 3, "no such provider")
    assert [item.rule for item in told_best([of_import, of_provider])] == [kept]
