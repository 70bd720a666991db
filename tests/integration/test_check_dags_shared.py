"""DAG files that share a process in the import check: only those that cannot notice one another.

Each DAG here has the number of the process that imported it in its name.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mwaa_local.check.dags.import_results import ImportedDags, ImportedFile
from tests.environments import EACH_GENERATION, LATEST
from tests.integration.test_check_dags_import import importing, make

pytestmark = pytest.mark.network

IMPORT_TIMEOUT_S = 2
PROCESSOR_TIMEOUT_S = 4
HEAD = "import os\nfrom datetime import datetime\n\nfrom airflow import DAG\n"
WORD = "SCHEDULE"  # what this release calls it, without a deprecation
DEFINITION = f"\ndag = DAG(f'one_{{os.getpid()}}', start_date=datetime(2024, 1, 1), {WORD}=None)\n"
VARIABLE = "try:\n    from airflow.sdk import Variable\nexcept ImportError:\n    from airflow.models import Variable\n"
# Plain by their text, each of them; what they leave another file could notice.
LEAVING = {
    "environ": "_ = os.environ.setdefault('LEFT', '1')\n",
    "path": "from sys import path\n\n_ = path.append('/left')\n",
    "folder": "_ = os.chdir('/')\n",
    "gone_folder": "made = os.path.abspath('gone')\n_ = os.mkdir(made), os.chdir(made), os.rmdir(made)\n",
    "file": "_ = os.open('/dev/null', os.O_RDONLY)\n",
    "child": "import subprocess\n\n_ = subprocess.Popen(['sleep', '30'])\n",
    "thread": "import threading\n\nmade = threading.Thread(target=threading.Event().wait, daemon=True)\nmade.start()\n",
    "signal": "import signal\n\n_ = signal.signal(signal.SIGUSR1, signal.SIG_IGN)\n",
    "timeout": "from socket import setdefaulttimeout\n\nsetdefaulttimeout(7)\n",
    "logging": "from logging import disable\n\ndisable(10)\n",
    "module": "from own_helper import SEEN\n",
    "variable": f"{VARIABLE}\n_ = Variable.set('left', '1')\n",
    "plugin": "from own_plugin import SEEN\n\nadd = SEEN.append\n_ = add(1)\n",
}
FILES = {
    "mwaa.yaml": "AirflowConfigurationOptions:\n"
    f'  core.dagbag_import_timeout: "{IMPORT_TIMEOUT_S}"\n'
    f'  core.dag_file_processor_timeout: "{PROCESSOR_TIMEOUT_S}"\n',
    "dags/own_helper.py": "SEEN = []\n",
    "dags/.airflowignore": "own_helper.*\n",
    "plugins/own_plugin.py": "SEEN = []\n",
    **{f"dags/a_plain_{number}.py": HEAD + DEFINITION for number in range(6)},
    **{f"dags/b_{name}.py": HEAD + lines + DEFINITION for name, lines in LEAVING.items()},
    **{f"dags/b_{name}_next.py": HEAD + DEFINITION for name in LEAVING},
    # What no look at the process would show: the second of them would fail, if what it did beside the first counted.
    "dags/c_hidden_1.py": f"{HEAD}import decimal\n\ncontext = decimal.getcontext()\nassert context.prec > 3\n"
    f"context.prec = 3\n{DEFINITION}",
    "dags/c_hidden_2.py": f"{HEAD}import decimal\n\ncontext = decimal.getcontext()\nassert context.prec > 3\n"
    f"context.prec = 3\n{DEFINITION}",
    "dags/d_fails.py": f"{HEAD}\nnumber = os.getpid()\nassert not number, number\n",
    "dags/d_ends.py": f"{HEAD}\n_ = os._exit(0)\n",
    "dags/d_hangs.py": f"{HEAD}\nwhile True:\n    try:\n        while True:\n            pass\n"
    "    except BaseException:\n        pass\n",
    "dags/e_last.py": HEAD + DEFINITION,
}


@pytest.fixture(scope="module", params=EACH_GENERATION)
def imported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ImportedDags:
    folder = tmp_path_factory.mktemp(f"shared-{request.param}")
    word = "schedule_interval" if request.param == "2.2.2" else "schedule"
    files = {name: text.replace(WORD, word) for name, text in FILES.items()}
    trial = replace(importing(make(folder / "project", files), request.param, folder), jobs=1)
    dags = trial.run(lambda _file: None)
    assert dags.problem == ""
    return dags


def file(imported: ImportedDags, name: str) -> ImportedFile:
    [found] = [item for item in imported.files if item.path == f"dags/{name}.py"]
    return found


def process(imported: ImportedDags, name: str) -> int:
    found = file(imported, name)
    assert found.failures == ()
    [dag] = found.dags
    return int(dag.dag_id.split("_")[1])


def test_plain_files_share_a_process(imported: ImportedDags) -> None:
    assert len({process(imported, f"a_plain_{number}") for number in range(6)}) == 1


def test_files_share_a_process_once_what_they_import_of_airflow_without_naming_it_is_known(tmp_path: Path) -> None:
    lines = "    @task.bash\n    def said():\n        return 'echo'\n\n    said()\n"
    text = f"{HEAD}from airflow.sdk import task\n\nwith DAG(f'one_{{os.getpid()}}', schedule=None):\n{lines}"
    files = {f"dags/{name}.py": text for name in "abcd"}
    dags = replace(importing(make(tmp_path / "project", files), LATEST, tmp_path), jobs=1).run(lambda _file: None)
    assert len({process(dags, name) for name in "abcd"}) == 2  # the first of them, and the others


@pytest.mark.parametrize("name", LEAVING)
def test_nothing_is_imported_after_a_file_that_leaves_something(imported: ImportedDags, name: str) -> None:
    assert process(imported, f"b_{name}") != process(imported, f"b_{name}_next")


def test_what_a_file_before_has_done_is_no_error(imported: ImportedDags) -> None:
    assert process(imported, "c_hidden_1") != process(imported, "c_hidden_2")


def test_file_that_fails_is_told_of_as_it_fails_alone(imported: ImportedDags) -> None:
    [failure] = file(imported, "d_fails").failures
    number = int(failure.said.split(": ")[1])
    assert number not in {process(imported, item.path[5:-3]) for item in imported.files if item.dags}


def test_file_that_ends_python_or_hangs_takes_no_other_with_it(imported: ImportedDags) -> None:
    [ended] = file(imported, "d_ends").failures
    [hung] = file(imported, "d_hangs").failures
    assert (ended.kind, ended.said) == ("died", "Python ended with exit code 0")
    assert hung.kind == "killed"
    assert process(imported, "e_last")
    assert len(imported.files) == len([name for name in FILES if name.startswith("dags/") and name.endswith(".py")]) - 1
