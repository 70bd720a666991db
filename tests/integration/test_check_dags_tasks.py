"""What tasks cannot do on MWAA, asked of those that the release's own Airflow imported: a project with marked lines."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from pathlib import Path

import pytest

from mwaa_local.check.dags.import_results import ImportedDags
from mwaa_local.check.dags.importing import DagsImport
from mwaa_local.check.dags.source import Source
from mwaa_local.check.dags.task_findings import Defined, task_findings
from mwaa_local.check.dags.task_places import TaskPlaces
from mwaa_local.finding import ERROR, NOTE, Finding
from mwaa_local.packages import PackageStore
from mwaa_local.project import Project
from mwaa_local.release import Release
from tests.conftest import cache_dir, make_clean_env
from tests.contexts import check_context
from tests.environments import LATEST

pytestmark = pytest.mark.network

JOBS = 2
OLD = "2.10.3"
CORPUS_DIR = Path(__file__).parents[1] / "corpus" / "tasks"
MARK = re.compile(r"# expect(?:-(\d))?: (\w+) ([a-z-]+)")
IN_FILES = {("dags/sql/there.sql", 2, ERROR, "template-name-undefined")}  # SQL that files.py uses
# What Airflow's examples do that fails in truth: the file is not in Airflow's package.
TRUE_ERRORS = {("tutorial_taskflow_templates.py", "template-file-missing")}
EXAMPLES = "example_dags"
POLICY_PROJECT = {
    "plugins/airflow_local_settings.py": "from airflow.exceptions import AirflowClusterPolicyViolation\n\n\n"
    "def dag_policy(dag):\n    if not dag.tags:\n"
    "        raise AirflowClusterPolicyViolation(f'{dag.dag_id} has no tag')\n",
    "dags/no_tag.py": "from datetime import datetime\n\nfrom airflow import DAG\n\n"
    "dag = DAG('no_tag', schedule=None, start_date=datetime(2024, 1, 1))\n",
}


def imported_by(project: Project, version: str, home_dir: Path) -> ImportedDags:
    env = make_clean_env(home_dir)
    base = PackageStore(cache_dir(), env).base(Release.load(version), lambda _what: None)
    context = check_context(project, cache_dir(), base, airflow_version=version, env=env)
    imported = DagsImport(context, base, JOBS).run(lambda _file: None)
    assert imported.problem == ""
    return imported


def found(project: Project, version: str, home_dir: Path) -> list[Finding]:
    """Return what is found on the tasks of a project that has one pool."""
    imported, release = imported_by(project, version, home_dir), Release.load(version)
    places = TaskPlaces(lambda path: Source.read(project.root_dir / path, path, release))
    return list(task_findings(imported, release, project, places, Defined(frozenset({"known_pool"}))))


def expected(folder: Path, generation: str) -> set[tuple[str, int, str, str]]:
    """Return path, line, severity and rule of each mark; one that stands alone is of the line below.

    `expect-3` is of Airflow 3 alone; `later` is an error on it, and a note before.
    """
    later = {"later": ERROR if generation == "3" else NOTE}
    return {
        (
            path.relative_to(folder).as_posix(),
            number + line.strip().startswith("#"),
            later.get(severity, severity),
            rule,
        )
        for path in folder.rglob("*.py")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        for only, severity, rule in MARK.findall(line)
        if only in ("", generation)
    }


@pytest.mark.parametrize("version", [LATEST, OLD])
def test_tasks_have_the_findings_that_their_files_say_and_no_others(version: str, tmp_path: Path) -> None:
    shutil.copytree(CORPUS_DIR, tmp_path / "project")
    findings = found(Project(tmp_path / "project"), version, tmp_path)
    told = Counter((item.path, item.line, item.severity, item.rule) for item in findings)
    marked = expected(CORPUS_DIR, version[0]) | IN_FILES
    assert (sorted(set(told) - marked), sorted(marked - set(told))) == ([], [])
    assert [place for place, count in told.items() if count > 1] == []


@pytest.mark.parametrize(
    "version", [pytest.param(LATEST, marks=pytest.mark.full), pytest.param(OLD, marks=pytest.mark.full)]
)
def test_airflows_own_examples_have_no_error_but_true_ones(version: str, tmp_path: Path) -> None:
    env = make_clean_env(tmp_path)
    base = PackageStore(cache_dir(), env).base(Release.load(version), lambda _what: None)
    dags_dir = tmp_path / "project" / "dags"
    for folder in base.dir.glob(f"lib/python*/site-packages/airflow/**/{EXAMPLES}"):
        shutil.copytree(folder, dags_dir / "-".join(folder.parts[-3:]))
    assert len(list(dags_dir.rglob("*.py"))) > 50
    errors = [item for item in found(Project(tmp_path / "project"), version, tmp_path) if item.severity == ERROR]
    assert {(Path(item.path).name, item.rule) for item in errors} <= TRUE_ERRORS


@pytest.mark.parametrize(("version", "refused"), [(LATEST, False), (OLD, True)])
def test_cluster_policy_has_the_effect_that_it_has_on_mwaa(version: str, refused: bool, tmp_path: Path) -> None:
    """MWAA's own local settings of 3.2.1 and 3.3.1 run the user's file, and keep its policies from Airflow."""
    for name, text in POLICY_PROJECT.items():
        path = tmp_path / "project" / name
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
    imported = imported_by(Project(tmp_path / "project"), version, tmp_path)
    [file] = imported.files
    assert [("no_tag has no tag" in failure.said) for failure in file.failures] == ([True] if refused else [])
    assert file.dag_ids == (() if refused else ("no_tag",))
