"""Importing DAG files with the release's own Airflow: what each does, and that none of them hides another."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest

from mwaa_local.check.dags.import_findings import import_findings
from mwaa_local.check.dags.import_results import ImportedDags, ImportedFile
from mwaa_local.check.dags.importing import DagsImport
from mwaa_local.finding import ERROR, MODULE, NAME, NOTE, WARNING, Finding, Subject
from mwaa_local.packages import PackageStore, PythonEnvironment
from mwaa_local.project import Project
from mwaa_local.release import Release
from mwaa_local.seeding.airflow_settings import KnownValues
from tests.conftest import REPOSITORY_DIR, ProjectRunner, cache_dir, make_clean_env
from tests.contexts import check_context
from tests.environments import EACH_GENERATION, GENERATIONS, LATEST
from tests.many_dags import IMPORTS, many_dags

pytestmark = pytest.mark.network

JOBS = 2
NAMES = {
    "airflow.models.Variable": True,
    "airflow.models.variable": True,  # a module
    "airflow.configuration.conf.get": True,
    "airflow.models.Absent": False,
    "airflow.absent.Name": False,
    "own_backend.Backend": True,
}
IMPORT_TIMEOUT_S = 3
PROCESSOR_TIMEOUT_S = 6
END_WAIT_S = 90.0  # on a machine that has much else to do
MANY = 100
ABSENT_PACKAGE = ("No module named", "requires virtualenv, please install it")
HEAD = "from datetime import datetime\n\nfrom airflow import DAG\n"
PYTHON_OPERATOR = """
try:
    from airflow.providers.standard.operators.python import PythonOperator
except ImportError:
    from airflow.operators.python import PythonOperator
"""
HOOK = """
try:
    from airflow.sdk import BaseHook
except ImportError:
    from airflow.hooks.base import BaseHook
"""
VARIABLE = """
try:
    from airflow.sdk import Variable
except ImportError:
    from airflow.models import Variable
