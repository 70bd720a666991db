"""A program of ours as words of a command: containers see neither its file nor those beside it."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

# Each module but the last is put where `import` finds it.
LOADER = """import sys, types
for name, text in {modules!r}:
    if name == {main!r}:
        exec(compile(text, name, "exec"), {{"__name__": "__main__"}})
    else:
        sys.modules[name] = types.ModuleType(name)
        exec(compile(text, name, "exec"), sys.modules[name].__dict__)
"""


@functools.cache
def script_argv(path: Path) -> tuple[str, ...]:
    """Return a command of a container's interpreter that runs the program; its own words follow."""
    modules = dict(_modules(path))
    return ("python", "-c", LOADER.format(modules=list(modules.items()), main=path.stem))


def _modules(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the modules beside the program that it imports, those first that others need, and then itself."""
    text = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module and (beside := path.parent / f"{node.module}.py").is_file():
            yield from _modules(beside)
    yield path.stem, text
