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
import functools
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
# Methods that may change what they are called of.
CHANGES = frozenset(
    ("set", "update", "append", "extend", "insert", "add", "clear", "pop", "remove", "discard", "setdefault",
     "register", "add_constructor", "add_representer", "add_section", "read_dict", "read", "put", "sort", "reverse")
)  # fmt: skip
ALIAS_DEPTH = 3  # names of names of names
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def is_plain(tree: ast.Module) -> bool:
    """Return whether the text of a file shows nothing that changes what it imports.

    Plain is a file that assigns to no member of an imported name, nor of what it is called besides, and while it is
    imported calls nothing imported for the sake of what it does (`conf.set(…)`, `urllib3.disable_warnings()`), but what
    is Airflow's own (`chain(…)`).
    """
    imported = _names_of_others(tree)
    if "*" in imported:
        return False
    for node in ast.walk(tree):
        word = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
        if word in MEDDLING or (isinstance(node, ast.Attribute) and word.startswith("__")):
            return False
        is_written = isinstance(node, (ast.Attribute, ast.Subscript)) and not isinstance(node.ctx, ast.Load)
        if is_written and _root(node) in imported:
            return False
    run = list(_run_at_import(tree.body))
    functions = {
        node.name: node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }
    called = {node.func.id for node in run if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    while called & functions.keys():
        for name in called & functions.keys():
            more = list(_run_at_import(functions.pop(name).body))
            run += more
            called |= {node.func.id for node in more if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    return not any(map(functools.partial(_is_done_to, imported), run))


def _is_done_to(others: dict[str, str], node: ast.AST) -> bool:
    """Return whether a node calls something of others, by name -> its module, that may change it."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr in CHANGES and _root(node.func) in others
    if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)):
        return False
    function, name = node.value.func, _root(node.value.func)
    is_airflows = others.get(name, "").startswith("airflow") and isinstance(function, ast.Name)
    return name in others and not is_airflows


def _names_of_others(tree: ast.Module) -> dict[str, str]:
    """Return names that stand for what is imported -> the module it is of: those of imports, and what gets its value
    from one of them without a call."""
    found: dict[str, str] = {}
    bound: list[tuple[ast.AST, ast.AST]] = []
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            module = getattr(node, "module", None) or ""
            found.update({item.asname or item.name.split(".")[0]: module or item.name for item in node.names})
        elif isinstance(node, ast.Assign):
            bound += [(target, node.value) for target in node.targets]
        elif isinstance(node, (ast.For, ast.comprehension)):
            bound.append((node.target, node.iter))
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            bound.append((node.target, node.value))
        elif isinstance(node, ast.withitem) and node.optional_vars is not None:
            bound.append((node.optional_vars, node.context_expr))
    for _ in range(ALIAS_DEPTH):
        for target, value in bound:
            roots = [found[name] for name in _names_without_calls(value) if name in found]
            if roots:
                names = (item.id for item in ast.walk(target) if isinstance(item, ast.Name))
                found.update({name: roots[0] for name in names if name not in found})
    return found


def _names_without_calls(node: ast.AST) -> Iterator[str]:
    """Yield the names in an expression, but for those of calls, which make something new."""
    if isinstance(node, ast.Name):
        yield node.id
    elif not isinstance(node, (ast.Call, *DEFINITIONS)):
        for child in ast.iter_child_nodes(node):
            yield from _names_without_calls(child)


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