DEFAULT = "default" if Variable.__module__.startswith("airflow.sdk") else "default_var"
"""
DAG_ZIPPED = HEAD + "from beside import DOC\n\ndag = DAG('zipped', start_date=datetime(2024, 1, 1), doc_md=DOC)\n"


def dag(name: str, before: str = "") -> str:
    return f"{HEAD}{before}\n\ndag = DAG({name!r}, start_date=datetime(2024, 1, 1))\n"


FILES = {
    "mwaa.yaml": "AirflowConfigurationOptions:\n"
    f'  core.dagbag_import_timeout: "{IMPORT_TIMEOUT_S}"\n'
    f'  core.dag_file_processor_timeout: "{PROCESSOR_TIMEOUT_S}"\n'
    '  secrets.backend: "own_backend.Backend"\n',
    "plugins/own_backend.py": "class Backend:\n    def __init__(self):\n        raise SystemExit('asked')\n",
    "plugins/own_code.py": "from airflow.plugins_manager import AirflowPlugin\n\n\n"
    "class Own(AirflowPlugin):\n    name = 'own'\n\n\nNAME = 'with_plugin'\n",
    "dags/good.py": dag("good", PYTHON_OPERATOR)
    + "one = PythonOperator(task_id='one', python_callable=print, dag=dag)\n"
    + "two = PythonOperator(task_id='two', python_callable=print, dag=dag)\n",
    "dags/helper.py": "NAME = 'with_helper'\n\n\ndef fail():\n    return {}['absent']\n",
    "dags/with_helper.py": dag("with_helper", "import helper\n\nassert helper.NAME == 'with_helper'\n"),
    "dags/with_plugin.py": dag("with_plugin", "from own_code import NAME\n\nassert NAME == 'with_plugin'\n"),
    "dags/fails.py": dag("fails", "\nimport helper\n\nhelper.fail()\n"),
    "dags/syntax.py": HEAD + "dag = DAG(\n",
    "dags/no_module.py": dag("no_module", "import absent_package_of_requirements\n"),
    "dags/no_name.py": dag("no_name", "from airflow.utils.state import absent_name\n"),
    "dags/hangs.py": dag("hangs", "import time\n\ntime.sleep(600)\n"),
    "dags/deaf.py": dag(
        "deaf",
        "import signal\nimport time\n\nsignal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])\ntime.sleep(600)\n",
    ),
    "dags/slow.py": dag("slow", "import time\n\ntime.sleep(2)\n"),
    "dags/dies.py": dag("dies", "import os\n\nprint('farewell', flush=True)\nos._exit(0)\n"),
    "dags/killed.py": dag("killed", "import os\nimport signal\n\nos.kill(os.getpid(), signal.SIGKILL)\n"),
    "dags/exits.py": dag("exits", "import sys\n\nsys.exit(3)\n"),
    "dags/forks.py": dag("forks", "import os\nimport time\n\nif os.fork() == 0:\n    time.sleep(600)\n"),
    "dags/forks_on.py": dag("forks_on", "import os\n\nos.fork()\n"),
    "dags/twice_a.py": dag("twice"),
    "dags/twice_b.py": dag("twice"),
    "dags/ignored.py": "airflow = DAG = 1 / 0\n",
    "dags/skipped.py": "1 / 0\n",
    "dags/nothing.py": "'''Has the words airflow and dag in it.'''\n",
    "dags/sub/ünïcode dåg.py": dag("unicode").replace("'unicode'", "'ünïcode'"),
    "dags/variables.py": dag(
        "variables",
        VARIABLE
        + "assert Variable.get('known') == 'from settings'\n"
        + "assert Variable.get('known_json', deserialize_json=True) == {'a': [1]}\n"
        + "assert Variable.get('with_default', **{DEFAULT: 'mine'}) == 'mine'\n"
        + "assert Variable.get('with_none', **{DEFAULT: None}) is None\n"
        + "Variable.get('absent').upper()\n"
        + "Variable.get('absent_json', deserialize_json=True)['a']['b'].lower()\n"
        + "assert int(Variable.get('absent_number')) > 0\n",
    ),
    # Of all releases, though in Airflow 3 no longer how it should be.
    "dags/models.py": dag(
        "models",
        "from airflow.models import Connection, Variable\n\n"
        "assert Variable.get('known') == 'from settings'\n"
        "assert Variable.get('with_default', 'mine') == 'mine'\n"
        "Variable.set('made', 'here')\n"
        "assert Variable.get('made') == 'here'\n"
        "assert Variable.get('absent').upper()\n"
        "assert Connection.get_connection_from_secrets('known_db').password == 'sesame-33'\n",
    ),
    "dags/connections.py": dag(
        "connections",
        HOOK
        + "known = BaseHook.get_connection('known_db')\n"
        + "assert (known.login, known.password, known.port) == ('me', 'sesame-33', 5432)\n"
        + "assert known.extra_dejson == {'mode': 'fast'}\n"
        + "assert BaseHook.get_connection('absent_db').host\n",
    ),
    "dags/tells.py": dag("tells", HOOK + "raise ValueError(BaseHook.get_connection('known_db').password)\n"),
    "dags/tells_no_secret.py": dag("tells_no_secret", "raise ValueError('this is unused and true')\n"),
    "dags/after_stand_in.py": dag("after", VARIABLE + "datetime.fromisoformat(Variable.get('absent_date'))\n"),
    "dags/queries.py": dag(
        "queries",
        "from airflow.models import DagModel\nfrom airflow.utils.session import create_session\n\n"
        "with create_session() as session:\n    session.query(DagModel).count()\n",
    ),
    "dags/connects.py": dag("connects", "import socket\n\nsocket.create_connection(('127.0.0.1', 1))\n"),
    "dags/asks.py": dag(
        "asks",
        "import socket\n\ntry:\n    socket.create_connection(('127.0.0.1', 1))\nexcept OSError:\n    pass\n",
    ),
    "dags/home.py": dag(
        "home",
        "import os\nfrom pathlib import Path\n\n"
        "assert Path(os.environ['AIRFLOW_HOME'], 'dags', 'helper.py').is_file()\n"
        "assert Path('/usr/local/airflow/dags/helper.py').is_file()\n",
    ),
    # MWAA's image sets the second of these variables, and not the first.
    "dags/reads_folder.py": dag("reads_folder", "import os\n\nDAGS = os.environ['AIRFLOW__CORE__DAGS_FOLDER']\n"),
    "dags/reads_log_group.py": dag(
        "reads_log_group",
        "import os\n\nARN = os.environ['MWAA__LOGGING__AIRFLOW_TASK_LOG_GROUP_ARN'].split(':')\n"
        "assert ARN[3:5] == [os.environ['AWS_REGION'], '000000000000'], ARN\n"
        "assert ARN[6] == 'airflow-' + os.environ['AIRFLOW_ENV_NAME'] + '-Task', ARN\n",
    ),
    "dags/warns.py": dag(
        "warns", "import warnings\n\nwarnings.warn('old', DeprecationWarning)\nwarnings.warn('older', FutureWarning)\n"
    ),
    "dags/prints.py": dag("prints", "import sys\n\nprint('{\"file\": 1}')\nprint('loud', file=sys.stderr)\n"),
    "dags/cannot_serialise.py": f"""{HEAD}
