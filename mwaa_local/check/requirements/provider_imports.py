"""Imports of `airflow.providers.…` in a project's DAGs and plugins, read from their syntax trees; nothing is run.

Not for whether the modules exist: that is `provider_modules`.
"""

from __future__ import annotations

import ast
import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mwaa_local.project import Project

NAMESPACE = ("airflow", "providers")
# What is read. Sources that people write are far smaller, and far fewer.
MAX_SOURCE_BYTES = 2 * 1024 * 1024
MAX_TOTAL_BYTES = 256 * 1024 * 1024
MAX_FILES = 20_000
IGNORE_FILE = ".airflowignore"
# Folders of no DAG: packages that were installed there, bytecode. Hidden ones are left out too.
SKIPPED_FOLDERS = frozenset(("__pycache__", "node_modules", "site-packages"))
TYPE_CHECKING = "TYPE_CHECKING"
_CATCHES_IMPORT_ERROR = frozenset(("ImportError", "ModuleNotFoundError", "Exception", "BaseException"))
_STATEMENTS = (ast.stmt, ast.excepthandler, ast.match_case)  # no import is part of an expression
_RUN_LATER = (ast.FunctionDef, ast.AsyncFunctionDef)
_RUN_PERHAPS = (ast.If, ast.For, ast.While, ast.Try, ast.TryStar, ast.Match)


@dataclass(frozen=True)
class ProviderImport:
    """One import. `name` is what is imported from the module, possibly a module too; "" if nothing is."""

    path: str  # below the project's folder
    line: int
    module: str  # "airflow.providers.amazon.aws.operators"
    name: str
    is_sure: bool  # loading the file runs the import, and nothing catches its failure

    @property
    def whole(self) -> str:
        """Module and name as one, as `airflow.providers.common.sql` of `from airflow.providers.common import sql`."""
        return f"{self.module}.{self.name}" if self.name else self.module


def provider_imports(project: Project) -> tuple[ProviderImport, ...]:
    """Return the imports of `airflow.providers.…` in the sources below `dags/` and `plugins/`, by file and line.

    Left out are those whose failure the source itself expects (`except ImportError`) or that never run
    (`if TYPE_CHECKING`), and all of files that cannot be read or parsed, which other checks tell of.
    """
    found: list[ProviderImport] = []
    read_bytes = 0
    for number, (path, is_loaded) in enumerate(_sources(project)):
        if number >= MAX_FILES or read_bytes >= MAX_TOTAL_BYTES:
            break
        source = _read(path)
        read_bytes += len(source)
        if b"airflow" in source and b"providers" in source:
            found += _imports(source, path.relative_to(project.root_dir).as_posix(), is_loaded=is_loaded)
    return tuple(sorted(found, key=lambda item: (item.path, item.line, item.module, item.name)))


def _sources(project: Project) -> Iterator[tuple[Path, bool]]:
    """Yield the sources, and whether Airflow is sure to load them: not where an .airflowignore may keep it from it."""
    for top_dir in (project.dags_dir, project.plugins_dir):
        ignoring: set[Path] = set()
        for name, folders, files in os.walk(top_dir):
            folder = Path(name)
            folders[:] = sorted(item for item in folders if item not in SKIPPED_FOLDERS and not item.startswith("."))
            if IGNORE_FILE in files or folder.parent in ignoring:
                ignoring.add(folder)
            yield from ((folder / item, folder not in ignoring) for item in sorted(files) if item.endswith(".py"))


def _read(path: Path) -> bytes:
    """Return the file; nothing where it is no file, cannot be read, or is larger than a source is."""
    try:
        if not path.is_file():  # a pipe would be waited for
            return b""
        with path.open("rb") as file:
            source = file.read(MAX_SOURCE_BYTES + 1)
    except OSError:
        return b""
    return source if len(source) <= MAX_SOURCE_BYTES else b""


def _imports(source: bytes, path: str, *, is_loaded: bool) -> list[ProviderImport]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes such as "\d", which are no mistake here
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # also NUL bytes, brackets too deep
        return []
    found = []
    waiting: list[tuple[ast.AST, bool]] = [(tree, is_loaded)]  # no recursion: sources may be nested deeply
    while waiting:
        node, is_sure = waiting.pop()
        found += [ProviderImport(path, node.lineno, *item, is_sure) for item in _named(node)]  # type: ignore[attr-defined]
        inner = is_sure and not isinstance(node, (*_RUN_LATER, *_RUN_PERHAPS))
        waiting += [(child, inner) for child in _children(node)]
    return found


def _named(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield module and name of each import of a provider that the statement makes."""
    if isinstance(node, ast.Import):
        targets = [(tuple(alias.name.split(".")), "") for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
        targets = [(tuple(node.module.split(".")), alias.name) for alias in node.names]
    else:
        return
    for parts, name in targets:
        if parts == NAMESPACE and name not in ("", "*"):  # `from airflow.providers import amazon`
            yield ".".join((*parts, name)), ""
        elif parts[:2] == NAMESPACE and len(parts) > len(NAMESPACE):
            yield ".".join(parts), "" if name == "*" else name


def _children(node: ast.AST) -> Sequence[ast.AST]:
    """Return the parts of a node where an import that fails does harm."""
    if isinstance(node, ast.Try) and any(_catches(handler) for handler in node.handlers):
        return [*node.handlers, *node.orelse, *node.finalbody]
    if isinstance(node, ast.If) and _last_name(node.test) == TYPE_CHECKING:
        return node.orelse
    return [child for child in ast.iter_child_nodes(node) if isinstance(child, _STATEMENTS)]


def _catches(handler: ast.ExceptHandler) -> bool:
    caught = handler.type
    names = caught.elts if isinstance(caught, ast.Tuple) else [caught] if caught else []
    return caught is None or any(_last_name(name) in _CATCHES_IMPORT_ERROR for name in names)


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
