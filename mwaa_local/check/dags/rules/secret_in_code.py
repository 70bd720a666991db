"""secret-in-code: passwords, tokens and keys written into a DAG file. The secret itself is never shown."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from mwaa_local.check.dags.rule import DagRule, at
from mwaa_local.check.dags.secrets import has_password, is_secret_name, is_secret_value, known_kind
from mwaa_local.check.dags.source import Source
from mwaa_local.check.dags.tree import FUNCTIONS
from mwaa_local.finding import WARNING, Finding

ID = "secret-in-code"
WHY = (
    "DAG files are in S3 and in the repository, and Airflow shows their text in the web interface and keeps it in its "
    "database: anyone who can see the DAG can read it."
)
HINT = "keep it in a Connection or a Variable, preferably in Secrets Manager, and read it within the task"


def find(source: Source) -> Iterator[Finding]:
    """Yield texts that are secrets by their form, or by the name that they are given."""
    by_form = {}
    for node in source.nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and not _is_docstring(source, node):
            kind = known_kind(node.value) or ("an address with its password" if has_password(node.value) else "")
            if kind:
                by_form[node] = at(source, node, ID, WARNING, f"{kind} is written in the file", WHY, HINT)
    yield from by_form.values()
    for name, value in _named(source):
        text = value.value if isinstance(value, ast.Constant) and value not in by_form else None
        if isinstance(text, str) and is_secret_name(name) and is_secret_value(name, text):
            yield at(source, value, ID, WARNING, f"the value of {name} is written in the file", WHY, HINT)


def _is_docstring(source: Source, node: ast.Constant) -> bool:
    return isinstance(source.places.places[node].parent, ast.Expr)


def _named(source: Source) -> Iterator[tuple[str, ast.expr]]:
    """Yield what is given a name: arguments, assignments, entries of dictionaries, defaults of parameters."""
    for node in source.nodes:
        if isinstance(node, ast.keyword) and node.arg:
            yield node.arg, node.value
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                yield from ((name, node.value) for name in _target_names(source, target))
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            yield from ((name, node.value) for name in _target_names(source, node.target))
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield key.value, value
        elif isinstance(node, FUNCTIONS):
            yield from _defaults(node.args)


def _defaults(arguments: ast.arguments) -> Iterator[tuple[str, ast.expr]]:
    named = [*arguments.posonlyargs, *arguments.args]
    last = named[len(named) - len(arguments.defaults) :]
    yield from ((item.arg, value) for item, value in zip(last, arguments.defaults, strict=True))
    pairs = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    yield from ((item.arg, value) for item, value in pairs if value is not None)


def _target_names(source: Source, target: ast.expr) -> Iterator[str]:
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, ast.Attribute):
        yield target.attr
    elif isinstance(target, ast.Subscript) and (key := source.string(target.slice)):
        yield key


RULE = DagRule(
    id=ID,
    severity=WARNING,
    meaning="A password, token or key is written in the file.",
    why=WHY,
    bad="""\
from datetime import datetime

import requests
from airflow.sdk import dag, task


@dag(schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False)
def rates():
    @task
    def fetch():
        api_token = "9f8Zk2LmQ0xT7vB3"
        return requests.get("https://rates.example.com", headers={"X-Auth": api_token}).json()

    fetch()


rates()
""",
    good="""\
from datetime import datetime

import requests
from airflow.sdk import Variable, dag, task


@dag(schedule="@daily", start_date=datetime(2024, 1, 1), catchup=False)
def rates():
    @task
    def fetch():
        api_token = Variable.get("rates_api_token")
        return requests.get("https://rates.example.com", headers={"X-Auth": api_token}).json()

    fetch()


rates()
""",
    find=find,
)