import inspect

from airflow.timetables.interval import CronDataIntervalTimetable


class Own(CronDataIntervalTimetable):
    pass


name = "schedule" if "schedule" in inspect.signature(DAG).parameters else "timetable"
dag = DAG("cannot", start_date=datetime(2024, 1, 1), **{{name: Own("@daily", timezone="UTC")}})
""",
}


@dataclass(frozen=True)
class Imported:
    """One project after its import with one release."""

    root_dir: Path
    release: Release
    dags: ImportedDags
    told: tuple[ImportedFile, ...]
    left: tuple[int, ...]  # processes that still live

    def file(self, name: str) -> ImportedFile:
        [file] = [file for file in self.dags.files if file.path == f"dags/{name}"]
        return file

    def findings(self, name: str, *, strict: bool = False) -> list[Finding]:
        """Return what is found in a file, but for deprecations, of which 2.10 has one for every DAG here."""
        return [item for item in self._all(name, strict=strict) if item.rule != "airflow-deprecation"]

    def _all(self, name: str, *, strict: bool = False) -> list[Finding]:
        found = import_findings(self.dags, self.release, strict=strict)
        return [item for item in found if item.path == f"dags/{name}"]

    def finding(self, name: str, rule: str) -> Finding:
        [finding] = [item for item in self._all(name) if item.rule == rule]
        return finding


def make(root_dir: Path, files: Mapping[str, str]) -> Project:
    for name, text in files.items():
        path = root_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return Project(root_dir)


def importing(project: Project, version: str, home_dir: Path) -> DagsImport:
    env = make_clean_env(home_dir)
    base = packages(version, env)
    context = check_context(project, cache_dir(), base, airflow_version=version, env=env)
    return DagsImport(context, base, JOBS)


def packages(version: str, env: Mapping[str, str]) -> PythonEnvironment:
    return PackageStore(cache_dir(), env).base(Release.load(version), lambda _what: None)


def living(project: Project) -> tuple[int, ...]:
    """Return the processes that have the project's environment, whoever their parent is by now."""
    found = []
    for item in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if item.environ().get("AIRFLOW_ENV_ID") == project.id and item.status() != psutil.STATUS_ZOMBIE:
                found.append(item.pid)
    return tuple(found)


def run(project: Project, version: str, home_dir: Path, known: KnownValues | None = None) -> Imported:
    told: list[ImportedFile] = []
    trial = replace(importing(project, version, home_dir), known=known or KnownValues(), names=tuple(NAMES))
    dags = trial.run(told.append)
    return Imported(project.root_dir, trial.context.release, dags, tuple(told), living(project))


