"""Inside a release's interpreter: which DAG files may be imported one after another in one process.

MWAA's dag-processor forks for each file, so what one does to its process no other sees. Most files do nothing to it:
they define DAGs out of Airflow's own classes, and a fork takes several times longer than their import. Those may share
a process. Whoever shares it has to be plain, judged by its text (`is_plain`), and to leave the process as it was
(`Traces`); the first that does not is the last one there. Runs on Python 3.7 too.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import gc
import locale
import logging
import os
import signal
import socket
import sys
import threading
import time
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

# Airflow's name for the module of a DAG file begins so, in every release (airflow.models.dagbag, airflow.utils.file).
DAG_MODULE_PREFIX = "unusual_prefix_"
# What changes objects of others without a line that shows it.
MEDDLING = frozenset(
    ("setattr", "delattr", "exec", "eval", "vars", "globals", "modules", "enter_context", "DagContext", "ExitStack")
)
# Not SIGALRM, which Airflow sets for each file.
SIGNALS = (signal.SIGCHLD, signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
OPEN_FILES_DIR = Path("/proc/self/fd")  # of Linux
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def is_plain(tree: ast.Module) -> bool:
    """Return whether the text of a file shows nothing that changes what it imports.

    Plain is a file that assigns to no member of an imported name, and calls no imported object's method for the sake
    of what it does (`conf.set(…)`, `urllib3.disable_warnings()`) while it is imported.
    """
    imported = set(_imported(tree))
    for node in ast.walk(tree):
        word = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
        if word in MEDDLING or (isinstance(node, ast.Attribute) and word.startswith("__")):
            return False
        is_written = isinstance(node, (ast.Attribute, ast.Subscript)) and not isinstance(node.ctx, ast.Load)
        if is_written and _root(node) in imported:
            return False
    return not any(
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Attribute)
        and _root(node.value.func) in imported
        for node in _run_at_import(tree.body)
    )


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                yield alias.asname or alias.name.split(".")[0]


def _root(node: Any) -> str:
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _run_at_import(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Yield the statements that run when the file is imported, those inside `if`, `with` and their like too."""
    for node in nodes:
        if not isinstance(node, DEFINITIONS):
            yield node
            yield from _run_at_import(ast.iter_child_nodes(node))


class Traces:
    """Tells whether a file has left its process as it was when this was made."""

    def __init__(self) -> None:
        self._state = _state()

    def none_left(self, new_modules: Iterable[str]) -> bool:
        """Return whether all is as before, and let go of the DAG file's own module, which nobody can import.

        `new_modules` are the names of those that were imported since.
        """
        names = list(new_modules)
        if not all(name.startswith(DAG_MODULE_PREFIX) for name in names) or _has_children():
            return False
        for name in names:
            del sys.modules[name]
        with contextlib.suppress(OSError):  # it has removed the folder where it was
            return _state() == self._state
        return False


def _state() -> tuple[Any, ...]:
    """Return what a file can change of its process, and another can notice, as far as it is cheap to ask."""
    root = logging.getLogger()
    open_files = sorted(path.name for path in OPEN_FILES_DIR.iterdir()) if OPEN_FILES_DIR.is_dir() else []
    return (
        list(sys.path),
        Path.cwd(),
        dict(os.environ),
        open_files,
        threading.active_count(),
        list(warnings.filters),
        [signal.getsignal(number) for number in SIGNALS],
        [sys.stdin, sys.stdout, sys.stderr, sys.excepthook, list(sys.meta_path), list(sys.path_hooks)],
        [sys.gettrace(), sys.getprofile(), sys.getrecursionlimit(), gc.isenabled(), socket.getdefaulttimeout()],
        [root.level, root.disabled, root.manager.disable, list(root.handlers)],
        [time.tzname, locale.setlocale(locale.LC_ALL)],
        len(vars(builtins)),
    )


def _has_children() -> bool:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
        return True
    return False
