"""What a Python source imports and defines, read from its syntax tree alone."""

from __future__ import annotations

import ast
import re
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

PLUGIN_CLASS = "AirflowPlugin"
# What 3.12, the newest of any release, allows in a line and 3.11, the oldest that runs this, does not: PEP 695's type
# statements and parameters, PEP 701's f-strings.
_NEWER_SYNTAX = re.compile(r"""^\s*type\s+\w|\b(?:def|class)\s+\w+\s*\[|\b(?:[fF][rR]?|[rR][fF])['"]""")


@dataclass(frozen=True)
class Module:
    """A source that its Python can compile."""

    relative_line: int  # of the first relative import that importing the module is sure to run; 0 where there is none
    has_relative: bool  # anywhere, in functions too
    imports: frozenset[tuple[str, ...]]  # absolute, with the names taken out of a module: `from a import b` is (a, b)
    plugin_classes: tuple[str, ...]


@dataclass(frozen=True)
class NotParsed:
    """A source that its Python cannot compile."""

    line: int
    what: str
    unsure: str = ""  # why the release's Python may think otherwise


def read_module(source: bytes, python_version: str) -> Module | NotParsed:
    """Return what the source holds, by the grammar of Python `python_version` ("3.12").

    This interpreter does not know newer grammars than its own, and older ones nearly: what only their lexers refuse,
    such as quotes of one kind within an f-string before 3.12, passes.
    """
    wanted = tuple(int(part) for part in python_version.split("."))[:2]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes such as "\d", which are no mistake
            tree = ast.parse(source, feature_version=(wanted[0], wanted[1]))
        return _module(tree)
    except SyntaxError as error:
        return NotParsed(error.lineno or 0, error.msg or "invalid syntax", _unsure(error, wanted))
    except (ValueError, RecursionError, MemoryError) as error:  # NUL bytes, brackets too deep
        return NotParsed(0, str(error) or "it is nested too deeply")


def _unsure(error: SyntaxError, wanted: tuple[int, ...]) -> str:
    """Return why the release's Python may allow what this one does not; "" where it is sure to refuse it, too."""
    here = sys.version_info[:2]
    if here >= wanted or not _NEWER_SYNTAX.search(error.text or ""):
        return ""
    return f"Python {here[0]}.{here[1]} judged this, and {wanted[0]}.{wanted[1]} may allow it"


def _module(tree: ast.Module) -> Module:
    nodes = list(ast.walk(tree))
    imports: set[tuple[str, ...]] = set()
    for node in nodes:
        imports.update(_absolute_imports(node))
    sure = (node.lineno for node in tree.body if isinstance(node, ast.ImportFrom) and node.level)
    return Module(
        relative_line=next(sure, 0),
        has_relative=any(isinstance(node, ast.ImportFrom) and node.level > 0 for node in nodes),
        imports=frozenset(imports),
        plugin_classes=tuple(_plugin_classes(tree)),
    )


def _absolute_imports(node: ast.AST) -> Iterator[tuple[str, ...]]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield tuple(alias.name.split("."))
    elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
        for alias in node.names:
            yield (*node.module.split("."), alias.name)


def _plugin_classes(tree: ast.Module) -> Iterator[str]:
    """Yield the classes at the top of the module that are derived from AirflowPlugin by that name."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            names = {base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "") for base in node.bases}
            if PLUGIN_CLASS in names:
                yield node.name