@pytest.fixture(scope="module", params=EACH_GENERATION)
def imported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Imported:
    folder = tmp_path_factory.mktemp(f"import-{request.param}")
    project = make(folder / "project", FILES)
    # Airflow 3 reads globs unless told otherwise, as 2.x reads regular expressions.
    pattern = "ignored.py" if request.param == LATEST else r"ignor.*\.py"
    (project.dags_dir / ".airflowignore").write_text(f"{pattern}\n")
    with zipfile.ZipFile(project.dags_dir / "packed.zip", "w") as archive:
        archive.writestr("inside.py", DAG_ZIPPED)
        archive.writestr("beside.py", "DOC = 'a module in the zip'\n")
    known = KnownValues(
        {"known": "from settings", "known_json": '{"a": [1]}'},
        {"known_db": "postgres://me:sesame-33@db.example.org:5432/x?mode=fast"},
    )
    return run(project, request.param, folder, known)


def test_every_file_is_reported_once_and_as_it_comes(imported: Imported) -> None:
    assert imported.dags.problem == ""
    assert sorted(imported.told, key=lambda file: file.path) == list(imported.dags.files)
    paths = [file.path for file in imported.dags.files]
    assert len(paths) == len(set(paths))
    assert imported.dags.limit_s == IMPORT_TIMEOUT_S


def test_good_file_has_its_dag_with_tasks_and_nothing_is_found(imported: Imported) -> None:
    [good] = imported.file("good.py").dags
    assert (good.dag_id, good.tasks) == ("good", 2)
    assert FILES["dags/good.py"].splitlines()[good.line - 1].startswith("dag = DAG('good'")
    assert imported.findings("good.py") == []


@pytest.mark.parametrize(
    "name", ["with_helper", "with_plugin", "home", "prints", "forks", "forks_on", "variables", "connections", "asks"]
)
def test_what_works_on_mwaa_works(imported: Imported, name: str) -> None:
    file = imported.file(f"{name}.py")
    assert (file.dag_ids, file.failures) == ((name,), ())


def test_error_is_cut_to_the_users_frames(imported: Imported) -> None:
    [failure] = imported.file("fails.py").failures
    assert (failure.kind, failure.said) == ("error", "KeyError: 'absent'")
    assert (failure.path, failure.line) == ("dags/helper.py", 5)
    assert [line for line in failure.trace if line.startswith("File")] == [
        'File "dags/fails.py", line 7, in <module>',
        'File "dags/helper.py", line 5, in fail',
    ]
    finding = imported.finding("helper.py", "dag-import-error")
    assert (finding.severity, finding.line) == (ERROR, 5)
    assert finding.what == "import error: KeyError: 'absent', imported by dags/fails.py"


def test_syntax_error_has_its_line(imported: Imported) -> None:
    finding = imported.finding("syntax.py", "dag-import-error")
    assert (finding.line, finding.severity) == (4, ERROR)
    assert "SyntaxError" in finding.what
    assert "dag = DAG(" in finding.why.splitlines()[0]


def test_missing_module_is_named(imported: Imported) -> None:
    [failure] = imported.file("no_module.py").failures
    assert failure.missing == "absent_package_of_requirements"
    finding = imported.finding("no_module.py", "dag-import-error")
    assert "requirements/requirements.txt" in finding.hint
    assert finding.subjects == (Subject(MODULE, "absent_package_of_requirements"),)


def test_missing_name_is_reported_without_the_folders_of_this_machine(imported: Imported) -> None:
    finding = imported.finding("no_name.py", "dag-import-error")
    assert finding.subjects == (Subject(NAME, "airflow.utils.state.absent_name"),)
    what = finding.what
    assert what.startswith("import error: ImportError: cannot import name 'absent_name' from 'airflow.utils.state'")
    assert str(cache_dir()) not in what


def test_release_tells_which_names_it_has(imported: Imported) -> None:
    assert imported.dags.names == NAMES


def test_variable_that_mwaa_does_not_set_is_not_there(imported: Imported) -> None:
    finding = imported.finding("reads_folder.py", "dag-import-error")
    assert finding.severity == ERROR
    assert "KeyError: 'AIRFLOW__CORE__DAGS_FOLDER'" in finding.what


