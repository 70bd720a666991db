"""Which DAG files may share a process by their text, and in which turns."""

from __future__ import annotations

import ast
import sys

import pytest

from mwaa_local.check.dags.importing import PROBE_PATH

sys.path.append(str(PROBE_PATH.parent))

from import_queue import SHARED, Queue  # type: ignore[import-not-found]
from import_sharing import is_plain  # type: ignore[import-not-found]

DAG = """
import os
from datetime import datetime
from airflow.sdk import DAG, chain

DEFAULTS = {}
DEFAULTS["retries"] = 2

def transform(**context):
    os.environ["INSIDE_A_TASK"] = context["ds"]

with DAG("one", start_date=datetime(2024, 1, 1)) as dag:
    chain(first, second)
dag.doc_md = "text"
"""


@pytest.mark.parametrize(
    "line",
    [
        "",
        "TEAM = os.environ.get('TEAM', 'data')",
        "DEFAULTS.update(owner='me')",
        "for team in ('a', 'b'):\n    tasks = [team.upper()]",
        "class Own(DAG):\n    def execute(self):\n        self.done = True",
        "import requests\ndef work():\n    requests.post('https://example.org')",
        "found = datetime(2024, 1, 1)\nfound.a = 1",
    ],
)
def test_file_that_changes_only_what_is_its_own_is_plain(line: str) -> None:
    inside = DAG.replace('    os.environ["INSIDE_A_TASK"] = context["ds"]', "    return context")
    assert is_plain(ast.parse(f"{inside}\n{line}\n"))


@pytest.mark.parametrize(
    "line",
    [
        "os.environ['A'] = 'b'",
        "del os.environ['HOME']",
        "DAG.default_view = 'graph'",
        "DAG.a.b().c += 1",
        "for os.sep in 'ab':\n    pass",
        "import urllib3\nurllib3.disable_warnings()",
        "if True:\n    from airflow.configuration import conf\n    conf.set('core', 'parallelism', '1')",
        "setattr(DAG, 'default_view', 'graph')",
        "DAG.__init__ = None",
        "dag.__enter__()",
        "exec('x = 1')",
        "import sys as own\nown.modules.clear()",
        "def change():\n    os.environ['A'] = 'b'",
        "import yaml\ndef loader():\n    kind = yaml.SafeLoader\n    kind.add_constructor('!env', str)\nloader()",
        "import yaml\nkind = yaml.SafeLoader\nkind.yaml_constructors = {}",
        "from yaml import add_constructor\nadd_constructor('!env', str)",
        "from airflow.configuration import conf\n_ = conf.set('core', 'parallelism', '1')",
        "from airflow.configuration import conf\ndef change():\n    conf.set('a', 'b', 'c')\nchange()",
        "from airflow.configuration import *",
        "for kind in (DAG,):\n    kind.template_ext = ('.py',)",
    ],
)
def test_file_that_may_change_what_others_see_is_not_plain(line: str) -> None:
    inside = DAG.replace('    os.environ["INSIDE_A_TASK"] = context["ds"]', "    return context")
    assert not is_plain(ast.parse(f"{inside}\n{line}\n"))


def test_plain_files_come_last_and_share_turns_that_get_shorter() -> None:
    paths = [f"{number}.py" for number in range(40)]
    queue = Queue(paths, [path for path in paths if path != "7.py"], 2)
    turns = []
    while queue:
        turns.append(queue.turn().files)
    assert turns[0] == [(7, "7.py")]
    assert [len(files) for files in turns[1:]] == [SHARED, 11, 6, 3, 1, 1, 1]
    assert sorted(path for files in turns for _, path in files) == sorted(paths)


def test_files_that_come_back_are_next_and_one_that_failed_is_alone() -> None:
    queue = Queue(["a", "b", "c", "d"], ["a", "b", "c", "d"], 1)
    turn = queue.turn()
    assert (turn.next(), turn.done) == ((0, "a"), 1)
    queue.alone(turn.files.pop(0))
    queue.back(turn.files)
    assert [queue.turn().files, queue.turn().files] == [[(1, "b")], [(2, "c"), (3, "d")]]
    assert not queue
