"""hard-coded-local-path: files of the author's machine, or of Airflow's own container image."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from mwaa_local.check.dags.rule import DagRule, at
from mwaa_local.check.dags.source import Source
from mwaa_local.check.dags.surroundings import (
    depends_on_machine,
    is_beside_mwaas,
    is_only_text,
    is_read_elsewhere,
)
from mwaa_local.check.dags.values import UNKNOWN
from mwaa_local.finding import WARNING, Finding

ID = "hard-coded-local-path"
WHY = (
    "On MWAA, Airflow lives in /usr/local/airflow: DAGs are in /usr/local/airflow/dags, plugins in "
    "/usr/local/airflow/plugins, and /tmp is there to be written to. Nothing else of your machine is there."
)
_PATH = re.compile(
    r"(?:/home|/Users)/[^/\s]+(?:/\S*)?"
    r"|/(?:opt/airflow|root)(?:/\S*)?"
    r"|/mnt/[a-z]/\S*"
    r"|~/\S*"
    r"|[A-Za-z]:(?:\\[^\n]+|/(?!/)\S+)"
)
# MWAA's user has Airflow's home for a home (amazon-mwaa-docker-images, Dockerfile.base).
_OF_MWAAS_HOME = re.compile(r"~/(?:config|dags|logs|plugins|requirements|startup)(?:/|$)")
_IN_COMMAND = re.compile(r"(?<![\w/.:@~$}-])(?:(?:/home|/Users)/[\w.-]+|/opt/airflow|/root)(?:/[^\s;|&'\"()<>]*)?")
# Homes of users in images of other services, to which steps and scripts are sent.
_ELSEWHERE = re.compile(r"/home/(?:glue_user|hadoop|jovyan|spark)(?:/|$)")
_RUNS_ELSEWHERE = re.compile(r"\b(?:docker|kubectl|rsync|scp|sftp|ssh)\b")
_COMMAND = "bash_command"


def find(source: Source) -> Iterator[Finding]:
    """Yield texts that are paths no worker of MWAA has; docstrings and what is run on other machines left out."""
    for node in source.nodes:
        if isinstance(node, ast.Constant | ast.JoinedStr) and not _is_part(source, node):
            path = (source.string(node) or "").replace(UNKNOWN, "…")
            if _PATH.fullmatch(path) and _is_meant(source, node, path):
                yield _finding(source, node, path)
    for call in source.calls:
        command = source.string(call.arguments.get(_COMMAND)) or ""
        if not _RUNS_ELSEWHERE.search(command):
            paths = dict.fromkeys(match[0] for match in _IN_COMMAND.finditer(command) if not _ELSEWHERE.match(match[0]))
            for path in paths:
                yield _finding(source, call.arguments[_COMMAND], path.replace(UNKNOWN, "…"))


def _is_part(source: Source, node: ast.AST) -> bool:
    """Whether a text is one piece of a longer one, or a docstring, or a command, which is looked at as a whole."""
    parent = source.places.places[node].parent
    if isinstance(node, ast.JoinedStr) and not (node.values and isinstance(node.values[0], ast.Constant)):
        return True  # it begins with a name, and where that is set is told
    is_piece = isinstance(parent, ast.JoinedStr | ast.Expr) or (
        isinstance(parent, ast.BinOp) and parent.left is not node
    )
    return is_piece or (isinstance(parent, ast.keyword) and parent.arg == _COMMAND)


def _is_meant(source: Source, node: ast.expr, path: str) -> bool:
    in_other_image = _ELSEWHERE.match(path)
    return not (
        in_other_image
        or is_only_text(source, node)
        or is_read_elsewhere(source, node)
        or depends_on_machine(source, node)
        or is_beside_mwaas(source, node)
        or _OF_MWAAS_HOME.match(path)
    )


def _finding(source: Source, node: ast.AST, path: str) -> Finding:
    what = f"the path {path} does not exist on MWAA"
    hint = "put the file below dags/ and build its path from __file__, or keep it in S3; write scratch files to /tmp"
    if path.startswith("/opt/airflow"):
        hint = 'use os.environ["AIRFLOW_HOME"], which is /usr/local/airflow on MWAA'
    return at(source, node, ID, WARNING, what, WHY, hint)


RULE = DagRule(
    id=ID,
    severity=WARNING,
    meaning="A path exists on the author's machine or in another image, not on MWAA.",
    why=WHY,
    bad="""\
import csv
from datetime import datetime

from airflow.sdk import dag, task


@dag(schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False)
def prices():
    @task
    def load():
        with open("/home/ana/prices.csv") as file:
            return list(csv.reader(file))

    load()


prices()
""",
    good='''\
import csv
from datetime import datetime
from pathlib import Path

from airflow.sdk import dag, task


@dag(schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False)
def prices():
    """Was run from /home/ana before."""

    @task
    def load():
        with (Path(__file__).parent / "prices.csv").open() as file:
            return list(csv.reader(file))

    load()


prices()
''',
    find=find,
)