def test_variable_that_mwaa_sets_is_there(imported: Imported) -> None:
    assert imported.findings("reads_log_group.py") == []


def test_file_that_hangs_is_ended_at_airflows_limit(imported: Imported) -> None:
    file = imported.file("hangs.py")
    finding = imported.finding("hangs.py", "dag-import-timeout")
    assert (finding.severity, finding.line) == (ERROR, 6)
    assert IMPORT_TIMEOUT_S <= file.seconds < PROCESSOR_TIMEOUT_S
    assert f"core.dagbag_import_timeout is {IMPORT_TIMEOUT_S} s." in finding.why


def test_file_that_does_not_let_itself_be_ended_is_killed(imported: Imported) -> None:
    file = imported.file("deaf.py")
    section = "dag_processor" if imported.release.generation == "3.x" else "core"
    option = f"{section}.dag_file_processor_timeout"
    finding = imported.finding("deaf.py", "dag-import-timeout")
    assert finding.severity == ERROR
    assert f"{option} is {PROCESSOR_TIMEOUT_S} s." in finding.why
    assert finding.hint.endswith(f"raise {option} and core.dagbag_import_timeout")
    assert file.seconds >= PROCESSOR_TIMEOUT_S
    assert file.dags == ()


def test_slow_file_is_told_of(imported: Imported) -> None:
    assert imported.file("slow.py").dag_ids == ("slow",)
    assert imported.finding("slow.py", "dag-import-slow").severity == WARNING


def test_file_that_ends_python_is_one_file_lost(imported: Imported) -> None:
    finding = imported.finding("dies.py", "dag-import-crash")
    assert "exit code 0" in finding.what
    assert "farewell" in finding.why
    assert "signal 9" in imported.finding("killed.py", "dag-import-crash").what


def test_file_that_exits_is_an_error(imported: Imported) -> None:
    """Airflow 3 tells it as an import error, those before let it end the process."""
    rules = [item.rule for item in imported.findings("exits.py")]
    assert rules == (["dag-import-error"] if imported.release.generation == "3.x" else ["dag-import-crash"])


def test_nothing_is_left_running(imported: Imported) -> None:
    assert imported.left == ()


def test_dag_id_of_two_files_is_reported_at_both(imported: Imported) -> None:
    first, second = (imported.finding(f"twice_{letter}.py", "duplicate-dag-id") for letter in "ab")
    assert (first.severity, first.line) == (ERROR, 6)
    assert "dags/twice_b.py:6" in first.what
    assert "dags/twice_a.py:6" in second.what


def test_airflow_decides_which_files_are_read(imported: Imported) -> None:
    paths = {file.path for file in imported.dags.files}
    assert not paths & {"dags/ignored.py", "dags/skipped.py", "dags/helper.py", "dags/.airflowignore"}
    finding = imported.finding("nothing.py", "no-dag-in-file")
    assert finding.severity == NOTE


def test_dag_in_a_zip_is_imported_with_what_is_beside_it(imported: Imported) -> None:
    file = imported.file("packed.zip")
    assert (file.dag_ids, file.failures) == (("zipped",), ())


def test_names_of_any_script_are_kept(imported: Imported) -> None:
    assert imported.file("sub/ünïcode dåg.py").dag_ids == ("ünïcode",)


def test_variables_that_are_not_there_are_listed_with_their_lines(imported: Imported) -> None:
    file = imported.file("variables.py")
    lines = FILES["dags/variables.py"].splitlines()
    assert [asked.name for asked in file.asked] == ["absent", "absent_json", "absent_number"]
    assert all(f"'{asked.name}'" in lines[asked.line - 1] for asked in file.asked)
    assert {item.severity for item in imported.findings("variables.py")} == {NOTE}
    assert {item.severity for item in imported.findings("variables.py", strict=True)} == {ERROR}
    assert {item.rule for item in imported.findings("variables.py")} == {"missing-variable"}


def test_what_a_file_sets_is_there_and_told_as_a_query(imported: Imported) -> None:
    file = imported.file("models.py")
    assert (file.dag_ids, [asked.name for asked in file.asked]) == (("models",), ["absent"])
    assert imported.finding("models.py", "top-level-database").what == "Variable.set('made') at import"


