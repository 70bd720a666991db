"""What other interpreters run is Python of the oldest release, and needs nothing that is not there."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY_DIR
from tests.container import OLDEST_PYTHON, find_oldest_python

GUEST_DIR = REPOSITORY_DIR / "mwaa_local" / "guest"
ENTRYPOINT_PATHS = tuple(sorted((REPOSITORY_DIR / "docker").rglob("*.py")))
PROGRAMS = (*sorted(GUEST_DIR.rglob("*.py")), *ENTRYPOINT_PATHS)
AWS_DIR = GUEST_DIR / "aws"  # runs beside moto, on an interpreter that moto has, never on a release's own
AWS_PYTHON = (3, 10)  # the oldest that moto has (its metadata)
OF_RELEASES = tuple(path for path in PROGRAMS if AWS_DIR not in path.parents)
# What is there beside the standard library: Airflow and what it needs, or what the program is run for.
THERE = {
    "airflow": "every release's packages",
    "psycopg2": "every release's packages",
    "sqlalchemy": "every release's packages",
    "celery": "every release's packages",
    "kombu": "every release's packages",
    "flask_appbuilder": "every release's packages",
    "pendulum": "every release's packages",
    "boto3": "moto's packages",
    "pip": "every environment that a program runs pip in",
    "botocore": "moto's packages",
    "cryptography": "moto's packages",
    "moto": "moto's packages",
    "werkzeug": "moto's packages",
    "mwaa_iam": "a room of the package, which such programs open by its path (guest/aws/shared.py)",
    "mwaa_support": "put into every release's packages",
}
IN_AWS_PYTHON = {"graphlib", "zoneinfo"}
NEWER_THAN_OLDEST = {"graphlib", "tomllib", "zoneinfo"}  # modules that the oldest Python's standard library lacks


def name_of(path: Path) -> str:
    return str(path.relative_to(REPOSITORY_DIR))


@pytest.mark.parametrize("path", PROGRAMS, ids=name_of)
def test_program_has_the_syntax_of_the_oldest_python(path: Path) -> None:
    major, minor = map(int, OLDEST_PYTHON.split("."))
    version = (major, minor) if path in OF_RELEASES else AWS_PYTHON
    ast.parse(path.read_text(encoding="utf-8"), feature_version=version)


def test_oldest_python_compiles_every_program() -> None:
    """The parser above lets through what only a compiler sees."""
    python = find_oldest_python()
    if python is None:
        pytest.skip(f"no Python {OLDEST_PYTHON} on this machine")
    code = "import sys\nfor name in sys.argv[1:]: compile(open(name, encoding='utf-8').read(), name, 'exec')"
    argv = [python, "-I", "-c", code, *map(str, OF_RELEASES)]
    completed = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=60)
    assert completed.returncode == 0, completed.stderr


@pytest.mark.parametrize("path", PROGRAMS, ids=name_of)
def test_program_imports_only_what_is_there(path: Path) -> None:
    beside = {other.stem for other in path.parent.rglob("*.py")}  # or in a folder below
    newer = NEWER_THAN_OLDEST if path in OF_RELEASES else NEWER_THAN_OLDEST - IN_AWS_PYTHON
    allowed = {*sys.stdlib_module_names, *THERE, *beside} - newer
    # A folder that makes itself one when it is run, or a folder in it.
    is_package = any((folder / "__main__.py").exists() for folder in path.parents)
    names: set[str] = set()
    for node in _run(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {item.name for item in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 or is_package, "a program is no package"
            names |= {node.module or ""} if node.level == 0 else set()
    assert {name.partition(".")[0] for name in names} - allowed == set()


def _run(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what is run: all but what stands there for type checkers alone."""
    yield node
    children: Iterable[ast.AST] = ast.iter_child_nodes(node)
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        children = node.orelse
    for child in children:
        yield from _run(child)