def test_connection_that_is_not_there_is_listed(imported: Imported) -> None:
    [asked] = imported.file("connections.py").asked
    assert (asked.kind, asked.name) == ("connection", "absent_db")


def test_secret_of_a_connection_is_not_shown(imported: Imported) -> None:
    assert imported.finding("tells.py", "dag-import-error").what == "import error: ValueError: ***"
    assert "sesame-33" not in repr(imported.dags)
    assert imported.file("tells_no_secret.py").failures[0].said == "ValueError: this is unused and true"


def test_error_after_a_stand_in_is_a_warning_unless_strict(imported: Imported) -> None:
    severities = {}
    for strict in (False, True):
        [finding] = [item for item in imported.findings("after_stand_in.py", strict=strict) if "error:" in item.what]
        severities[strict] = finding.severity
        assert "absent_date" in finding.hint
    assert severities == {False: WARNING, True: ERROR}


def test_query_at_the_top_level_is_found(imported: Imported) -> None:
    [finding] = imported.findings("queries.py")
    line = FILES["dags/queries.py"].splitlines()[finding.line - 1]
    if imported.release.generation == "3.x":  # refused by Airflow itself
        assert (finding.rule, finding.severity) == ("dag-import-error", ERROR)
        assert "create_session" in line
        assert finding.what.endswith("RuntimeError: Direct database access via the ORM is not allowed in Airflow 3.0")
    else:
        assert (finding.rule, finding.severity) == ("top-level-database", WARNING)
        assert "session.query" in line


def test_warning_that_is_not_airflows_is_none_of_airflows(imported: Imported) -> None:
    file = imported.file("warns.py")
    assert file.dag_ids == ("warns",)
    assert [item.what for item in file.deprecated if "old" in item.what] == []


def test_connection_at_the_top_level_is_found(imported: Imported) -> None:
    found = {item.rule: item for item in imported.findings("connects.py")}
    assert set(found) == {"dag-import-error", "top-level-network"}
    assert found["top-level-network"].line == found["dag-import-error"].line == 6
    assert "127.0.0.1:1" in found["top-level-network"].what
    assert "127.0.0.1:1" in found["dag-import-error"].hint
    assert [item.rule for item in imported.findings("asks.py")] == ["top-level-network"]


def test_dag_that_cannot_be_serialised_is_an_import_error(imported: Imported) -> None:
    file = imported.file("cannot_serialise.py")
    assert [failure.kind for failure in file.failures] == ["error"]
    assert file.dags == ()


def test_nothing_is_written_into_the_users_folders(imported: Imported) -> None:
    written = {path.relative_to(imported.root_dir).as_posix() for path in imported.root_dir.rglob("*.*")}
    assert written - set(FILES) - {"dags/.airflowignore", "dags/packed.zip"} == set()
    assert not list(imported.root_dir.rglob("__pycache__"))


def test_file_that_takes_too_much_memory_is_one_file_lost(tmp_path: Path) -> None:
    eats = dag("eats", "import time\n\neaten = b'x' * (1 << 30)\ntime.sleep(600)\n")
    project = make(tmp_path / "project", {"dags/eats.py": eats, "dags/good.py": dag("good")})
    dags = replace(importing(project, LATEST, tmp_path), memory_bytes=1 << 30).run(lambda _file: None)
    lost, good = dags.files
    assert good.dag_ids == ("good",)
    assert [failure.said for failure in lost.failures] == ["it took more than 1 GB of memory and was killed"]


@pytest.mark.parametrize("version", EACH_GENERATION)
def test_folder_without_dags_is_nothing_wrong(tmp_path: Path, version: str) -> None:
    result = run(make(tmp_path / "project", {"dags/readme.md": "none yet"}), version, tmp_path)
    assert (result.dags.files, result.dags.problem) == ((), "")
    assert import_findings(result.dags, result.release, strict=True) == ()


@pytest.mark.parametrize("version", EACH_GENERATION)
def test_links_that_lead_back_are_reported_and_hide_nothing(tmp_path: Path, version: str) -> None:
    files = {"dags/team/a.py": dag("a"), "dags/b.py": dag("b"), "plugins/own/p.py": "X = 1\n"}
    project = make(tmp_path / "project", files)
    (project.dags_dir / "team" / "up").symlink_to("..")
    (project.plugins_dir / "own" / "up").symlink_to("..")
    result = run(project, version, tmp_path)
    assert [file.dag_ids for file in result.dags.files] == [("b",), ("a",)]
    found = import_findings(result.dags, result.release, strict=False)
    told = [(item.path, item.severity) for item in found if item.rule == "repeating-link"]
    assert told == [("dags/team/up", ERROR), ("plugins/own/up", ERROR)]
    assert not result.dags.problem


def test_airflowignore_is_read_in_the_syntax_of_the_options(tmp_path: Path) -> None:
    option = "AirflowConfigurationOptions:\n  core.dag_ignore_file_syntax: regexp\n"
    files = {"mwaa.yaml": option, "dags/.airflowignore": "^.*draft_[0-9]+\n", "dags/kept.py": dag("kept")}
    project = make(tmp_path / "project", {**files, "dags/draft_12.py": dag("draft")})
    assert [file.path for file in run(project, LATEST, tmp_path).dags.files] == ["dags/kept.py"]


def test_plugin_that_ends_python_is_reported(tmp_path: Path) -> None:
    files = {"plugins/own.py": "import os\n\nprint('farewell', flush=True)\nos._exit(9)\n", "dags/a.py": dag("a")}
    result = run(make(tmp_path / "project", files), LATEST, tmp_path)
    [finding] = import_findings(result.dags, result.release, strict=False)
    assert (finding.rule, finding.severity, finding.path) == ("dag-import-crash", ERROR, "dags")
    assert "exit code 9" in finding.why
    assert "farewell" in finding.why


def test_module_that_ends_python_when_names_are_looked_for_loses_them_alone(tmp_path: Path) -> None:
    files = {"dags/ends.py": "import os\n\nos._exit(3)\n", "dags/a.py": dag("a")}
    project = make(tmp_path / "project", files)
    # Before 3.0, the DAGs' folder is where Python looks for modules from the start.
    found = replace(importing(project, "2.10.3", tmp_path), names=("airflow.DAG", "ends.X")).run(lambda _file: None)
    assert (found.problem, found.names) == ("", {})
    assert [file.dag_ids for file in found.files] == [("a",)]


def test_airflows_deprecations_are_reported_where_the_user_wrote_them(tmp_path: Path) -> None:
    old = dag("old", "from airflow.operators.bash_operator import BashOperator\n")
    files = {name: old.replace("1))", "1), schedule=None)") for name in ("dags/old.py", "dags/old_too.py")}
    result = run(make(tmp_path / "project", files), "2.10.3", tmp_path)
    for name in ("old.py", "old_too.py"):
        finding = result.finding(name, "airflow-deprecation")
        assert (finding.line, finding.severity) == (4, NOTE)
        assert "airflow.operators.bash" in finding.why


def test_command_shows_seconds_slowest_first_and_fails_for_what_is_absent_only_when_strict(
    project: Callable[..., ProjectRunner],
) -> None:
    head = "from airflow.sdk import DAG, BaseHook, Variable\n"
    runner = project(
        {
            "dags/a_quick.py": f"{head}DAG('quick', schedule=None)\n",
            "dags/b_slow.py": f"{head}import time\ntime.sleep(2)\nslow = DAG('slow', schedule=None)\n",
            "dags/c_asks.py": f"{head}import time\ntime.sleep(0.8)\nVariable.get('absent_variable')\n"
            "BaseHook.get_connection('absent_connection')\nasks = DAG('asks', schedule=None)\n",
        }
    )
    easy, strict = runner.run("check", "dags"), runner.run("check", "dags", "--strict")
    assert (easy.exit_code, strict.exit_code) == (0, 1)
    for kind, noun in (("variable", "Variable"), ("connection", "Connection")):
        assert f"note[missing-{kind}] {noun} absent_{kind} is not known here" in easy.stdout
        assert f"error[missing-{kind}] {noun} absent_{kind} is not known here" in strict.stdout
    table = easy.stdout.partition("slowest files")[2].splitlines()
    assert [line.split()[2] for line in table[1:4]] == ["dags/b_slow.py", "dags/c_asks.py", "dags/a_quick.py"]
    assert float(table[1].split()[0]) >= 2
    assert table[4].endswith(f"in 3 files on Airflow {LATEST}; each may take 30 s")


@pytest.mark.full
@pytest.mark.parametrize("version", GENERATIONS)
def test_airflows_own_examples_have_no_false_error(tmp_path: Path, version: str) -> None:
    source_dir = packages(version, make_clean_env(tmp_path)).site_packages_dir / "airflow" / "example_dags"
    files = {}
    for path in source_dir.rglob("*"):
        name = path.relative_to(source_dir).as_posix()
        if path.is_file() and path.suffix in (".py", ".sql", ".txt") and "__pycache__" not in path.parts:
            # Their plugins are the project's here; as examples Airflow loads them in a way of their own.
            text = path.read_text(encoding="utf-8").replace("airflow.example_dags.plugins.", "")
            files[name if name.startswith("plugins/") else f"dags/{name}"] = text
    result = run(make(tmp_path / "project", files), version, tmp_path)
    assert result.dags.problem == ""
    found = import_findings(result.dags, result.release, strict=False)
    errors = [item for item in found if item.severity == ERROR and item.rule != "duplicate-dag-id"]
    # Those of packages that are not in MWAA's image are right.
    left = [item for item in errors if not any(words in item.what for words in ABSENT_PACKAGE)]
    assert left == [], "\n".join(f"{item.place} {item.what}\n{item.why}" for item in left)
    assert sum(bool(file.dags) for file in result.dags.files) > len(result.dags.files) / 2


@pytest.fixture
def started(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """An import of a file that hangs, in a process that can be interrupted."""
    project = make(tmp_path / "project", {"dags/hangs.py": dag("hangs", "import time\n\ntime.sleep(600)\n")})
    code = (
        "import sys, signal\n"
        "signal.signal(signal.SIGTERM, signal.default_int_handler)\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from pathlib import Path\n"
        "from mwaa_local.project import Project\n"
        "from tests.integration.test_check_dags_import import importing\n"
        "print('begun', flush=True)\n"
        "importing(Project(Path(sys.argv[1])), sys.argv[2], Path(sys.argv[3])).run(print)\n"
    )
    argv = [sys.executable, "-c", code, str(project.root_dir), LATEST, str(tmp_path)]
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY_DIR), "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.communicate()


def leads_a_group(launcher: psutil.Process) -> bool:
    """Return whether the probe has a child that imports a file: it is the first of a process group."""
    try:
        below = [item for child in launcher.children() for item in child.children()]
        return any(os.getpgid(item.pid) == item.pid for item in below)
    except (psutil.NoSuchProcess, ProcessLookupError):  # one of those that try what the machine allows
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_ends_every_process_and_leaves_no_file(
    started: subprocess.Popen[str], tmp_path: Path, number: int
) -> None:
    mine = psutil.Process(started.pid)
    deadline = time.monotonic() + END_WAIT_S
    while not leads_a_group(mine) and time.monotonic() < deadline:
        time.sleep(0.1)
    processes = mine.children(recursive=True)
    assert leads_a_group(mine)
    started.send_signal(number)
    started.wait(END_WAIT_S)
    _, alive = psutil.wait_procs(processes, END_WAIT_S)
    assert alive == []
    assert not list(tmp_path.glob("mwaa-local-dags-*"))


def test_each_of_many_files_is_imported_once(tmp_path: Path) -> None:
    result = run(make(tmp_path / "project", many_dags(MANY, IMPORTS)), LATEST, tmp_path)
    assert [len(file.dags) for file in result.dags.files] == [1] * MANY
